"""A made film as a file: H.264 and AAC in MP4, second by second."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from ntlbg.marks import MARK
from ntlbg_lab.film.painting import SIZE, pictures
from ntlbg_lab.film.plan import FPS, Film
from ntlbg_lab.film.sound import seconds_of_sound
from ntlbg_lab.film.talks import RATE
from ntlbg_lab.haystack import X264_OPTIONS

# Set by hand: more than the shipped voices have, so that they lose nothing more.
SOUND_BITS_A_SECOND = 64_000
KEYFRAME_SECONDS = 4
# Of sound and pictures: less than the sound alone, and a quarter of what films of an hour have.
LEAST_BYTES_A_SECOND = 5_000


def write_film(film: Film, path: Path, *, written: Callable[[int], None] | None = None) -> None:
    """Draw, play and encode into a new file; the caller moves it to its place.

    Args:
        written: called with further frames written.
    """
    shown = pictures(film)
    with av.open(path, "w") as output:
        output.metadata["title"] = MARK
        images, sound = _image_stream(output), _Sound(output)
        for second, samples in enumerate(seconds_of_sound(film)):
            sound.write(samples)
            for number in range(second * FPS, (second + 1) * FPS):
                picture = av.VideoFrame.from_ndarray(next(shown), format="rgb24")
                picture.pts, picture.time_base = number, Fraction(1, FPS)
                output.mux(images.encode(picture))
            if written:
                written(FPS)
        output.mux(images.encode())
        sound.end()


def _image_stream(output: av.container.OutputContainer) -> av.VideoStream:
    stream = output.add_stream("libx264", rate=FPS, options=X264_OPTIONS)
    stream.height, stream.width = SIZE
    stream.pix_fmt, stream.gop_size = "yuv420p", KEYFRAME_SECONDS * FPS
    return stream


class _Sound:
    """An AAC stream, which wants pieces of its own length."""

    def __init__(self, output: av.container.OutputContainer):
        self._output = output
        self._stream = output.add_stream("aac", rate=RATE, layout="mono")
        self._stream.bit_rate = SOUND_BITS_A_SECOND
        context = self._stream.codec_context
        self._pieces = av.AudioResampler(
            context.format, "mono", RATE, frame_size=context.frame_size
        )
        self._done = 0

    def write(self, samples: np.ndarray) -> None:
        """float32 (N,), what comes next."""
        frame = av.AudioFrame.from_ndarray(samples[None], format="flt", layout="mono")
        frame.sample_rate = RATE
        self._encode(frame)

    def end(self) -> None:
        """What is left."""
        self._encode(None)
        self._output.mux(self._stream.encode(None))

    def _encode(self, frame: av.AudioFrame | None) -> None:
        for piece in self._timed(frame):
            self._output.mux(self._stream.encode(piece))

    def _timed(self, frame: av.AudioFrame | None) -> Iterator[av.AudioFrame]:
        for piece in self._pieces.resample(frame):
            piece.pts, piece.time_base = self._done, Fraction(1, RATE)
            self._done += piece.samples
            yield piece
