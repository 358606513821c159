"""Right answers as bars with intervals, by type of question or by kind of video.

V videos are independent, the questions about one are not.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from ntlbg.intervals import mean_over_questions
from ntlbg.judging import same_text
from ntlbg.views.plots import Bars, save_bars
from ntlbg_lab.evidence.metrics import token_f1

NOTHING = (np.nan, np.nan, np.nan)
ALL = "all"

# title of a panel: what one answer is worth there, None where it cannot be said
MEASURES: dict[str, Callable[[Mapping], float | None]] = {
    "exact match": lambda row: same_text(row["answer"], row["truth"]),
    "F1": lambda row: token_f1(row["answer"], row["truth"]),
    "frames inside the evidence": lambda row: row["grounded"],
    "coverage of the time": lambda row: row["selection"]["coverage"],
}


def save_answers(rows: Sequence[Mapping], folder: str | Path) -> list[Path]:
    """Write ``answers.png`` and ``answers.svg`` from the lines of ``answers.jsonl``.

    A group of bars for each type of question, a bar for each data set.

    Raises:
        OutputError: the folder cannot be written.
    """
    videos = len({(row["dataset"], row["video"]) for row in rows})
    title = f"{len(rows)} questions, {videos} videos, 95 % intervals"
    return save_bars(answer_panels(rows), folder, name="answers", legend="data set", title=title)


def answer_panels(rows: Sequence[Mapping]) -> list[Bars]:
    """A panel for each measure that at least one answer has."""
    kinds = sorted({row["kind"] or "none" for row in rows})
    groups = [ALL, *kinds] if len(kinds) > 1 else kinds
    datasets = list(dict.fromkeys(row["dataset"] for row in rows))
    panels = []
    for measured, worth in MEASURES.items():
        if all(worth(row) is None for row in rows):
            continue
        series = {
            name: np.array([_interval(_of(rows, name, group), worth) for group in groups])
            for name in datasets
        }
        panels.append(Bars(f"{measured}\nmore is better", groups, series))
    return panels


def _of(rows: Iterable[Mapping], dataset: str, kind: str) -> list[Mapping]:
    return [
        row for row in rows if row["dataset"] == dataset and kind in (ALL, row["kind"] or "none")
    ]


def _interval(rows: Iterable[Mapping], worth) -> tuple[float, float, float]:
    """Mean over questions, and its interval over videos; without one for a single video."""
    values = [(row["video"], worth(row)) for row in rows]
    known = [(video, value) for video, value in values if value is not None and np.isfinite(value)]
    return mean_over_questions(known) if known else NOTHING


def save_cells(rows: Sequence[Mapping], folder: str | Path) -> list[Path]:
    """Write ``cells.png`` and ``cells.svg`` from the ``summary.json`` of ``ntlbg evaluate``.

    Raises:
        OutputError: the folder cannot be written.
    """
    cells, selectors = (list(dict.fromkeys(row[key] for row in rows)) for key in
                        ("cell", "selector"))  # fmt: skip
    found = {(row["selector"], row["cell"]): (row["right"], *row["interval"]) for row in rows}
    series = {
        selector: np.array([found.get((selector, cell), NOTHING) for cell in cells], dtype=float)
        for selector in selectors
    }
    panel = Bars("right answers\nmore is better", cells, series)
    title = "kind of videos and frames, 95 % intervals"
    return save_bars([panel], folder, name="cells", legend="selector", title=title)
