import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntlbg.time_text import (
    all_seen,
    frames_within,
    read_seconds,
    relevance_curve,
    relevance_levels,
    round_moments,
    timestamp,
)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "00:00"),
        (59.99, "00:59"),
        (60, "01:00"),
        (3599.9, "59:59"),
        (3600, "1:00:00"),
        (3725.2, "1:02:05"),
        (36000, "10:00:00"),
    ],
)
def test_timestamp(seconds, text):
    assert timestamp(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "00:00.000"),
        (0.04, "00:00.040"),
        (2.28, "00:02.280"),  # 2.2799... in floats
        (59.9999, "01:00.000"),
        (3725.2, "1:02:05.200"),
    ],
)
def test_milliseconds(seconds, text):
    assert timestamp(seconds, milliseconds=True) == text


@given(start=st.floats(0, 1e5), length=st.floats(0, 1e6))
def test_marks_are_few_round_and_inside(start, length):
    marks = round_moments(np.array([start, start + length]))
    assert len(marks) <= 8 or length > 7 * 86400
    assert all(start <= mark <= start + length + 1e-6 for mark in marks)
    if length >= 2:
        assert marks
    assert len({timestamp(mark) for mark in marks}) == len(marks)


def test_curve_keeps_a_moment_narrower_than_a_bin():
    times, scores = np.arange(36000.0), np.zeros(36000)
    scores[20000] = 1.0
    positions, levels = relevance_curve(times, scores, points=100)
    assert len(positions) == 100
    assert levels.max() == 1
    assert (levels > 0).sum() == 1
    assert positions[levels.argmax()] == pytest.approx(20000 / 36000, abs=0.01)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30))
def test_levels_stay_between_0_and_1(values):
    scores = np.array(values)
    levels = relevance_levels(scores, scores)
    assert ((levels >= 0) & (levels <= 1)).all()


def test_curve_of_a_single_frame():
    positions, levels = relevance_curve(np.array([0.0]), np.array([3.0]))
    assert positions.shape == levels.shape == (1,)


def test_all_intervals_must_be_seen():
    times = np.array([0.0, 1.0, 3.9, 4.0])
    assert all_seen(times, [(1.0, 2.0), (3.0, 4.0)]) is True
    assert all_seen(times, [(1.0, 2.0), (2.0, 3.9)]) is False
    assert all_seen(times, []) is None


def test_frames_within_begin_at_the_start_and_end_before_the_end():
    times = np.array([0.0, 1.0, 2.5, 4.0])
    assert frames_within(times, 1.0, 4.0).tolist() == [1, 2]
    assert frames_within(times, 1.1, 2.4).tolist() == []


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90.0), ("1:30", 90.0), ("0:01:30", 90.0), ("1:02:03.5", 3723.5), (".5", 0.5),
     ("75:10", 4510.0), ("-3", -3.0), (" 7 ", 7.0)],
)  # fmt: skip
def test_times_as_people_write_them(text, seconds):
    assert read_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "1:90", "1:2:3:4", "nan", "inf", "1e3", "1:-3", "²:00", "a"])
def test_what_is_no_time(text):
    with pytest.raises(ValueError, match="is no time; give seconds, m:ss or h:mm:ss"):
        read_seconds(text)
