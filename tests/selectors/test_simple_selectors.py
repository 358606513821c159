"""Uniform and top-k, and what a selection says about the frames it did not choose."""

import numpy as np
import pytest

from ntlbg.selectors import SELECTORS, select_frames


@pytest.mark.parametrize(
    ("num_frames", "budget", "expected"),
    [(10, 1, [5]), (10, 2, [2, 7]), (9, 3, [1, 4, 7]), (100, 4, [12, 37, 62, 87])],
)
def test_uniform_takes_the_middles_of_equal_intervals(num_frames, budget, expected):
    assert SELECTORS["uniform"](np.ones((num_frames, 1)), budget).tolist() == expected


def test_uniform_is_even_over_time_not_over_frames():
    # 90 frames in the first minute, 10 in the next nine
    times = np.concatenate([np.linspace(0, 60, 90, endpoint=False), np.linspace(60, 600, 10)])
    indices = SELECTORS["uniform"](np.ones((100, 1)), 5, pts_seconds=times)
    np.testing.assert_allclose(times[indices], [60, 180, 300, 420, 540], atol=61)
    assert (indices >= 89).sum() == 5


def test_uniform_fills_its_budget_where_there_are_few_frames():
    times = np.array([0.0, 1, 2, 3, 100])
    assert SELECTORS["uniform"](np.ones((5, 1)), 3, pts_seconds=times).tolist() == [2, 3, 4]
    times = np.array([0.0, 97, 98, 99, 100])
    assert SELECTORS["uniform"](np.ones((5, 1)), 3, pts_seconds=times).tolist() == [0, 1, 2]


def test_uniform_ignores_what_the_frames_show():
    rng = np.random.default_rng(0)
    one, other = (
        SELECTORS["uniform"](rng.standard_normal((50, 3)), 7, scores=rng.standard_normal(50))
        for _ in range(2)
    )
    np.testing.assert_array_equal(one, other)


def test_top_k_takes_the_largest_scores():
    scores = [0.1, 5, 0.3, 4, 0.2, 6]
    assert SELECTORS["top_k"](np.ones((6, 1)), 3, scores=scores).tolist() == [1, 3, 5]


def test_top_k_takes_the_earlier_of_equal_scores():
    times = [9.0, 1, 2, 0]
    assert SELECTORS["top_k"](np.ones((4, 1)), 2, scores=np.ones(4)).tolist() == [0, 1]
    chosen = SELECTORS["top_k"](np.ones((4, 1)), 2, scores=np.ones(4), pts_seconds=times)
    assert chosen.tolist() == [1, 3]


def test_top_k_goes_by_the_query_and_scores_go_before_it():
    features = np.eye(4)
    query = [0.1, 0.4, 0.3, 0.2]
    assert SELECTORS["top_k"](features, 2, query=query).tolist() == [1, 2]
    chosen = SELECTORS["top_k"](features, 2, query=query, scores=[4, 3, 2, 1])
    assert chosen.tolist() == [0, 1]


@pytest.mark.parametrize("name", ["uniform", "ntlbg"])
def test_weights_and_spans_of_three_shots(name):
    lengths = [10, 20, 30]
    features = np.repeat(10 * np.eye(3, 5), lengths, axis=0)
    times = 100 + np.arange(60) / 4
    scores = np.zeros(60)
    selection = select_frames(name, features, 3, scores=scores, pts_seconds=times)
    # the middles of thirds lie at frames 10, 30, 50: shots two, three, three
    if name == "uniform":
        assert selection.indices.tolist() == [10, 30, 50]
        assert selection.weights[0] == pytest.approx(30 / 60)  # shot one is nearest to it in time
        assert selection.spans[0].tolist() == [100, 107.25]
    else:
        np.testing.assert_allclose(selection.weights, np.array(lengths) / 60)
        assert selection.spans.tolist() == [[100, 102.25], [102.5, 107.25], [107.5, 114.75]]


def test_weights_count_all_frames_of_a_shot_that_returns_spans_only_its_run():
    features = np.concatenate([np.repeat(np.eye(2), 30, axis=0), np.repeat(np.eye(2), 30, axis=0)])
    selection = select_frames("top_k", features, 2, scores=-np.abs(np.arange(120) - 29.5))
    assert selection.indices.tolist() == [29, 30]
    np.testing.assert_allclose(selection.weights, [0.5, 0.5])
    assert selection.spans.tolist() == [[0, 29], [30, 59]]


def test_weights_are_shares_of_nearest_frames():
    rng = np.random.default_rng(0)
    features = rng.standard_normal((80, 3)) * [3, 2, 1]
    selection = select_frames("uniform", features, 6)
    # appearance at a mean squared norm of 1, time at a standard deviation of 0.2
    centred = features - features.mean(axis=0)
    centred /= np.sqrt(np.square(centred).sum(axis=1).mean())
    time = 0.2 * np.sqrt(12) * (np.arange(80) / 79 - 0.5)
    space = np.column_stack([centred, time])
    distances = np.square(space[:, None] - space[selection.indices]).sum(axis=2)
    share = np.bincount(distances.argmin(axis=1), minlength=6) / 80
    np.testing.assert_allclose(selection.weights, share)
