"""From a question to frames: parts, units, still stretches."""

import numpy as np
import pytest

from ntlbg.choosing import choose_frames
from ntlbg.errors import ConfigError
from ntlbg.selectors import SELECTORS, NtlbgOptions, select_frames
from ntlbg.selectors.ntlbg_options import FOR_LOG_ODDS

TIMES = np.arange(300.0)


class Words:
    """Scores by words: a frame that shows one is raised by what the word is worth."""

    def __init__(self, unit="similarity", **shown):
        self.score_unit, self.shown, self.asked = unit, shown, []

    def score_frames(self, features, question):
        self.asked.append(question)
        scores = -6 + 0.3 * np.random.default_rng(0).standard_normal(len(features))
        for word, (frames, worth) in self.shown.items():
            if word in question.lower():
                scores[frames] += worth
        return scores

    def event_odds(self, features, pts_seconds):
        return None


@pytest.fixture
def features():
    return np.random.default_rng(1).standard_normal((300, 24)).astype(np.float32)


CAT_AND_DOG = {"cat": (slice(40, 60), 20.0), "dog": (slice(200, 203), 9.0)}


@pytest.mark.parametrize("unit", ["similarity", "log_odds"])
@pytest.mark.parametrize("selector", ["ntlbg", "top_k"])
def test_each_thing_gets_frames(features, unit, selector):
    answerer = Words(unit, **CAT_AND_DOG)
    question = "Do you see both a cat and a dog?"
    chosen = chosen(answerer.retriever, features, TIMES, question, selector, 4)
    assert ((chosen.indices >= 40) & (chosen.indices < 60)).any()
    assert ((chosen.indices >= 200) & (chosen.indices < 203)).any()
    assert answerer.asked == [question, "cat", "dog"]
    # those of the question as a whole, not of a part
    both = Words(unit, **CAT_AND_DOG).retriever.score_features(features, question)
    np.testing.assert_array_equal(chosen.scores, np.minimum(both, 3.0))


def test_options_are_parts_unless_they_are_times(features):
    answerer = Words(cup=(slice(90, 93), 9.0), phone=(slice(250, 253), 9.0))
    asked = (answerer, features, TIMES, "What is he holding?", "ntlbg", 6)
    chosen = choose_frames(*asked, options=["A cup", "A phone"]).indices
    assert np.isin([90, 91, 92], chosen).any()
    assert np.isin([250, 251, 252], chosen).any()
    answerer.asked.clear()
    choose_frames(*asked, options=["01:30", "04:10"])
    assert answerer.asked == ["What is he holding?"]


def test_what_comes_after_something_stays_one_part_of_log_odds(features):
    """Grounding finds the anchor and its neighbour, which no part of the question has."""
    question = "What is shown after the cat and dog show?"
    answerer = Words("log_odds", **CAT_AND_DOG)
    chosen(answerer.retriever, features, TIMES, question, "ntlbg", 4, options=["An owl", "A bus"])
    assert answerer.asked == [question]
    answerer = Words("similarity", **CAT_AND_DOG)
    chosen(answerer.retriever, features, TIMES, question, "ntlbg", 4)
    assert answerer.asked == [question, "cat", "dog"]
    answerer.asked.clear()
    at = "What is shown at 01:00, the cat or a dog?"
    chosen(answerer.retriever, features, TIMES, at, "ntlbg", 4)
    assert answerer.asked == [at]


def test_log_odds_are_not_whitened_again_and_similarities_are(features):
    """The same numbers: what the video has in common counts for log-odds only."""
    shared = np.random.default_rng(2).standard_normal((3, 24))
    features = features + 3 * np.random.default_rng(3).standard_normal((300, 3)) @ shared
    features = features.astype(np.float32)
    scores = features @ shared[0] / np.linalg.norm(shared[0])
    scores[150] += 6
    as_odds = select_frames("ntlbg", features, 4, scores=scores, score_unit="log_odds")
    as_cosines = select_frames("ntlbg", features, 4, scores=scores)
    np.testing.assert_allclose(np.argsort(as_odds.z), np.argsort(scores))
    assert as_cosines.z.argmax() == 150
    assert as_cosines.z[150] > 2 * as_odds.z[150]
    assert as_odds.num_relevance == 4


def test_defaults_of_units_are_in_one_place_and_options_go_over_them(features):
    assert SELECTORS["ntlbg"].for_log_odds is FOR_LOG_ODDS
    assert [name for name, s in SELECTORS.items() if s.for_log_odds] == ["ntlbg"]
    odds = {"scores": features[:, 0], "score_unit": "log_odds"}
    default = select_frames("ntlbg", features, 10, **odds)
    assert default.num_relevance == 10
    assert select_frames("ntlbg", features, 10, max_share=0.5, **odds).num_relevance == 5
    named = select_frames("ntlbg", features, 10, scores=features[:, 0], **FOR_LOG_ODDS)
    np.testing.assert_array_equal(default.indices, named.indices)
    assert NtlbgOptions(**FOR_LOG_ODDS).score_whitening is False
    with pytest.raises(ConfigError, match="similarity or log_odds; got 'nats'"):
        select_frames("ntlbg", features, 10, score_unit="nats")


def test_a_still_stretch_is_one_choice(features):
    """A slide that stays for a minute and fits the question best."""
    features[100:160] = features[100]
    answerer = Words(curve=(slice(100, 160), 9.0))
    for selector in ("ntlbg", "top_k", "dpp"):
        chosen = chosen(answerer.retriever, features, TIMES, "Which curve is lower?", selector, 16)
        inside = (chosen.indices >= 100) & (chosen.indices < 160)
        assert inside.sum() == 1
        assert len(chosen) == 16
        assert chosen.num_pictures == 241
        assert chosen.weights[inside] >= 60 / 300
