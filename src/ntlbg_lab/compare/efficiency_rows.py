"""What answering takes, as rows and tables: each way, and the chosen frames against others.

V videos. Videos are what is independent: every interval is a bootstrap over videos.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np

from ntlbg.intervals import mean_over_questions, ratio_interval
from ntlbg.marks import json_object
from ntlbg.views.tables import NOTHING
from ntlbg_lab.compare.summary import BASELINE
from ntlbg_lab.statistics import known
from ntlbg_lab.tables import Table, TableFiles, number, with_interval

Way = tuple[str, int]  # selector, number of frames
AS_MANY_FRAMES, AS_MANY_RIGHT, ALL_FRAMES = "as many frames", "as many right", "all frames"


@dataclass(frozen=True)
class Measured:
    """One question, answered once.

    Attributes:
        video, question: which.
        selector, num_frames: how frames were chosen, and how many.
        indices: (k,) the frames.
        right: the answer.
        score_seconds: of the processor, for the relevance of all frames; a part of the next.
        choose_seconds, read_seconds: of the processor.
        wall_seconds: for choosing and reading.
        video_frames: T.
        frame_seconds: of the processor, to encode one frame of this video.
        peak_bytes: highest memory of the process while all questions about the video were answered
            in this way, GPU included.
        grown_bytes: above what it was before; None where that cannot be told.
    """

    video: int
    question: int
    selector: str
    num_frames: int
    indices: list[int]
    right: bool
    score_seconds: float
    choose_seconds: float
    read_seconds: float
    wall_seconds: float
    video_frames: int
    frame_seconds: float
    peak_bytes: int
    grown_bytes: int | None

    @property
    def block(self) -> tuple[int, str, int]:
        """What is written at once: all questions about a video, in one way."""
        return self.video, self.selector, self.num_frames


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
class EfficiencyContrast:
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
    against: list[EfficiencyContrast]
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
        return float(np.median(list(map(of, found))))

    right, low, high = mean_over_questions([(one.video, one.right) for one in found])
    grown = [one.grown_bytes for one in found if one.grown_bytes is not None]
    return WayRow(
        *(found[0].selector, found[0].num_frames, len(found), len({one.video for one in found})),
        *(right, known(low), known(high)),
        look_seconds=median(look_seconds),
        score_seconds=median(lambda one: one.score_seconds),
        choose_seconds=median(lambda one: one.choose_seconds),
        read_seconds=median(lambda one: one.read_seconds),
        answer_seconds=median(answer_seconds),
        mean_seconds=float(np.mean(list(map(answer_seconds, found)))),
        wall_seconds=median(lambda one: one.wall_seconds),
        grown_bytes=max(grown) if len(grown) == len(found) else None,
        peak_bytes=max(one.peak_bytes for one in found),
    )


def against(chosen: Sequence[Measured], name: str, other: Sequence[Measured]) -> EfficiencyContrast:
    """Chosen frames against another way; ``other`` is empty when there is no such way."""
    way = chosen[0].selector, chosen[0].num_frames
    if not other:
        return EfficiencyContrast(*way, name, None, None, {})
    difference = np.mean([one.right for one in chosen]) - np.mean([one.right for one in other])
    one, two = _by_video(chosen), _by_video(other)
    ratios = {
        quantity: _ratio([total(two[v]) for v in one], [total(one[v]) for v in one])
        for quantity, total in RATIOS.items()
    }
    known = {quantity: ratio for quantity, ratio in ratios.items() if ratio is not None}
    return EfficiencyContrast(*way, name, other[0].num_frames, float(difference), known)


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
    return Ratio(value, known(float(low)), known(float(high)))


def doubled(least: int, most: int) -> list[int]:
    """``least``, twice, four times ... as many, and ``most``."""
    budgets = []
    while least < most:
        budgets.append(least)
        least *= 2
    return [*budgets, most]


MEGABYTE = 10**6
TAKES, AGAINST = "What answering takes", "Chosen frames against uniform sampling"
EXPLAINED = {
    TAKES: "Seconds: of the processor, medians over questions, of a model that is loaded. Looking: "
    "encoding the frames that the first question about a video needs, drawing or decoding not "
    "included. Relevance is a part of choosing. Wall: choosing and reading by the clock. Memory: "
    "growth while the questions are answered, and all of the process.",
    AGAINST: "Times as fast: processor seconds of the other way over those of the chosen frames, "
    "for all questions together, 95 % over videos; below 1 the chosen frames are slower. Video "
    "known: choosing and reading. First question: looking as well, and no relevance for uniform "
    "sampling.",
}
WAY_HEAD = (
    "frames", "n", "right", "looking, s", "relevance, s", "choosing, s", "reading, s",
    "both, s", "both, mean", "wall, s", "memory, MB", "process, MB",
)  # fmt: skip
AGAINST_HEAD = (
    "frames", "against uniform", "right, minus", "times as fast: video known", "first question",
    "wall", "less memory", "less, of the process",
)  # fmt: skip
EFFICIENCY = TableFiles(
    "efficiency",
    "the table of an efficiency run",
    ("selector", "num_frames", "other", "other_frames", "quantity", "value", "low", "high"),
    objects={"efficiency.json": json_object("the summary of an efficiency run", "ways", "against")},
)


def efficiency_tables(found: Efficiency) -> list[Table | str]:
    """What each way takes, and the chosen frames against the others; what is to be said of it."""
    tables: list[Table | str] = [
        Table(TAKES, [WAY_HEAD, *map(_way, found.ways)], EXPLAINED[TAKES]),
        Table(AGAINST, [AGAINST_HEAD, *map(_against, found.against)], EXPLAINED[AGAINST]),
    ]
    return [*tables, found.note] if found.note else tables


def efficiency_numbers(found: Efficiency) -> Iterator[tuple]:
    """A line for each number."""
    for row in found.ways:
        way = row.selector, row.num_frames, None, None
        yield *way, "right", row.right, row.low, row.high
        named = [field.name for field in fields(row)]
        for name in [name for name in named if name.endswith(("_seconds", "_bytes"))]:
            yield *way, name, getattr(row, name), None, None
    for pair in found.against:
        ways = pair.selector, pair.num_frames, pair.other, pair.other_frames
        yield *ways, "right_difference", pair.right_difference, None, None
        for name, ratio in pair.ratios.items():
            yield *ways, f"{name}_ratio", ratio.value, ratio.low, ratio.high


def _way(row: WayRow) -> list[str]:
    seconds = (
        row.look_seconds, row.score_seconds, row.choose_seconds, row.read_seconds,
        row.answer_seconds, row.mean_seconds, row.wall_seconds,
    )  # fmt: skip
    return [
        f"{row.selector}, {row.num_frames}", str(row.n),
        with_interval(row.right, row.low, row.high),
        *(f"{number:.3f}" for number in seconds),
        NOTHING if row.grown_bytes is None else f"{row.grown_bytes / MEGABYTE:.0f}",
        f"{row.peak_bytes / MEGABYTE:.0f}",
    ]  # fmt: skip


def _against(row: EfficiencyContrast) -> list[str]:
    frames = "never" if row.other_frames is None else f"{row.other_frames} frames"
    speeds = [name for name in RATIOS if name.endswith("_seconds")]
    memory = [name for name in RATIOS if name.endswith("_bytes")]
    return [
        f"{row.selector}, {row.num_frames}", f"{row.other}: {frames}",
        number(row.right_difference, "+.2f"),
        *(_times(row.ratios.get(name)) for name in speeds),
        *(_saved(row.ratios.get(name)) for name in memory),
    ]  # fmt: skip


def _times(ratio: Ratio | None) -> str:
    return NOTHING if ratio is None else with_interval(ratio.value, ratio.low, ratio.high)


def _saved(ratio: Ratio | None) -> str:
    """The share of the other way's memory that the chosen frames do without."""
    if ratio is None:
        return NOTHING
    interval = "" if ratio.low is None else f" ({_share(ratio.low)} to {_share(ratio.high)})"
    return f"{_share(ratio.value)} %{interval}"


def _share(ratio: float | None) -> str:
    return f"{100 * (1 - 1 / ratio):.0f}" if ratio else NOTHING
