"""When something is said: marks that can be seen, few of them, and none where nothing is."""

import numpy as np
import pytest

from fakes import made_answer, many_passages, with_words
from ntlbg.types import Passage, SelectedFrames
from ntlbg.views.lanes import lanes_of

STEP = 3599 / 480


def covered(spans: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """Whether each of the seconds lies in one of the spans (M, 2)."""
    inside = (spans[:, :1] <= seconds) & (seconds <= spans[:, 1:])
    return inside.any(axis=0)


@pytest.fixture(scope="module")
def answer():
    return made_answer(pictures=False)


@pytest.mark.parametrize("number", [1, 30, 700, 5000])
def test_marks_are_where_passages_are(answer, number):
    """Within the width of the narrowest mark, at every second of the hour."""
    passages = many_passages(number)
    [lane] = lanes_of(with_words(answer, passages))
    said = np.array([(one.start_seconds, one.end_seconds) for one in passages])
    seconds = np.arange(0, 3599, 0.5)
    assert lane.num_passages == number
    assert covered(lane.spans, said.mean(axis=1)).all()
    marked = seconds[covered(lane.spans, seconds)]
    assert covered(said + np.array([-STEP, STEP]), marked).all()


@pytest.mark.parametrize("number", [700, 5000, 50_000])
def test_marks_are_few_apart_and_wide_enough(answer, number):
    instants = [
        Passage("x", one.start_seconds, one.start_seconds, "screen")
        for one in many_passages(number)[:: max(1, number // 300)]
    ]
    [lane] = lanes_of(with_words(answer, instants))
    assert 1 < len(lane.spans) <= 240
    assert (np.diff(lane.spans, axis=1) >= STEP - 1e-6).all()
    assert (lane.spans[1:, 0] - lane.spans[:-1, 1] >= STEP - 1e-6).all()


def test_what_is_outside_the_time_line_is_at_its_ends(answer):
    outside = [Passage("a", -9.0, -8.0, "speech"), Passage("b", 4000.0, 4001.0, "speech")]
    [lane] = lanes_of(with_words(answer, outside, outside))
    np.testing.assert_allclose(lane.spans, [[0, STEP], [3599 - STEP, 3599]])
    np.testing.assert_allclose(lane.quoted, lane.spans)


def test_every_source_has_its_own_lane(answer):
    found = [Passage("a", 10.0, 20.0, "screen"), Passage("b", 30.0, 45.0, "subtitles")]
    lanes = lanes_of(with_words(answer, found, found[:1]))
    assert [lane.source for lane in lanes] == ["subtitles", "screen"]
    assert [lane.spans.tolist() for lane in lanes] == [[[30, 45]], [[10, 20]]]
    assert [lane.quoted.tolist() for lane in lanes] == [[], [[10, 20]]]


def test_frames_chosen_without_an_answer_have_lanes_too(answer):
    seen = with_words(answer, [Passage("a", 10.0, 20.0, "speech")]).context
    [lane] = lanes_of(SelectedFrames(answer.video, None, "ntlbg", [], {}, context=seen))
    assert lane.spans.tolist() == [[10, 20]]
    assert lane.quoted.shape == (0, 2)


def test_nothing_said_no_lane(answer):
    assert lanes_of(answer) == []
