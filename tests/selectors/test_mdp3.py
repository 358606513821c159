"""MDP3: kernel, conditional determinants and shares against their definitions, by brute force."""

from itertools import product

import numpy as np
import pytest

from ntlbg.errors import ConfigError
from ntlbg.selectors import SELECTORS
from ntlbg.selectors.mdp3 import (
    allocate,
    conditional_kernel,
    greedy_orders,
    kernel_of_cosines,
)
from ntlbg.selectors.quasi_random import quantile_points

ALPHAS = (1 / 8, 1 / 4, 1 / 2, 1, 2)


def unit_points(seed: int, num_points: int, size: int = 5) -> np.ndarray:
    points = np.random.default_rng(seed).standard_normal((num_points, size))
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


def kernel_matrix(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The mean of Gaussians, as it is written."""
    squared = np.square(one[:, None].astype(np.float64) - other[None]).sum(axis=2)
    return np.mean([np.exp(-squared / (2 * alpha)) for alpha in ALPHAS], axis=0)


def log_det(points: np.ndarray, worth: np.ndarray, frames: list[int]) -> float:
    """log det of diag(exp(worth / 2)) L diag(exp(worth / 2)) on the frames."""
    scale = np.exp(worth[frames] / 2)
    kernel = kernel_matrix(points[frames], points[frames]) + 1e-6 * np.eye(len(frames))
    return np.linalg.slogdet(scale[:, None] * kernel * scale)[1] if frames else 0.0


def greedy(points, worth, given: list[int], part: range, count: int) -> tuple[list[int], float]:
    """The greedy choice of ``count`` frames of a part, and its conditional log determinant."""
    chosen: list[int] = []
    for _ in range(count):
        left = [i for i in part if i not in chosen]
        chosen.append(max(left, key=lambda i: log_det(points, worth, [*given, *chosen, i])))
    both = log_det(points, worth, given + chosen)
    return sorted(chosen), both - log_det(points, worth, given)


def follow(points, worth, segment: int, shares: tuple[int, ...]) -> tuple[list[int], float]:
    """Greedy choices, one segment after the other, with given numbers of frames."""
    chosen, total, given = [], 0.0, []
    for number, share in enumerate(shares):
        part = range(number * segment, min((number + 1) * segment, len(points)))
        given, gain = greedy(points, worth, given, part, share)
        chosen, total = chosen + given, total + gain
    return chosen, total


def test_kernel_is_the_mean_of_gaussians():
    points = unit_points(0, 12)
    cosines = points.astype(np.float64) @ points.T
    np.testing.assert_allclose(kernel_of_cosines(cosines), kernel_matrix(points, points), atol=1e-6)
    assert kernel_of_cosines(np.array([1 + 1e-6])) == 1  # rounding in float32


@pytest.mark.parametrize("condition", [(), (2,), (0, 3, 4)])
def test_greedy_gains_are_conditional_log_determinants(condition):
    points, worth = unit_points(1, 14), np.random.default_rng(2).normal(0, 2, 14)
    kernel = kernel_matrix(points, points) + 1e-6 * np.eye(14)
    given = conditional_kernel(kernel[6:, 6:], kernel[:6], condition)
    (order,), (gains,) = greedy_orders(given[None].copy(), worth[6:], 5)
    assert gains[0] == 0
    for count in range(1, 6):
        chosen, gain = greedy(points, worth, list(condition), range(6, 14), count)
        assert sorted(order[:count] + 6) == chosen
        assert gains[count] == pytest.approx(gain, abs=1e-4)


def test_conditions_do_not_mix():
    points = unit_points(3, 10)
    kernel = kernel_matrix(points, points)
    conditions = [(), (1,), (0, 2)]
    given = [conditional_kernel(kernel[5:, 5:], kernel[:5], c) for c in conditions]
    orders, gains = greedy_orders(np.stack(given), np.zeros(5), 5)
    for row, alone in enumerate(given):
        one_order, one_gains = greedy_orders(alone[None].copy(), np.zeros(5), 5)
        np.testing.assert_array_equal(orders[row], one_order[0])
        np.testing.assert_allclose(gains[row], one_gains[0])


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("num_frames", [1, 3, 6])
def test_shares_of_two_segments_are_the_best_there_are(seed, num_frames):
    points, worth = unit_points(seed, 9), np.random.default_rng(seed).normal(0, 2, 9)
    options = [
        follow(points, worth, 5, shares)
        for shares in product(range(6), range(5))
        if sum(shares) == num_frames
    ]
    expected, _ = max(options, key=lambda option: option[1])
    assert allocate(points, worth, num_frames, 5).tolist() == expected


@pytest.mark.parametrize("seed", range(6))
def test_of_more_segments_the_best_plan_for_each_number_of_frames_goes_on(seed):
    """The published recursion, written out: one plan for each segment and number of frames."""
    points, worth = unit_points(seed, 14), np.random.default_rng(seed).normal(0, 2, 14)
    plans = {0: (0.0, [], [])}  # frames used: worth so far, frames, those of the last segment
    for start in range(0, 14, 4):
        part, longer = range(start, min(start + 4, 14)), {}
        for used, (value, frames, last) in plans.items():
            for share in range(min(len(part), 6 - used) + 1):
                chosen, gain = greedy(points, worth, last, part, share)
                plan = (value + gain, frames + chosen, chosen)
                if used + share not in longer or plan[0] > longer[used + share][0]:
                    longer[used + share] = plan
        plans = longer
    chosen = allocate(points, worth, 6, 4)
    assert chosen.tolist() == plans[6][1]
    shares = [s for s in product(range(5), repeat=4) if sum(s) == 6 and s[3] <= 2]
    optimum = max(follow(points, worth, 4, s)[1] for s in shares)
    assert plans[6][0] == pytest.approx(optimum, abs=0.5)  # a greedy state, not all of them


def test_every_frame_once_the_budget_allows_it():
    points = unit_points(4, 11)
    np.testing.assert_array_equal(allocate(points, np.zeros(11), 11, 4), np.arange(11))


def counts(chosen: np.ndarray, segment: int, num_segments: int) -> np.ndarray:
    return np.bincount(chosen // segment, minlength=num_segments)


def test_relevant_segments_get_more_frames():
    points, flat = unit_points(5, 128, 40), np.zeros(128)
    even = counts(allocate(points, flat, 16, 32), 32, 4)
    assert even.max() <= 7
    third = np.where(np.arange(128) // 32 == 2, 1.0, 0.0)
    more = [
        counts(allocate(points, strength * third, 16, 32), 32, 4)[2] for strength in (0, 0.2, 9)
    ]
    assert more[0] < more[1] < more[2] == 16


def test_balance_weighs_relevance_against_diversity():
    points, query = unit_points(6, 96, 20), unit_points(7, 1, 20)[0]
    cosines = points @ query
    means = [
        cosines[SELECTORS["mdp3"](points, 12, query=query, balance=balance)].mean()
        for balance in (0.2, 2, 50)
    ]
    assert means[0] > means[1] > means[2]
    best = np.sort(np.argsort(-cosines)[:12])
    only_relevance = SELECTORS["mdp3"](points, 12, query=query, balance=1e-3)
    assert len(np.intersect1d(best, only_relevance)) >= 11


def test_relevance_is_the_kernel_of_frame_and_query():
    points, query = unit_points(8, 300), unit_points(9, 1)[0]
    relevance = np.log(kernel_matrix(points, query[None])[:, 0])
    expected = allocate(points, 2 / 0.2 * relevance, 30, 32)
    np.testing.assert_array_equal(SELECTORS["mdp3"](3 * points, 30, query=5 * query), expected)
    assert not np.array_equal(allocate(points, 1 / 0.2 * relevance, 30, 32), expected)


def test_what_the_segment_before_shows_is_not_chosen_again():
    scene = unit_points(10, 6)
    frames = np.concatenate([scene, scene[::-1]])
    chosen = SELECTORS["mdp3"](frames, 6, scores=np.zeros(12), segment=6)
    shown = np.concatenate([np.arange(6), np.arange(6)[::-1]])[chosen]
    assert sorted(shown) == list(range(6))


def test_only_the_segment_before_counts():
    """Alternating frames, one a segment: a copy two segments back does not matter."""
    frames = np.tile(np.eye(2, 4), (5, 1))
    wanted = np.array([0, 0, 1, 0, 1, 0, 1, 0, 1, 0.0])  # one kind, every second segment
    chosen = SELECTORS["mdp3"](frames, 4, scores=wanted, segment=1)
    assert chosen.tolist() == [2, 4, 6, 8]
    together = SELECTORS["mdp3"](frames, 4, scores=wanted, segment=10, balance=10)
    assert len(set(together % 2)) == 2


def test_unit_of_scores_does_not_matter():
    frames, scores = unit_points(11, 70), np.random.default_rng(12).standard_normal(70)
    chosen = SELECTORS["mdp3"](frames, 9, scores=scores)
    np.testing.assert_array_equal(SELECTORS["mdp3"](frames, 9, scores=30 * scores + 7), chosen)


def test_candidates_are_thinned_evenly():
    frames, query = unit_points(13, 1000), unit_points(14, 1)[0]
    chosen = SELECTORS["mdp3"](frames, 8, query=query, candidates=128)
    thinned = quantile_points(np.ones(1000), 128)
    assert np.isin(chosen, thinned).all()
    expected = thinned[SELECTORS["mdp3"](frames[thinned], 8, query=query)]
    np.testing.assert_array_equal(chosen, expected)
    assert len(SELECTORS["mdp3"](frames, 200, query=query, candidates=128)) == 200


@pytest.mark.parametrize(
    "options", [{"balance": 0}, {"segment": 0}, {"segment": 1.5}, {"candidates": 0}]
)
def test_options_out_of_range(options):
    with pytest.raises(ConfigError, match=f"option {next(iter(options))} must be"):
        SELECTORS["mdp3"](unit_points(0, 9), 3, scores=np.arange(9), **options)
