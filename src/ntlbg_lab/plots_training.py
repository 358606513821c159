"""Training curves, from the history that training leaves."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ntlbg.errors import DataError
from ntlbg.views.plots import STYLE, save_figure

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
