"""When it is said: chances of passages over time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ntlbg.question import parse_question
from ntlbg.retrievers.passages import (
    BESIDE_SECONDS,
    PassagesRetriever,
    has_words,
    spread_over_time,
    union_odds,
)
from ntlbg.text.meaning.decision import StreamEvidence
from ntlbg.types import Passage, VideoIndex
from sentences import SynonymEncoder, passages

TIMES = np.arange(120.0)
TALK = passages(
    "We begin.", "Nobody has a question.", "The gate has a new lock.", "Key 4417 opens it.",
    "Coffee is at the back.", "Seeds are expensive.", "The bus leaves early.", "That was all.",
)  # fmt: skip


def index(said=(), times=TIMES):
    features = {"colour": np.ones((len(times), 4), np.float32)}
    return VideoIndex(times, features, passages=tuple(said))


def by_words():
    return PassagesRetriever(lambda: None)


def brute_force(stream, times):
    """Second by second, as the rule says."""
    return np.array([
        stream.chance * max(
            [share for passage, share in zip(stream.passages, stream.shares, strict=True)
             if passage.start_seconds - 2 <= time <= passage.end_seconds + 2], default=0.0)
        for time in times
    ])  # fmt: skip


def evidence(said, chance=0.8, seed=0):
    shares = np.random.default_rng(seed).dirichlet(np.ones(len(said)))
    return StreamEvidence(tuple(said), shares, chance, shares)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 110), st.floats(0.5, 15)), min_size=1, max_size=6),
    st.floats(0, 1),
)
def test_chances_are_spread_over_a_passage_and_two_seconds_more(spans, chance):
    said = [Passage("x", start, start + length, "speech") for start, length in spans]
    stream = evidence(said, chance)
    np.testing.assert_allclose(spread_over_time(stream, TIMES), brute_force(stream, TIMES))


def test_a_passage_between_two_frames_counts_for_the_nearer_one():
    sparse = np.array([0.0, 20.0, 40.0])
    stream = evidence([Passage("x", 24, 26, "speech"), Passage("y", 31, 32, "speech")])
    np.testing.assert_allclose(spread_over_time(stream, sparse)[1:], 0.8 * stream.shares)


def test_what_is_said_outside_the_part_that_is_looked_at_counts_for_nothing():
    stream = evidence([Passage("x", 2, 4, "speech"), Passage("y", 90, 95, "speech")])
    assert spread_over_time(stream, np.arange(20.0, 60.0)).max() == 0


def test_the_frames_at_the_sentence_come_first():
    scores = by_words().score(index(TALK), "Who has key 4417?")
    assert (scores.shape, scores.dtype) == ((120,), np.float64)
    at = (TIMES >= 30 - BESIDE_SECONDS) & (TIMES <= 34 + BESIDE_SECONDS)
    assert scores[at].min() > scores[~at].max()
    assert np.ptp(scores[at]) == 0


def test_what_comes_after_what_was_said_is_found_by_its_time():
    [whole] = by_words().relevance(index(TALK), parse_question("What comes after key 4417?"))
    assert whole.unit == "log_odds"
    assert whole.values[37:60].max() > whole.values[:28].max() + 2  # nats


@pytest.mark.parametrize("said", [(), passages("", " ")])
def test_without_words_nothing_is_loaded_and_the_video_is_covered(said):
    def never():
        raise AssertionError("loaded")

    retriever, question = PassagesRetriever(never), parse_question("Who?")
    assert not has_words(index(said))
    assert retriever.covers_video(index(said), question)
    assert np.ptp(retriever.score(index(said), "Who?")) == 0


def test_the_text_encoder_is_loaded_once(tmp_path):
    loaded = []

    def load():
        loaded.append(SynonymEncoder())
        return loaded[-1]

    retriever = PassagesRetriever(load, folder=tmp_path)
    assert loaded == []
    for _ in range(2):
        retriever.score(index(TALK), "Who has key 4417?")
    assert len(loaded) == 1
    assert loaded[0].encoded == [one.text for one in TALK]


def test_a_question_about_all_of_it_is_about_no_passage():
    retriever = by_words()
    assert retriever.covers_video(index(TALK), parse_question("What is this video about?"))
    assert not retriever.covers_video(index(TALK), parse_question("Who has key 4417?"))


@given(
    st.lists(st.floats(-40, 40), min_size=1, max_size=5),
    st.lists(st.floats(0, 1), min_size=0, max_size=4),
)
def test_the_union_is_one_minus_the_product(odds, chances):
    odds = np.array(odds)
    rows = [np.full(len(odds), chance) for chance in chances]
    found = union_odds(odds, rows)
    p = 1 / (1 + np.exp(-odds))
    none = (1 - p) * np.prod([1 - min(chance, 1 - 1e-6) for chance in chances])
    middle = abs(odds) < 15
    np.testing.assert_allclose(
        found[middle], np.log((1 - none[middle]) / none[middle]), rtol=1e-6, atol=1e-6
    )
    assert np.isfinite(found).all()
    assert (found >= odds - 1e-9).all()


def test_where_nothing_is_said_odds_stay_bit_for_bit():
    odds = np.random.default_rng(0).normal(-10, 5, 50)
    chance = np.zeros(50)
    chance[7] = 0.5
    found = union_odds(odds, [chance, np.zeros(50)])
    others = np.arange(50) != 7
    np.testing.assert_array_equal(found[others], odds[others])
    assert found[7] > odds[7]
