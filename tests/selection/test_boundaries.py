"""WFS-SB: its wavelet by what defines it, the parts by brute force."""

import numpy as np
import pytest

from ntlbg.selection import SELECTORS
from ntlbg.selection.boundaries import (
    _DB4,
    _DB4_DETAIL,
    WfsOptions,
    _analyse,
    _cut_at_peaks,
    _importance,
    _marginal_relevance,
    _share_out,
    _synthesise,
    coarsest_detail,
)


def test_taps_are_the_daubechies_wavelet_of_four_vanishing_moments():
    assert _DB4.sum() == pytest.approx(np.sqrt(2))
    for shift in (0, 2, 4, 6):  # orthonormal to its even shifts
        assert _DB4[shift:] @ _DB4[: 8 - shift] == pytest.approx(float(shift == 0), abs=1e-10)
        assert _DB4_DETAIL[shift:] @ _DB4[: 8 - shift] == pytest.approx(0, abs=1e-10)
    for power in range(4):
        assert np.arange(8.0) ** power @ _DB4_DETAIL == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("num", [8, 32, 50])
def test_both_bands_together_are_the_signal(num):
    signal = np.random.default_rng(num).standard_normal(num)
    low, high = _analyse(signal, _DB4), _analyse(signal, _DB4_DETAIL)
    np.testing.assert_allclose(_synthesise(low, _DB4) + _synthesise(high, _DB4_DETAIL), signal)
    assert np.square(low).sum() + np.square(high).sum() == pytest.approx(np.square(signal).sum())


def test_coarsest_detail_sees_slow_changes_and_nothing_else():
    np.testing.assert_allclose(coarsest_detail(np.full(300, 7.0), 4), 0, atol=1e-9)
    time = np.arange(512)
    fast, slow = (np.sin(2 * np.pi * time / period) for period in (4, 24))
    assert np.abs(coarsest_detail(fast, 4)).mean() < 0.05
    assert np.abs(coarsest_detail(slow, 4)).mean() > 0.3
    step = (time > 300).astype(float)
    assert abs(int(np.abs(coarsest_detail(step, 4)).argmax()) - 300) <= 16


def test_cuts_are_the_local_maxima_above_the_mean():
    change = np.array([0, 5, 0, 1, 0, 0, 6, 6, 0, 0.0])  # mean 1.8
    assert _cut_at_peaks(change, 1.0).tolist() == [0, 1, 6, 10]
    assert _cut_at_peaks(change, 0.5).tolist() == [0, 1, 3, 6, 10]
    assert _cut_at_peaks(np.ones(1), 1.0).tolist() == [0, 1]


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
    importance = np.log([4.0, 2, 2, 0.0001])
    lengths = np.array([100, 100, 100, 100])
    # the last lies more than 1.2 standard deviations below: half and quarters of 8 remain
    assert _share_out(importance, lengths, 8, 1.2).tolist() == [4, 2, 2, 0]
    # 9: ideally 4.5, 2.25, 2.25
    assert _share_out(importance, lengths, 9, 1.2).tolist() == [5, 2, 2, 0]
    # too short a part hands its frames on, the dropped one comes last
    assert _share_out(importance, np.array([3, 10, 1, 10]), 8, 1.2).tolist() == [3, 4, 1, 0]
    assert _share_out(importance, np.array([3, 2, 1, 10]), 8, 1.2).tolist() == [3, 2, 1, 2]
    # two standard deviations below
    importance, lengths = np.array([1.0, 1, 1, 1, 0.5]), np.full(5, 100)
    assert _share_out(importance, lengths, 9, 1.9).tolist() == [3, 2, 2, 2, 0]
    assert _share_out(importance, lengths, 9, 2.1).tolist() == [2, 2, 2, 2, 1]


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
    assert _marginal_relevance(points, scores, 7, balance).tolist() == expected


def test_every_relevant_part_is_shown():
    rng = np.random.default_rng(4)
    scores = np.repeat([0.1, 0.9, 0.1, 0.8, 0.1], 100) + 0.05 * rng.standard_normal(500)
    frames = rng.standard_normal((500, 16))
    chosen = SELECTORS["wfs_sb"](frames, 16, scores=scores)
    shown = np.bincount(chosen // 100, minlength=5)
    assert shown[1] >= 2
    assert shown[3] >= 2
