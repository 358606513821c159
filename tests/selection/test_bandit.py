"""FOCUS: it looks at few frames, and at those that matter."""

import numpy as np
import pytest

from ntlbg.errors import ConfigError, InvalidFeatures
from ntlbg.selection import SELECTORS, select_frames
from ntlbg.selection.bandit import (
    FocusOptions,
    _Arms,
    _draw_frames,
    _optimistic_means,
    _share_out,
)
from ntlbg.selection.inputs import check_inputs

FRAMES = np.zeros((1600, 1))


class Scorer:
    """Relevance 1 in frames 800 to 831, else noise; notes what it was asked."""

    def __init__(self):
        self.asked = []

    def __call__(self, indices):
        self.asked.append(indices)
        noise = np.random.default_rng(0).uniform(0, 0.2, 1600)
        return np.where((indices >= 800) & (indices < 832), 1.0, noise[indices])


def test_scores_lazily_and_finds_the_relevant_clips():
    scorer = Scorer()
    chosen = SELECTORS["focus"](
        FRAMES, 16, score=scorer, promising=0.1, least_clips=2, most_clips=2
    )
    assert ((chosen >= 800) & (chosen < 832)).all()
    assert len(scorer.asked) == 2
    asked = np.concatenate(scorer.asked)
    assert len(asked) == len(np.unique(asked))  # no frame twice
    assert set(range(800, 832)) <= set(asked.tolist())  # the promising clips to the last frame
    assert len(scorer.asked[0]) == 3 * 100
    assert len(scorer.asked[1]) == 10 * 13  # what 10 of 100 clips have left
    counts = np.bincount(scorer.asked[0] // 16)
    np.testing.assert_array_equal(counts, np.full(100, 3))


def test_scorer_is_asked_in_the_callers_order():
    times = np.arange(1600)[::-1]
    scorer = Scorer()
    chosen = SELECTORS["focus"](
        FRAMES, 16, score=scorer, pts_seconds=times, least_clips=1, most_clips=2
    )
    assert ((chosen >= 800) & (chosen < 832)).all()


def test_scorer_scores_and_query_agree():
    rng = np.random.default_rng(1)
    frames, query = rng.standard_normal((300, 5)).astype(np.float32), rng.standard_normal(5)
    scores = frames @ (query / np.linalg.norm(query)).astype(np.float32)
    by_query = SELECTORS["focus"](frames, 9, query=query)
    np.testing.assert_array_equal(SELECTORS["focus"](frames, 9, scores=scores), by_query)
    by_function = select_frames("focus", frames, 9, score=lambda indices: scores[indices])
    np.testing.assert_array_equal(by_function.indices, by_query)
    assert by_function.scores is None  # not all were computed


def arms_with(rewards, clip_frames=4, seed=0):
    """Clips whose frames have these rewards, NaN for those not pulled, and their inputs."""
    inputs = check_inputs(
        np.zeros((len(rewards), 1)), 1, query=[1], generator=np.random.default_rng(seed)
    )
    arms = _Arms(inputs, FocusOptions(clip_frames=clip_frames))
    arms.rewards[:] = rewards
    return arms, inputs


def test_optimism_is_the_empirical_bernstein_bound():
    rewards = np.array([1.0, np.nan, 2, np.nan, 5, 5, 5, 9, np.nan, 3])
    arms, _ = arms_with(rewards)
    expected = []
    for part in ([1.0, 2], [5, 5, 5, 9], [3]):
        rate = np.log(7) / len(part)
        expected.append(np.mean(part) + np.sqrt(2 * np.var(part) * rate) + 3 * (9 - 1) * rate)
    np.testing.assert_allclose(_optimistic_means(arms), expected)


def test_frames_are_drawn_by_the_reward_of_the_nearest_one_pulled():
    arms, inputs = arms_with([1.0, np.nan, np.nan, 3, 0, 0, 0, 0])
    drawn = np.concatenate([_draw_frames(arms, 0, 1, inputs) for _ in range(4000)])
    share = np.bincount(drawn, minlength=4) / 4000
    np.testing.assert_allclose(share, np.array([1, 1, 3, 3]) / 8, atol=0.03)  # 3.8 sigma


def test_frames_are_shared_equally_among_the_best_clips():
    means, lengths = np.array([0.1, 0.9, 0.5, 0.7]), np.array([16, 16, 16, 3])
    assert _share_out(means, lengths, 6, 3).tolist() == [0, 2, 2, 2]
    assert _share_out(means, lengths, 7, 3).tolist() == [0, 3, 2, 2]
    assert _share_out(means, lengths, 20, 3).tolist() == [0, 9, 8, 3]
    assert _share_out(means, lengths, 2, 3).tolist() == [0, 1, 0, 1]
    assert _share_out(means, lengths, 40, 2).tolist() == [5, 16, 16, 3]
    assert _share_out(means, lengths, 51, 1).tolist() == [16, 16, 16, 3]


@pytest.mark.parametrize("wrong", [lambda i: i[:-1], lambda i: i * np.nan, lambda i: 1.0])
def test_scorer_must_answer_for_every_frame(wrong):
    with pytest.raises(InvalidFeatures, match="score must return one finite number for each of"):
        SELECTORS["focus"](FRAMES, 4, score=wrong)


@pytest.mark.parametrize(
    "options",
    [
        {"score": "blip"},
        {"clip_frames": 0},
        {"coarse_pulls": 0},
        {"promising": 2},
        {"least_clips": 9, "most_clips": 3},
    ],
)
def test_options_out_of_range(options):
    with pytest.raises(ConfigError, match=r"option .* must"):
        SELECTORS["focus"](FRAMES, 4, query=[1], **options)
