"""A stretch of time is divided where what comes before differs most from what comes after.

Each chapter costs its scatter, that is how unlike its moments are to one another, and each border
has a price; the cheapest division is found exactly, by dynamic programming. This is change-point
detection by a kernel cost (Harchaoui and Cappe 2007; Potapov et al. 2014 for video).

The library ``ruptures`` has the same search. It wants a kernel, a matrix of T x T numbers without
weights, and has no borders that are forbidden, nor a least length in seconds where steps differ in
length; what is needed of it are these lines.

B bins of time, at most about a thousand: matrices of B x B take 8 MB.
"""

from dataclasses import dataclass

import numpy as np

ROUNDING_SECONDS = 1e-6


@dataclass(frozen=True, eq=False)
class Scatter:
    """What any run of bins costs.

    Attributes:
        edges: float64 (B + 1,), seconds, ascending: bin b is ``[edges[b], edges[b + 1])``.
        sums: float64 (B + 1, B + 1): of ``seconds x seconds x unlikeness`` of all pairs of bins
            before both indices.
    """

    edges: np.ndarray
    sums: np.ndarray

    @classmethod
    def of(cls, edges: np.ndarray, unlike: np.ndarray) -> "Scatter":
        """Of how unlike bins are: (B, B), symmetric, not negative, 0 on the diagonal."""
        seconds = np.diff(edges)
        sums = np.zeros((len(edges), len(edges)))
        np.cumsum(unlike * seconds[:, None] * seconds, axis=0, out=sums[1:, 1:])
        np.cumsum(sums[1:, 1:], axis=1, out=sums[1:, 1:])
        return cls(edges, sums)

    def __len__(self) -> int:
        return len(self.edges) - 1

    def until(self, end: int, least_seconds: float) -> np.ndarray:
        """Cost (end,) of a chapter that ends before a bin, by its first bin; inf: it is too short.

        With squared distances it is the sum of those to the chapter's mean, in seconds.
        """
        sums, lengths = self.sums, self.edges[end] - self.edges[:end]
        inside = sums[end, end] - sums[:end, end] - sums[end, :end] + sums.diagonal()[:end]
        costs = inside / (2 * lengths)
        costs[lengths < least_seconds - ROUNDING_SECONDS] = np.inf
        return costs


def cheapest(scatter: Scatter, price: float, least_seconds: float) -> list[int]:
    """Bins at which chapters begin, the first one among them, where each costs ``price`` more.

    All is one chapter where there is no room for two.
    """
    size = len(scatter)
    total, begin = np.full(size + 1, np.inf), np.zeros(size + 1, np.int64)
    total[0] = 0.0
    for end in range(1, size + 1):
        costs = total[:end] + scatter.until(end, least_seconds) + price
        begin[end] = costs.argmin()
        total[end] = costs[begin[end]]
    if not np.isfinite(total[size]):
        return [0]
    starts = [size]
    while starts[-1]:
        starts.append(int(begin[starts[-1]]))
    return starts[:0:-1]


def cheapest_of(scatter: Scatter, number: int, least_seconds: float) -> list[int] | None:
    """The same of exactly so many chapters; None where there is no room for them."""
    size = len(scatter)
    if number > size:  # which no memory might be enough for
        return None
    total = np.full((number + 1, size + 1), np.inf)
    begin = np.zeros((number + 1, size + 1), np.int64)
    total[0, 0] = 0.0
    for end in range(1, size + 1):
        costs = total[:-1, :end] + scatter.until(end, least_seconds)
        begin[1:, end] = costs.argmin(1)
        total[1:, end] = costs.min(1)
    if not np.isfinite(total[number, size]):
        return None
    starts = [size]
    for left in range(number, 0, -1):
        starts.append(int(begin[left, starts[-1]]))
    return starts[:0:-1]


def most_chapters(edges: np.ndarray, least_seconds: float) -> int:
    """How many chapters of such a length there is room for between edges (B + 1,), at least 1."""
    number, last = 0, edges[0]
    for edge in edges[1:]:
        if edge - last >= least_seconds - ROUNDING_SECONDS:
            number, last = number + 1, edge
    return max(number, 1)
