"""What answering takes, as tables."""

from collections.abc import Iterator
from dataclasses import fields

from ntlbg_lab.compare.efficiency.summary import (
    RATIOS,
    Against,
    Efficiency,
    Ratio,
    WayRow,
)
from ntlbg_lab.tables import NOTHING, Table, TableFiles, number, with_interval

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
)


def efficiency_tables(found: Efficiency) -> list[Table | str]:
    """What each way takes, and the chosen frames against the others; what is to be said of it."""
    tables = [
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
    for row in found.against:
        way = row.selector, row.num_frames, row.other, row.other_frames
        yield *way, "right_difference", row.right_difference, None, None
        for name, ratio in row.ratios.items():
            yield *way, f"{name}_ratio", ratio.value, ratio.low, ratio.high


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


def _against(row: Against) -> list[str]:
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


def _share(ratio: float) -> str:
    return f"{100 * (1 - 1 / ratio):.0f}" if ratio else NOTHING
