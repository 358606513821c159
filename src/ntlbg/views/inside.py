"""What the page shows of the inside of a model with NTLBG attention, in percent and paths."""

from typing import TYPE_CHECKING

import numpy as np

from ntlbg.time_text import percent, round_marks, timestamp

if TYPE_CHECKING:  # needs PyTorch
    from ntlbg.models.ntlbg.inspection import Attention, Plane, RichPoints

_CONTEXT_CELLS = 32  # set by hand


def attention_view(attention: "Attention") -> dict:
    """Words, distances over time and the plane, in percent, and paths in boxes 1000 wide."""
    times, distances = attention.pts_seconds, attention.distances
    low, high = min(distances.min(), attention.level), max(distances.max(), attention.level)

    def height(values):
        """4 to 96 percent, so that marks are whole."""
        return 4 + 92 * (values - low) / max(high - low, 1e-12)

    left = np.array([percent(second, times) for second in times])
    chosen = attention.chosen
    return {
        "shown": attention,
        "words": list(zip(attention.words, attention.word_weights.tolist())),
        "frames": _dots(10 * left, 100 - height(distances)),
        "picks": [
            (left[frame], height(distances[frame]), distances[frame], timestamp(times[frame]))
            for frame in chosen
        ],
        "level": height(attention.level),
        "ends": [(height(value), value) for value in (distances.min(), distances.max())],
        "marks": round_marks(times),
        "plane": _plane(attention.plane, chosen, attention.level),
    }


def _plane(plane: "Plane", chosen: np.ndarray, level: float) -> dict:
    """The plane in an SVG box; all lengths in units of it, y down."""
    reach = np.sqrt(level * np.diag(plane.covariance))
    corners = np.concatenate([plane.points, [plane.mean - reach, plane.mean + reach]])
    low, size = corners.min(axis=0), np.ptp(corners, axis=0)
    unit = 920 / size[0]  # leaves a margin of 40

    def place(points):
        return np.array([40, 40 + unit * size[1]]) + unit * (points - low) * [1, -1]

    points = place(plane.points)
    return {
        "height": 80 + unit * size[1],
        "mean": place(plane.mean),
        "frames": _dots(*points.T),
        "picks": _dots(*points[chosen].T),
        "ellipses": [
            (unit * large, unit * small, -degrees)
            for large, small, degrees in map(plane.ellipse, (1.0, level))
        ],
    }


def _dots(x: np.ndarray, y: np.ndarray) -> str:
    """An SVG path of points, as lines of no length; those at one place are one."""
    places = np.unique(np.round(np.stack([x, y], axis=1), 1), axis=0)
    return "".join(f"M{x:.1f},{y:.1f}h0" for x, y in places)


def points_view(points: "RichPoints") -> dict:
    """The rich points of one question: bars and context cells in 0..1."""
    context = points.context[:, :_CONTEXT_CELLS]
    largest = float(np.abs(context).max()) or 1.0
    return {
        "question": points.question,
        "context_size": points.context.shape[1],
        "rows": [
            {
                "time": timestamp(points.pts_seconds[row]),
                "norm": float(points.feature_norms[row]),
                "context": [float(value) / largest for value in context[row]],
                "relevance": float(points.weights[row, 0]),
                "mass": float(points.weights[row, 1]),
            }
            for row in range(len(points.pts_seconds))
        ],
    }
