"""From a question to frames: parts, units, still stretches."""

import numpy as np
import pytest

from ntlbg.choosing import choose
from ntlbg.errors import ConfigError
from ntlbg.question import parse_question
from ntlbg.retrievers import Retriever
from ntlbg.retrievers.calibration import as_log_odds
from ntlbg.selectors import SELECTORS, NtlbgOptions, select_frames
from ntlbg.selectors.ntlbg_options import FOR_LOG_ODDS
from ntlbg.types import Passage
from roles import chosen, index_of

TIMES = np.arange(300.0)


class Words(Retriever):
    """Scores by words: a frame that shows one is raised by what the word is worth."""

    name, encoders = "words", ()

    def __init__(self, unit="similarity", **shown):
        self.unit, self.shown, self.asked = unit, shown, []

    def features(self, index):
        return index.features["colour"]

    def score(self, index, text):
        self.asked.append(text)
        scores = -6 + 0.3 * np.random.default_rng(0).standard_normal(len(index))
        for word, (frames, worth) in self.shown.items():
            if word in text.lower():
                scores[frames] += worth
        return scores


@pytest.fixture
def features():
    return np.random.default_rng(1).standard_normal((300, 24)).astype(np.float32)


CAT_AND_DOG = {"cat": (slice(40, 60), 20.0), "dog": (slice(200, 203), 9.0)}


@pytest.mark.parametrize("unit", ["similarity", "log_odds"])
@pytest.mark.parametrize("selector", ["ntlbg", "top_k"])
def test_each_thing_gets_frames(features, unit, selector):
    retriever = Words(unit, **CAT_AND_DOG)
    question = "Do you see both a cat and a dog?"
    found = chosen(retriever, features, TIMES, question, selector, 4)
    assert ((found.indices >= 40) & (found.indices < 60)).any()
    assert ((found.indices >= 200) & (found.indices < 203)).any()
    assert retriever.asked == [question, "cat", "dog"]
    # those of the question as a whole, not of a part; nats count up to a limit, similarities wholly
    both = Words(unit, **CAT_AND_DOG).score(index_of(features, TIMES), question)
    np.testing.assert_array_equal(
        found.scores, np.minimum(both, 3.0) if unit == "log_odds" else both
    )


def test_options_are_parts_unless_they_are_times(features):
    retriever = Words(cup=(slice(90, 93), 9.0), phone=(slice(250, 253), 9.0))
    asked = (retriever, features, TIMES, "What is he holding?", "ntlbg", 6)
    indices = chosen(*asked, options=["A cup", "A phone"]).indices
    assert np.isin([90, 91, 92], indices).any()
    assert np.isin([250, 251, 252], indices).any()
    retriever.asked.clear()
    chosen(*asked, options=["01:30", "04:10"])
    assert retriever.asked == ["What is he holding?"]


def test_what_comes_after_something_stays_one_part_of_log_odds(features):
    """Timing finds the anchor and its neighbour, which no part of the question has."""
    question = "What is shown after the cat and dog show?"
    retriever = Words("log_odds", **CAT_AND_DOG)
    chosen(retriever, features, TIMES, question, "ntlbg", 4, options=["An owl", "A bus"])
    assert retriever.asked == [question]
    retriever = Words("similarity", **CAT_AND_DOG)
    chosen(retriever, features, TIMES, question, "ntlbg", 4)
    assert retriever.asked == [question, "cat", "dog"]
    retriever.asked.clear()
    at = "What is shown at 01:00, the cat or a dog?"
    chosen(retriever, features, TIMES, at, "ntlbg", 4)
    assert retriever.asked == [at]


def test_similarities_become_log_odds_where_a_question_is_about_time(features):
    """Only log-odds can be told what comes before what; else similarities stay as they are."""
    plain, timed = "Where is the dog?", "What comes after the dog?"
    similar = Words(**CAT_AND_DOG).score(index_of(features, TIMES), plain)
    found = chosen(Words(**CAT_AND_DOG), features, TIMES, plain, "top_k", 4)
    np.testing.assert_array_equal(found.scores, similar)
    found = chosen(Words(**CAT_AND_DOG), features, TIMES, timed, "top_k", 4)
    prior = parse_question(timed).intent.localized_prior
    odds = as_log_odds(similar, features, TIMES, prior)
    np.testing.assert_array_equal(found.scores[200:203], odds[200:203])  # what is named
    assert found.scores[:200].max() <= np.median(odds)  # what comes before it
    assert found.scores[203:].max() == odds.max()  # what may come after it


@pytest.mark.parametrize("scale", [0.01, 1.0])
def test_at_a_time_the_level_of_similarities_does_not_matter(features, scale):
    """Cosines of .2 as well as large numbers: the frames at the time are chosen first."""

    class Scaled(Words):
        def score(self, index, text):
            return 0.2 + scale * super().score(index, text)

    retriever = Scaled(**CAT_AND_DOG)
    found = chosen(retriever, features, TIMES, "What is shown at 01:00?", "top_k", 3)
    assert found.indices.tolist() == [59, 60, 61]


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
    retriever = Words(curve=(slice(100, 160), 9.0))
    for selector in ("ntlbg", "top_k", "dpp"):
        found = chosen(retriever, features, TIMES, "Which curve is lower?", selector, 16)
        inside = (found.indices >= 100) & (found.indices < 160)
        assert inside.sum() == 1
        assert len(found) == 16
        assert found.num_pictures == 241
        assert found.weights[inside] >= 60 / 300


def quote(start, end):
    return Passage("It is said.", start, end, "speech")


@pytest.mark.parametrize("selector", [name for name in SELECTORS if SELECTORS[name].uses_query])
def test_a_frame_is_chosen_at_each_quotation_in_half_of_the_frames_at_most(features, selector):
    """Frames that look like all others, as of somebody who talks, would not be chosen else."""
    features[100:200] = features.mean(0)
    index, retriever = index_of(features, TIMES), Words("log_odds", cat=(slice(40, 60), 20.0))
    asked = parse_question("What is said about a cat?")
    quoted = [quote(150, 154), quote(20, 23), quote(120, 121)]
    found = choose(retriever, index, asked, selector, 4, quoted)
    assert {152, 21} <= set(found.indices) or {152, 22} <= set(found.indices)
    assert len(found) == 4
    assert choose(retriever, index, asked, selector, 1, quoted).indices.tolist() == [152]
    outside = [quote(400, 404), quote(-9, -3)]
    usual = choose(retriever, index, asked, selector, 4)
    np.testing.assert_array_equal(
        choose(retriever, index, asked, selector, 4, outside).indices, usual.indices
    )


def test_selectors_that_do_not_go_by_the_question_choose_as_ever(features):
    index, retriever = index_of(features, TIMES), Words("log_odds", cat=(slice(40, 60), 20.0))
    asked = parse_question("What is said about a cat?")
    found = [choose(retriever, index, asked, "uniform", 4, quoted).indices
             for quoted in ((), [quote(151, 153)])]  # fmt: skip
    np.testing.assert_array_equal(*found)
