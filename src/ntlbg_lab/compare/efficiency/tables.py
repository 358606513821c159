"""What answering takes, as Markdown, CSV and LaTeX."""

import csv
import io
from collections.abc import Sequence
from dataclasses import fields

from ntlbg_lab.compare.efficiency.summary import (
    RATIOS,
    Against,
    Efficiency,
    Ratio,
    WayRow,
)
from ntlbg_lab.compare.tables import NOTHING, latex_table, markdown_table

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
CSV_HEAD = (
    "selector", "num_frames", "other", "other_frames", "quantity", "value", "low", "high",
)  # fmt: skip


def as_markdown(found: Efficiency) -> str:
    """Two tables, each with what its columns mean."""
    parts = [
        f"### {title}\n\n{markdown_table(lines)}\n\n{EXPLAINED[title]}"
        for title, lines in _tables(found).items()
    ]
    return "\n\n".join([*parts, *([found.note] if found.note else [])])


def as_latex(found: Efficiency) -> str:
    """``booktabs`` tables."""
    return "\n\n".join(
        f"% {title}\n{latex_table(lines)}" for title, lines in _tables(found).items()
    )


def as_csv(found: Efficiency) -> str:
    """Every number, one to a line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_HEAD)
    for row in found.ways:
        way = row.selector, row.num_frames, None, None
        writer.writerow([*way, "right", row.right, row.low, row.high])
        named = [field.name for field in fields(row)]
        for name in [name for name in named if name.endswith(("_seconds", "_bytes"))]:
            writer.writerow([*way, name, getattr(row, name), None, None])
    for pair in found.against:
        ways = pair.selector, pair.num_frames, pair.other, pair.other_frames
        writer.writerow([*ways, "right_difference", pair.right_difference, None, None])
        for name, ratio in pair.ratios.items():
            writer.writerow([*ways, f"{name}_ratio", ratio.value, ratio.low, ratio.high])
    return text.getvalue()


def _tables(found: Efficiency) -> dict[str, list[Sequence[str]]]:
    return {
        TAKES: [WAY_HEAD, *map(_way, found.ways)],
        AGAINST: [AGAINST_HEAD, *map(_against, found.against)],
    }


def _way(row: WayRow) -> list[str]:
    seconds = (
        row.look_seconds, row.score_seconds, row.choose_seconds, row.read_seconds,
        row.answer_seconds, row.mean_seconds, row.wall_seconds,
    )  # fmt: skip
    right = f"{row.right:.2f}"
    if row.low is not None:
        right += f" ({row.low:.2f} to {row.high:.2f})"
    return [
        f"{row.selector}, {row.num_frames}", str(row.n), right,
        *(f"{number:.3f}" for number in seconds),
        NOTHING if row.grown_bytes is None else f"{row.grown_bytes / MEGABYTE:.0f}",
        f"{row.peak_bytes / MEGABYTE:.0f}",
    ]  # fmt: skip


def _against(row: Against) -> list[str]:
    frames = "never" if row.other_frames is None else f"{row.other_frames} frames"
    difference = NOTHING if row.right_difference is None else f"{row.right_difference:+.2f}"
    speeds = [name for name in RATIOS if name.endswith("_seconds")]
    memory = [name for name in RATIOS if name.endswith("_bytes")]
    return [
        f"{row.selector}, {row.num_frames}", f"{row.other}: {frames}", difference,
        *(_times(row.ratios.get(name)) for name in speeds),
        *(_saved(row.ratios.get(name)) for name in memory),
    ]  # fmt: skip


def _times(ratio: Ratio | None) -> str:
    if ratio is None:
        return NOTHING
    interval = "" if ratio.low is None else f" ({ratio.low:.2f} to {ratio.high:.2f})"
    return f"{ratio.value:.2f}{interval}"


def _saved(ratio: Ratio | None) -> str:
    """The share of the other way's memory that the chosen frames do without."""
    if ratio is None:
        return NOTHING
    if ratio.low is None or ratio.high is None:
        return f"{_share(ratio.value)} %"
    interval = f" ({_share(ratio.low)} to {_share(ratio.high)})"
    return f"{_share(ratio.value)} %{interval}"


def _share(ratio: float) -> str:
    return f"{100 * (1 - 1 / ratio):.0f}" if ratio else NOTHING
