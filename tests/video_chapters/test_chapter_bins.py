"""Moments at which a chapter may begin: all over the video, in no sentence."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntlbg.types import Passage
from ntlbg.video_chapters.bins import (
    LEAST_BIN_SECONDS,
    MOST_BINS,
    edges_of,
    nearest,
    outside,
    pooled,
    spoken,
    talking,
)


def said(*spans, source="speech"):
    return [Passage(f"sentence {start}", start, end, source) for start, end in spans]


SPANS = st.lists(
    st.tuples(st.floats(-5, 400), st.floats(0.1, 20)).map(lambda one: (one[0], sum(one))),
    max_size=30,
)


@given(st.floats(0.5, 400), SPANS)
def test_edges_are_in_no_sentence(seconds, spans):
    edges = edges_of(seconds, talking(said(*spans)))
    assert edges[0] == 0
    assert edges[-1] == seconds
    assert (np.diff(edges) > 0).all()
    for start, end in spans:
        assert not ((edges[1:-1] > start + 1e-9) & (edges[1:-1] < end - 1e-9)).any()


def test_sentences_that_overlap_are_one_span_and_those_that_touch_are_two():
    spans = talking(said((10, 14), (0, 4), (4, 6), (12, 13), (13.5, 20)))
    np.testing.assert_array_equal(spans, [(0, 4), (4, 6), (10, 20)])
    np.testing.assert_array_equal(outside(np.array([3.0, 4.0, 12.0, 25.0]), spans), [4, 4, 10, 25])


def test_subtitles_say_what_speech_says():
    both = [*said((0, 4), source="speech"), *said((0, 5), source="subtitles")]
    assert [one.source for one in spoken(both)] == ["subtitles"]
    assert spoken(said((0, 4), source="screen")) == []
    assert spoken([Passage(" ", 0, 1, "speech")]) == []


def test_bins_are_few_for_three_hours_and_no_shorter_than_frames():
    assert len(edges_of(3 * 3600.0, talking([]))) == MOST_BINS + 1
    assert np.diff(edges_of(60.5, talking([]))).min() >= LEAST_BIN_SECONDS
    assert edges_of(0.4, talking([])).tolist() == [0.0, 0.4]


@given(st.integers(0, 10**6), st.integers(1, 40))
def test_a_bin_is_the_mean_of_its_frames_in_any_order(seed, number):
    rng = np.random.default_rng(seed)
    times, features = np.sort(rng.uniform(0, 20, number)), rng.normal(size=(number, 3))
    edges = np.array([0.0, 2.0, 7.0, 7.5, 20.0])
    found = pooled(features, times, edges)
    for place, (start, end) in enumerate(pairwise(edges)):
        rows = (times >= start) & (times < end)
        middle = (start + end) / 2
        wanted = features[rows].mean(0) if rows.any() else features[abs(times - middle).argmin()]
        np.testing.assert_allclose(found[place], wanted)
    shuffled = rng.permutation(number)
    np.testing.assert_allclose(pooled(features[shuffled], times[shuffled], edges), found)


def test_the_last_frame_belongs_to_the_last_bin():
    found = pooled(np.array([[1.0], [3.0]]), np.array([0.0, 10.0]), np.array([0.0, 5.0, 10.0]))
    assert found.tolist() == [[1.0], [3.0]]


@pytest.mark.parametrize("times", [[2.0], [0.0, 1.0, 5.0, 9.0]])
def test_nearest(times):
    wanted = np.array([-3.0, 0.4, 0.6, 3.1, 20.0])
    rows = nearest(np.array(times), wanted)
    expected = [abs(np.array(times) - one).argmin() for one in wanted]
    np.testing.assert_array_equal(rows, expected)
