"""Selectors that draw: their probabilities, by counting."""

import numpy as np
import pytest

from ntlbg.errors import ConfigError
from ntlbg.selectors import SELECTORS

DRAWS = 4000
DRAWN = pytest.mark.parametrize("name", ["random", "q_frame", "adaq", "focus"])


def share_of_draws(name, scores, budget, **options) -> np.ndarray:
    """How often each frame is chosen."""
    rng = np.random.default_rng(0)
    frames, counts = np.zeros((len(scores), 1)), np.zeros(len(scores))
    for _ in range(DRAWS):
        counts[SELECTORS[name](frames, budget, scores=scores, generator=rng, **options)] += 1
    return counts / DRAWS


def assert_close_to(share, expected):
    sigma = np.sqrt(expected * (1 - expected) / DRAWS)
    assert (np.abs(share - expected) <= 4.5 * sigma + 1e-9).all(), (share, expected)


def chance_among_two(p: np.ndarray) -> np.ndarray:
    """Of each item to be one of two drawn in turn without replacement."""
    others = [sum(p[j] * p[i] / (1 - p[j]) for j in range(len(p)) if j != i) for i in range(len(p))]
    return p + np.array(others)


def softmax(values):
    values = np.exp(values - np.max(values))
    return values / values.sum()


@DRAWN
def test_generator_decides(name):
    frames, scores = np.zeros((200, 1)), np.linspace(0.1, 0.3, 200)

    def draw(seed):
        generator = None if seed is None else np.random.default_rng(seed)
        return SELECTORS[name](frames, 8, scores=scores, generator=generator).tolist()

    assert draw(5) == draw(5)
    assert draw(5) != draw(6)
    assert draw(None) == draw(0)


def test_random_prefers_no_frame():
    assert_close_to(share_of_draws("random", np.arange(8), 3), np.full(8, 3 / 8))


def test_q_frame_draws_with_the_softmax():
    scores = np.array([0.0, 0.5, 1.0, 2.0])
    assert_close_to(share_of_draws("q_frame", scores, 1), softmax(scores / 0.8))
    expected = chance_among_two(softmax(scores / 2))
    assert_close_to(share_of_draws("q_frame", scores, 2, temperature=2.0), expected)


def test_adaq_sets_its_temperature_by_the_variance():
    """Of the scores scaled to 0..1; the softmax takes them as they are."""
    scores = np.array([0.10, 0.12, 0.16, 0.20])
    scaled = np.array([0, 0.2, 0.6, 1])
    tau = 0.5 * np.var(scaled)
    assert_close_to(share_of_draws("adaq", scores, 1, mass=1), softmax(scores / tau))
    tau = 2 * np.var(scaled)
    expected = chance_among_two(softmax(scores / tau))
    assert_close_to(share_of_draws("adaq", scores, 2, mass=1, scaling=2.0), expected)


def test_adaq_never_draws_improbable_frames():
    scores = np.array([0.10, 0.12, 0.16, 0.20])
    scaled = np.array([0, 0.2, 0.6, 1])
    p = softmax(scores / (0.2 * np.var(scaled)))
    mass = p[3] + p[2] / 2  # the last alone holds less, the last two together more
    share = share_of_draws("adaq", scores, 1, mass=mass, scaling=0.2)
    assert_close_to(share, np.append([0, 0], p[2:] / p[2:].sum()))


def test_adaq_draws_by_cosines_and_takes_the_best_by_log_odds():
    cosines = 0.25 + 0.02 * np.random.default_rng(0).standard_normal(1000)
    frames = np.zeros((1000, 1))
    best = SELECTORS["top_k"](frames, 16, scores=cosines)
    chosen = SELECTORS["adaq"](frames, 16, scores=cosines)
    assert len(np.intersect1d(chosen, best)) < 8
    assert cosines[chosen].mean() > 0.26  # a standard deviation above the mean is 0.27
    np.testing.assert_array_equal(SELECTORS["adaq"](frames, 16, scores=cosines + 5), chosen)
    np.testing.assert_array_equal(SELECTORS["adaq"](frames, 16, scores=300 * cosines), best)


def test_q_frame_keeps_the_length_of_its_query():
    rng = np.random.default_rng(0)
    frames = rng.standard_normal((1000, 8)).astype(np.float32)
    query = rng.standard_normal(8)
    query *= 10 / np.linalg.norm(query)
    by_query = SELECTORS["q_frame"](frames, 16, query=query)
    np.testing.assert_array_equal(
        by_query, SELECTORS["q_frame"](frames, 16, scores=frames @ query.astype(np.float32))
    )
    best = SELECTORS["top_k"](frames, 16, query=query)
    assert len(np.intersect1d(by_query, best)) >= 13
    short = SELECTORS["q_frame"](frames, 16, query=query / 10)
    assert len(np.intersect1d(short, best)) <= 6


def test_adaq_fills_its_budget_by_drawing_from_the_others():
    scores = np.array([0.0, 0.1, 1.0, 0.05, 0.12])
    p = softmax(scores / (0.5 * np.var(scores)))
    assert p[2] > 0.99
    others = np.array([0, 1, 3, 4])
    share = share_of_draws("adaq", scores, 2)
    assert share[2] == 1
    assert_close_to(share[others], p[others] / p[others].sum())


def test_equal_scores_are_drawn_evenly():
    assert_close_to(share_of_draws("adaq", np.ones(6), 3, mass=1), np.full(6, 0.5))


@pytest.mark.parametrize(
    ("name", "options"),
    [("q_frame", {"temperature": 0}), ("adaq", {"scaling": 0}), ("adaq", {"mass": 1.1})],
)
def test_options_out_of_range(name, options):
    with pytest.raises(ConfigError, match="must be a number"):
        SELECTORS[name](np.zeros((9, 1)), 3, scores=np.arange(9), **options)
