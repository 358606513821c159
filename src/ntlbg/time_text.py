"""Moments of a video as text, and relevance over time as something to draw."""

import re
from collections.abc import Iterable

import numpy as np

# Hours, minutes and seconds; minutes and seconds below 60 where something larger stands before.
_TIME = re.compile(
    r"(?:(?:(\d{1,4}):(?=[0-5]?\d:))?(\d{1,5}):(?=[0-5]?\d(?:\.\d*)?$))?(-?\d+(?:\.\d*)?|\.\d+)",
    re.ASCII,
)


def timestamp(seconds: float, *, milliseconds: bool = False) -> str:
    """``mm:ss``, from one hour on ``h:mm:ss``; fractions are cut, as players do.

    Args:
        milliseconds: tell them, for moments of which a second may hold several.

    >>> timestamp(3725.96), timestamp(65.04, milliseconds=True)
    ('1:02:05', '01:05.040')
    """
    whole, fraction = divmod(round(1000 * seconds), 1000) if milliseconds else (int(seconds), 0)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    text = f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute:02d}:{second:02d}"
    return f"{text}.{fraction:03d}" if milliseconds else text


def read_seconds(text: str) -> float:
    """Seconds, ``mm:ss`` or ``h:mm:ss``, with a fraction or without; ValueError of anything else.

    >>> read_seconds("1:02:03.5")
    3723.5
    """
    found = _TIME.fullmatch(str(text).strip())
    if found is None:
        raise ValueError(f"{text!r} is no time; give seconds, m:ss or h:mm:ss")
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return 3600 * hours + 60 * minutes + seconds


def format_seconds(seconds: float) -> str:
    """``mm:ss`` with as many minutes as it takes, as the model reads and writes times.

    >>> format_seconds(3725.9)
    '62:05'
    """
    return f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"


def stamp(seconds: float) -> str:
    """A time as vision-language models read it before a picture, in the way of Qwen3-VL.

    >>> stamp(12.52)
    '<12.5 seconds>'
    """
    return f"<{seconds:.1f} seconds>"


def frames_within(pts_seconds: np.ndarray, start: float, end: float) -> np.ndarray:
    """Frames at times (T,) that lie in ``[start, end)``: int64 ascending."""
    return np.flatnonzero((pts_seconds >= start) & (pts_seconds < end))


def all_seen(pts_seconds: np.ndarray, intervals: Iterable[tuple[float, float]]) -> bool | None:
    """Whether times (T,) lie in each of the intervals ``[start, end)``; None without any."""
    hits = [frames_within(pts_seconds, start, end).size > 0 for start, end in intervals]
    return all(hits) if hits else None


def span_seconds(times: np.ndarray) -> float:
    """From the first to the last of the times (T,), at least one second."""
    return max(float(times[-1] - times[0]), 1.0)


def round_moments(times: np.ndarray) -> list[float]:
    """At most eight round moments inside the times (T,): marks of a time axis, in seconds."""
    steps = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
    step = next((step for step in steps if span_seconds(times) / step <= 7), steps[-1])
    first = -(-float(times[0]) // step) * step
    return [float(moment) for moment in np.arange(first, float(times[-1]) + 1e-9, step)]


def relevance_levels(scores: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values on the scale of a video's scores (T,): 0 is a dull frame, 1 the best one."""
    low, high = np.percentile(scores, 1), float(np.max(scores))
    return np.clip((values - low) / max(high - low, 1e-12), 0.0, 1.0)


def relevance_curve(
    times: np.ndarray, scores: np.ndarray, *, points: int = 480
) -> tuple[np.ndarray, np.ndarray]:
    """Positions 0..1 and levels 0..1 of at most ``points`` bins, the highest score of each.

    A moment of two seconds in an hour is narrower than a pixel; the mean would hide it.
    """
    share = (times - times[0]) / span_seconds(times)
    bins = np.minimum((share * points).astype(int), points - 1)
    peaks = np.full(points, -np.inf)
    np.maximum.at(peaks, bins, scores)
    filled = np.flatnonzero(np.isfinite(peaks))
    return (filled + 0.5) / points, relevance_levels(scores, peaks[filled])


def round_marks(times: np.ndarray) -> list[tuple[float, str]]:
    """Place in percent and name of round moments."""
    return [(percent(mark, times), timestamp(mark)) for mark in round_moments(times)]


def percent(seconds: float, times: np.ndarray) -> float:
    """Place of a moment between the first and the last of the times (T,): 0 to 100."""
    share = (seconds - float(times[0])) / span_seconds(times)
    return round(100 * min(max(share, 0.0), 1.0), 3)
