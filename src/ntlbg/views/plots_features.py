"""Frames in the plane of their two largest principal components, with the contour of the picks.

On an ellipsoid (x - mu)' Sigma^-1 (x - mu) = c every point is equally far from the mean in the
video's own units; the ellipse drawn is where the selected frames lie on average.
"""

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse

from ntlbg.selectors import Selection
from ntlbg.time_text import timestamp
from ntlbg.views.plots import STYLE, save_figure

_FRAME, _PICK, _RING, _SOFT = "#b9c6cf", "#1c5d8c", "#e39a1c", "#63626a"
_RAMP = LinearSegmentedColormap.from_list("relevance", ["#d9e0e5", "#8dc3b4", "#12614f"])
_HALO = [patheffects.withStroke(linewidth=2.2, foreground="white")]
NAMED = 8  # picks with their time beside them
# Room of a time, in shares of the drawn width and height
ROOM = np.array([0.11, 0.04])


def save_feature_plane(
    features: np.ndarray,
    selection: Selection,
    pts_seconds: np.ndarray,
    folder: str | Path,
    *,
    name: str = "features",
    title: str = "",
) -> list[Path]:
    """Write ``name.png`` and ``name.svg``.

    Args:
        features: (T, D).
        selection: the frames chosen of them; its scores, where there are some, colour the frames.
        pts_seconds: (T,).

    Raises:
        OutputError: the folder cannot be written.
    """
    with matplotlib.rc_context(STYLE):
        figure = draw_feature_plane(features, selection, pts_seconds, title=title)
        return save_figure(figure, Path(folder), name)


def draw_feature_plane(
    features: np.ndarray, selection: Selection, pts_seconds: np.ndarray, *, title: str = ""
) -> Figure:
    """The same as a matplotlib Figure."""
    points, deviations, shares = principal_plane(features)
    figure = Figure(figsize=(6.4, 5.2))
    axes = figure.add_subplot()
    _draw_frames(figure, axes, points, selection.scores)
    radius = contour_radius(points[selection.indices], deviations)
    if radius > 0:
        axes.add_patch(
            Ellipse((0, 0), 2 * radius * deviations[0], 2 * radius * deviations[1], fill=False,
                    color=_RING, lw=1.6, label="contour of the selected frames")
        )  # fmt: skip
    _draw_picks(axes, points, selection, pts_seconds)
    for set_label, number in ((axes.set_xlabel, 0), (axes.set_ylabel, 1)):
        share = f"component {number + 1}, {shares[number]:.0%} of the variance"
        set_label(share, fontsize=9, color=_SOFT)
    axes.tick_params(labelsize=8, colors=_SOFT)
    axes.margins(0.08)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=3, frameon=False,
                fontsize=9, labelcolor=_SOFT)  # fmt: skip
    axes.set_title(title, fontsize=11, loc="left")
    return figure


def principal_plane(features: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frames (T, 2) on the two largest components, their deviations (2,), shares of variance (2,).

    Frames that are all the same lie at the origin.
    """
    centred = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)
    variance = np.square(centred).sum() or 1.0
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    values = np.pad(values, (0, max(0, 2 - len(values))))[:2]
    left = np.pad(left, ((0, 0), (0, max(0, 2 - left.shape[1]))))[:, :2]
    points = left * values
    # the sign of a component is arbitrary; the same video should look the same
    points *= np.where(points[np.abs(points).argmax(axis=0), [0, 1]] < 0, -1.0, 1.0)
    return points, values / np.sqrt(len(features)), values**2 / variance


def contour_radius(chosen: np.ndarray, deviations: np.ndarray) -> float:
    """Root mean square of the chosen points' (k, 2) distances from the mean, in deviations."""
    known = deviations > 1e-9 * deviations.max()
    if not known.any():
        return 0.0
    scaled = chosen[:, known] / deviations[known]
    return float(np.sqrt(np.square(scaled).sum(axis=1).mean()))


def _draw_frames(figure: Figure, axes: Axes, points: np.ndarray, scores) -> None:
    if scores is None:
        axes.scatter(points[:, 0], points[:, 1], s=9, color=_FRAME, lw=0, label="frame")
        return
    order = np.argsort(scores, kind="stable")  # relevant frames on top
    # a few frames can score far from all others
    low, high = np.quantile(scores, [0.05, 1.0])
    drawn = axes.scatter(points[order, 0], points[order, 1], s=11, c=scores[order], cmap=_RAMP,
                         lw=0, vmin=low, vmax=high, label="frame")  # fmt: skip
    bar = figure.colorbar(drawn, ax=axes, shrink=0.7, pad=0.02)
    bar.set_label("relevance", fontsize=9, color=_SOFT)
    bar.ax.tick_params(labelsize=8, colors=_SOFT)
    bar.outline.set_visible(False)


def _draw_picks(axes: Axes, points: np.ndarray, selection: Selection, pts_seconds) -> None:
    chosen = points[selection.indices]
    axes.scatter(chosen[:, 0], chosen[:, 1], s=46, facecolor="none", edgecolor=_PICK, lw=1.6,
                 label="selected frame")  # fmt: skip
    worth = selection.weights if selection.scores is None else selection.scores[selection.indices]
    for place in _apart(chosen, np.argsort(-worth, kind="stable"), points):
        second = timestamp(pts_seconds[selection.indices[place]])
        axes.annotate(second, chosen[place], xytext=(5, 4), textcoords="offset points",
                      fontsize=8, color=_PICK, path_effects=_HALO)  # fmt: skip


def _apart(chosen: np.ndarray, order: np.ndarray, points: np.ndarray) -> list[int]:
    """The first NAMED of the picks (k, 2) in this order whose times do not cover each other."""
    room = ROOM * np.maximum(np.ptp(points, axis=0), 1e-12)
    named: list[int] = []
    for place in order:
        gaps = np.abs(chosen[named] - chosen[place]) / room
        if len(named) < NAMED and not (gaps < 1).all(axis=1).any():
            named.append(int(place))
    return named
