"""probe, sample_frames, read_frames_at: checks at the door, then one stream of pictures."""

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np

from ntlbg.errors import ConfigError, NoFramesError
from ntlbg.types import Frames
from ntlbg.video import options
from ntlbg.video.convert import FITS, Layout, RgbConverter, displayed_size, upright
from ntlbg.video.frames import DamageLog, ReadReport, VideoInfo
from ntlbg.video.open_video import Video
from ntlbg.video.opening import MAX_PIXELS, check_pixels
from ntlbg.video.packets import Source
from ntlbg.video.stills import Still, read_still
from ntlbg.video.time_match import ROUNDING_SECONDS, Mode

# Batches of full-size pictures stay below this, with fewer pictures than asked for if need be.
MAX_BATCH_BYTES = 2**28
THREADS = 2  # docs/video.md, ntlbg_two_threads


def probe(path: str | os.PathLike, *, max_pixels: int = MAX_PIXELS) -> VideoInfo:
    """Facts about a video; reads all packets (about a second for an hour), decodes one picture."""
    options.check_reading(1, "skip", max_pixels)
    return _probe(_source(path, None, 1, "skip", max_pixels))


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
    options.check_sampling(fps, max_frames, start, end)
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
    mode: options.ModeName = "exact",
    tolerance: float | None = None,
    size: options.Size = None,
    fit: options.Fit = "squash",
    batch_size: int = 32,
    threads: int = THREADS,
    on_damage: options.OnDamage = "skip",
    max_pixels: int = MAX_PIXELS,
    report: ReadReport | None = None,
) -> Iterator[Frames]:
    """The pictures on screen at start, start + 1/fps, start + 2/fps ... before `end`, in batches.

    A picture that stays on screen is repeated. The times given are the pictures' own, not the
    times asked for. Memory does not grow with the video.

    Args:
        max_frames: at most this many in all, evenly spread: `fps` is lowered if need be. The
            length is measured by reading all packets, since headers may be wrong.
        start, end: seconds from the first shown picture; the whole video by default.
        mode: "exact" gives the picture on screen at each time. "auto" may give one up to
            `tolerance` earlier or later: a keyframe if there is one, else the earliest; several
            times faster when samples are far apart, but unevenly spaced. "keyframe" gives the
            first keyframe of every 1/fps seconds: by far the fastest, and fewer pictures than
            asked for where keyframes are farther apart (`VideoInfo.longest_gop_seconds`).
        tolerance: seconds, for mode="auto"; half of 1/fps by default.
        size: (height, width) to scale to, or one number for both; by default as displayed.
        fit: "squash" to exactly `size`, "shortest" to cover it in the picture's own shape
            (`size=384` makes the shortest side 384), "letterbox" to fit into it, black around.
        batch_size: pictures a batch, fewer when they are very large.
        threads: of the decoder; they change the speed only. Damaged files and those without
            presentation times are decoded by one.
        on_damage: "skip" counts what is lost in the report and gives the rest, "raise" stops.
            DamageLog to pictures that nothing asked for is built on is not looked for.
        max_pixels: larger pictures are refused before memory is set aside for them.
        report: counters to add to.

    Raises:
        ConfigError: an argument out of range. VideoError: the file cannot be used.
        NoFramesError: nothing can be decoded, or there is no picture from `start` on.
    """
    options.check_sampling(fps, max_frames, start, end)
    options.check_mode(mode, tolerance)
    options.check_reading(threads, on_damage, max_pixels)
    pair = options.check_output(size, fit)
    if batch_size < 1:
        raise ConfigError(f"batch_size is {batch_size}; give at least 1")
    source = _source(path, report, threads, on_damage, max_pixels)
    grid = _Grid(fps, max_frames, start or 0.0, math.inf if end is None else end)
    batches = _sample(source, grid, mode, tolerance, [pair], fit, batch_size)
    return (frames for [frames] in batches)


def sample_in_sizes(
    path: str | os.PathLike,
    sizes: Sequence[tuple[int, int]],
    *,
    fps: float,
    start: float | None = None,
    end: float | None = None,
    batch_size: int = 32,
    report: ReadReport | None = None,
) -> Iterator[list[Frames]]:
    """The pictures of ``sample_frames``, decoded once, each in several sizes (height, width).

    Raises:
        ConfigError, VideoError: as sample_frames.
    """
    options.check_sampling(fps, None, start, end)
    pairs = [options.check_output(size, "squash") for size in sizes]
    source = _source(path, report, THREADS, "skip", MAX_PIXELS)
    grid = _Grid(fps, None, start or 0.0, math.inf if end is None else end)
    return _sample(source, grid, "exact", None, pairs, "squash", batch_size)


def read_frames_at(
    path: str | os.PathLike,
    pts_seconds: Sequence[float] | np.ndarray,
    *,
    size: options.Size = None,
    fit: options.Fit = "squash",
    threads: int = THREADS,
    on_damage: options.OnDamage = "skip",
    max_pixels: int = MAX_PIXELS,
    report: ReadReport | None = None,
) -> Frames:
    """The picture on screen at each time, in the order of the times; after the end, the last one.

    Goes from keyframe to keyframe where the format allows it, and gives exactly the pictures
    that `sample_frames` gives. Arguments as there.

    Raises:
        ConfigError: no times, or a negative or not finite one. VideoError: as sample_frames.
    """
    times = np.asarray(pts_seconds, dtype=np.float64)
    if times.ndim != 1 or not len(times) or not (np.isfinite(times) & (times >= 0)).all():
        raise ConfigError(f"times must be a list of seconds >= 0, at least one; got {pts_seconds}")
    options.check_reading(threads, on_damage, max_pixels)
    pair = options.check_output(size, fit)
    video = _open(source := _source(path, report, threads, on_damage, max_pixels))
    convert = _converter(video, source, pair, fit)
    data, shown = _room(len(times), convert)
    order = np.argsort(times, kind="stable")
    pictures = video.pictures(map(float, times[order]), Mode("exact", stops_at_end=False))
    for row, picture in zip(order, pictures, strict=True):
        assert picture is not None  # only the mode "keyframe" leaves times out
        data[row], shown[row] = convert(picture.frame), picture.seconds
    return Frames(data, shown)


@dataclass(frozen=True)
class _Grid:
    """Times start, start + 1/fps, ... before `end`, at most `max_frames` of them."""

    fps: float
    max_frames: int | None
    start: float
    end: float

    def spread(self, duration_seconds: float) -> "_Grid":
        """The same number of times or fewer, spread over the whole video."""
        rate = sampling_fps(
            duration_seconds,
            fps=self.fps,
            max_frames=self.max_frames,
            start=self.start,
            end=self.end,
        )
        return _Grid(rate, self.max_frames, self.start, self.end)

    def times(self) -> Iterator[float]:
        for number in count() if self.max_frames is None else range(self.max_frames):
            seconds = self.start + number / self.fps
            if seconds >= self.end - ROUNDING_SECONDS:
                return
            yield seconds


def _sample(source, grid, mode, tolerance, sizes, fit, batch_size) -> Iterator[list[Frames]]:
    """Batches, in each of the sizes."""
    video = _open(source)
    if grid.max_frames is not None:
        grid = grid.spread(video.measure()[1])
    converters = [_converter(video, source, size, fit) for size in sizes]
    largest = max(math.prod(convert.size) for convert in converters)
    batch_size = min(batch_size, max(1, MAX_BATCH_BYTES // (3 * largest)))
    rooms = [_room(batch_size, convert) for convert in converters]
    filled, is_empty = 0, True
    how = Mode(mode, _reach(mode, tolerance, grid.fps))
    for picture in video.pictures(grid.times(), how):
        if picture is None or (how.keyframes_only and picture.seconds >= grid.end):
            continue
        for convert, (data, shown) in zip(converters, rooms, strict=True):
            data[filled], shown[filled] = convert(picture.frame), picture.seconds
        filled += 1
        if filled == batch_size:
            yield [Frames(*room) for room in rooms]
            rooms = [_room(batch_size, convert) for convert in converters]
            filled, is_empty = 0, False
    if filled:
        yield [Frames(data[:filled], shown[:filled]) for data, shown in rooms]
    elif is_empty:
        raise NoFramesError(_nothing_to_see(source, grid, mode))


def _reach(mode: str, tolerance: float | None, fps: float) -> float:
    """Seconds from the time asked for that a picture may be away."""
    if mode == "keyframe":
        return 1 / fps
    if mode == "auto":
        return 0.5 / fps if tolerance is None else tolerance
    return 0.0


def _nothing_to_see(source: Source, grid: _Grid, mode: str) -> str:
    if mode == "keyframe":
        span = f"{grid.start:g} s to {min(grid.end, 1e9):g} s"
        return f'{source.path}: no keyframe from {span}. Give a wider span or mode="exact".'
    return (
        f"{source.path}: nothing to see from start={grid.start:g} s on; the video has ended by "
        "then. Give an earlier start."
    )


def _probe(source: Source) -> VideoInfo:
    video = _open(source)
    height, width = displayed_size(video.first, video.pixel_aspect)
    num_packets, duration_seconds, longest_gop_seconds = video.measure()
    return VideoInfo(
        path=Path(source.path),
        codec=video.codec,
        width=width,
        height=height,
        average_fps=num_packets / duration_seconds if duration_seconds else None,
        duration_seconds=duration_seconds,
        num_packets=num_packets,
        rotation=90 * upright(video.first).quarters,
        longest_gop_seconds=longest_gop_seconds,
    )


def _source(path, report, threads, on_damage, max_pixels) -> Source:
    report = ReadReport() if report is None else report
    return Source(path, report, DamageLog(path, report, on_damage), threads, max_pixels)


def _open(source: Source) -> Video | Still:
    still = read_still(source.path, source.report, source.max_pixels)
    return Video(source) if still is None else still


def _converter(
    video: Video | Still, source: Source, size: tuple[int, int] | None, fit: str
) -> RgbConverter:
    shown = displayed_size(video.first, video.pixel_aspect)
    layout = Layout(shown, *shown) if size is None else FITS[fit](shown, size)
    limit = source.max_pixels if size is None else MAX_PIXELS
    check_pixels(source.path, layout.size[1], layout.size[0], limit)
    return RgbConverter(video.first, layout)


def _room(num_frames: int, convert: RgbConverter) -> tuple[np.ndarray, np.ndarray]:
    return np.empty((num_frames, *convert.size, 3), dtype=np.uint8), np.empty(num_frames)
