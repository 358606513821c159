"""Choosing frames that differ from each other."""

import numpy as np

# Added to the kernel's diagonal, relative to the mean squared norm: copies keep a volume.
_JITTER = 1e-3


def greedy_log_volume(points: np.ndarray, quality: np.ndarray, num_points: int) -> np.ndarray:
    """Maximise log det of ``diag(quality) (X X' + jitter) diag(quality)``, one point at a time.

    Each step takes the largest quality times what of the point lies outside the span of those
    taken before: D-optimal design with qualities, or greedy MAP of a determinantal point process
    (Chen, Zhang & Zhou 2018), with their incremental Cholesky rows.

    Args:
        points: (N, S) float32, centred: a point at the origin has no volume.
        quality: (N,) positive.
        num_points: k, at most N.

    Returns:
        (k,) int64 distinct positions in the order chosen. Time O(N k (S + k)).
    """
    norms = np.einsum("ns,ns->n", points, points)
    jitter = _JITTER * float(norms.mean())
    quality = quality.astype(np.float32)
    residual = quality.astype(np.float64) ** 2 * (norms + jitter)
    rows = np.zeros((num_points, len(points)), np.float32)
    chosen = np.empty(num_points, np.int64)
    for step in range(num_points):
        best = chosen[step] = int(residual.argmax())
        pivot = np.sqrt(max(residual[best], np.finfo(np.float32).tiny))
        kernel = quality * (points @ points[best]) * quality[best]
        rows[step] = (kernel - rows[:step, best] @ rows[:step]) / np.float32(pivot)
        residual -= rows[step].astype(np.float64) ** 2
        residual[best] = -np.inf
    return chosen
