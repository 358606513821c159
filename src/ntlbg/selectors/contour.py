"""Representative points on one ellipsoid: theory of the common radius, and codebooks that keep it.

N points, K code vectors, S size of the space, in which the covariance is the identity: there the
contour (r - mean)' Sigma^-1 (r - mean) = c is a sphere of radius sqrt(c).

The MSE representative points of a normal law share one radius exactly while K <= S + 1, nearly
while K is a few times S, and not beyond. Tarpey, Li & Flury 1995, Ann. Statist. 23:103-112; Fang,
Yuan & Bentler 1994, Applications of number-theoretic methods to quantizers of elliptically
contoured distributions.
"""

import math
from dataclasses import dataclass

import numpy as np

from ntlbg.selectors.codebook import cell_sums, greedy_insertion, lbg
from ntlbg.selectors.inputs import blocks
from ntlbg.selectors.quasi_random import sphere_net

_FLAT = 1e-10  # relative to the largest variance: directions without extent
_CODES_AT_ONCE = 32  # set by hand: bounds memory, changes no number


@dataclass(frozen=True)
class EquiradiusCodebook:
    """Code vectors ``radius * directions``.

    Attributes:
        directions: (K, S) float32 unit vectors.
        radius: rho; rho squared is the constant c of the contour.
        history: mean projection before each move; it never falls.
    """

    directions: np.ndarray
    radius: float
    history: list[float]

    @property
    def codes(self) -> np.ndarray:
        return self.directions * np.float32(self.radius)


def simplex_radius(num_points: int) -> float:
    """rho_k = sqrt(k / (k - 1)) E max of k standard normals, for k <= S + 1 points of N(0, I).

    The directions form a regular simplex; the distortion is S - rho_k squared.
    """
    if num_points < 2:
        return 0.0
    grid = np.linspace(0.0, 12.0, 6001)
    below = np.array([math.erfc(-x / math.sqrt(2)) / 2 for x in grid])
    expected_maximum = np.trapezoid(1 - below**num_points - (1 - below) ** num_points, grid)
    return math.sqrt(num_points / (num_points - 1)) * float(expected_maximum)


def optimal_radius(
    points: np.ndarray, directions: np.ndarray, weights: np.ndarray | None = None
) -> float:
    """The one radius of least distortion for given directions: the mean of max_j <u_j, x_t>.

    A point's nearest code vector is the one of largest projection whatever the radius, so the
    distortion is E|x|^2 - 2 rho E max_j <u_j, x> + rho^2; least at 0 where that mean is negative.
    """
    _, projections = _steepest(points, directions)
    return max(float(np.average(projections, weights=weights)), 0.0)


def contour_deviation(codes: np.ndarray) -> float:
    """Standard deviation of the code vectors' radii over their mean; 0 on one contour."""
    radii = np.linalg.norm(codes, axis=1)
    return float(radii.std() / radii.mean())


def equiradius_lbg(
    points: np.ndarray,
    num_codes: int,
    *,
    weights: np.ndarray | None = None,
    iterations: int = 20,
    tolerance: float = 0.0,
    seed: int = 0,
) -> EquiradiusCodebook:
    """LBG under one radius: directions become their cells' normalised sums.

    Args:
        points: (N, S) float32 with mean 0 and covariance I.
        num_codes: K.
        weights: (N,) mass of each point; equal when left out.
        iterations: at most so many moves of the directions.
        tolerance: stop when the mean projection rises by no more than this share.
        seed: of the net of directions it starts from.
    """
    masses = np.ones(len(points)) if weights is None else weights
    weighted = points * np.asarray(masses, np.float32)[:, None]
    directions = sphere_net(num_codes, points.shape[1], seed)
    history = []
    for _ in range(iterations):
        labels, projections = _steepest(points, directions)
        history.append(float(np.average(projections, weights=masses)))
        if len(history) > 1 and history[-1] - history[-2] <= tolerance * history[-2]:
            break
        sums = cell_sums(weighted, labels, num_codes)
        lengths = np.linalg.norm(sums, axis=1)
        moved = lengths > 0
        directions[moved] = sums[moved] / lengths[moved, None]
    return EquiradiusCodebook(directions, optimal_radius(points, directions, masses), history)


def mahalanobis_lbg(
    points: np.ndarray, num_codes: int, *, iterations: int = 100
) -> tuple[np.ndarray, np.ndarray]:
    """Representative points for the distance (x - r)' Sigma^-1 (x - r), and their nearest points.

    Equivariant: an invertible affine map of the points maps the code vectors, and leaves the
    indices as they are.

    Returns:
        (K, D) float64 code vectors in the points' own space, and (K,) int64 ascending distinct
        indices of points near them.
    """
    points = np.asarray(points, np.float64)
    mean = points.mean(axis=0)
    centred = points - mean
    variances, axes = np.linalg.eigh(centred.T @ centred / len(points))
    extent = variances > _FLAT * variances[-1]
    deviations, axes = np.sqrt(variances[extent]), axes[:, extent]
    white = (centred @ axes / deviations).astype(np.float32)
    start = greedy_insertion(white, np.ones(len(white)), num_codes, white[:0])
    codes, _ = lbg(white, white[start], iterations=iterations)
    return mean + (codes * deviations) @ axes.T, snap(white, codes)


def snap(points: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Distinct points near the code vectors; the code vector nearest to a point goes first.

    Args:
        points: (N, S) float32.
        codes: (K, S) float32, K <= N.

    Returns:
        (K,) int64 ascending.
    """
    norms = np.einsum("ns,ns->n", points, points)
    nearest = np.full(len(codes), np.inf, np.float32)
    for part in blocks(len(points)):
        distances = norms[part, None] - 2 * points[part] @ codes.T
        nearest = np.minimum(nearest, distances.min(axis=0))
    order = np.argsort(nearest + np.einsum("ks,ks->k", codes, codes), kind="stable")
    free = np.ones(len(points), bool)
    chosen = np.empty(len(codes), np.int64)
    for part in blocks(len(codes), _CODES_AT_ONCE):
        distances = norms - 2 * codes[order[part]] @ points.T
        for row, position in zip(distances, range(part.start, part.stop)):
            chosen[position] = int(np.where(free, row, np.inf).argmin())
            free[chosen[position]] = False
    return np.sort(chosen)


def nearest_to_median_contour(points: np.ndarray, num_points: int) -> np.ndarray:
    """The points whose radius squared is closest to the median one: (K,) int64 ascending.

    Of two equally far ones the earlier. An even number of points has two in the middle, as far
    from the median on both sides.
    """
    # The median of float32 numbers is exact in float64, and so are the two equal distances.
    radii = np.einsum("ns,ns->n", points, points).astype(np.float64)
    off_contour = np.abs(radii - np.median(radii))
    return np.sort(np.argsort(off_contour, kind="stable")[:num_points])


def _steepest(points: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The direction of largest projection of each point, and that projection."""
    labels = np.empty(len(points), np.int64)
    projections = np.empty(len(points), np.float32)
    for part in blocks(len(points)):
        along = points[part] @ directions.T
        labels[part] = along.argmax(axis=1)
        projections[part] = along.max(axis=1)
    return labels, projections
