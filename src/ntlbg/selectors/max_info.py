"""MaxInfo: the frames whose features span the largest volume, by rect-maxvol.

T frames, D feature size, s rank, k chosen.
"""

from dataclasses import dataclass

import numpy as np

from ntlbg.selectors.inputs import MOST, Inputs, NoOptions, check_number
from ntlbg.selectors.log_volume import greedy_log_volume
from ntlbg.selectors.result import SelectorOutput
from ntlbg.selectors.uniform import choose_uniform

# Of the randomised decomposition, and swaps of maxvol at most. Set by hand.
_OVERSAMPLING = 8
_POWER_ITERATIONS = 4
_RANK_FLOOR = 1e-3  # singular values relative to the largest; float32 products leave about 1e-4
_SWAP_GAIN = 1.05  # a swap must enlarge the volume by so much, as in the published maxvol
_MAX_SWAPS = 100


@dataclass(frozen=True)
class MaxInfoOptions:
    """Options of ``max_info``.

    Attributes:
        rank: s, left singular vectors of the features that stand for a frame.
    """

    rank: int = 8

    def __post_init__(self):
        check_number("rank", self.rank, 1, MOST, whole=True)


def choose_max_info(inputs: Inputs, options: MaxInfoOptions) -> SelectorOutput:
    """Rows of the left singular vectors of largest volume: maxvol for s rows, then one by one.

    Li, Abdullaeva, Gambashidze, Kuznetsov & Oseledets 2025 (MaxInfo), arXiv:2502.03183; Mikhalev &
    Oseledets 2018, Rectangular maximum-volume submatrices, Linear Algebra Appl. 538:187-211. The
    rows U of the features' first s left singular vectors: s rows whose determinant no single swap
    enlarges by 5 %, then always the row with the largest coefficients in those chosen, which
    enlarges det(U' U) most. Needs no query. Time O(T s (D + k)).

    Deviations: rect-maxvol adds rows until the largest coefficient falls below a tolerance; here
    until there are k. ``rank`` is 8, the value in use with the published code; that it is the
    paper's for every model is not certain.
    """
    rows = left_singular_vectors(inputs.features, min(options.rank, inputs.num_frames))
    if rows.shape[1] == 0:  # every feature is zero
        return choose_uniform(inputs, NoOptions())
    square = maxvol(rows, greedy_log_volume(rows, np.ones(len(rows)), rows.shape[1]))
    return SelectorOutput(np.sort(extend_volume(rows, square, inputs.num_frames)))


def left_singular_vectors(features: np.ndarray, rank: int) -> np.ndarray:
    """First left singular vectors of the features, not centred: (T, s) float32.

    Subspace iteration from a fixed start (Halko, Martinsson & Tropp 2011, SIAM Review 53:217-288):
    the full decomposition takes longer than all the rest. s falls below ``rank`` when the features
    span fewer directions.
    """
    num_frames, size = features.shape
    scale = np.abs(features).max()
    if scale == 0:
        return np.zeros((num_frames, 0), np.float32)
    features = features / scale
    width = min(rank + _OVERSAMPLING, num_frames, size)
    start = np.random.default_rng(0).standard_normal((size, width)).astype(np.float32)
    basis, _ = np.linalg.qr(features @ start)
    for _ in range(_POWER_ITERATIONS):
        basis, _ = np.linalg.qr(features.T @ basis)
        basis, _ = np.linalg.qr(features @ basis)
    turn, spectrum, _ = np.linalg.svd(basis.T @ features, full_matrices=False)
    kept = min(rank, int((spectrum > _RANK_FLOOR * spectrum[0]).sum()))
    return basis @ turn[:, :kept]


def maxvol(rows: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Swap rows until no single swap enlarges the determinant of those chosen by 5 %.

    Args:
        rows: (T, s).
        chosen: (s,) distinct positions of independent rows.

    Returns:
        (s,) int64.
    """
    rows, chosen = rows.astype(np.float64), chosen.copy()
    coefficients = rows @ np.linalg.inv(rows[chosen])
    for _ in range(_MAX_SWAPS):
        added, place = np.unravel_index(np.abs(coefficients).argmax(), coefficients.shape)
        pivot = coefficients[added, place]
        if abs(pivot) <= _SWAP_GAIN:
            break
        change = coefficients[added].copy()
        change[place] -= 1
        coefficients -= np.outer(coefficients[:, place] / pivot, change)
        chosen[place] = added
    return chosen


def extend_volume(rows: np.ndarray, chosen: np.ndarray, num_rows: int) -> np.ndarray:
    """Add rows that enlarge det(U' U) of those chosen most: (num_rows,) in the order chosen."""
    rows = rows.astype(np.float64)
    inverse = np.linalg.inv(rows[chosen].T @ rows[chosen])
    leverage = np.einsum("ts,sr,tr->t", rows, inverse, rows, optimize=True)
    leverage[chosen] = -np.inf
    extended = list(chosen)
    for _ in range(num_rows - len(chosen)):
        best = int(leverage.argmax())
        direction = inverse @ rows[best]
        growth = 1 + rows[best] @ direction
        inverse -= np.outer(direction, direction) / growth
        leverage -= np.square(rows @ direction) / growth
        leverage[best] = -np.inf
        extended.append(best)
    return np.array(extended)
