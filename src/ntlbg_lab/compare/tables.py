"""The rows of a comparison as tables and pictures."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from ntlbg.marks import json_rows, plots
from ntlbg.views.plots import Bars, save_bars, save_heatmap
from ntlbg.views.tables import NOTHING
from ntlbg_lab.compare.records import METRICS
from ntlbg_lab.compare.summary import ALL_KINDS, ComparisonRow, SelectorContrast
from ntlbg_lab.tables import Table, TableFiles, number, with_interval

TESTED = ("recall", "quantisation_error")  # all the others are in the CSV
BY_KIND = "recall"
OWN = ("kind", "num_frames", "selector", "metric", "mean", "low", "high", "videos")
OF_A_CONTRAST = ("other", "difference", "low", "high", "p", "p_holm")
COMPARISON = TableFiles(
    "comparison",
    "the table of a comparison",
    (*OWN, *(f"{name}_{field}" for name in ("baseline", "best_other") for field in OF_A_CONTRAST)),
    objects={
        "summary.json": json_rows("the summary of a comparison", "selector", "metric", "mean")
    },
)


def comparison_tables(rows: Sequence[ComparisonRow]) -> list[Table]:
    """Means and intervals, each with paired differences; then recall by type of question."""
    tables = []
    for cell in _cells(rows):
        tables.append(Table(_title(cell), _measures(cell)))
        contrasts = [_contrasts(cell, metric) for metric in TESTED]
        tables += [Table("", lines, in_latex=False) for lines in contrasts if lines]
    if ALL_KINDS in main_kinds(rows):
        tables += [_table_of_kinds(rows, k) for k in sorted({row.num_frames for row in rows})]
    return tables


def comparison_numbers(rows: Sequence[ComparisonRow]) -> Iterator[list]:
    """A line per type of question, budget, selector and metric, with both contrasts."""
    for row in rows:
        line = [getattr(row, name) for name in OWN]
        for contrast in (row.against_baseline, row.against_best_other):
            line += [getattr(contrast, field, None) for field in OF_A_CONTRAST]
        yield line


def main_kinds(rows: Iterable[ComparisonRow]) -> list[str]:
    """All types of questions together, or each where they were not pooled."""
    kinds = list(dict.fromkeys(row.kind for row in rows))
    return [ALL_KINDS] if ALL_KINDS in kinds else kinds


def best_selectors(rows: Sequence[ComparisonRow]) -> dict[str, str]:
    """The selector of the best mean by metric, within one type of question and budget."""
    best: dict[str, ComparisonRow] = {}
    for row in rows:
        better, held = METRICS[row.metric].better, best.get(row.metric)
        if better and row.mean is not None and (
            held is None or held.mean is None or better * row.mean > better * held.mean
        ):  # fmt: skip
            best[row.metric] = row
    return {metric: row.selector for metric, row in best.items()}


def _cells(rows: Sequence[ComparisonRow]) -> list[list[ComparisonRow]]:
    """The rows of each main type of question and budget."""
    kinds = main_kinds(rows)
    cells: dict[tuple[str, int], list[ComparisonRow]] = {}
    for row in rows:
        if row.kind in kinds:
            cells.setdefault((row.kind, row.num_frames), []).append(row)
    return list(cells.values())


def _title(cell: Sequence[ComparisonRow]) -> str:
    subject = "all questions" if cell[0].kind == ALL_KINDS else cell[0].kind
    videos = max(row.videos for row in cell)
    return f"{cell[0].num_frames} frames, {subject}, {videos} videos: mean (95 % interval)"


def _measures(rows: Sequence[ComparisonRow]) -> list[list[str]]:
    """Head and one line per selector; the best is between asterisks."""
    found = {(row.selector, row.metric): row for row in rows}
    best = best_selectors(rows)
    lines = [["selector", *(metric.label for metric in METRICS.values())]]
    for selector in dict.fromkeys(row.selector for row in rows):
        cells = [
            _value(found[selector, metric], bold=best.get(metric) == selector) for metric in METRICS
        ]
        lines.append([selector, *cells])
    return lines


def _value(row: ComparisonRow, *, bold: bool) -> str:
    text = with_interval(row.mean, row.low, row.high, f".{METRICS[row.metric].decimals}f")
    mean, *interval = text.split(" ", 1)
    return " ".join([f"**{mean}**" if bold else mean, *interval])


def _contrasts(rows: Sequence[ComparisonRow], metric: str) -> list[list[str]]:
    """Head and one line per selector, or nothing when there is no contrast."""
    lines = []
    for row in rows:
        baseline, best = row.against_baseline, row.against_best_other
        if row.metric == metric and (baseline or best):
            other = best.other if best else NOTHING
            lines.append([row.selector, *_difference(baseline), other, *_difference(best)])
    label = METRICS[metric].label
    head = [label, "minus uniform", "p", "best other", "minus best other", "p"]
    return [head, *lines] if lines else []


def _difference(contrast: SelectorContrast | None) -> tuple[str, str]:
    """Difference with its interval, and p adjusted for the number of selectors."""
    if contrast is None:
        return NOTHING, NOTHING
    c = contrast
    return with_interval(c.difference, c.low, c.high, "+.2f"), f"{c.p_holm:.2g}"


def _table_of_kinds(rows: Sequence[ComparisonRow], num_frames: int) -> Table:
    cell = [row for row in rows if row.num_frames == num_frames and row.metric == BY_KIND]
    found = {(row.selector, row.kind): row for row in cell}
    kinds = [kind for kind in dict.fromkeys(row.kind for row in cell) if kind != ALL_KINDS]
    lines = [["selector", *kinds]]
    for selector in dict.fromkeys(row.selector for row in cell):
        means = [found[selector, kind].mean for kind in kinds]
        lines.append([selector, *map(number, means)])
    title = f"{num_frames} frames: {METRICS[BY_KIND].label}, by type of question"
    return Table(title, lines, in_latex=False)


PLOTTED_METRICS = (
    "recall",
    "recall_all",
    "quantisation_error",
    "shot_coverage",
    "temporal_uniformity",
)
FILES = plots("comparison", "comparison-*", "question-types-*")
DIRECTIONS = {1: "more is better", -1: "less is better", 0: ""}


def write_figures(folder: Path, rows: Sequence[ComparisonRow]) -> list[Path]:
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


def bar_panels(rows: Sequence[ComparisonRow]) -> list[Bars]:
    """A panel per metric; selectors from best to worst in the first metric that was measured."""
    found = {(row.metric, row.num_frames, row.selector): row for row in rows}
    budgets = sorted({row.num_frames for row in rows})
    shown = [m for m in PLOTTED_METRICS if any(r.mean is not None for r in rows if r.metric == m)]
    selectors = list(dict.fromkeys(row.selector for row in rows))
    better = METRICS[shown[0]].better
    selectors.sort(key=lambda name: -better * (found[shown[0], budgets[-1], name].mean or 0.0))
    return [
        Bars(
            f"{METRICS[metric].label}\n{DIRECTIONS[METRICS[metric].better]}",
            selectors,
            {str(k): _numbers([found[metric, k, name] for name in selectors]) for k in budgets},
        )
        for metric in shown
    ]


def _write_kinds(folder: Path, rows: Sequence[ComparisonRow], num_frames: int) -> list[Path]:
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


def _numbers(rows: Sequence[ComparisonRow]) -> np.ndarray:
    """(G, 3) mean, low and high."""
    numbers = [[row.mean, row.low, row.high] for row in rows]
    return np.array(numbers, dtype=np.float64)
