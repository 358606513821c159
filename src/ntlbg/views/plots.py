"""Plots of selections and comparisons, as PNG and SVG, drawn without a display."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.text import Text

from ntlbg.files import staged_directory
from ntlbg.marks import MARK, plots
from ntlbg.time_text import (
    relevance_curve,
    relevance_levels,
    round_moments,
    span_seconds,
    timestamp,
)
from ntlbg.types import Answer, SelectedFrames
from ntlbg.views.lanes import Lane, lanes_of

if TYPE_CHECKING:
    from matplotlib.typing import RcKeyType

# of every plot, for matplotlib.rc_context
STYLE: "dict[RcKeyType, object]" = {
    "svg.hashsalt": "ntlbg",  # the same answer draws the same file
    "text.parse_math": False,  # a question about $5 and $6 is no formula
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "savefig.bbox": "tight",
    "savefig.facecolor": "white",
}
_CURVE, _PICK, _TRUTH, _SOFT = "#c9d3da", "#1c5d8c", "#e39a1c", "#63626a"
_INTERVAL = "#22313d"
_SHADES = ("#d5e4ef", "#a5c7de", "#6fa4c9", "#3d7fb0")  # one per series; intervals stay visible
_PICTURES = 8  # as many as fit beside one another
_LANE = 0.16  # of the height of the curve, for a lane of what is said: as a line of its name takes
_TITLE_CELLS = 90  # of the title, ten inches wide; a Chinese letter takes two
_SAID = "#93a3b0"  # darker than the curve, which it stands under


def save_timeline(
    result: Answer | SelectedFrames,
    folder: str | Path,
    *,
    name: str = "timeline",
    truth: Sequence[tuple[float, float]] = (),
) -> list[Path]:
    """Write ``name.png`` and ``name.svg``: relevance over time, selected frames, pictures.

    Below the curve stands when something is said and written, where that is known.

    Args:
        result: needs ``result.context``; pictures are shown when ``seen.frames`` is there.
        truth: intervals in seconds that hold the evidence, shaded.

    Raises:
        OutputError: the folder cannot be written.
    """
    with matplotlib.rc_context(STYLE):
        return save_figure(draw_timeline(result, truth=truth), Path(folder), name)


def save_figure(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write ``name.png`` and ``name.svg``; the same figure gives the same files.

    Raises:
        OutputError: the folder cannot be written.
    """
    written = []
    marks = {".png": {"Software": MARK}, ".svg": {"Creator": MARK, "Date": None}}
    with staged_directory(folder, plots(name)) as stage:
        for suffix, metadata in marks.items():
            figure.savefig(stage / f"{name}{suffix}", dpi=150, metadata=metadata)
            written.append(folder / f"{name}{suffix}")
    return written


def draw_timeline(
    result: Answer | SelectedFrames, *, truth: Sequence[tuple[float, float]] = ()
) -> Figure:
    """The same as a matplotlib Figure, without pyplot and its global state."""
    pictures, lanes = _spread(result), lanes_of(result)
    taller = 1 + _LANE * len(lanes)
    figure = Figure(figsize=(10, (3.3 if pictures else 2.3) + 1.2 * (taller - 1)))
    rows = (1, 1.9 * taller) if pictures else (0.01, taller)
    grid = figure.add_gridspec(2, 1, height_ratios=rows, hspace=0.12)
    axes = figure.add_subplot(grid[1])
    _draw_relevance(axes, result, truth)
    if lanes:
        _draw_lanes(axes, lanes)
    _add_legend(axes)
    if pictures:
        _draw_pictures(figure, grid[0], result, pictures)
    figure.suptitle(_title(result), x=0.125, ha="left", fontsize=11, y=1.0)
    return figure


def _draw_relevance(axes: Axes, result: Answer | SelectedFrames, truth) -> None:
    times, selection = result.context.pts_seconds, result.context.selection
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


def _draw_lanes(axes: Axes, lanes: Sequence[Lane]) -> None:
    """Under the curve, in the order given, with the name of the source beside each."""
    middles = [-_LANE * (row + 0.6) for row in range(len(lanes))]
    for middle, lane in zip(middles, lanes):
        place = (middle - 0.3 * _LANE, 0.6 * _LANE)
        axes.broken_barh(_starts_and_widths(lane.spans), place, color=_SAID, lw=0,
                         label="said or written")  # fmt: skip
        if len(lane.quoted):
            taller = (middle - 0.45 * _LANE, 0.9 * _LANE)
            axes.broken_barh(_starts_and_widths(lane.quoted), taller, color=_PICK, lw=1,
                             label="quoted")  # fmt: skip
    axes.set_ylim(-_LANE * (len(lanes) + 0.2), axes.get_ylim()[1])
    axes.set_yticks(middles, [lane.source for lane in lanes], fontsize=9, color=_SOFT)
    axes.tick_params(axis="y", length=0)
    axes.axhline(0, color=_SOFT, lw=0.6)


def _starts_and_widths(spans: np.ndarray) -> list[tuple[float, float]]:
    return [(start, end - start) for start, end in spans.tolist()]


def _add_legend(axes: Axes) -> None:
    """Each mark once, below the axes."""
    handles, labels = axes.get_legend_handles_labels()
    unique = dict(zip(labels, handles))
    axes.legend(
        unique.values(), unique.keys(), loc="upper left", bbox_to_anchor=(-0.01, -0.14),
        ncols=5, frameon=False, fontsize=9, labelcolor=_SOFT,
    )  # fmt: skip


def _draw_pictures(figure, cell, result: Answer | SelectedFrames, positions: list[int]) -> None:
    row = cell.subgridspec(1, _PICTURES, wspace=0.06)
    for column, position in enumerate(positions):
        axes = figure.add_subplot(row[column])
        axes.imshow(result.context.pictures[position])
        axes.set_axis_off()
        axes.set_title(result.evidence[position].timestamp, fontsize=9, color=_SOFT, pad=3)


def _spread(result: Answer | SelectedFrames) -> list[int]:
    """Positions of the pictures to show: the best scores, in order of time."""
    if result.context.frames is None:
        return []
    scores = [item.score or 0.0 for item in result.evidence]
    best = np.argsort(scores, kind="stable")[::-1][:_PICTURES]
    return sorted(int(position) for position in best)


def _title(result: Answer | SelectedFrames) -> str:
    if isinstance(result, Answer):
        if result.quotations:
            return _cut(f"{result.question}  {' '.join(result.text.split())}")
        return f"{result.question}  {result.text}"
    return result.question or result.video.name


def _cut(title: str) -> str:
    """At the width of the figure: quotations are whole sentences."""
    line = Text(title)
    line.truncate(_TITLE_CELLS, overflow="ellipsis")
    return line.plain


@dataclass(frozen=True)
class Bars:
    """One panel of grouped bars with intervals.

    Attributes:
        title: what is measured, with the direction that is better.
        groups: (G,) names down the side, the same in every panel of a figure.
        series: name of each bar in a group, to its (G, 3) mean, low and high; NaN is left empty.
    """

    title: str
    groups: Sequence[str]
    series: Mapping[str, np.ndarray]


def save_bars(
    panels: Sequence[Bars], folder: str | Path, *, name: str, legend: str, title: str = ""
) -> list[Path]:
    """Write ``name.png`` and ``name.svg``: panels of horizontal bars side by side.

    Args:
        legend: what the series are.

    Raises:
        OutputError: the folder cannot be written.
    """
    with matplotlib.rc_context(STYLE):
        return save_figure(draw_bars(panels, legend=legend, title=title), Path(folder), name)


def draw_bars(panels: Sequence[Bars], *, legend: str, title: str = "") -> Figure:
    """The same as a matplotlib Figure."""
    num_groups, num_series = len(panels[0].groups), len(panels[0].series)
    height = 1.8 + num_groups * (0.16 + 0.15 * num_series)
    figure = Figure(figsize=(1.6 + 2.7 * len(panels), height), layout="constrained")
    for place, (axes, panel) in enumerate(
        zip(np.atleast_1d(figure.subplots(1, len(panels), sharey=True)), panels)
    ):
        _draw_bars(axes, panel, named=place == 0)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, title=legend, loc="outside lower center", ncols=num_series,
        frameon=False, fontsize=9, labelcolor=_SOFT,
    )  # fmt: skip
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    return figure


def _draw_bars(axes: Axes, panel: Bars, *, named: bool) -> None:
    places, thickness = np.arange(len(panel.groups)), 0.82 / len(panel.series)
    for number, (name, values) in enumerate(panel.series.items()):
        mean, low, high = np.asarray(values, dtype=np.float64).T
        axes.barh(
            places + (number - (len(panel.series) - 1) / 2) * thickness, mean, 0.92 * thickness,
            xerr=np.nan_to_num([np.maximum(mean - low, 0), np.maximum(high - mean, 0)]), label=name,
            color=_shade(number, len(panel.series)),
            error_kw={"elinewidth": 0.9, "ecolor": _INTERVAL},
        )  # fmt: skip
    axes.set_title(panel.title, fontsize=10)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#e4e7ea", lw=0.7)
    axes.set_axisbelow(True)
    ends = [np.fmax.reduce(np.asarray(values), axis=1) for values in panel.series.values()]
    highest = max((float(end) for end in np.concatenate(ends) if end > 0), default=1.0)
    axes.set_xlim(0, 1.04 * highest)
    if named:
        axes.set_yticks(places, panel.groups)
        axes.set_ylim(len(places) - 0.45, -0.55)


def _shade(number: int, num_series: int) -> str:
    """The later the darker, as far apart as there are shades."""
    return _SHADES[min(number * len(_SHADES) // num_series, len(_SHADES) - 1)]


def save_heatmap(
    values: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    folder: str | Path,
    *,
    name: str,
    title: str = "",
) -> list[Path]:
    """Write ``name.png`` and ``name.svg``: values (R, C) of 0 to 1 as shades with their numbers.

    Raises:
        OutputError: the folder cannot be written.
    """
    with matplotlib.rc_context(STYLE):
        return save_figure(draw_heatmap(values, rows, columns, title=title), Path(folder), name)


def draw_heatmap(
    values: np.ndarray, rows: Sequence[str], columns: Sequence[str], *, title: str = ""
) -> Figure:
    """The same as a matplotlib Figure; NaN is an empty cell."""
    size = (1.8 + 0.75 * len(columns), 1.0 + 0.32 * len(rows))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(values, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(length=0, top=True, bottom=False, labeltop=True, labelbottom=False)
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            shade = "white" if value > 0.55 else _INTERVAL
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=shade, size=9)
    axes.spines[:].set_visible(False)
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    return figure
