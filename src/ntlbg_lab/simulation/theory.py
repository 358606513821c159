"""What theory says of representative points on one contour, measured: three tables.

In every table the law is normal with covariance the identity, the sample a number-theoretic net
and its mirror image, and the codebooks are LBG's. d is the size of the space, k the number of
points, rho a radius. docs/method.md has the mathematics.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ntlbg.selectors.codebook import lbg, nearest_codes
from ntlbg.selectors.contour import (
    EquiradiusCodebook,
    contour_deviation,
    equiradius_lbg,
    optimal_radius,
    simplex_radius,
)
from ntlbg.selectors.quasi_random import normal_net, sphere_net

SIMPLEX_SIZES = (2, 4, 8, 16, 32)
COMMON_RADIUS_CASES = (
    (2, 4),
    (2, 5),
    (2, 6),
    (2, 8),
    (2, 16),
    (4, 8),
    (4, 16),
    (4, 32),
    (16, 32),
    (16, 128),
)
MEDIAN_RADIUS_CASES = ((16, 8), (64, 64), (768, 512))
DEFAULT_NET_POINTS = 2**15
_ITERATIONS = 300
_TOLERANCE = 1e-7  # of the forced codebook; at a larger one it looks worse than it is


@dataclass(frozen=True)
class SimplexRow:
    """k = d + 1 points found by LBG without any constraint, beside the regular simplex.

    Attributes:
        size, num_points: d and k.
        radius: mean radius found.
        deviation: standard deviation of the radii over their mean.
        predicted_radius: rho_k = sqrt(k / (k - 1)) E max of k standard normals.
        distortion: mean squared distance found.
        predicted_distortion: d - rho_k squared.
    """

    size: int
    num_points: int
    radius: float
    deviation: float
    predicted_radius: float
    distortion: float
    predicted_distortion: float


@dataclass(frozen=True)
class CommonRadiusRow:
    """What one radius for all costs beyond k = d + 1.

    Attributes:
        size, num_points: d and k.
        deviation: of the radii of LBG's points without constraint.
        loss: how much larger the distortion is when all points share the best radius.
    """

    size: int
    num_points: int
    deviation: float
    loss: float


@dataclass(frozen=True)
class MedianRadiusRow:
    """Points at the median radius of the law against the best common radius.

    Attributes:
        size, num_points: d and k.
        median_radius, best_radius: of the law, and rho* for the directions found.
        distortion_at_median, distortion_at_best: of the same directions at either radius.
        distortion_of_mean: of the mean vector alone.
    """

    size: int
    num_points: int
    median_radius: float
    best_radius: float
    distortion_at_median: float
    distortion_at_best: float
    distortion_of_mean: float


def simplex_table(
    sizes: Iterable[int] = SIMPLEX_SIZES, net_points: int = DEFAULT_NET_POINTS
) -> list[SimplexRow]:
    """Where the common radius is a theorem: free codebooks of k = d + 1 points find it."""
    return [_simplex_row(size, net_points) for size in sizes]


def common_radius_table(
    cases: Iterable[tuple[int, int]] = COMMON_RADIUS_CASES,
    net_points: int = DEFAULT_NET_POINTS,
    restarts: int = 4,
) -> list[CommonRadiusRow]:
    """Where it ends: the distortion lost by forcing one radius on k points in d dimensions."""
    return [_common_radius_row(size, k, net_points, restarts) for size, k in cases]


def median_radius_table(
    cases: Iterable[tuple[int, int]] = MEDIAN_RADIUS_CASES, net_points: int = 2**13
) -> list[MedianRadiusRow]:
    """The median radius is never the optimum: in high dimension it is worse than one mean point.

    The directions are trained on one net and measured on another.
    """
    return [_median_radius_row(size, k, net_points) for size, k in cases]


def normal_sample(size: int, net_points: int, seed: int = 0) -> np.ndarray:
    """A net of N(0, I) and its mirror image, so that the mean is exactly zero: (2 n, d) float32."""
    half = normal_net(net_points, size, seed)
    return np.concatenate([half, -half])


def distortion(points: np.ndarray, codes: np.ndarray) -> float:
    """Mean squared distance to the nearest code vector."""
    return float(nearest_codes(points, codes)[1].mean(dtype=np.float64))


def _simplex_row(size: int, net_points: int) -> SimplexRow:
    k, points = size + 1, normal_sample(size, net_points)
    codes, _ = lbg(points, sphere_net(k, size), iterations=_ITERATIONS)
    rho = simplex_radius(k)
    return SimplexRow(
        size=size,
        num_points=k,
        radius=float(np.linalg.norm(codes, axis=1).mean()),
        deviation=contour_deviation(codes),
        predicted_radius=rho,
        distortion=distortion(points, codes),
        predicted_distortion=size - rho**2,
    )


def _common_radius_row(size: int, k: int, net_points: int, restarts: int) -> CommonRadiusRow:
    points = normal_sample(size, net_points)
    free = min(
        (lbg(points, sphere_net(k, size, s), iterations=_ITERATIONS) for s in range(restarts)),
        key=lambda result: result[1][-1],
    )[0]
    forced = _best_common_radius(points, k, restarts)
    return CommonRadiusRow(
        size=size,
        num_points=k,
        deviation=contour_deviation(free),
        loss=distortion(points, forced.codes) / distortion(points, free) - 1,
    )


def _median_radius_row(size: int, k: int, net_points: int) -> MedianRadiusRow:
    directions = _best_common_radius(normal_sample(size, net_points), k, restarts=1).directions
    points = normal_sample(size, net_points, seed=1)
    radii = np.linalg.norm(points, axis=1)
    median, best = float(np.median(radii)), optimal_radius(points, directions)
    return MedianRadiusRow(
        size=size,
        num_points=k,
        median_radius=median,
        best_radius=best,
        distortion_at_median=distortion(points, directions * np.float32(median)),
        distortion_at_best=distortion(points, directions * np.float32(best)),
        distortion_of_mean=float(np.square(radii, dtype=np.float64).mean()),
    )


def _best_common_radius(points: np.ndarray, k: int, restarts: int) -> EquiradiusCodebook:
    return max(
        (
            equiradius_lbg(points, k, iterations=_ITERATIONS, tolerance=_TOLERANCE, seed=seed)
            for seed in range(restarts)
        ),
        key=lambda book: book.radius,
    )
