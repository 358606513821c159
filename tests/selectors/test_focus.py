"""FOCUS: it looks at few frames, and at those that matter."""

import numpy as np
import pytest

from ntlbg.errors import ConfigError, InvalidFeatures
from ntlbg.selectors import SELECTORS, select_frames
from ntlbg.selectors.arms import Arms
from ntlbg.selectors.focus import (
    _Chosen,
    _draw_frames,
    _even_frames,
    _gap_in_frames,
    _share_out,
    seconds_per_frame,
)
from ntlbg.selectors.inputs import check_inputs

FRAMES = np.zeros((1600, 1))


class Scorer:
    """Relevance 1 in frames 800 to 831, else noise; notes what it was asked."""

    def __init__(self):
        self.asked = []

    def __call__(self, indices):
        self.asked.append(indices)
        noise = np.random.default_rng(0).uniform(0, 0.2, 1600)
        return np.where((indices >= 800) & (indices < 832), 1.0, noise[indices])


@pytest.mark.parametrize("version", ["code", "paper"])
def test_scores_lazily_and_finds_the_relevant_clips(version):
    scorer = Scorer()
    chosen = SELECTORS["focus"](
        FRAMES, 16, score=scorer, promising=0.1, least_clips=2, most_clips=2, version=version
    )
    assert ((chosen >= 800) & (chosen < 832)).all()
    assert len(scorer.asked) == 2
    asked = np.concatenate(scorer.asked)
    assert len(asked) == len(np.unique(asked))  # no frame twice
    assert len(scorer.asked[0]) == 3 * 100
    if version == "paper":  # the promising clips to the last frame: what 10 of 100 have left
        assert len(scorer.asked[1]) == 10 * 13
        assert set(range(800, 832)) <= set(asked.tolist())
    else:  # a frame a second in windows of 17, but for those that are known already
        assert 10 * 10 <= len(scorer.asked[1]) <= 10 * 17
    counts = np.bincount(scorer.asked[0] // 16)
    np.testing.assert_array_equal(counts, np.full(100, 3))


def test_scorer_is_asked_in_the_callers_order():
    times = np.arange(1600)[::-1]
    scorer = Scorer()
    chosen = SELECTORS["focus"](
        FRAMES, 16, score=scorer, pts_seconds=times, promising=0.02, least_clips=2, most_clips=2
    )
    assert ((chosen >= 800) & (chosen < 832)).all()


@pytest.mark.parametrize("version", ["code", "paper"])
@pytest.mark.parametrize("frames_per_second", [0.5, 1, 4])
def test_a_clip_lasts_sixteen_seconds(version, frames_per_second):
    scorer = Scorer()
    times = np.arange(1600) / frames_per_second
    SELECTORS["focus"](FRAMES, 4, score=scorer, pts_seconds=times, version=version)
    assert len(scorer.asked[0]) == 3 * 1600 / frames_per_second / 16


def test_frames_count_as_a_second_apart_without_times():
    assert seconds_per_frame(np.arange(10.0)) == 1
    assert seconds_per_frame(np.array([3.0, 3.0])) == 1
    assert seconds_per_frame(np.array([5.0])) == 1
    assert seconds_per_frame(np.array([0.0, 1, 3])) == 1.5


def test_the_best_frames_come_first_wherever_they_are():
    """A fifth of k, by the code: one frame in a clip that is else the worst of all."""
    scores = np.full(1600, 0.5) + 0.01 * np.random.default_rng(0).standard_normal(1600)
    scores[320:336] = 0
    scores[327] = 1  # the middle of its clip is always scored
    by_code, by_paper = (
        SELECTORS["focus"](FRAMES, 8, scores=scores, version=version)
        for version in ("code", "paper")
    )
    assert 327 in by_code
    assert 327 not in by_paper


def test_fine_pulls_reach_the_best_frames_but_not_the_clips_by_the_code():
    """What the second look finds may be among the best fifth; its clip is known by the first."""

    def score(indices):
        first_look = len(indices) == 3 * 100
        return np.where(first_look, indices // 16 == 50, indices == 805).astype(float)

    chosen = SELECTORS["focus"](FRAMES, 5, score=score, promising=0.01, least_clips=1, most_clips=1)
    assert ((chosen >= 800) & (chosen < 816)).all()


def test_even_pulls_are_the_middles_of_equal_intervals():
    assert _even_frames(10, 17, 8).tolist() == [11, 13, 15, 17, 19, 21, 23, 25]
    assert _even_frames(10, 4, 2).tolist() == [11, 13]
    assert _even_frames(10, 3, 3).tolist() == [11]  # its own middle where it has too few
    assert _even_frames(10, 2, 5).tolist() == [10]
    assert _even_frames(10, 5, 0).tolist() == []


def test_frames_keep_a_gap_of_a_quarter_of_their_mean_distance_and_at_most_a_second():
    assert _gap_in_frames(seconds_between=100, spacing=1 / 30) == 30
    assert _gap_in_frames(seconds_between=2, spacing=1 / 30) == 15
    assert _gap_in_frames(seconds_between=0.2, spacing=1 / 30) == 0
    chosen = _Chosen(np.array([10]), gap=3)
    chosen.draw(np.arange(8, 14), np.zeros(20), 1, np.random.default_rng(0))
    assert chosen.frames.tolist() == [10, 13]  # the only one three frames away
    chosen.draw(np.arange(9, 13), np.zeros(20), 3, np.random.default_rng(0))
    assert sorted(chosen.frames) == [9, 10, 11, 12, 13]  # none is, and nearer ones serve


def test_frames_of_a_clip_are_drawn_by_the_softmax_of_its_scaled_scores():
    estimates, rng = np.array([2.0, 2.06, 2.03, 2.12]), np.random.default_rng(0)

    def share_of_draws(clip):
        counts = np.zeros(4)
        for _ in range(1000):
            chosen = _Chosen(np.zeros(0, np.int64), gap=0)
            chosen.draw(clip, estimates, 1, rng)
            counts[chosen.frames] += 1
        return counts / 1000

    expected = np.exp(np.array([0, 0.5, 0.25, 1]) / 0.06)
    np.testing.assert_allclose(share_of_draws(np.arange(4)), expected / expected.sum(), atol=0.004)
    # without the best of them the others are scaled anew: 0, 1 and 0.5
    assert share_of_draws(np.arange(3))[1] > 0.99


def test_a_video_of_few_frames_gives_all_that_are_asked_for():
    for number in (1, 2, 9, 20):
        for budget in range(1, number + 1):
            chosen = SELECTORS["focus"](FRAMES[:number], budget, scores=np.arange(number))
            assert len(np.unique(chosen)) == budget


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
    borders = np.append(np.arange(0, len(rewards), clip_frames), len(rewards))
    arms = Arms(inputs, None, borders)
    arms.rewards[:] = rewards
    return arms, inputs


def test_optimism_is_the_empirical_bernstein_bound():
    rewards = np.array([1.0, np.nan, 2, np.nan, 5, 5, 5, 9, np.nan, 3])
    arms, _ = arms_with(rewards)
    expected = []
    for part in ([1.0, 2], [5, 5, 5, 9], [3]):
        rate = np.log(7) / len(part)
        expected.append(np.mean(part) + np.sqrt(2 * np.var(part) * rate) + 3 * (9 - 1) * rate)
    # a clip without variance counts as one of a millionth of the squared range
    expected[2] += np.sqrt(2 * 1e-6 * 8**2 * np.log(7))
    np.testing.assert_allclose(arms.optimistic_means(), expected)


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
        {"clip_seconds": 0},
        {"fine_seconds": -1},
        {"version": "book"},
        {"coarse_pulls": 0},
        {"promising": 2},
        {"least_clips": 9, "most_clips": 3},
    ],
)
def test_options_out_of_range(options):
    with pytest.raises(ConfigError, match=r"option .* must"):
        SELECTORS["focus"](FRAMES, 4, query=[1], **options)
