"""Tests and intervals of means, against SciPy and against their own promises."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ntlbg_lab.statistics import holm, mcnemar_p, mean_interval, paired_p


def test_mean_interval_is_that_of_scipy():
    values = np.random.default_rng(3).gamma(2.0, size=40)
    low, high = mean_interval(values)
    interval = stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=9999, rng=1
    ).confidence_interval
    assert low == pytest.approx(interval.low, abs=0.04)
    assert high == pytest.approx(interval.high, abs=0.04)


def test_columns_are_independent_of_each_other():
    values = np.random.default_rng(0).normal(size=(15, 3))
    together = mean_interval(values)
    for column in range(3):
        alone = mean_interval(values[:, column])
        assert [low[column] for low in together] == pytest.approx(alone)
    together = paired_p(values)
    assert [paired_p(values[:, column]) for column in range(3)] == pytest.approx(together)


def test_one_video_says_nothing_about_others():
    assert np.isnan(mean_interval([0.5])).all()
    assert np.isnan(mean_interval([[0.5, 0.7]])).all()


@pytest.mark.parametrize("number", [3, 8, 13])
def test_paired_p_is_exact_for_few_videos(number):
    differences = np.random.default_rng(number).normal(0.4, 1, number).round(1)
    expected = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=np.inf
    ).pvalue
    assert paired_p(differences) == pytest.approx(expected)


def test_paired_p_of_many_videos_is_near_the_t_test():
    differences = np.random.default_rng(5).normal(0.3, 1, 60)
    assert paired_p(differences) == pytest.approx(
        stats.ttest_1samp(differences, 0).pvalue, abs=0.01
    )


def test_paired_p_keeps_its_level():
    """Of tests of equal methods about one in twenty says otherwise."""
    differences = np.random.default_rng(7).laplace(size=(12, 400))
    assert (paired_p(differences) <= 0.05).mean() == pytest.approx(0.05, abs=0.02)


def test_paired_p_of_no_difference_is_one():
    assert paired_p(np.zeros((4, 2))).tolist() == [1, 1]
    assert paired_p(np.zeros(30)) == 1


outcomes = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60)


@given(outcomes)
def test_mcnemar_is_the_binomial_test_of_discordant_pairs(pairs):
    one, other = zip(*pairs)
    gained = sum(a and not b for a, b in pairs)
    lost = sum(b and not a for a, b in pairs)
    expected = stats.binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
    assert mcnemar_p(one, other) == pytest.approx(expected)
    assert mcnemar_p(one, other) == mcnemar_p(other, one)


def test_mcnemar_of_thousands_of_questions_does_not_overflow():
    one = np.arange(5000) < 2600
    assert mcnemar_p(one, ~one) == pytest.approx(stats.binomtest(2600, 5000).pvalue)


def test_holm_on_the_textbook_example():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_between_the_plain_p_and_bonferroni(p_values):
    adjusted, p_values = holm(p_values), np.array(p_values)
    assert (adjusted >= p_values).all()
    assert (adjusted <= np.maximum(p_values * len(p_values), p_values)).all()
    assert (np.diff(adjusted[np.argsort(p_values)]) >= 0).all()
