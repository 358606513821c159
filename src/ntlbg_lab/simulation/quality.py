"""How good a choice of frames is, where the truth is known.

T frames, D feature size, k chosen; ``indices`` are the (k,) chosen frames.
"""

from collections.abc import Sequence

import numpy as np

from ntlbg.selectors.codebook import nearest_codes


def events_hit(events: Sequence[np.ndarray], indices: np.ndarray) -> np.ndarray:
    """For each event, given as its frames, whether one of them is chosen: (E,) bool."""
    return np.array([np.isin(event, indices).any() for event in events], bool)


def event_recall(events: Sequence[np.ndarray], indices: np.ndarray) -> float:
    """Share of events with a chosen frame inside; NaN without events."""
    return float(events_hit(events, indices).mean()) if len(events) else float("nan")


def quantisation_error(features: np.ndarray, indices: np.ndarray) -> float:
    """Squared distance to the nearest chosen frame over the total variance: 1 is the mean vector's.

    NaN when all frames are the same.
    """
    centred = features - features.mean(axis=0)
    _, distances = nearest_codes(centred, centred[indices])
    variance = np.einsum("td,td->", centred, centred, dtype=np.float64)
    return float(distances.sum(dtype=np.float64) / variance) if variance else float("nan")


def shot_coverage(shots: np.ndarray, indices: np.ndarray) -> float:
    """Share of the frames whose shot has a chosen one. ``shots`` (T,): each frame's shot."""
    return float(np.isin(shots, shots[indices]).mean())


def temporal_uniformity(times: np.ndarray, indices: np.ndarray) -> float:
    """1 minus the Kolmogorov distance of the chosen times from even ones; 1 - 1/2k at best.

    Args:
        times: (T,) ascending.
        indices: (k,) ascending.
    """
    duration = times[-1] - times[0]
    if duration == 0:
        return 1.0
    position = (times[indices] - times[0]) / duration
    k = len(indices)
    above = np.arange(1, k + 1) / k - position
    return float(1 - max(above.max(), (1 / k - above).max()))
