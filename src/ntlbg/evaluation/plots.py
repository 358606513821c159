"""Plots of a selection, as PNG and SVG, drawn without a display."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ntlbg.outputs import staged_directory
from ntlbg.results import Answer, Moments
from ntlbg.timelines import (
    relevance_curve,
    relevance_levels,
    round_moments,
    span_seconds,
    timestamp,
)

_STYLE = {
    "svg.hashsalt": "ntlbg",  # the same answer draws the same file
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "savefig.bbox": "tight",
    "savefig.facecolor": "white",
}
_CURVE, _PICK, _TRUTH, _SOFT = "#c9d3da", "#1c5d8c", "#e39a1c", "#63626a"
_PICTURES = 8


def save_timeline(
    result: Answer | Moments,
    folder: str | Path,
    *,
    name: str = "timeline",
    truth: Sequence[tuple[float, float]] = (),
) -> list[Path]:
    """Write ``name.png`` and ``name.svg``: relevance over time, selected frames, pictures.

    Args:
        result: needs ``result.seen``; pictures are shown when ``seen.frames`` is there.
        truth: intervals in seconds that hold the evidence, shaded.

    Raises:
        OutputError: the folder cannot be written.
    """
    folder, written = Path(folder), []
    with staged_directory(folder) as stage, matplotlib.rc_context(_STYLE):
        figure = draw_timeline(result, truth=truth)
        for suffix, metadata in ((".png", None), (".svg", {"Date": None})):
            figure.savefig(stage / f"{name}{suffix}", dpi=150, metadata=metadata)
            written.append(folder / f"{name}{suffix}")
    return written


def draw_timeline(result: Answer | Moments, *, truth: Sequence[tuple[float, float]] = ()) -> Figure:
    """The same as a matplotlib Figure, without pyplot and its global state."""
    pictures = _spread(result)
    figure = Figure(figsize=(10, 3.3 if pictures else 2.3))
    rows = (1, 1.9) if pictures else (0.01, 1)
    grid = figure.add_gridspec(2, 1, height_ratios=rows, hspace=0.12)
    axes = figure.add_subplot(grid[1])
    _draw_relevance(axes, result, truth)
    if pictures:
        _draw_pictures(figure, grid[0], result, pictures)
    figure.suptitle(_title(result), x=0.125, ha="left", fontsize=11, y=1.0)
    return figure


def _draw_relevance(axes: Axes, result: Answer | Moments, truth) -> None:
    times, selection = result.seen.pts_seconds, result.seen.selection
    start, span, levels = times[0], span_seconds(times), np.ones(len(result.evidence))
    for first, last in truth:
        half = max(last - first, span / 250) / 2  # a moment stays visible in an hour
        middle = (first + last) / 2
        axes.axvspan(middle - half, middle + half, color=_TRUTH, alpha=0.5, lw=0, label="evidence")
    if selection.scores is not None:
        positions, curve = relevance_curve(times, selection.scores)
        axes.fill_between(start + positions * span, curve, color=_CURVE, lw=0, label="relevance")
        levels = relevance_levels(selection.scores, selection.scores[selection.indices])
    moments = [item.pts_seconds for item in result.evidence]
    axes.vlines(moments, 0, levels, color=_PICK, lw=1.1, label="selected frame")
    axes.plot(moments, levels, "o", color=_PICK, markersize=4, clip_on=False)
    axes.set(xlim=(start, start + span), ylim=(0, 1.06), yticks=[])
    ticks = round_moments(times)
    axes.set_xticks(ticks, [timestamp(tick) for tick in ticks])
    handles, labels = axes.get_legend_handles_labels()
    unique = dict(zip(labels, handles))
    axes.legend(
        unique.values(), unique.keys(), loc="upper left", bbox_to_anchor=(-0.01, -0.14),
        ncols=3, frameon=False, fontsize=9, labelcolor=_SOFT,
    )  # fmt: skip


def _draw_pictures(figure, cell, result: Answer | Moments, positions: list[int]) -> None:
    row = cell.subgridspec(1, _PICTURES, wspace=0.06)
    for column, position in enumerate(positions):
        axes = figure.add_subplot(row[column])
        axes.imshow(result.seen.frames.data[position])
        axes.set_axis_off()
        axes.set_title(result.evidence[position].timestamp, fontsize=9, color=_SOFT, pad=3)


def _spread(result: Answer | Moments) -> list[int]:
    """Positions of the pictures to show: the best scores, in order of time."""
    if result.seen.frames is None:
        return []
    scores = [item.score or 0.0 for item in result.evidence]
    best = np.argsort(scores, kind="stable")[::-1][:_PICTURES]
    return sorted(int(position) for position in best)


def _title(result: Answer | Moments) -> str:
    if isinstance(result, Answer):
        return f"{result.question}  {result.text}"
    return result.question or result.video.name
