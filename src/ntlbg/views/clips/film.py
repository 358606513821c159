"""One clip as an mp4 file: its pictures encoded anew, with the times, the shape and the way up that
they have in the film, its sound and its subtitles.

Every picture is encoded anew, so that a clip may begin at any of them. Copying what is stored would
be exact only from a keyframe to the picture before another one that nothing refers over.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.sidedata.sidedata import SideData
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, Interpolation
from av.video.stream import VideoStream

from ntlbg.errors import OutputError
from ntlbg.marks import MARK
from ntlbg.pictures import fit_within
from ntlbg.video.cutting import CutPicture
from ntlbg.views.clips.sound import SoundForm
from ntlbg.views.clips.subtitles import Line, add_track, packets

PIXELS = "yuv420p"  # what every player, browser and editor decodes
# crf 18 is where x264's authors see no difference to what was encoded. "veryfast" takes a third of
# the time of the usual preset at the same crf and makes the file a little larger: a clip is short.
# Without B pictures each one is stored when it is shown, and stays for as long as is stored with
# it: else the times of an uneven rhythm would be those of other pictures for some players.
X264 = {"crf": "18", "preset": "veryfast", "bf": "0"}
INTERLACED = {"flags": "+ildct+ilme"}
BOTTOM_FIRST = (3, 4)  # AV_FIELD_BB, AV_FIELD_TB: which of the two fields is shown first
AAC_BITS = (
    96_000  # a second and channel: twice what FFmpeg takes for stereo, as clips are cut again
)
UNSPECIFIED_MATRIX = 2  # ITU-T H.273
SCALING = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT


@dataclass(frozen=True)
class Encoding:
    """How pictures and sound become bytes.

    Attributes:
        x264: its options.
        longest_side: larger pictures are made smaller, in pixels; None: none are.
        aac_bits: a second and channel.
    """

    x264: Mapping[str, str] = field(default_factory=lambda: X264)
    longest_side: int | None = None
    aac_bits: int = AAC_BITS


@dataclass(frozen=True)
class ClipContent:
    """What goes into a clip; all times from its start.

    Attributes:
        pictures: in order, one or more.
        time_base: seconds a tick of their times.
        rate: pictures a second, as the film says.
        pixel_aspect: of the stored pictures; None where the film does not say.
        field_order: as of ``FilmCutter``.
        sound_form: None for a clip without sound.
        sound: blocks (channels, N) of float32.
        lines: subtitles; None for a clip without a track of them.
        encoding: as clips are by themselves.
    """

    pictures: Iterator[CutPicture]
    time_base: Fraction
    rate: Fraction
    pixel_aspect: Fraction | None
    field_order: int
    sound_form: SoundForm | None = None
    sound: Iterable[np.ndarray] = ()
    lines: Sequence[Line] | None = None
    encoding: Encoding = field(default_factory=Encoding)


def write_clip(content: ClipContent, stage: Path, told: Callable[[], None]) -> None:
    """Write the file.

    Args:
        told: called after each picture.

    Raises:
        OutputError: pictures of this kind cannot be encoded. OSError: it cannot be written.
    """
    # a file of Python: what the disk refuses comes as an OSError, whatever the name looks like
    with stage.open("wb") as file, av.open(file, "w", format="mp4") as container:
        try:
            _write(content, container, told)
        except av.FFmpegError as error:
            if isinstance(error, OSError) and error.errno:
                raise
            raise OutputError(f"{stage.name}: cannot be encoded ({error})") from error


def _write(content: ClipContent, container: OutputContainer, told: Callable[[], None]) -> None:
    container.metadata["comment"] = MARK
    first = next(content.pictures)
    video = _video(container, content, first.frame)
    sound = None if content.sound_form is None else _Sound(container, content)
    if content.lines is not None:
        for packet in packets(add_track(container), content.lines):
            container.mux(packet)
    for picture in _chained(first, content.pictures):
        container.mux(_timed(video.stream.encode(video.prepared(picture)), video))
        if sound is not None:
            sound.write_until(float(picture.pts * content.time_base))
        told()
    container.mux(_timed(video.stream.encode(None), video))
    if sound is not None:
        sound.write_rest()


def _chained(first: CutPicture, others: Iterator[CutPicture]) -> Iterator[CutPicture]:
    yield first
    yield from others


class _Video:
    """The pictures of a clip: all as the first one."""

    def __init__(self, stream: VideoStream, time_base: Fraction):
        self.stream, self._time_base = stream, time_base
        self.durations: dict[int, int] = {}  # by time, of pictures in the encoder

    def prepared(self, picture: CutPicture) -> av.VideoFrame:
        stream = self.stream
        frame = _as_encoded(picture.frame, stream.width, stream.height)
        frame.pts, frame.time_base = picture.pts, self._time_base
        frame.pict_type = PictureType.NONE  # that of the film would be made again
        self.durations[picture.pts] = picture.duration
        return frame


def _timed(encoded: list[av.Packet], video: _Video) -> list[av.Packet]:
    """With how long each picture is shown, which the encoder does not hand on."""
    for packet in encoded:
        assert packet.pts is not None
        packet.duration = video.durations.pop(packet.pts)
    return encoded


def _video(container: OutputContainer, content: ClipContent, first: av.VideoFrame) -> _Video:
    """A stream for pictures like the first one."""
    height, width = _encoded_size(first, content.encoding.longest_side)
    is_scaled = (height, width) != (first.height, first.width)
    # x264 takes two fields of a height that colour at half the lines can be divided in
    interlaced = first.interlaced_frame and height % 4 == 0 and not is_scaled
    fields = "bff=1" if content.field_order in BOTTOM_FIRST else "tff=1"
    options = dict(content.encoding.x264)
    options |= INTERLACED | {"x264-params": fields} if interlaced else {}
    stream = container.add_stream("libx264", rate=content.rate, options=options)
    assert isinstance(stream, VideoStream)
    stream.width, stream.height, stream.pix_fmt = width, height, PIXELS
    codec = stream.codec_context
    codec.time_base, codec.thread_count = content.time_base, 0  # as many as there are cores
    if content.pixel_aspect:
        codec.sample_aspect_ratio = content.pixel_aspect
    _set_colours(stream, _as_encoded(first, width, height), first)
    matrix = first.side_data.get("DISPLAYMATRIX")
    if isinstance(matrix, SideData):
        stream.set_display_matrix(np.frombuffer(bytes(matrix), np.int32)[:9].tolist())
    return _Video(stream, content.time_base)


def _set_colours(stream: VideoStream, encoded: av.VideoFrame, stored: av.VideoFrame) -> None:
    """What its numbers stand for; of red, green and blue there was no matrix, as is usual then."""
    stream.color_range = encoded.color_range
    stream.color_primaries = stored.color_primaries
    stream.color_trc = stored.color_trc
    stream.colorspace = UNSPECIFIED_MATRIX if stored.format.is_rgb else stored.colorspace


def _encoded_size(frame: av.VideoFrame, longest_side: int | None) -> tuple[int, int]:
    """Height and width, even; as stored, or smaller in the same shape."""
    size = frame.height, frame.width
    if longest_side is not None:
        size = fit_within(*size, longest_side=longest_side)
    height, width = (side + side % 2 for side in size)
    return height, width


def _as_encoded(frame: av.VideoFrame, width: int, height: int) -> av.VideoFrame:
    """As it is, where H.264 with 8 bits holds it; else with 8 bits and even sides."""
    if (frame.format.name, frame.width, frame.height) == (PIXELS, width, height):
        return frame
    return frame.reformat(
        width, height, PIXELS, interpolation=SCALING, dst_color_range=ColorRange.MPEG
    )


class _Sound:
    """The sound of a clip, written along with its pictures."""

    def __init__(self, container: OutputContainer, content: ClipContent):
        form = content.sound_form
        assert form is not None
        stream = container.add_stream(
            "aac",
            rate=form.rate,
            layout=form.layout,
            bit_rate=content.encoding.aac_bits * form.channels,
        )
        assert isinstance(stream, AudioStream)
        stream.codec_context.time_base = Fraction(1, form.rate)
        self._container, self._stream, self._form = container, stream, form
        self._blocks, self._done = iter(content.sound), 0

    def write_until(self, seconds: float) -> None:
        """All that comes before a time, and up to a second more."""
        for block in self._blocks_until(seconds):
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(block), format="fltp", layout=self._form.layout
            )
            frame.sample_rate, frame.pts = self._form.rate, self._done
            frame.time_base = Fraction(1, self._form.rate)
            self._done += block.shape[1]
            self._container.mux(self._stream.encode(frame))

    def write_rest(self) -> None:
        self.write_until(float("inf"))
        self._container.mux(self._stream.encode(None))

    def _blocks_until(self, seconds: float) -> Iterator[np.ndarray]:
        while self._done < seconds * self._form.rate:
            block = next(self._blocks, None)
            if block is None:
                return
            yield block
