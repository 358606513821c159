"""Measures of a choice of frames, by hand and by brute force."""

import numpy as np
import pytest

from ntlbg_lab.compare.records import (
    METRICS,
    ComparisonQuestion,
    ComparisonVideo,
    measure,
)


def footage(features, *, shots=None, questions=()):
    features = np.asarray(features, np.float32)
    times = np.arange(len(features), dtype=np.float64)
    shots = np.zeros(len(features), int) if shots is None else np.asarray(shots)
    return ComparisonVideo(features, times, shots, questions)


def question(*events):
    return ComparisonQuestion(
        "first", [np.array(event) for event in events], lambda selector, k: None
    )


def test_everything_but_the_seconds_is_measured():
    video = footage(np.random.default_rng(0).normal(size=(20, 4)))
    assert measure(video, question([3]), np.array([1, 5])).keys() | {"seconds"} == METRICS.keys()


def test_a_video_measured_by_hand():
    # two frames at 0, two at 1; the total variance is 1, the distance of half the frames is 1
    video = footage([[0, 0], [0, 0], [1, 0], [1, 0]], shots=[0, 0, 1, 2])
    found = measure(video, question([0, 1], [3]), np.array([1]))
    assert found["recall"] == 0.5
    assert (found["recall_any"], found["recall_all"]) == (1, 0)
    assert found["quantisation_error"] == pytest.approx(2.0)
    assert found["shot_coverage"] == 0.5
    assert found["contour_deviation"] is None  # one cell: the mean itself
    both = measure(video, question([0, 1], [3]), np.array([0, 3]))
    assert (both["recall"], both["recall_all"], both["quantisation_error"]) == (1, 1, 0)
    assert both["shot_coverage"] == 0.75


def test_without_evidence_there_is_no_recall():
    found = measure(footage(np.eye(5)), question(), np.array([0, 2]))
    assert found["recall"] is found["recall_any"] is found["recall_all"] is None
    assert found["quantisation_error"] > 0


def test_of_a_still_picture_nothing_can_be_said_about_coverage():
    found = measure(footage(np.ones((6, 3))), question([2]), np.array([2, 4]))
    assert found["quantisation_error"] is None
    assert found["contour_deviation"] is None
    assert found["recall"] == 1
