"""How NTLBG attention chose frames: weights of words, distances over time, the Gaussian."""

from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse

from ntlbg.models.ntlbg.inspection import Attention
from ntlbg.time_text import round_moments, timestamp
from ntlbg.views.plots import STYLE, save_figure

_FRAME, _PICK, _RING, _MEAN, _SOFT = "#b9c6cf", "#1c5d8c", "#e39a1c", "#a8382c", "#63626a"

UPRIGHT = 12  # words that have room side by side


def save_attention(
    attention: Attention, folder: str | Path, *, name: str = "attention"
) -> list[Path]:
    """Write ``name.png`` and ``name.svg``.

    Raises:
        OutputError: the folder cannot be written.
    """
    with matplotlib.rc_context(STYLE):
        return save_figure(draw_attention(attention), Path(folder), name)


def draw_attention(attention: Attention) -> Figure:
    """The same as a matplotlib Figure: words above distances, and the plane beside them."""
    figure = Figure(figsize=(12.5, 5.8), layout="constrained")
    grid = figure.add_gridspec(2, 2, height_ratios=(1, 2.2), width_ratios=(1.25, 1))
    _draw_words(figure.add_subplot(grid[0, 0]), attention)
    _draw_distances(figure.add_subplot(grid[1, 0]), attention)
    plane = figure.add_subplot(grid[:, 1])
    _draw_plane(plane, attention)
    handles, labels = plane.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False, fontsize=9,
                  labelcolor=_SOFT)  # fmt: skip
    figure.suptitle(attention.question, fontsize=11, x=0.01, ha="left")
    return figure


def _draw_words(axes: Axes, attention: Attention) -> None:
    places = range(len(attention.words))  # a word can come twice
    turned = 90 if len(places) > UPRIGHT else 0
    bars = axes.bar(places, attention.word_weights, color=_PICK, width=0.7)
    axes.bar_label(bars, fmt="%.3f", fontsize=8, color=_SOFT, rotation=turned, padding=2)
    axes.set_xticks(places, attention.words, rotation=turned)
    axes.set(yticks=[], ylim=(0, (1.6 if turned else 1.2) * attention.word_weights.max()))
    axes.set_title("weight of each word in the mean", fontsize=9, loc="left", color=_SOFT)


def _draw_distances(axes: Axes, attention: Attention) -> None:
    times, distances, chosen = attention.pts_seconds, attention.distances, attention.chosen
    axes.scatter(times, distances, s=5, color=_FRAME, lw=0)
    axes.scatter(times[chosen], distances[chosen], s=22, color=_PICK, lw=0, zorder=3)
    axes.axhline(attention.level, color=_RING, ls="--", lw=1.4)
    axes.annotate(f"c = {attention.level:.1f}", (1, attention.level), ha="right", va="bottom",
                  xycoords=("axes fraction", "data"), fontsize=9, color=_SOFT)  # fmt: skip
    ticks = round_moments(times)
    axes.set_xticks(ticks, [timestamp(tick) for tick in ticks])
    axes.tick_params(labelsize=8, colors=_SOFT)
    axes.set_title("squared Mahalanobis distance to the mean", fontsize=9, loc="left", color=_SOFT)


def _draw_plane(axes: Axes, attention: Attention) -> None:
    plane, chosen = attention.plane, attention.plane.points[attention.chosen]
    axes.scatter(plane.points[:, 0], plane.points[:, 1], s=7, color=_FRAME, lw=0, label="frame")
    axes.scatter(chosen[:, 0], chosen[:, 1], s=40, facecolor="none", edgecolor=_PICK, lw=1.4,
                 label="selected frame")  # fmt: skip
    x, y = plane.mean
    axes.plot(x, y, "+", color=_MEAN, markersize=11, mew=1.8, label="mean of the question")
    for level, style, label in ((1.0, "-", "one standard deviation"),
                                (attention.level, "--", "level c")):  # fmt: skip
        large, small, degrees = plane.ellipse(level)
        axes.add_patch(
            Ellipse((x, y), 2 * large, 2 * small, angle=degrees, fill=False, color=_RING,
                    lw=1.4, ls=style, label=label)
        )  # fmt: skip
    axes.set_aspect("equal")
    axes.tick_params(labelsize=8, colors=_SOFT)
    axes.set_xlabel("from the mean of the frames to that of the question", fontsize=9, color=_SOFT)
    axes.set_ylabel("where the frames vary most otherwise", fontsize=9, color=_SOFT)
