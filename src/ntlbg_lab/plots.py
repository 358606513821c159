"""Plots from the files that other commands leave; what a file holds decides which.

Training curves; right answers as bars with intervals, by type of question or by kind of video;
comparisons; and what an answer saw. Videos are independent, the questions about one are not.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ntlbg.errors import DataError
from ntlbg.intervals import mean_over_questions
from ntlbg.judging import same_text
from ntlbg.text_files import MAX_LIST_BYTES, read_json, read_json_lines
from ntlbg.views.plots import STYLE, Bars, save_bars, save_figure, save_timeline
from ntlbg.views.plots_features import save_feature_plane
from ntlbg.views.result_file import read_seen
from ntlbg_lab.compare.summary import ComparisonRow
from ntlbg_lab.compare.tables import write_figures
from ntlbg_lab.evidence.metrics import token_f1

# history key: title
CURVES = {
    "loss": "Total loss",
    "task": "Answer (cross-entropy, nats)",
    "ntlbg": "Representative points",
    "align": "Distance to text",
    "context": "Context",
    "learning_rate": "Learning rate",
}
VALIDATION = "eval_task"
_LINE, _CHECK, _SOFT = "#1c5d8c", "#e39a1c", "#63626a"


def save_training_curves(history: Sequence[dict], folder: str | Path) -> list[Path]:
    """Write ``training.png`` and ``training.svg``: each term over the steps.

    Raises:
        DataError: nothing was logged. OutputError: the folder cannot be written.
    """
    with matplotlib.rc_context(STYLE):
        return save_figure(draw_training_curves(history), Path(folder), "training")


def draw_training_curves(history: Sequence[dict]) -> Figure:
    """The same as a matplotlib Figure."""
    shown = [name for name in CURVES if any(name in entry for entry in history)]
    if not shown:
        raise DataError("the training history is empty: nothing was logged")
    rows = -(-len(shown) // 3)
    figure = Figure(figsize=(10, 0.4 + 2.3 * rows))
    grid = figure.subplots(rows, min(3, len(shown)), squeeze=False)
    for axes, name in zip(grid.flat, shown):
        _draw_curve(axes, history, name)
    for axes in grid.flat[len(shown) :]:
        axes.set_axis_off()
    figure.subplots_adjust(hspace=0.65, wspace=0.28)
    return figure


def _draw_curve(axes: Axes, history: Sequence[dict], name: str) -> None:
    steps, values = _points(history, name)
    marks = "o" if len(steps) < 20 else None
    axes.plot(steps, values, color=_LINE, marker=marks, markersize=3.5, lw=1.5, label="training")
    if name == "task":
        steps, values = _points(history, VALIDATION)
        if steps:
            axes.plot(steps, values, color=_CHECK, marker="o", markersize=4, lw=1.5,
                      label="validation")  # fmt: skip
            axes.legend(frameon=False, fontsize=8, labelcolor=_SOFT)
    axes.set_title(CURVES[name], fontsize=10, loc="left")
    axes.tick_params(labelsize=8, colors=_SOFT)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
    axes.grid(axis="y", color="#e8eaec", lw=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel("step", fontsize=8, color=_SOFT)


def _points(history: Sequence[dict], name: str) -> tuple[list[int], list[float]]:
    found = [(entry["step"], entry[name]) for entry in history if name in entry]
    return [step for step, _ in found], [value for _, value in found]


NO_BAR = (np.nan, np.nan, np.nan)
ALL_TYPES = "all"

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
    groups = [ALL_TYPES, *kinds] if len(kinds) > 1 else kinds
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
        row
        for row in rows
        if row["dataset"] == dataset and kind in (ALL_TYPES, row["kind"] or "none")
    ]


def _interval(rows: Iterable[Mapping], worth) -> tuple[float, float, float]:
    """Mean over questions, and its interval over videos; without one for a single video."""
    values = [(row["video"], worth(row)) for row in rows]
    known = [(video, value) for video, value in values if value is not None and np.isfinite(value)]
    return mean_over_questions(known) if known else NO_BAR


def save_cells(rows: Sequence[Mapping], folder: str | Path) -> list[Path]:
    """Write ``cells.png`` and ``cells.svg`` from the ``summary.json`` of ``ntlbg evaluate``.

    Raises:
        OutputError: the folder cannot be written.
    """
    cells, selectors = (list(dict.fromkeys(row[key] for row in rows)) for key in
                        ("cell", "selector"))  # fmt: skip
    found = {(row["selector"], row["cell"]): (row["right"], *row["interval"]) for row in rows}
    series = {
        selector: np.array([found.get((selector, cell), NO_BAR) for cell in cells], dtype=float)
        for selector in selectors
    }
    panel = Bars("right answers\nmore is better", cells, series)
    title = "kind of videos and frames, 95 % intervals"
    return save_bars([panel], folder, name="cells", legend="selector", title=title)


ACCEPTED = (
    "history.json of training, summary.json of compare or evaluate, answers.jsonl of "
    "evaluate_experiment.py, or seen.safetensors of ask or select"
)


def plot_file(path: str | Path, folder: str | Path) -> list[Path]:
    """Draw what a results file holds, as PNG and SVG; returns the files written.

    Raises:
        DataError: the file cannot be read, or holds nothing that can be drawn.
        OutputError: the folder cannot be written.
    """
    path, folder = Path(path), Path(folder)
    if path.suffix == ".safetensors":
        return _draw_seen(path, folder)
    rows = _read_rows(path)
    for keys, draw in DRAWN_BY_KEYS.items():
        if rows and all(any(key in row for row in rows) for key in keys):
            return _drawn(path, rows, folder, draw)
    raise DataError(f"{path}: nothing in it can be drawn; give {ACCEPTED}")


def _drawn(path: Path, rows: list[dict], folder: Path, draw) -> list[Path]:
    try:
        return draw(rows, folder)
    except (KeyError, TypeError, ValueError) as error:  # keys or values that no command wrote
        raise DataError(f"{path}: is damaged ({error!r}); give {ACCEPTED}") from error


def _draw_seen(path: Path, folder: Path) -> list[Path]:
    result = read_seen(path)
    seen, title = result.context, result.question or result.video.name
    written = save_timeline(result, folder)
    return written + save_feature_plane(
        seen.features, seen.selection, seen.pts_seconds, folder, title=title
    )


def _read_rows(path: Path) -> list[dict]:
    """The objects of a JSON list, or of JSON lines."""
    if path.suffix == ".jsonl":
        content = [row for _, row in read_json_lines(path, ACCEPTED)]
    else:
        content = read_json(path, ACCEPTED, most=MAX_LIST_BYTES)
    if not isinstance(content, list) or not all(isinstance(row, dict) for row in content):
        raise DataError(f"{path}: holds no list of results; give {ACCEPTED}")
    return content


def _draw_comparison(rows: Sequence[Mapping], folder: Path) -> list[Path]:
    # the contrasts, which are objects of their own, are in the tables
    names = [field.name for field in fields(ComparisonRow) if not field.name.startswith("against")]
    return write_figures(
        folder, [ComparisonRow(**{name: row[name] for name in names}) for row in rows]
    )


# keys that tell a kind of results: what draws it
DRAWN_BY_KEYS: dict[tuple[str, ...], Callable[[list[dict], Path], list[Path]]] = {
    ("step", "loss"): save_training_curves,
    ("selector", "metric", "mean"): _draw_comparison,
    ("cell", "selector", "right"): save_cells,
    ("answer", "truth", "selection"): save_answers,
}
