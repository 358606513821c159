"""What every retriever promises."""

import numpy as np
import pytest

import systems
from ntlbg.question import parse_question
from ntlbg.selectors import SCORE_UNITS
from ntlbg.types import VideoIndex
from sentences import passages


@pytest.fixture(params=[*systems.RETRIEVERS, *systems.READING_RETRIEVERS])
def retriever(request):
    return systems.retriever(request.param)


@pytest.fixture
def index(retriever):
    """Thirty made pictures, one a second, as this retriever's encoders see them; a few words."""
    draw = np.random.default_rng(0)
    features = {}
    for encoder in retriever.encoders:
        frames = draw.integers(0, 256, (30, *encoder.image_size, 3), np.uint8)
        features[encoder.name] = encoder.encode_frames(frames)
    said = passages("The red owl sleeps.", "Nobody knows.", "A blue bus stops.")
    return VideoIndex(np.arange(30.0), features, passages=tuple(said))


def test_a_number_for_every_frame(retriever, index):
    scores = retriever.score(index, "When is it red?")
    assert (scores.shape, scores.dtype) == ((30,), np.float64)
    assert np.isfinite(scores).all()
    covers = retriever.covers(parse_question("When is it red?"))
    assert (np.ptp(scores) == 0) == covers  # else it tells frames apart
    assert retriever.unit in SCORE_UNITS


def test_another_text_another_relevance(retriever, index):
    """A retriever that does not look at the text would be noticed, if it does not say so."""
    red, blue = (retriever.score(index, text) for text in ("red owl", "blue bus"))
    asked = parse_question("When is it red?")
    covers = retriever.covers(asked)
    assert np.allclose(red, blue) == covers
    assert bool(retriever.notes(index, asked)) == covers


def test_the_same_text_the_same_relevance(retriever, index):
    one, other = (retriever.score(index, "red owl") for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_frames_are_told_apart_by_one_vector_each(retriever, index):
    features = retriever.features(index)
    assert (features.shape[0], features.dtype) == (30, np.float32)


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("When is it red?", 0),
        ("Does the video show the owl and the bus?", 2),
        ("What is shown at 00:20?", 0),
    ],
)
def test_of_a_question_there_is_the_whole_and_then_its_parts(retriever, index, question, parts):
    whole, *others = retriever.relevance(index, parse_question(question))
    assert len(others) == parts
    assert {len(one.values) for one in (whole, *others)} == {30}
    assert len({one.unit for one in (whole, *others)}) == 1
    assert {one.source for one in (whole, *others)} == {retriever.name}


@pytest.mark.parametrize("question", ["What is shown at 00:20?", "What comes after the owl?"])
def test_what_a_question_says_about_time_is_heeded_in_log_odds(retriever, index, question):
    """Whatever its own unit: similarities are never moved by time."""
    assert {one.unit for one in retriever.relevance(index, parse_question(question))} == {
        "log_odds"
    }


def test_a_time_that_is_named_raises_the_frames_there(retriever, index):
    [whole] = retriever.relevance(index, parse_question("What is shown at 00:20?"))
    assert abs(int(whole.values.argmax()) - 20) <= 1
    assert whole.values[19:22].min() > np.delete(whole.values, [19, 20, 21]).max()


def test_without_a_word_about_time_the_scores_are_the_relevance(retriever, index):
    question = parse_question("When is it red?")
    [whole] = retriever.relevance(index, question)
    np.testing.assert_array_equal(whole.values, retriever.score(index, question.text))
    assert whole.unit == retriever.unit


def test_odds_of_events_are_of_every_frame_or_not_known(retriever, index):
    odds = retriever.event_odds(index)
    assert odds is None or (odds.shape == (30,) and np.isfinite(odds).all())
