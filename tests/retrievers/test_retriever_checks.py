"""Scores of a retriever of one's own that are none, whatever is asked."""

import numpy as np
import pytest

from fakes import ColourAnswerer, ColourEncoder
from ntlbg.errors import ConfigError, InvalidFeatures
from ntlbg.pipeline import ask
from ntlbg.question import parse_question
from ntlbg.retrievers import Retriever
from ntlbg.system import load_system
from ntlbg.types import VideoIndex

QUESTIONS = [
    "Is it red?",
    "Does the owl or the bus appear?",
    "What is shown at 00:20?",
    "What comes after the owl?",
    "Which object appears first?",
]


class Saying(Retriever):
    """Returns this of every text, and of events."""

    name = "saying"

    def __init__(self, unit, scores, odds=None):
        self.unit, self.scores, self.odds = unit, scores, odds
        self.encoders = (ColourEncoder(),)

    def score(self, index, text):
        return self.scores

    def event_odds(self, index):
        return self.odds


@pytest.fixture
def index():
    features = np.random.default_rng(0).random((30, 4)).astype(np.float32)
    return VideoIndex(np.arange(30.0), {"colour": features})


def spoiled(value):
    scores = np.linspace(-6, 6, 30)
    scores[17] = value
    return scores


@pytest.mark.parametrize("unit", ["similarity", "log_odds"])
@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (spoiled(np.nan), "must be finite .*row 17 is not"),
        (spoiled(-np.inf), "must be finite .*row 17 is not"),
        (spoiled(np.inf), "must be finite .*row 17 is not"),
        (spoiled(1e300), "must be finite and at most 1e.15 in size"),
        (np.zeros((30, 1)), r"must have shape \(30,\), a number for each frame; got.*\(30, 1\)"),
        (np.zeros(29), r"got shape \(29,\)"),
        (np.zeros(0), r"got shape \(0,\)"),
        (1.0, r"got shape \(\)"),
        (None, "cannot be read as an array of numbers"),
        (["a"] * 30, "cannot be read as an array of numbers"),
    ],
)
def test_what_is_no_number_for_each_frame_is_refused(index, unit, question, scores, message):
    with pytest.raises(InvalidFeatures, match=f"retriever .saying.: what score .*{message}"):
        Saying(unit, scores).relevance(index, parse_question(question))


@pytest.mark.parametrize("odds", [spoiled(np.nan), np.zeros(29), np.zeros((30, 1))])
def test_odds_of_events_are_checked_where_they_are_heeded(index, odds):
    retriever = Saying("log_odds", np.linspace(-6, 6, 30), odds)
    with pytest.raises(InvalidFeatures, match="retriever 'saying': what event_odds returns must"):
        retriever.relevance(index, parse_question("Which object appears first?"))
    retriever.relevance(index, parse_question("Is it red?"))


@pytest.mark.parametrize("unit", ["similarity", "log_odds"])
@pytest.mark.parametrize("question", QUESTIONS)
def test_a_list_of_numbers_is_as_good(index, unit, question):
    scores = np.linspace(-6, 6, 30)
    asked = parse_question(question)
    lists = Saying(unit, scores.tolist()).relevance(index, asked)
    arrays = Saying(unit, scores).relevance(index, asked)
    for one, other in zip(lists, arrays, strict=True):
        np.testing.assert_array_equal(one.values, other.values)


def test_the_same_from_ask(colour_video, tmp_path, monkeypatch):
    monkeypatch.setenv("NTLBG_INDEX", str(tmp_path))
    system = load_system(ColourAnswerer(), retriever=Saying("similarity", np.zeros(3)))
    with pytest.raises(InvalidFeatures, match=r"must have shape \(40,\)"):
        ask(colour_video, "When is it red?", model=system)


def test_features_need_an_encoder(index):
    retriever = Saying("similarity", np.zeros(30))
    retriever.encoders = ()
    with pytest.raises(ConfigError, match="retriever 'saying' has no encoders; give it one, or"):
        retriever.features(index)
