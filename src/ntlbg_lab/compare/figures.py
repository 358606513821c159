"""The rows of a comparison as pictures."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ntlbg.marks import plots
from ntlbg.views.plots import Bars, save_bars, save_heatmap
from ntlbg_lab.compare.measures import METRICS
from ntlbg_lab.compare.summary import ALL_KINDS, Row
from ntlbg_lab.compare.tables import BY_KIND, main_kinds

SHOWN = ("recall", "recall_all", "quantisation_error", "shot_coverage", "temporal_uniformity")
FILES = plots("comparison", "comparison-*", "question-types-*")
DIRECTIONS = {1: "more is better", -1: "less is better", 0: ""}


def write_figures(folder: Path, rows: Sequence[Row]) -> list[Path]:
    """``comparison`` for each main type of question, and ``question-types`` by budget.

    Raises:
        OutputError: the folder cannot be written.
    """
    written = []
    for kind in main_kinds(rows):
        name = "comparison" if kind == ALL_KINDS else f"comparison-{kind}"
        found = [row for row in rows if row.kind == kind]
        panels = bar_panels(found)
        videos = max(row.videos for row in found)
        title = f"{'all questions' if kind == ALL_KINDS else kind}, {videos} videos, 95 % intervals"
        written += save_bars(panels, folder, name=name, legend="frames", title=title)
    if main_kinds(rows) == [ALL_KINDS]:
        for num_frames in sorted({row.num_frames for row in rows}):
            written += _write_kinds(folder, rows, num_frames)
    return written


def bar_panels(rows: Sequence[Row]) -> list[Bars]:
    """A panel per metric; selectors from best to worst in the first metric that was measured."""
    found = {(row.metric, row.num_frames, row.selector): row for row in rows}
    budgets = sorted({row.num_frames for row in rows})
    shown = [m for m in SHOWN if any(r.mean is not None for r in rows if r.metric == m)]
    selectors = list(dict.fromkeys(row.selector for row in rows))
    better = METRICS[shown[0]].better
    means = {name: found[shown[0], budgets[-1], name].mean for name in selectors}
    selectors.sort(key=lambda name: (means[name] is None, -better * (means[name] or 0.0)))
    return [
        Bars(
            f"{METRICS[metric].label}\n{DIRECTIONS[METRICS[metric].better]}",
            selectors,
            {str(k): _numbers([found[metric, k, name] for name in selectors]) for k in budgets},
        )
        for metric in shown
    ]


def _write_kinds(folder: Path, rows: Sequence[Row], num_frames: int) -> list[Path]:
    cell = [row for row in rows if row.num_frames == num_frames and row.metric == BY_KIND]
    means = {(row.selector, row.kind): np.nan if row.mean is None else row.mean for row in cell}
    kinds = [kind for kind in dict.fromkeys(row.kind for row in cell) if kind != ALL_KINDS]
    selectors = sorted(
        dict.fromkeys(row.selector for row in cell), key=lambda name: -means[name, ALL_KINDS]
    )
    values = np.array([[means[name, kind] for kind in kinds] for name in selectors])
    title = f"{METRICS[BY_KIND].label}, {num_frames} frames, by type of question"
    name = f"question-types-{num_frames}"
    return save_heatmap(values, selectors, kinds, folder, name=name, title=title)


def _numbers(rows: Sequence[Row]) -> np.ndarray:
    """(G, 3) mean, low and high."""
    numbers = [[row.mean, row.low, row.high] for row in rows]
    return np.array(numbers, dtype=np.float64)
