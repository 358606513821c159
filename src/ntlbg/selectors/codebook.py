"""Linde-Buzo-Gray codebooks on weighted points, some code vectors frozen.

N points, K code vectors, S size of the space. Linde, Buzo & Gray 1980, IEEE Trans. Comm. 28(1).
"""

import numpy as np

from ntlbg.selectors.inputs import BLOCK_FRAMES, blocks

# Steps of the arc length above this quantile are cuts; uncapped, they would take every segment.
_ARC_QUANTILE = 0.99
# Of the best gain: what is so near to it is as good. Of two points far from all others but near
# each other either saves the same, and distances in float32 are off by some 1e-7.
_TIED = 1e-6
_ROWS_AT_ONCE = 256  # of a matrix of all pairs


def nearest_codes(
    points: np.ndarray, codes: np.ndarray, block: int = BLOCK_FRAMES
) -> tuple[np.ndarray, np.ndarray]:
    """Nearest code vector of every point and the squared distance to it.

    Args:
        points: (N, S) float32.
        codes: (K, S) float32.
        block: points handled at a time; bounds the memory, does not change the result.

    Returns:
        (N,) int64 positions in ``codes``, the lowest of equally near ones; (N,) float32.
    """
    half_norms = np.einsum("ks,ks->k", codes, codes) / 2
    labels = np.empty(len(points), np.int64)
    distances = np.einsum("ns,ns->n", points, points)
    for part in blocks(len(points), block):
        closeness = points[part] @ codes.T
        closeness -= half_norms
        best = closeness.argmax(axis=1)
        labels[part] = best
        distances[part] -= 2 * closeness[np.arange(len(best)), best]
    return labels, np.maximum(distances, 0, out=distances)


def cell_sums(values: np.ndarray, labels: np.ndarray, num_cells: int) -> np.ndarray:
    """Sum of the rows of each cell: (num_cells, S)."""
    order = np.argsort(labels, kind="stable")
    present, starts = np.unique(labels[order], return_index=True)
    sums = np.zeros((num_cells, values.shape[1]), values.dtype)
    sums[present] = np.add.reduceat(values[order], starts, axis=0)
    return sums


def lbg(
    points: np.ndarray,
    codes: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    num_frozen: int = 0,
    iterations: int = 100,
    tolerance: float = 1e-6,
) -> tuple[np.ndarray, list[float]]:
    """Move code vectors to the means of their cells until the distortion settles.

    Args:
        points: (N, S) float32 training points.
        codes: (K, S) float32 start.
        weights: (N,) mass of each point; equal when left out.
        num_frozen: the first so many code vectors stay where they are.
        iterations: at most so many moves.
        tolerance: stop when the distortion falls by less than this share.

    Returns:
        (K, S) float32 code vectors, and the distortion before each move; it never rises.
        A code vector without points stays where it is.
    """
    codes = codes.copy()
    masses = np.ones(len(points)) if weights is None else np.asarray(weights, np.float64)
    masses = masses / masses.sum()
    weighted = points * masses[:, None].astype(np.float32)
    history: list[float] = []
    for _ in range(iterations):
        labels, distances = nearest_codes(points, codes)
        history.append(float(masses @ distances))
        if len(history) > 1 and history[-2] - history[-1] <= tolerance * history[-2]:
            break
        cell_mass = np.bincount(labels, masses, minlength=len(codes))
        movable = np.flatnonzero(cell_mass > 0)
        movable = movable[movable >= num_frozen]
        sums = cell_sums(weighted, labels, len(codes))
        codes[movable] = sums[movable] / cell_mass[movable, None]
    return codes, history


def greedy_insertion(
    points: np.ndarray, weights: np.ndarray, num_codes: int, frozen: np.ndarray
) -> np.ndarray:
    """Insert one point after the other, each the one that lowers the distortion most.

    The start called splitting: a good codebook on its own, at O(N^2) memory and
    O(N^2 log num_codes) time, as fewer points change their code with every insertion.

    Args:
        points: (N, S) float32.
        weights: (N,) mass of each point.
        num_codes: how many to insert, at most N.
        frozen: (F, S) code vectors already there.

    Returns:
        (num_codes,) int64 distinct positions in ``points``; of equally good points the lowest.
    """
    norms = np.einsum("ns,ns->n", points, points)
    between = points @ points.T
    between *= -2
    between += norms
    between += norms[:, None]
    np.maximum(between, 0, out=between)
    masses = np.asarray(weights, np.float64)
    if len(frozen):
        _, current = nearest_codes(points, frozen)
    else:
        current = np.full(len(points), between.max())
    gain = np.zeros(len(points))
    for part in blocks(len(points), _ROWS_AT_ONCE):
        gain += masses[part] @ np.maximum(current[part, None] - between[part], 0)
    chosen = np.empty(min(num_codes, len(points)), np.int64)
    for step in range(len(chosen)):
        most = gain.max()
        best = chosen[step] = int((gain >= most - _TIED * abs(most)).argmax())
        moved = np.flatnonzero(between[best] < current)
        nearer = between[best, moved]
        lost = current[moved] - nearer
        # How much less each candidate could still save on the points that just moved.
        for part in blocks(len(moved), _ROWS_AT_ONCE):
            rows = moved[part]
            overlap = np.clip(current[rows, None] - between[rows], 0, lost[part, None])
            gain -= masses[rows] @ overlap
        current[moved] = nearer
        gain[best] = -np.inf
    return chosen


def farthest_point_fill(points: np.ndarray, chosen: np.ndarray, num_points: int) -> np.ndarray:
    """Add the points farthest from all chosen ones until there are ``num_points``.

    Args:
        points: (N, S) float32.
        chosen: (K,) distinct positions, at least one.
        num_points: K to N.

    Returns:
        (num_points,) int64 ascending.
    """
    missing = num_points - len(chosen)
    if missing == 0:
        return np.sort(chosen)
    _, distances = nearest_codes(points, points[chosen])
    distances[chosen] = -1
    norms = np.einsum("ns,ns->n", points, points)
    added = np.empty(missing, np.int64)
    for step in range(missing):
        farthest = added[step] = int(distances.argmax())
        to_it = np.maximum(norms - 2 * (points @ points[farthest]) + norms[farthest], 0)
        np.minimum(distances, to_it, out=distances)
        distances[farthest] = -1
    return np.sort(np.concatenate([chosen, added]))


def segment_borders(components: np.ndarray, relevance: np.ndarray, num_segments: int) -> np.ndarray:
    """Cut a video where its quantiles fall: in time, in change, and in relevance, a third each.

    A number-theoretic training set: the segments' means stand for all T frames, so that the cost
    of a codebook does not grow with T.

    Args:
        components: (T, r) frames in order of time.
        relevance: (T,) mass of each frame, sums to 1.
        num_segments: at most so many.

    Returns:
        int64 ascending, from 0 to T: segment i holds frames ``borders[i]`` to
        ``borders[i + 1] - 1``, at least one.
    """
    num_frames = len(components)
    if num_frames <= num_segments:
        return np.arange(num_frames + 1)
    steps = np.zeros(num_frames)
    for part in blocks(num_frames - 1):
        after = slice(part.start + 1, part.stop + 1)
        change = components[after] - components[part]
        steps[after] = np.einsum("tr,tr->t", change, change)
    steps = np.minimum(steps, np.quantile(steps, _ARC_QUANTILE) or steps.max())
    density = np.full(num_frames, 1 / num_frames) + relevance
    if steps.any():
        density += steps / steps.sum()
    cumulative = np.cumsum(density)
    levels = np.arange(1, num_segments) / num_segments * cumulative[-1]
    # A segment starts with the frame that brought the change, so that a cut never splits late.
    cuts = np.searchsorted(cumulative, levels)
    return np.unique(np.concatenate([[0], cuts, [num_frames]]))


def segment_means(points: np.ndarray, borders: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean point of each segment (M, S) float32 and its share of the frames (M,) float64."""
    counts = np.diff(borders)
    if len(counts) == len(points):
        return points, counts / len(points)
    sums = np.add.reduceat(points, borders[:-1], axis=0)
    return sums / counts[:, None].astype(np.float32), counts / len(points)
