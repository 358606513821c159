"""WFS-SB: its wavelet by what defines it, the parts by brute force."""

import numpy as np
import pytest
import scipy.signal

from ntlbg.selectors import SELECTORS
from ntlbg.selectors.wfs_sb import (
    _DB4,
    _DB4_DETAIL,
    WfsOptions,
    _analyse,
    _importance,
    _marginal_relevance,
    _share_out,
    _synthesise,
    coarsest_detail,
    find_peaks,
)


def test_taps_are_the_daubechies_wavelet_of_four_vanishing_moments():
    assert _DB4.sum() == pytest.approx(np.sqrt(2))
    for shift in (0, 2, 4, 6):  # orthonormal to its even shifts
        assert _DB4[shift:] @ _DB4[: 8 - shift] == pytest.approx(float(shift == 0), abs=1e-10)
        assert _DB4_DETAIL[shift:] @ _DB4[: 8 - shift] == pytest.approx(0, abs=1e-10)
    for power in range(4):
        assert np.arange(8.0) ** power @ _DB4_DETAIL == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("num", [1, 2, 5, 8, 32, 51])
def test_both_bands_together_are_the_signal(num):
    signal = np.random.default_rng(num).standard_normal(num)
    low, high = _analyse(signal, _DB4), _analyse(signal, _DB4_DETAIL)
    assert len(low) == len(high) == (num + 7) // 2
    both = _synthesise(low, _DB4, num) + _synthesise(high, _DB4_DETAIL, num)
    np.testing.assert_allclose(both, signal, atol=1e-9)


def test_coarsest_detail_sees_slow_changes_and_nothing_else():
    np.testing.assert_allclose(coarsest_detail(np.full(300, 7.0), 4), 0, atol=1e-9)
    time = np.arange(512)
    fast, slow = (np.sin(2 * np.pi * time / period) for period in (4, 24))
    assert np.abs(coarsest_detail(fast, 4)).mean() < 0.05
    assert np.abs(coarsest_detail(slow, 4)).mean() > 0.3
    step = (time > 300).astype(float)
    assert abs(int(np.abs(coarsest_detail(step, 4)).argmax()) - 300) <= 16


def test_peaks_by_hand():
    change = np.zeros(30)
    change[[3, 12, 13, 20]] = [6, 5, 5, 1]  # mean 0.57, deviation 1.6: 1 lies below 1.37
    assert find_peaks(change).tolist() == [3, 12]  # of a plateau the earlier of two middles
    change[7] = 6  # four frames from 3, as high: the later of two that are too near
    assert find_peaks(change).tolist() == [7, 12]
    change[8] = 5.9  # not a peak
    assert find_peaks(change).tolist() == [7, 12]
    change[9:12] = 4.8  # between 7 and 12: 12 rises by 0.2, less than a twentieth of the range
    assert find_peaks(change).tolist() == [7]
    assert find_peaks(np.ones(20)).tolist() == []
    assert find_peaks(np.ones(1)).tolist() == []
    assert find_peaks(np.array([1.0, 0, 0, 0, 2])).tolist() == []  # ends are no maxima


@pytest.mark.parametrize("seed", range(20))
def test_peaks_are_those_of_scipy(seed):
    rng = np.random.default_rng(seed)
    change = np.abs(np.convolve(rng.standard_normal(400), np.ones(1 + seed) / (1 + seed)))
    expected, _ = scipy.signal.find_peaks(
        change,
        height=change.mean() + 0.5 * change.std(),
        distance=max(5, int(0.02 * len(change))),
        prominence=0.05 * np.ptp(change),
    )
    assert len(expected) > 5
    assert find_peaks(change).tolist() == expected.tolist()


def test_importance_by_the_formula():
    scores = np.random.default_rng(0).uniform(size=20)
    borders = np.array([0, 5, 6, 20])
    expected = [
        0.4 * len(part) / 20
        + 0.2 * part.mean()
        + 0.3 * part.max()
        + 0.1 * part.var() / scores.var()
        for part in np.split(scores, [5, 6])
    ]
    np.testing.assert_allclose(_importance(scores, borders, WfsOptions()), expected)


def test_shares_by_hand():
    importance = 1 + np.log([4.0, 2, 2, 0.1])
    # the last lies more than 1.2 standard deviations below: half and quarters of 8 remain
    assert _share_out(importance, 8, 1.2).tolist() == [4, 2, 2, 0]
    # 9: ideally 4.5, 2.25, 2.25
    assert _share_out(importance, 9, 1.2).tolist() == [5, 2, 2, 0]
    # two standard deviations below
    importance = np.array([1.0, 1, 1, 1, 0.5])
    assert _share_out(importance, 9, 1.9).tolist() == [3, 2, 2, 2, 0]
    assert _share_out(importance, 9, 2.1).tolist() == [2, 2, 2, 2, 1]


def test_parts_are_dropped_only_of_more_than_three_and_not_all():
    importance = 1 + np.log([4.0, 2, 0.1])
    assert _share_out(importance, 61, 0.0).tolist() == [40, 20, 1]
    # below 0.05 whatever the others are
    assert _share_out(np.array([0.1, 0.1, 0.1, 0.04]), 9, 9.0).tolist() == [3, 3, 3, 0]
    assert _share_out(np.full(4, 0.04), 8, 9.0).tolist() == [2, 2, 2, 2]


def test_ten_relevant_frames_of_sixty_four():
    scores = np.zeros(64)
    scores[20:30] = 1
    chosen = SELECTORS["wfs_sb"](np.eye(64), 8, scores=scores)
    assert chosen.tolist() == [0, 20, 21, 22, 27, 28, 34, 35]


def test_without_a_peak_half_of_the_frames_lie_evenly():
    scores = 1.0 + np.zeros(21)
    assert SELECTORS["wfs_sb"](np.eye(21), 4, scores=scores).tolist() == [0, 1, 2, 20]
    assert SELECTORS["wfs_sb"](np.eye(21), 1, scores=scores).tolist() == [0]


def test_a_third_weighs_scores_as_the_paper_does():
    """lambda (2 s - 1) at 1/3 and s / 2 at 1/2 rank alike: 2/3 to 2/3, and a half to a half."""
    rng = np.random.default_rng(5)
    points, scores = rng.standard_normal((30, 4)), rng.uniform(size=30)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    by_code = _marginal_relevance(points, 2 * scores - 1, 9, 1 / 3)
    assert by_code.tolist() == _marginal_relevance(points, scores, 9, 0.5).tolist()


@pytest.mark.parametrize("balance", [0.0, 0.5, 1.0])
def test_marginal_relevance_against_its_definition(balance):
    rng = np.random.default_rng(3)
    points = rng.standard_normal((25, 4))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    scores = rng.uniform(size=25)
    expected = [int(scores.argmax())]
    while len(expected) < 7:
        left = [i for i in range(25) if i not in expected]
        value = [
            balance * scores[i] - (1 - balance) * (points[expected] @ points[i]).max() for i in left
        ]
        expected.append(left[int(np.argmax(value))])
    assert _marginal_relevance(points, scores, 7, balance).tolist() == sorted(expected)
    begun = np.array(expected[:3])
    assert _marginal_relevance(points, scores, 7, balance, begun).tolist() == sorted(expected)


def test_every_relevant_part_is_shown():
    rng = np.random.default_rng(4)
    scores = np.repeat([0.1, 0.9, 0.1, 0.8, 0.1], 100) + 0.05 * rng.standard_normal(500)
    frames = rng.standard_normal((500, 16))
    chosen = SELECTORS["wfs_sb"](frames, 16, scores=scores)
    shown = np.bincount(chosen // 100, minlength=5)
    assert shown[1] >= 2
    assert shown[3] >= 2
