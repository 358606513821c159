"""Points that span a large volume, each worth its quality."""

import numpy as np

# Added to the kernel's diagonal, relative to the mean squared norm: copies keep a volume.
_JITTER = 1e-3


def greedy_log_volume(
    points: np.ndarray,
    quality: np.ndarray,
    num_points: int,
    squared_norms: np.ndarray | None = None,
) -> np.ndarray:
    """Maximise log det of ``diag(quality) (X X' + jitter) diag(quality)``, one point at a time.

    Each step takes the largest quality times what of the point lies outside the span of those
    taken before: D-optimal design with qualities, or greedy MAP of a determinantal point process
    (Chen, Zhang & Zhou 2018), with their incremental Cholesky rows.

    Args:
        points: (N, S), centred: a point at the origin has no volume.
        quality: (N,) positive.
        num_points: k, at most N.
        squared_norms: (N,) of the points, where they are known exactly; measured without it.

    Returns:
        (k,) int64 distinct positions in the order chosen, of equally good points the lowest. Time
        O(N k (S + k)).
    """
    # Once more points are chosen than there are dimensions, what is left of a point is the jitter:
    # rounding in float32, 1e-7, would be a ten thousandth of it, and decide among many.
    points = points.astype(np.float64, copy=False)
    if squared_norms is None:
        squared_norms = np.einsum("ns,ns->n", points, points)
    extent = squared_norms[squared_norms > 0]
    jitter = _JITTER * (extent.mean() if len(extent) else 1.0)
    quality = quality.astype(np.float64)
    residual = quality**2 * (squared_norms + jitter)
    rows = np.zeros((num_points, len(points)))
    chosen = np.empty(num_points, np.int64)
    for step in range(num_points):
        best = chosen[step] = int(residual.argmax())
        pivot = np.sqrt(max(residual[best], np.finfo(np.float64).tiny))
        kernel = quality * (points @ points[best]) * quality[best]
        rows[step] = (kernel - rows[:step, best] @ rows[:step]) / pivot
        residual -= rows[step] ** 2
        residual[best] = -np.inf
    return chosen
