"""probe, sample_frames, read_frames_at: checks at the door, then one stream of pictures."""

import math
import os
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

import numpy as np

from ntlbg.errors import ConfigError, NoFramesError
from ntlbg.video.convert import RgbConverter, displayed_size, quarter_turns
from ntlbg.video.frames import Frames, ReadReport, VideoInfo
from ntlbg.video.opening import MAX_PIXELS, check_pixels
from ntlbg.video.pictures import Picture, PictureStream

# Batches of full-size pictures stay below this, with fewer pictures than asked for if need be.
MAX_BATCH_BYTES = 2**28
ROUNDING_SECONDS = 1e-6


def probe(path: str | os.PathLike) -> VideoInfo:
    """Facts about a video; reads all packets (about a second for an hour), decodes one picture."""
    with PictureStream(path) as pictures:
        frame = pictures.first.frame
        height, width = displayed_size(frame, pictures.pixel_aspect)
        num_packets, duration_seconds = pictures.measure()
    return VideoInfo(
        path=Path(path),
        codec=pictures.codec,
        width=width,
        height=height,
        average_fps=num_packets / duration_seconds if duration_seconds else None,
        duration_seconds=duration_seconds,
        num_packets=num_packets,
        rotation=90 * quarter_turns(frame),
    )


def sampling_fps(
    duration_seconds: float,
    *,
    fps: float = 1.0,
    max_frames: int | None = None,
    start: float | None = None,
    end: float | None = None,
) -> float:
    """`fps`, or less when that would give more than `max_frames` between `start` and `end`.

    Raises:
        ConfigError: an argument out of range.
    """
    _check_sampling(fps, max_frames, start, end)
    span = min(duration_seconds, math.inf if end is None else end) - (start or 0.0)
    if max_frames is None or fps * span <= max_frames:
        return fps
    return max_frames / span


def sample_frames(
    path: str | os.PathLike,
    *,
    fps: float = 1.0,
    max_frames: int | None = None,
    start: float | None = None,
    end: float | None = None,
    size: tuple[int, int] | None = None,
    batch_size: int = 32,
    report: ReadReport | None = None,
) -> Iterator[Frames]:
    """The pictures on screen at start, start + 1/fps, start + 2/fps ... before `end`, in batches.

    A picture that stays on screen is repeated. The times given are the pictures' own, not the
    times asked for. Memory does not grow with the video.

    Args:
        max_frames: at most this many in all, evenly spread: `fps` is lowered if need be.
        start, end: seconds from the first shown picture; the whole video by default.
        size: (height, width) to scale to; by default as displayed.
        batch_size: pictures a batch, fewer when they are very large.
        report: counters to add to.

    Raises:
        ConfigError: an argument out of range. VideoError: the file cannot be used.
        NoFramesError: nothing can be decoded, or the video ends before `start`.
    """
    _check_sampling(fps, max_frames, start, end)
    _check_size(size)
    if batch_size < 1:
        raise ConfigError(f"batch_size is {batch_size}; give at least 1")
    return _sample(path, fps, max_frames, start or 0.0, end, size, batch_size, report)


def read_frames_at(
    path: str | os.PathLike,
    pts_seconds: Sequence[float],
    *,
    size: tuple[int, int] | None = None,
    report: ReadReport | None = None,
) -> Frames:
    """The picture on screen at each time, in the order of the times; after the end, the last one.

    Goes from keyframe to keyframe where the format allows it, and gives exactly the pictures
    that `sample_frames` gives.

    Raises:
        ConfigError: no times, or a negative or not finite one. VideoError: as sample_frames.
    """
    times = np.asarray(pts_seconds, dtype=np.float64)
    if times.ndim != 1 or not len(times) or not (np.isfinite(times) & (times >= 0)).all():
        raise ConfigError(f"times must be a list of seconds >= 0, at least one; got {pts_seconds}")
    _check_size(size)
    with PictureStream(path, report) as pictures:
        convert = _converter(pictures, size)
        data, shown = _room(len(times), convert)
        for row in np.argsort(times, kind="stable"):
            picture = pictures.at(float(times[row]))
            data[row], shown[row] = convert(picture.frame), picture.seconds
    return Frames(data, shown)


def _sample(path, fps, max_frames, start, end, size, batch_size, report) -> Iterator[Frames]:
    rate = fps
    if max_frames is not None:
        duration = probe(path).duration_seconds
        rate = sampling_fps(duration, fps=fps, max_frames=max_frames, start=start, end=end)
    numbers = count() if max_frames is None else range(max_frames)
    times = (start + number / rate for number in numbers)
    with PictureStream(path, report) as pictures:
        convert = _converter(pictures, size)
        batch_size = min(batch_size, max(1, MAX_BATCH_BYTES // (3 * math.prod(convert.size))))
        data, shown = _room(batch_size, convert)
        filled = 0
        for picture in _on_screen(pictures, times, math.inf if end is None else end):
            data[filled], shown[filled] = convert(picture.frame), picture.seconds
            filled += 1
            if filled == batch_size:
                yield Frames(data, shown)
                data, shown = _room(batch_size, convert)
                filled = 0
        if filled:
            yield Frames(data[:filled], shown[:filled])


def _on_screen(pictures: PictureStream, times: Iterator[float], end: float) -> Iterator[Picture]:
    """The picture at each time until `end` or the end of the video; at least one."""
    for number, seconds in enumerate(times):
        if seconds >= end - ROUNDING_SECONDS:
            return
        picture = pictures.at(seconds)
        if pictures.ended(seconds):
            if number == 0:
                raise NoFramesError(
                    f"{pictures.path}: nothing to see from start={seconds:g} s on; the last "
                    f"picture is shown at {picture.seconds:.3f} s. Give an earlier start."
                )
            return
        yield picture


def _converter(pictures: PictureStream, size: tuple[int, int] | None) -> RgbConverter:
    first = pictures.first.frame
    if size is None:
        size = displayed_size(first, pictures.pixel_aspect)
        check_pixels(pictures.path, size[1], size[0])
    return RgbConverter(first, size)


def _room(num_frames: int, convert: RgbConverter) -> tuple[np.ndarray, np.ndarray]:
    return np.empty((num_frames, *convert.size, 3), dtype=np.uint8), np.empty(num_frames)


def _check_sampling(fps, max_frames, start, end) -> None:
    if not (math.isfinite(fps) and fps > 0):
        raise ConfigError(f"fps is {fps}; give a number of pictures per second above 0")
    if max_frames is not None and max_frames < 1:
        raise ConfigError(f"max_frames is {max_frames}; give at least 1, or None for no limit")
    if start is not None and not (math.isfinite(start) and start >= 0):
        raise ConfigError(f"start is {start}; give seconds from the first picture, 0 or more")
    if end is not None and not end > (start or 0.0):
        raise ConfigError(f"end is {end}; give seconds after start={start or 0.0:g}")


def _check_size(size: tuple[int, int] | None) -> None:
    if size is None:
        return
    if len(size) != 2 or min(size) < 1 or math.prod(size) > MAX_PIXELS:
        raise ConfigError(
            f"size is {size}; give (height, width), each at least 1, up to {MAX_PIXELS} pixels"
        )
