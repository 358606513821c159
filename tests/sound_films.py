"""Films with a flash and a click, and films with any sound, written by PyAV alone."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from ntlbg.types import Sound
from ntlbg.video.audio import read_sound

FPS = 25
GOP = "keyint=25:bframes=2"
CLICK_SAMPLES = 48  # a millisecond at 48 kHz: far below what is promised, and codecs keep it


def clicks(seconds: float, times: list[float], rate: int = 48_000) -> np.ndarray:
    """float32 (N,): faint noise, and a click of a millisecond at each time."""
    noise = np.random.default_rng(0).standard_normal(round(seconds * rate))
    samples = (1e-4 * noise).astype(np.float32)
    for time in times:
        at = round(time * rate)
        samples[at : at + CLICK_SAMPLES * rate // 48_000] = 0.9
    return samples


def write_film(
    path: Path,
    samples: np.ndarray | None,
    *,
    rate: int = 48_000,
    codec: str = "aac",
    layout: str = "mono",
    sound_at: float = 0.0,
    pictures_at: float = 0.0,
    pictures: int = 100,
    flashes: Sequence[float] = (),
    video_codec: str = "libx264",
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
) -> Path:
    """Grey pictures, white from each flash on for .2 s, and sound; all times on one clock.

    Args:
        samples: float32 (N,); None for a film without sound.
        sound_at, pictures_at: when they begin.
        pictures: how many, 25 a second; 0 for a file of sound only.
    """
    with av.open(str(path), "w", options=container_options or {}) as file:
        streams = []
        if pictures:
            own = options or ({"x264-params": GOP} if video_codec == "libx264" else {})
            streams.append(_pictures(file, video_codec, own, pictures_at, pictures, flashes))
        if samples is not None:
            streams.append(_sound(file, codec, samples, rate, layout, sound_at))
        # by time, as a recorder writes them: some formats keep nothing back to sort it
        ordered = sorted(
            (packet for stream in streams for packet in stream),
            key=lambda packet: packet.dts * packet.time_base,
        )
        for packet in ordered:
            file.mux(packet)
    return path


def _pictures(
    file, codec: str, options: dict[str, str], begin: float, count: int, flashes: Sequence[float]
) -> list[av.Packet]:
    stream = file.add_stream(codec, rate=FPS, options=options)
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    stream.codec_context.time_base = Fraction(1, FPS)

    def frames() -> Iterator[av.VideoFrame | None]:
        for number in range(count):
            shown = begin + number / FPS
            bright = any(flash - 1e-6 <= shown < flash + 0.2 - 1e-6 for flash in flashes)
            picture = np.full((48, 64, 3), 255 if bright else 60, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = round(shown * FPS), Fraction(1, FPS)
            yield frame
        yield None

    return [packet for frame in frames() for packet in stream.encode(frame)]


def _sound(file, codec, samples, rate, layout, begin) -> list[av.Packet]:
    stream = file.add_stream(codec, rate=rate, layout=layout)
    resampler = av.AudioResampler(
        stream.codec_context.format,
        layout,
        rate,
        frame_size=stream.codec_context.frame_size or 1024,
    )
    channels = len(stream.codec_context.layout.channels)
    packets, first, done = [], round(begin * rate), 0
    for second in [*range(0, len(samples), rate), None]:
        frame = (
            None
            if second is None
            else _frame(samples[second : second + rate], channels, layout, rate)
        )
        for piece in resampler.resample(frame):
            piece.pts, piece.time_base = first + done, Fraction(1, rate)
            done += piece.samples
            packets += stream.encode(piece)
    return packets + list(stream.encode(None))


def _frame(samples: np.ndarray, channels: int, layout: str, rate: int) -> av.AudioFrame:
    same = np.tile(samples.astype(np.float32), (channels, 1))
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(same), format="fltp", layout=layout)
    frame.sample_rate = rate
    return frame


def all_sound(path: Path, **options) -> Sound:
    """Everything that ``read_sound`` gives, as one."""
    blocks = list(read_sound(path, **options))
    ends = [block.start_seconds + len(block.samples) / 16_000 for block in blocks]
    np.testing.assert_allclose(ends[:-1], [block.start_seconds for block in blocks[1:]], atol=1e-9)
    return Sound(np.concatenate([block.samples for block in blocks]), blocks[0].start_seconds)


def click_times(sound: Sound) -> list[float]:
    """When clicks begin, on the clock of the pictures."""
    loud = np.flatnonzero(np.abs(sound.samples) > 0.3)
    firsts = loud[np.diff(loud, prepend=-(10**6)) > 1600]
    return [sound.start_seconds + float(first) / 16_000 for first in firsts]
