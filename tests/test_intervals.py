"""Intervals over videos, against SciPy and against their own promises."""

import numpy as np
import pytest
from scipy import stats

from ntlbg.intervals import mean_over_questions, ratio_interval


def test_ratio_interval_counts_questions_but_draws_videos():
    # 20 videos are all right or all wrong: 400 questions carry no more than 20 answers
    right = np.tile([0, 20], 10)
    low, high = ratio_interval(right, np.full(20, 20))
    alone = stats.bootstrap((right / 20,), np.mean, method="percentile", rng=1)
    assert (low, high) == pytest.approx(tuple(alone.confidence_interval), abs=0.051)  # of 20 steps
    assert high - low > 0.3


def test_mean_over_questions_draws_videos_and_counts_questions():
    rng = np.random.default_rng(0)
    asked = [(int(video), rng.random()) for video in rng.integers(0, 12, 60)]
    sums = [sum(value for video, value in asked if video == one) for one in dict(asked)]
    counts = [sum(video == one for video, _ in asked) for one in dict(asked)]
    mean, *interval = mean_over_questions(asked, seed=3)
    assert mean == pytest.approx(sum(sums) / 60)
    assert interval == pytest.approx(ratio_interval(sums, counts, seed=3))
    assert interval != pytest.approx(ratio_interval(sums, counts, seed=4))


def test_one_video_says_nothing_about_others():
    mean, *interval = mean_over_questions([("a", 1), ("a", 0)])
    assert mean == 0.5
    assert np.isnan(interval).all()


def test_nothing_counted_is_not_a_number():
    assert np.isnan(ratio_interval(np.zeros(3), np.zeros(3))).all()
