"""Pictures and words together."""

import numpy as np
import pytest

from fakes import ColourAnswerer, ColourEncoder, ColourRetriever
from ntlbg.choosing import choose
from ntlbg.question import parse_question
from ntlbg.retrievers import Retriever
from ntlbg.retrievers.calibration import as_log_odds, tempered
from ntlbg.retrievers.coverage import CoverageRetriever
from ntlbg.retrievers.fuse import FusedRetriever
from ntlbg.retrievers.passages import PassagesRetriever, union_odds
from ntlbg.system import load_system
from ntlbg.text.meaning.sure import least_chance
from ntlbg.types import VideoIndex
from sentences import passages
from systems import RETRIEVERS, retriever

TIMES = np.arange(300.0)
TALK = passages(
    "We begin.", "Nobody has a question.", "The gate has a new lock.", "Key 4417 opens it.",
    "Coffee is at the back.", "Seeds are expensive.", "The fair begins early.", "That was all.",
)  # fmt: skip
QUESTIONS = [
    "When is it red?", "Do you see both a cat and a dog?", "What is shown at 01:00?",
    "What comes after the bus?", "Which object appears first?", "What is this video about?",
    "红色的东西什么时候出现？",
]  # fmt: skip


def never():
    raise AssertionError("a text encoder was loaded for a video without words")


def by_words():
    return PassagesRetriever(lambda: None)


class Odds(Retriever):
    """Log-odds that a frame is red or blue: each is shown once."""

    name, unit, encoders = "odds", "log_odds", ()

    def features(self, index):
        return index.features["colour"]

    def score(self, index, text):
        scores = np.random.default_rng(0).normal(-9, 1, len(index))
        for colour, at in (("red", 200), ("blue", 250)):
            if colour in text:
                scores[at : at + 3] = 3.0
        return scores

    def event_odds(self, index):
        return np.linspace(-9, -5, len(index))


def video(said=(), size=4):
    features = np.random.default_rng(1).standard_normal((300, size)).astype(np.float32)
    return VideoIndex(TIMES, {"colour": features}, passages=tuple(said))


@pytest.mark.parametrize("name", RETRIEVERS)
@pytest.mark.parametrize("question", QUESTIONS)
def test_without_passages_nothing_changes(name, question):
    pictures = retriever(name)
    draw = np.random.default_rng(0)
    features = {
        encoder.name: encoder.encode_frames(
            draw.integers(0, 256, (40, *encoder.image_size, 3), np.uint8)
        )
        for encoder in pictures.encoders
    }
    index, asked = VideoIndex(np.arange(40.0), features), parse_question(question)
    fused = FusedRetriever(pictures, PassagesRetriever(never))
    for one, other in zip(
        fused.relevance(index, asked), pictures.relevance(index, asked), strict=True
    ):
        np.testing.assert_array_equal(one.values, other.values)
        assert (one.unit, one.source) == (other.unit, other.source)
    chosen, before = (choose(one, index, asked, "ntlbg", 6) for one in (fused, pictures))
    np.testing.assert_array_equal(chosen.indices, before.indices)
    np.testing.assert_array_equal(chosen.weights, before.weights)
    np.testing.assert_array_equal(chosen.spans, before.spans)
    if before.scores is not None:
        np.testing.assert_array_equal(chosen.scores, before.scores)
    assert fused.covers(asked) == pictures.covers(asked)
    assert fused.notes(index, asked) == pictures.notes(index, asked)


def test_a_moment_is_found_by_either():
    fused, index = FusedRetriever(Odds(), by_words()), video(TALK)
    [said] = fused.relevance(index, parse_question("Who has key 4417?"))
    assert 28 <= TIMES[said.values.argmax()] <= 36
    [shown] = fused.relevance(index, parse_question("When is it red?"))
    assert 200 <= TIMES[shown.values.argmax()] <= 202
    assert (said.unit, said.source) == ("log_odds", "fuse")


def test_what_is_written_meanwhile_is_found_by_words_alone():
    fused, index = FusedRetriever(Odds(), by_words()), video(TALK)
    asked = parse_question("What is on the red slide while key 4417 is talked about?")
    [found] = fused.relevance(index, asked)
    assert 28 <= TIMES[found.values.argmax()] <= 36
    assert found.values[200] == found.values.min()  # a red picture tells nothing about it


class OnlyRed(Odds):
    """Sure of every question, and says that it knows one."""

    def knows(self, question):
        return "red" in question.text

    def score(self, index, text):
        return np.where(index.pts_seconds < 20, 4.0, -4.0)


def test_pictures_that_do_not_know_what_is_asked_do_not_choose():
    fused, index = FusedRetriever(OnlyRed(), by_words()), video(TALK)
    [said] = fused.relevance(index, parse_question("Who has key 4417?"))
    assert 28 <= TIMES[said.values.argmax()] <= 36
    [shown] = fused.relevance(index, parse_question("Is it red?"))
    assert TIMES[shown.values.argmax()] < 20
    [silent] = fused.relevance(video(), parse_question("Who has key 4417?"))
    assert silent.values.max() == 4.0  # nothing else is known
    assert set(fused.found(index, "Who has key 4417?").chances) == {"subtitles"}


def test_the_join_is_the_union_of_chances():
    fused, index, text = FusedRetriever(Odds(), by_words()), video(TALK), "Who has key 4417, red?"
    chances = by_words().chances(index, text)
    p = 1 / (1 + np.exp(-Odds().score(index, text)))
    expected = 1 - (1 - p) * np.prod([1 - chance for chance in chances.values()], axis=0)
    np.testing.assert_allclose(1 / (1 + np.exp(-fused.score(index, text))), expected, rtol=1e-9)


def test_similarities_are_turned_into_odds_first():
    pictures, index, text = ColourRetriever(ColourEncoder()), video(TALK), "Who has key 4417?"
    asked = parse_question(text)
    odds = as_log_odds(
        pictures.score(index, text), index.features["colour"], TIMES, asked.intent.localized_prior
    )
    found = FusedRetriever(pictures, by_words()).score(index, text)
    expected = union_odds(tempered(odds), list(by_words().chances(index, text).values()))
    np.testing.assert_array_equal(found, expected)


def test_words_choose_frames_for_an_encoder_that_knows_pictures_only():
    pictures = CoverageRetriever(ColourEncoder())
    fused, index, asked = FusedRetriever(pictures, by_words()), video(TALK), parse_question("4417?")
    assert not fused.covers_video(index, asked)
    assert fused.covers_video(video(), asked)
    assert not fused.notes(index, asked)
    assert "were not chosen by what the question asks" in fused.notes(video(), asked)[0]
    chosen = choose(fused, index, asked, "top_k", 4)
    assert ((TIMES[chosen.indices] >= 28) & (TIMES[chosen.indices] <= 36)).all()


def test_a_question_about_all_of_it_gets_frames_that_cover_it():
    fused, index = FusedRetriever(Odds(), by_words()), video(TALK)
    whole = choose(fused, index, parse_question("What is this video about?"), "ntlbg", 6)
    nothing = choose(fused, index, None, "ntlbg", 6)
    np.testing.assert_array_equal(whole.indices, nothing.indices)


def test_time_counts_for_words_and_pictures_alike():
    fused, index = FusedRetriever(Odds(), by_words()), video(TALK)
    [after] = fused.relevance(index, parse_question("What is shown right after key 4417?"))
    assert after.values[37:60].max() > after.values[:28].max() + 2  # nats


def test_what_answers_is_named():
    fused, index = FusedRetriever(Odds(), by_words()), video(TALK)
    said, shown, both = (
        fused.found(index, text)
        for text in ("Who has key 4417?", "When is it red?", "Who has key 4417? The red one?")
    )
    assert said.named == ("subtitles",)
    assert shown.named == ("pictures",)
    assert set(both.chances) == {"pictures", "subtitles"}
    for found in (said, shown, both):
        a, b = found.chances.values()
        assert found.chance == pytest.approx(1 - (1 - a) * (1 - b))
        assert found.limit == least_chance(["pictures", "subtitles"])
        assert found.is_enough == (found.chance >= found.limit)
    nothing = fused.found(index, "zebra")
    assert (nothing.named, nothing.is_enough) == ((), False)


def test_it_is_a_retriever_of_a_system():
    answerer = ColourAnswerer()
    fused = FusedRetriever(answerer.own_retriever(), by_words())
    system = load_system(answerer, retriever=fused)
    assert system.retriever is fused
    assert [one.name for one in system.encoders] == ["colour"]
