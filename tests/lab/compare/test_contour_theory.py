"""Representative points of a normal law against what theory says of them."""

import numpy as np
import pytest
from scipy import integrate, stats

from ntlbg.selectors.codebook import lbg, nearest_codes
from ntlbg.selectors.contour import (
    contour_deviation,
    equiradius_lbg,
    mahalanobis_lbg,
    nearest_to_median_contour,
    optimal_radius,
    simplex_radius,
    snap,
)
from ntlbg.selectors.quasi_random import normal_net, quantile_points, sphere_net


def normal_sample(size: int, num_points: int = 2**13) -> np.ndarray:
    """Both signs of a net: the mean is exactly zero."""
    half = normal_net(num_points, size)
    return np.concatenate([half, -half])


def distortion(points: np.ndarray, codes: np.ndarray) -> float:
    return float(nearest_codes(points, codes)[1].mean(dtype=np.float64))


@pytest.mark.parametrize("k", [2, 3, 9, 17, 500])
def test_simplex_radius_is_that_of_the_largest_of_k_normals(k):
    largest, _ = integrate.quad(
        lambda x: x * k * stats.norm.pdf(x) * stats.norm.cdf(x) ** (k - 1), -10, 10
    )
    assert simplex_radius(k) == pytest.approx(np.sqrt(k / (k - 1)) * largest, rel=1e-5)


def test_simplex_radius_of_one_and_two_points():
    assert simplex_radius(1) == 0
    assert simplex_radius(2) == pytest.approx(np.sqrt(2 / np.pi), rel=1e-6)


@pytest.mark.parametrize("size", [2, 4, 8, pytest.param(16, marks=pytest.mark.thorough)])
def test_free_codebook_of_a_simplex_has_one_radius(size):
    """Nobody imposes a contour here: with k = size + 1 points it comes out by itself."""
    k, sample = size + 1, normal_sample(size, 2**13 if size < 8 else 2**14)
    codes, _ = lbg(sample, sphere_net(k, size), iterations=300, tolerance=1e-6)
    radii = np.linalg.norm(codes, axis=1)
    rho = simplex_radius(k)
    assert radii.mean() == pytest.approx(rho, rel=0.02)
    assert contour_deviation(codes) < 0.02
    assert distortion(sample, codes) == pytest.approx(size - rho**2, rel=0.02)
    if size < 16:  # in 16 dimensions simplices a little off regular are as good on a sample
        cosines = (codes / radii[:, None]) @ (codes / radii[:, None]).T
        np.testing.assert_allclose(cosines[~np.eye(k, dtype=bool)], -1 / size, atol=0.03)


@pytest.mark.parametrize(
    ("size", "k", "deviation", "loss"),
    [(2, 8, (0.3, 0.45), (0.2, 0.32)), (4, 8, (0, 0.02), (-0.01, 0.01))],
)
def test_one_radius_costs_where_theory_ends(size, k, deviation, loss):
    points = normal_sample(size, 2**12)
    free = min(
        (lbg(points, 1.5 * sphere_net(k, size, seed), iterations=200) for seed in range(4)),
        key=lambda result: result[1][-1],
    )[0]
    forced = max(
        (equiradius_lbg(points, k, iterations=60, seed=seed) for seed in range(4)),
        key=lambda result: result.radius,
    )
    assert deviation[0] <= contour_deviation(free) <= deviation[1]
    assert contour_deviation(forced.codes) < 1e-6
    extra = distortion(points, forced.codes) / distortion(points, free) - 1
    assert loss[0] <= extra <= loss[1]


@pytest.mark.parametrize(("size", "k"), [(3, 4), (8, 20), (32, 10)])
def test_closed_form_radius_is_the_best_one(size, k):
    points, directions = normal_sample(size, 2**11), sphere_net(k, size)
    rho = optimal_radius(points, directions)
    errors = [distortion(points, directions * np.float32(rho * f)) for f in (0.97, 1, 1.03)]
    assert np.argmin(errors) == 1
    # D(rho) = E|x|^2 - 2 rho m + rho^2 at its least
    assert errors[1] == pytest.approx(np.square(points).sum(axis=1).mean() - rho**2, rel=1e-4)


def test_weights_count_like_copies():
    rng = np.random.default_rng(0)
    points = rng.standard_normal((200, 5)).astype(np.float32)
    copies = rng.integers(1, 4, 200)
    directions = sphere_net(7, 5)
    assert optimal_radius(points, directions, copies) == pytest.approx(
        optimal_radius(np.repeat(points, copies, axis=0), directions), rel=1e-5
    )
    weighted = equiradius_lbg(points, 7, weights=copies)
    repeated = equiradius_lbg(np.repeat(points, copies, axis=0), 7)
    np.testing.assert_allclose(weighted.codes, repeated.codes, atol=1e-4)


def test_a_radius_is_not_negative():
    """Points all on the other side: best is the mean itself, not as far on the wrong side."""
    points = np.array([[1.0, 0], [2, 0], [3, 1]], np.float32)
    away = np.array([[-1.0, 0]], np.float32)
    assert optimal_radius(points, away) == 0
    assert optimal_radius(points, -away) == 2


def test_equiradius_lbg_never_gets_worse_and_gets_better():
    book = equiradius_lbg(normal_sample(16, 2**11), 32, iterations=25)
    assert (np.diff(book.history) > -1e-6).all()
    assert book.history[-1] > 1.02 * book.history[0]
    assert book.radius >= book.history[-1] - 1e-6
    np.testing.assert_allclose(np.linalg.norm(book.directions, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(book.codes, axis=1), book.radius, rtol=1e-5)


def test_points_on_the_median_contour_are_worse_than_the_mean_alone():
    """The optimal radius is 2.4 here; frames live at 8."""
    points = normal_sample(64, 2**11)
    directions = sphere_net(64, 64)
    median = np.median(np.linalg.norm(points, axis=1))
    rho = optimal_radius(points, directions)
    assert median > 3 * rho
    mean_alone = np.square(points).sum(axis=1).mean()
    assert distortion(points, directions * np.float32(median)) > 1.3 * mean_alone
    assert distortion(points, directions * np.float32(rho)) < 0.95 * mean_alone


def test_contour_deviation_by_hand():
    assert contour_deviation(np.array([[3.0, 0], [0, 5.0]])) == pytest.approx(1 / 4)


def test_mahalanobis_lbg_does_not_depend_on_the_coordinates():
    rng = np.random.default_rng(0)
    points = rng.standard_normal((400, 5)) + 4 * rng.integers(-1, 2, (400, 5))
    matrix = rng.standard_normal((5, 5)) * [1, 3, 0.2, 5, 1]
    shift = rng.standard_normal(5)
    codes, indices = mahalanobis_lbg(points, 12)
    mapped_codes, mapped_indices = mahalanobis_lbg(points @ matrix.T + shift, 12)
    np.testing.assert_array_equal(mapped_indices, indices)
    np.testing.assert_allclose(mapped_codes, codes @ matrix.T + shift, atol=1e-3)


def test_mahalanobis_lbg_finds_clusters_and_their_points():
    rng = np.random.default_rng(1)
    centres = np.array([[0.0, 0, 0], [1, 0, 0], [0, 100, 0]])
    label = np.arange(300) % 3
    points = centres[label] + [0.02, 2, 0] * rng.standard_normal((300, 3))  # flat along the third
    codes, indices = mahalanobis_lbg(points, 3)
    assert sorted(label[indices]) == [0, 1, 2]
    means = np.stack([points[label == j].mean(axis=0) for j in range(3)])
    nearest = np.abs(codes[:, None] - means).max(axis=2).min(axis=0)
    np.testing.assert_allclose(nearest, 0, atol=1e-4)


def test_snap_gives_the_nearest_code_its_point_first():
    points = np.array([[0.0], [1], [1.7]], np.float32)
    # both code vectors are nearest to point 1; the second is nearer and gets it
    assert snap(points, np.array([[0.6], [1.1]], np.float32)).tolist() == [0, 1]
    # were it the first, the other would have to go to point 2
    assert snap(points, np.array([[0.9], [1.2]], np.float32)).tolist() == [1, 2]
    assert snap(points, np.array([[9.0], [8], [7]], np.float32)).tolist() == [0, 1, 2]


def test_snap_finds_points_among_many():
    rng = np.random.default_rng(2)
    points = rng.standard_normal((9000, 4)).astype(np.float32)
    wanted = np.sort(rng.choice(9000, 70, replace=False))
    np.testing.assert_array_equal(snap(points, points[wanted][::-1]), wanted)


def test_median_contour_by_hand():
    points = np.array([[1.0], [-2], [3], [-4], [5]], np.float32)  # squares 1 4 9 16 25
    assert nearest_to_median_contour(points, 1).tolist() == [2]
    assert nearest_to_median_contour(points, 3).tolist() == [1, 2, 3]


@pytest.mark.parametrize(("num_frames", "n"), [(10, 3), (7, 7), (1000, 13)])
def test_quantile_points_of_equal_masses(num_frames, n):
    expected = np.ceil((np.arange(n) + 0.5) * num_frames / n) - 1
    np.testing.assert_array_equal(quantile_points(np.ones(num_frames), n), expected)


def test_quantile_points_follow_the_mass():
    assert quantile_points([0, 0, 8, 1, 1], 10).tolist() == [2, 3, 4]
    assert quantile_points([0, 1, 0, 1], 2).tolist() == [1, 3]


def test_normal_net_is_a_better_sample_than_a_random_one():
    net = normal_net(1024, 6)
    random = np.random.default_rng(0).standard_normal((1024, 6))
    distance_of_marginals = [
        max(stats.kstest(column, "norm").statistic for column in sample.T)
        for sample in (net, random)
    ]
    assert distance_of_marginals[0] < 0.002
    assert distance_of_marginals[1] > 0.02
    np.testing.assert_allclose(np.cov(net.T), np.eye(6), atol=0.06)
    assert np.isfinite(normal_net(4096, 3)).all()


def test_nets_are_fixed_by_their_seed():
    np.testing.assert_array_equal(normal_net(50, 4, 1), normal_net(50, 4, 1))
    assert not np.array_equal(normal_net(50, 4, 1), normal_net(50, 4, 2))


def test_sphere_net_covers_the_sphere():
    net = sphere_net(2048, 5)
    np.testing.assert_allclose(np.linalg.norm(net, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(net.mean(axis=0), 0, atol=0.01)
    np.testing.assert_allclose(net.T @ net / 2048, np.eye(5) / 5, atol=0.01)
