"""What a choice of frames is worth: recall of the evidence, coverage of the video, spread.

T frames, k of them chosen, r principal components. ``METRICS`` is the whole menu.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ntlbg_lab.evidence.metrics import (
    cell_contour_deviation,
    events_hit,
    quantisation_error,
    shot_coverage,
    temporal_uniformity,
    whitened,
)


@dataclass(frozen=True)
class Metric:
    """What one number means. ``better`` is 1 when more is better, -1 when less is, else 0."""

    label: str
    better: int
    decimals: int = 2


METRICS = {
    "recall": Metric("event recall", 1),
    "recall_any": Metric("any event", 1),
    "recall_all": Metric("all events", 1),
    "quantisation_error": Metric("quantisation error", -1),
    "shot_coverage": Metric("shot coverage", 1),
    "temporal_uniformity": Metric("temporal uniformity", 0),
    "contour_deviation": Metric("contour deviation", 0),
    "seconds": Metric("processor seconds", -1, 3),
}


@dataclass(frozen=True)
class Question:
    """A question about a video, where its evidence is, and the way to frames for it.

    Attributes:
        kind: its type.
        events: frames that show each piece of evidence; empty when there is none to see.
        choose: selector and budget to (k,) ascending indices.
    """

    kind: str
    events: Sequence[np.ndarray]
    choose: Callable[[str, int], np.ndarray]


@dataclass(frozen=True)
class Footage:
    """A video to compare selectors on.

    Attributes:
        features: (T, D) float32.
        pts_seconds: (T,) ascending.
        shots: (T,) number of the shot of each frame.
        questions: about it.
    """

    features: np.ndarray
    pts_seconds: np.ndarray
    shots: np.ndarray
    questions: Sequence[Question]

    @cached_property
    def white(self) -> np.ndarray | None:
        """(T, r) leading components with variance 1; None when all frames are the same."""
        return whitened(self.features)


def measure(footage: Footage, question: Question, indices: np.ndarray) -> dict[str, float | None]:
    """Everything in METRICS but the seconds; None where there is nothing to measure."""
    seen = events_hit(question.events, indices)
    error = quantisation_error(footage.features, indices)
    spread = cell_contour_deviation(footage.features, footage.white, indices)
    return {
        "recall": float(seen.mean()) if len(seen) else None,
        "recall_any": float(seen.any()) if len(seen) else None,
        "recall_all": float(seen.all()) if len(seen) else None,
        "quantisation_error": None if np.isnan(error) else error,
        "shot_coverage": shot_coverage(footage.shots, indices),
        "temporal_uniformity": temporal_uniformity(footage.pts_seconds, indices),
        "contour_deviation": None if np.isnan(spread) else spread,
    }
