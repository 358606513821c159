"""Number-theoretic nets: deterministic points that represent a distribution evenly.

Fang & Wang 1994, Number-theoretic Methods in Statistics.
"""

import numpy as np

# Where the normal quantile of a net's point stays finite.
_EDGE = 1e-6


def quantile_points(weights: np.ndarray, num_points: int) -> np.ndarray:
    """Representative points F^-1((2i - 1) / 2n) of a measure on 0..T-1, in ascending order.

    Args:
        weights: (T,) mass of each element, not negative; need not sum to 1.
        num_points: n.

    Returns:
        int64 indices, at most n: an element with a large mass is named once.
    """
    cumulative = np.cumsum(weights, dtype=np.float64)
    levels = (np.arange(num_points) + 0.5) / num_points * cumulative[-1]
    return np.unique(np.searchsorted(cumulative, levels).clip(0, len(cumulative) - 1))


def normal_net(num_points: int, size: int, seed: int = 0) -> np.ndarray:
    """Net of the standard normal law: a scrambled Sobol sequence through the normal quantile.

    Returns:
        (num_points, size) float32, the same for the same arguments.
    """
    import torch  # only this net needs it, and selecting frames should not wait for it

    engine = torch.quasirandom.SobolEngine(size, scramble=True, seed=seed)
    uniform = engine.draw(num_points, dtype=torch.float64).clamp(_EDGE, 1 - _EDGE)
    return torch.special.ndtri(uniform).numpy().astype(np.float32)


def sphere_net(num_points: int, size: int, seed: int = 0) -> np.ndarray:
    """Net of the uniform law on the unit sphere: (num_points, size) float32 directions."""
    points = normal_net(num_points, size, seed)
    return points / np.linalg.norm(points, axis=1, keepdims=True)
