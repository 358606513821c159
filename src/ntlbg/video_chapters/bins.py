"""Time in bins between which a chapter may begin, and what is seen in each.

T frames, B bins, D feature size.
"""

from collections.abc import Sequence

import numpy as np

from ntlbg.types import Passage

# Matrices of 1000 x 1000 take 8 MB and the search a second; of an hour a bin is 3.6 seconds, of
# three 10.8. What is searched is refined to a frame afterwards.
MOST_BINS = 1000
# Below, a bin has no frame of its own at one frame a second, as videos are looked at.
LEAST_BIN_SECONDS = 1.0
SPOKEN = ("subtitles", "speech")  # in this order: where there are both they say the same


def spoken(passages: Sequence[Passage]) -> list[Passage]:
    """Sentences that are said: of subtitles, or else of speech, in order of their start."""
    for source in SPOKEN:
        found = [one for one in passages if one.source == source and one.text.strip()]
        if found:
            return sorted(found, key=lambda one: (one.start_seconds, one.end_seconds, one.text))
    return []


def talking(passages: Sequence[Passage]) -> np.ndarray:
    """float64 (N, 2): from when to when somebody speaks, sentences that overlap as one."""
    spans: list[list[float]] = []
    for one in spoken(passages):
        if spans and one.start_seconds < spans[-1][1]:
            spans[-1][1] = max(spans[-1][1], one.end_seconds)
        else:
            spans.append([one.start_seconds, one.end_seconds])
    return np.array(spans, np.float64).reshape(-1, 2)


def outside(times: np.ndarray, spans: np.ndarray) -> np.ndarray:
    """Times (n,), each that lies inside a span (N, 2) moved to the nearer end of it."""
    if not len(spans):
        return times
    rows = np.maximum(np.searchsorted(spans[:, 0], times) - 1, 0)
    starts, ends = spans[rows].T
    nearer = np.where(times - starts < ends - times, starts, ends)
    return np.where((starts < times) & (times < ends), nearer, times)


def edges_of(seconds: float, spans: np.ndarray) -> np.ndarray:
    """float64 (B + 1,): borders of bins of about one length, none inside a span (N, 2).

    Args:
        seconds: of the whole, above 0.
    """
    number = int(min(MOST_BINS, max(1.0, seconds // LEAST_BIN_SECONDS)))
    inner = outside(np.linspace(0.0, seconds, number + 1)[1:-1], spans)
    inner = inner[(inner > 0.0) & (inner < seconds)]
    return np.unique(np.concatenate([[0.0], inner, [seconds]]))


def pooled(features: np.ndarray, pts_seconds: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """float64 (B, D): means of the features (T, D) in each bin, else those of the nearest frame.

    Args:
        pts_seconds: (T,), in any order.
    """
    order = np.argsort(pts_seconds, kind="stable")
    times = pts_seconds[order]
    bins = np.clip(np.searchsorted(edges, times, side="right") - 1, 0, len(edges) - 2)
    found = np.zeros((len(edges) - 1, features.shape[1]))
    counts = np.bincount(bins, minlength=len(found))
    filled = np.flatnonzero(counts)
    # in order of time frames of a bin lie side by side
    sums = np.add.reduceat(features[order].astype(np.float64), np.searchsorted(bins, filled))
    found[filled] = sums / counts[filled, None]
    empty = np.flatnonzero(counts == 0)
    found[empty] = features[order[nearest(times, (edges[empty] + edges[empty + 1]) / 2)]]
    return found


def nearest(times: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """int64 (n,): which of the times (T,), ascending, is nearest to each that is wanted (n,)."""
    after = np.clip(np.searchsorted(times, wanted), 1, max(len(times) - 1, 1))
    after = np.minimum(after, len(times) - 1)
    before = np.maximum(after - 1, 0)
    return np.where(wanted - times[before] <= times[after] - wanted, before, after)
