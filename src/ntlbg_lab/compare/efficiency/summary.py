"""From measured questions to rows: what each way takes, and the chosen frames against others.

V videos. Videos are what is independent: every interval is a bootstrap over videos.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ntlbg_lab.compare.efficiency.measured import Measured
from ntlbg_lab.compare.summary import BASELINE
from ntlbg_lab.statistics import mean_over_questions, ratio_interval

Way = tuple[str, int]  # selector, number of frames
AS_MANY_FRAMES, AS_MANY_RIGHT, ALL_FRAMES = "as many frames", "as many right", "all frames"


@dataclass(frozen=True)
class WayRow:
    """What it takes to answer from frames chosen in one way. Seconds are medians over questions.

    Attributes:
        selector, num_frames: the way.
        n, videos: questions, and videos they are about.
        right, low, high: share of right answers, 95 % over videos.
        look_seconds: of the processor, to encode the frames that a video's first question needs:
            every frame for a selector, those that are read for uniform sampling.
        score_seconds, choose_seconds, read_seconds, answer_seconds: of the processor; the first is
            a part of the second, the last is choosing and reading.
        mean_seconds: mean of the last one; half of the questions may be answered without a language
            model, so it can be far from the median.
        wall_seconds: of choosing and reading.
        grown_bytes: largest growth of memory over what was there; None where it cannot be told.
        peak_bytes: largest memory of the process, model included.
    """

    selector: str
    num_frames: int
    n: int
    videos: int
    right: float
    low: float | None
    high: float | None
    look_seconds: float
    score_seconds: float
    choose_seconds: float
    read_seconds: float
    answer_seconds: float
    mean_seconds: float
    wall_seconds: float
    grown_bytes: int | None
    peak_bytes: int


@dataclass(frozen=True)
class Ratio:
    """What the other way takes, over what the chosen frames take; 95 % over videos."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Against:
    """Chosen frames against another way, on the same questions.

    Attributes:
        selector, num_frames: the chosen frames.
        other, other_frames: uniform sampling of how many; None when none of them is as often right.
        right_difference: share right of the chosen frames, minus that of the other.
        ratios: by name, see RATIOS; without those that cannot be told.
    """

    selector: str
    num_frames: int
    other: str
    other_frames: int | None
    right_difference: float | None
    ratios: dict[str, Ratio]


@dataclass(frozen=True)
class Efficiency:
    """All rows of a run. ``note``: why not all frames could be read, if so."""

    ways: list[WayRow]
    against: list[Against]
    note: str | None = None


def answer_seconds(one: Measured) -> float:
    """Of the processor, once the video has been looked at."""
    return one.choose_seconds + one.read_seconds


def look_seconds(one: Measured) -> float:
    """Of the processor, before the first question: selectors look at all frames."""
    frames = len(one.indices) if one.selector == BASELINE else one.video_frames
    return frames * one.frame_seconds


def first_seconds(one: Measured) -> float:
    """Of the processor, from pictures to an answer; uniform sampling scores nothing for it."""
    unneeded = one.score_seconds if one.selector == BASELINE else 0.0
    return look_seconds(one) + answer_seconds(one) - unneeded


# Seconds are added up over a video's questions; memory is that of the whole video.
RATIOS: dict[str, Callable[[Sequence[Measured]], float]] = {
    "answer_seconds": lambda found: sum(map(answer_seconds, found)),
    "first_seconds": lambda found: sum(map(first_seconds, found)),
    "wall_seconds": lambda found: sum(one.wall_seconds for one in found),
    "grown_bytes": lambda found: found[0].grown_bytes or 0,
    "peak_bytes": lambda found: found[0].peak_bytes,
}


def way_row(found: Sequence[Measured]) -> WayRow:
    """The row of all questions that were answered in one way."""

    def median(of: Callable[[Measured], float]) -> float:
        return float(np.median([of(one) for one in found]))

    right, low, high = mean_over_questions([(one.video, one.right) for one in found])
    grown = [one.grown_bytes for one in found if one.grown_bytes is not None]
    return WayRow(
        found[0].selector, found[0].num_frames, len(found), len({one.video for one in found}),
        right, _known(low), _known(high),
        median(look_seconds),
        median(lambda one: one.score_seconds),
        median(lambda one: one.choose_seconds),
        median(lambda one: one.read_seconds),
        median(answer_seconds),
        float(np.mean([answer_seconds(one) for one in found])),
        median(lambda one: one.wall_seconds),
        max(grown) if len(grown) == len(found) else None,
        max(one.peak_bytes for one in found),
    )  # fmt: skip


def against(chosen: Sequence[Measured], name: str, other: Sequence[Measured]) -> Against:
    """Chosen frames against another way; ``other`` is empty when there is no such way."""
    way = chosen[0].selector, chosen[0].num_frames
    if not other:
        return Against(*way, name, None, None, {})
    difference = np.mean([one.right for one in chosen]) - np.mean([one.right for one in other])
    one, two = _by_video(chosen), _by_video(other)
    ratios = {
        quantity: _ratio([total(two[v]) for v in one], [total(one[v]) for v in one])
        for quantity, total in RATIOS.items()
    }
    known = {quantity: ratio for quantity, ratio in ratios.items() if ratio is not None}
    return Against(*way, name, other[0].num_frames, float(difference), known)


def _by_video(found: Iterable[Measured]) -> dict[int, list[Measured]]:
    videos: dict[int, list[Measured]] = defaultdict(list)
    for one in found:
        videos[one.video].append(one)
    return videos


def _ratio(numerators: Sequence[float], denominators: Sequence[float]) -> Ratio | None:
    """Of sums over videos (V,); no interval from a single video, None where nothing was taken."""
    if sum(denominators) <= 0:
        return None
    value = sum(numerators) / sum(denominators)
    if len(numerators) < 2:
        return Ratio(value, None, None)
    low, high = ratio_interval(np.array(numerators), np.array(denominators))
    return Ratio(value, _known(float(low)), _known(float(high)))


def _known(number: float) -> float | None:
    """JSON has no NaN."""
    return None if np.isnan(number) else float(number)


def doubled(least: int, most: int) -> list[int]:
    """``least``, twice, four times ... as many, and ``most``."""
    budgets = []
    while least < most:
        budgets.append(least)
        least *= 2
    return [*budgets, most]
