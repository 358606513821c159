"""Features that say little or nothing: every selector still returns its frames, each once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ntlbg.selectors import SELECTORS, select_frames

EVERY_SELECTOR = pytest.mark.parametrize("name", list(SELECTORS))

# kind: T frames of size D from a generator
KINDS = {
    "zero": lambda rng, shape: np.zeros(shape),
    "constant": lambda rng, shape: np.full(shape, rng.standard_normal()),
    "one row everywhere": lambda rng, shape: np.tile(rng.standard_normal(shape[1]), (shape[0], 1)),
    "tiny": lambda rng, shape: 1e-30 * rng.standard_normal(shape),
    "tinier than a normal float32": lambda rng, shape: 1e-42 * rng.standard_normal(shape),
    "huge": lambda rng, shape: np.full(shape, 1e30),
    "huge noise": lambda rng, shape: 1e30 * rng.standard_normal(shape),
    "as large as float32": lambda rng, shape: 3.4e38 * rng.uniform(-1, 1, shape),
    "almost constant": lambda rng, shape: 1 + 1e-7 * rng.standard_normal(shape),
    "pairs": lambda rng, shape: np.repeat(rng.standard_normal(shape), 2, axis=0)[: shape[0]],
    "two values": lambda rng, shape: rng.standard_normal((2, shape[1]))[
        rng.integers(2, size=shape[0])
    ],
    "one huge row": lambda rng, shape: (
        np.where(np.arange(shape[0]) == 0, 1e30, 1.0)[:, None] * rng.standard_normal(shape)
    ),
    "one row that is not zero": lambda rng, shape: (
        np.where(np.arange(shape[0]) == 0, 1e-30, 0.0)[:, None] * np.ones(shape)
    ),
    "rows of every size": lambda rng, shape: (
        10.0 ** rng.uniform(-37, 37, (shape[0], 1)) * rng.standard_normal(shape)
    ),
    "one direction": lambda rng, shape: rng.standard_normal((shape[0], 1)) * np.ones(shape),
}


def assert_returns_frames(name, frames, budget, **arguments):
    selection = select_frames(name, frames, budget, **arguments)
    indices = selection.indices
    assert len(indices) == min(budget, len(frames))
    assert (np.diff(indices) > 0).all()
    assert indices[0] >= 0
    assert indices[-1] < len(frames)
    assert np.isfinite(selection.weights).all()
    assert selection.weights.sum() == pytest.approx(1)
    for values in (selection.scores, selection.z):
        assert values is None or np.isfinite(values).all()


@EVERY_SELECTOR
@pytest.mark.parametrize("kind", list(KINDS))
def test_forty_frames(name, kind):
    rng = np.random.default_rng(0)
    frames = KINDS[kind](rng, (40, 16)).astype(np.float32)
    for budget in (1, 5, 39, 40, 41):
        assert_returns_frames(name, frames, budget, query=rng.standard_normal(16))


@EVERY_SELECTOR
@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    kind=st.sampled_from(list(KINDS)),
    seed=st.integers(0, 2**32 - 1),
    num_frames=st.sampled_from([1, 2, 3, 7, 33, 70]),
    size=st.sampled_from([1, 2, 16]),
    budget=st.sampled_from([1, 2, 8, 33, 100]),
    by=st.sampled_from(["query", "tiny query", "no query", "scores", "equal scores"]),
)
def test_any_number_of_frames(name, kind, seed, num_frames, size, budget, by):
    rng = np.random.default_rng(seed)
    frames = KINDS[kind](rng, (num_frames, size)).astype(np.float32)
    relevance = {
        "query": {"query": rng.standard_normal(size)},
        "tiny query": {"query": 1e-30 * rng.standard_normal(size)},
        "no query": {},
        "scores": {"scores": rng.standard_normal(num_frames)},
        "equal scores": {"scores": np.full(num_frames, 0.3)},
    }[by]
    if by == "no query" and SELECTORS[name].needs_query:
        relevance = {"query": np.zeros(size)}
    assert_returns_frames(name, frames, budget, **relevance)


@EVERY_SELECTOR
@pytest.mark.parametrize("unit", [2.0**-100, 2.0**100])
def test_the_unit_of_features_far_from_one_does_not_matter(name, unit):
    rng = np.random.default_rng(2)
    frames, scores = rng.standard_normal((60, 12)).astype(np.float32), rng.standard_normal(60)
    chosen = SELECTORS[name](frames, 9, scores=scores)
    np.testing.assert_array_equal(
        SELECTORS[name](np.float32(unit) * frames, 9, scores=scores), chosen
    )


def test_scores_of_tiny_features_are_in_their_own_unit():
    frames = np.array([[1e-30], [3e-30]], np.float32)
    selection = select_frames("top_k", frames, 1, query=[2.0])
    np.testing.assert_allclose(selection.scores, [1e-30, 3e-30])
    assert selection.indices.tolist() == [1]
