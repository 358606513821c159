"""LBG, its start, its training set, and greedy volume, against direct computations."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans

from ntlbg.selectors.codebook import (
    cell_sums,
    farthest_point_fill,
    greedy_insertion,
    lbg,
    nearest_codes,
    segment_borders,
    segment_means,
)
from ntlbg.selectors.log_volume import greedy_log_volume


@pytest.fixture(scope="module")
def points():
    return np.random.default_rng(0).standard_normal((300, 4)).astype(np.float32)


@pytest.mark.parametrize("block", [1, 7, 300, 1000])
def test_nearest_codes_are_the_nearest(points, block):
    codes = points[::40] + 0.1
    labels, distances = nearest_codes(points, codes, block)
    table = np.square(points[:, None] - codes).sum(axis=2)
    np.testing.assert_array_equal(labels, table.argmin(axis=1))
    np.testing.assert_allclose(distances, table.min(axis=1), atol=1e-5)


def test_distance_to_a_code_at_the_point_is_not_negative(points):
    _, distances = nearest_codes(points + 100, points[:30] + 100)
    assert (distances >= 0).all()
    assert points.min() < 0


def test_cell_sums_with_an_empty_cell():
    values = np.arange(8.0).reshape(4, 2)
    sums = cell_sums(values, np.array([2, 0, 2, 3]), 5)
    assert sums.tolist() == [[2, 3], [0, 0], [4, 6], [6, 7], [0, 0]]


def test_lbg_agrees_with_k_means(points):
    weights = np.random.default_rng(1).uniform(0.1, 3, 300)
    codes, history = lbg(points, points[:9], weights=weights, tolerance=0)
    reference = KMeans(9, init=points[:9], n_init=1, tol=0).fit(points, sample_weight=weights)
    np.testing.assert_allclose(codes, reference.cluster_centers_, atol=1e-4)
    assert history[-1] * weights.sum() == pytest.approx(reference.inertia_, rel=1e-4)


def test_lbg_never_gets_worse_and_stops_when_it_settles(points):
    _, history = lbg(points, points[:9], tolerance=0.001)
    assert (np.diff(history) < 0).all()
    gains = -np.diff(history) / history[:-1]
    assert (gains[:-1] > 0.001).all()
    assert gains[-1] <= 0.001


def test_lbg_stops_at_once_when_it_has_settled(points):
    settled, _ = lbg(points, points[:5], tolerance=0)
    codes, history = lbg(points, settled, iterations=50)
    assert len(history) == 2
    np.testing.assert_allclose(codes, settled, atol=1e-6)


def test_frozen_and_empty_codes_stay(points):
    start = np.concatenate([points[:3], [[50, 50, 50, 50]], points[3:6]]).astype(np.float32)
    codes, _ = lbg(points, start, num_frozen=3, iterations=5, tolerance=0)
    np.testing.assert_array_equal(codes[:4], start[:4])
    assert (codes[4:] != start[4:]).any(axis=1).all()


def test_no_iterations_leave_the_start(points):
    codes, history = lbg(points, points[:5], iterations=0)
    np.testing.assert_array_equal(codes, points[:5])
    assert history == []


def distortion(points, weights, codes):
    table = np.square(points[:, None].astype(float) - codes).sum(axis=2)
    return weights @ table.min(axis=1)


@pytest.mark.parametrize("num_frozen", [0, 3])
def test_every_insertion_is_the_best_one(points, num_frozen):
    points, weights = points[:60], np.random.default_rng(2).uniform(0.1, 2, 60)
    frozen = points[:num_frozen] + 0.2
    chosen = greedy_insertion(points, weights, 8, frozen)
    assert len(set(chosen.tolist())) == 8
    for step, best in enumerate(chosen):
        before = np.concatenate([frozen, points[chosen[:step]]])
        errors = [distortion(points, weights, np.vstack([before, p])) for p in points]
        assert errors[best] == pytest.approx(min(errors), rel=1e-4)


def test_insertion_into_copies_gives_distinct_points():
    chosen = greedy_insertion(np.ones((6, 2), np.float32), np.ones(6), 6, np.zeros((0, 2)))
    assert sorted(chosen.tolist()) == list(range(6))


def test_fill_takes_the_farthest_points():
    points = np.array([[1.0], [5], [2], [12], [11], [31]], np.float32)
    assert farthest_point_fill(points, np.array([0]), 1).tolist() == [0]
    assert farthest_point_fill(points, np.array([0]), 2).tolist() == [0, 5]
    assert farthest_point_fill(points, np.array([0]), 3).tolist() == [0, 3, 5]
    assert farthest_point_fill(points, np.array([0]), 4).tolist() == [0, 1, 3, 5]
    assert farthest_point_fill(points, np.array([4, 1]), 6).tolist() == list(range(6))


def test_fill_of_copies_takes_the_earliest():
    filled = farthest_point_fill(np.ones((6, 2), np.float32), np.array([3]), 4)
    assert filled.tolist() == [0, 1, 2, 3]


def test_segments_cut_finest_where_much_happens():
    rng = np.random.default_rng(0)
    components = np.cumsum(0.01 * rng.standard_normal((3000, 3)), axis=0)
    components[1000:1500] += np.cumsum(rng.standard_normal((500, 3)), axis=0)
    relevance = np.full(3000, 1e-9)
    relevance[2400:2600] = 1 / 200
    borders = segment_borders(components, relevance, 300)
    assert borders[0] == 0
    assert borders[-1] == 3000
    assert (np.diff(borders) > 0).all()
    assert 290 <= len(borders) - 1 <= 300

    def cuts(start, stop):
        return ((borders > start) & (borders <= stop)).sum()

    # a third of 300 segments for time, a third for change, a third for relevance
    assert cuts(0, 500) == pytest.approx(300 / 3 * 500 / 3000, abs=3)
    assert cuts(1000, 1500) == pytest.approx(300 / 3 * (1 + 500 / 3000), abs=4)
    assert cuts(2400, 2600) == pytest.approx(300 / 3 * (1 + 200 / 3000), abs=4)


def test_one_cut_does_not_take_all_segments():
    components = np.random.default_rng(0).standard_normal((2000, 2))
    components[1000:] += 1e4
    borders = segment_borders(components, np.full(2000, 1 / 2000), 200)
    assert len(borders) - 1 > 190
    assert np.diff(borders).max() < 40


def test_a_segment_starts_at_a_cut():
    """One frame that differs from all others is a segment of its own."""
    components = np.zeros((1000, 2))
    components[400] = 1
    borders = segment_borders(components, np.full(1000, 1 / 1000), 50)
    assert {400, 401} <= set(borders.tolist())


@given(num_frames=st.integers(1, 200), num_segments=st.integers(1, 250), seed=st.integers(0, 2**20))
@settings(max_examples=80, deadline=None)
def test_segments_cover_the_video_once(num_frames, num_segments, seed):
    rng = np.random.default_rng(seed)
    components = rng.standard_normal((num_frames, 2)).astype(np.float32) ** 5
    relevance = rng.dirichlet(np.full(num_frames, 0.1)) if num_frames > 1 else np.ones(1)
    borders = segment_borders(components, relevance, num_segments)
    assert borders[0] == 0
    assert borders[-1] == num_frames
    assert (np.diff(borders) > 0).all()
    assert len(borders) - 1 <= num_segments or num_frames <= num_segments
    means, shares = segment_means(components, borders)
    assert shares.sum() == pytest.approx(1)
    np.testing.assert_allclose(shares @ means, components.mean(axis=0), rtol=1e-3, atol=1e-3)


def test_few_frames_are_their_own_segments():
    components = np.arange(6.0).reshape(3, 2)
    borders = segment_borders(components, np.ones(3) / 3, 3)
    assert borders.tolist() == [0, 1, 2, 3]
    means, shares = segment_means(components, borders)
    np.testing.assert_array_equal(means, components)
    np.testing.assert_allclose(shares, 1 / 3)


def log_volume(points, quality, chosen):
    jitter = 1e-3 * np.square(points).sum(axis=1).mean()
    kernel = points.astype(float) @ points.T + jitter * np.eye(len(points))
    scaled = quality[:, None] * kernel * quality
    return np.linalg.slogdet(scaled[np.ix_(chosen, chosen)])[1]


def test_every_pick_adds_the_most_volume(points):
    points, quality = points[:40], np.random.default_rng(3).uniform(0.5, 2, 40)
    chosen = greedy_log_volume(points, quality, 10)  # more than there are dimensions
    assert len(set(chosen.tolist())) == 10
    for step, best in enumerate(chosen):
        others = [i for i in range(40) if i not in chosen[:step]]
        volumes = {i: log_volume(points, quality, [*chosen[:step], i]) for i in others}
        assert volumes[best] == pytest.approx(max(volumes.values()), abs=1e-3)


def test_greedy_volume_is_near_the_best_one(points):
    points = points[:12]
    best = max(
        log_volume(points, np.ones(12), list(subset))
        for subset in itertools.combinations(range(12), 4)
    )
    assert log_volume(points, np.ones(12), greedy_log_volume(points, np.ones(12), 4)) > best - 0.5


def test_copies_come_last():
    points = np.repeat(np.eye(3, dtype=np.float32), 2, axis=0)
    chosen = greedy_log_volume(points, np.ones(6), 6)
    assert chosen.tolist() == [0, 2, 4, 1, 3, 5]
