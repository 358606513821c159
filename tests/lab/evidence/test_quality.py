"""Measures of a choice, by hand and against plain formulas."""

import numpy as np
import pytest

import selection_simulator
from ntlbg_lab.evidence.metrics import (
    event_recall,
    events_hit,
    quantisation_error,
    shot_coverage,
    temporal_uniformity,
)


def test_event_recall_by_hand():
    events = [np.array([3, 4]), np.array([10]), np.array([20, 21, 22])]
    assert events_hit(events, np.array([4, 22])).tolist() == [True, False, True]
    assert event_recall(events, np.array([4, 22])) == pytest.approx(2 / 3)
    assert event_recall(events, np.array([5])) == 0
    assert np.isnan(event_recall([], np.array([5])))


def test_quantisation_error_is_one_for_the_mean():
    general = selection_simulator.make_video(1, local=False)
    for indices in ([0], [5, 900, 1300]):
        expected = selection_simulator.quantisation_error(general.features, indices)
        got = quantisation_error(general.features, np.array(indices))
        assert got == pytest.approx(expected, rel=1e-4)
    line = np.arange(-5.0, 6.0)[:, None]
    assert quantisation_error(line, np.array([5])) == pytest.approx(1)
    assert quantisation_error(line, np.arange(11)) == pytest.approx(0, abs=1e-6)
    assert np.isnan(quantisation_error(np.ones((4, 2)), np.array([1])))


def test_shot_coverage_counts_frames():
    shots = np.repeat([0, 1, 2], [5, 3, 2])
    assert shot_coverage(shots, np.array([0, 9])) == pytest.approx(0.7)
    assert shot_coverage(shots, np.array([0, 1, 2])) == pytest.approx(0.5)


def test_temporal_uniformity():
    times = np.arange(1001.0)
    for k in (1, 4, 50):
        even = np.round((np.arange(k) + 0.5) / k * 1000).astype(int)
        assert temporal_uniformity(times, even) == pytest.approx(1 - 1 / (2 * k), abs=2e-3)
    assert temporal_uniformity(times, np.arange(10)) == pytest.approx(1 - 0.991)
    assert temporal_uniformity(times, np.arange(991, 1001)) == pytest.approx(1 - 0.991)
    assert temporal_uniformity(times, np.array([0, 1000])) == pytest.approx(0.5)
    assert temporal_uniformity(np.ones(3), np.array([1])) == 1
    # in seconds, not in frames
    late = np.concatenate([np.arange(100.0), [1000]])
    assert temporal_uniformity(late, np.array([50])) == pytest.approx(0.05)
