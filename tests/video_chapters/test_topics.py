"""What is spoken of around a moment, by an encoder or by shared words."""

import numpy as np
import pytest

from ntlbg.text.meaning import TextEncoder
from ntlbg.types import Passage
from ntlbg.video_chapters.topics import FAR, language_of, topics_of, word_vectors

PASSAGES = (
    Passage("Beans and peas.", 0.0, 10.0, "speech"),
    Passage("Rabbits dig holes.", 200.0, 204.0, "speech"),
    Passage("Beans and rabbits", 0.0, 300.0, "screen"),
)


class Reads(TextEncoder):
    """The number of letters of a text, turned into an angle."""

    name, fingerprint, feature_size, languages = "angles", "angles-1", 2, ("en",)

    def encode(self, texts):
        turns = np.array([len(text) / 10 for text in texts])
        return np.stack([np.cos(turns), np.sin(turns)], axis=1).astype(np.float32)


def test_an_encoder_reads_its_language_and_words_are_compared_in_others():
    read = topics_of(PASSAGES, Reads)
    assert not read.is_by_words
    np.testing.assert_allclose(read.vectors[0], Reads().encode([read.passages[0].text])[0])
    chinese = topics_of([Passage("我们今天讲港口的费用", 0.0, 4.0, "speech")], Reads)
    assert chinese.is_by_words
    assert topics_of(PASSAGES, lambda: None).is_by_words


def test_without_passages_no_encoder_is_loaded():
    def load():
        raise AssertionError

    assert topics_of([Passage("  ", 0.0, 1.0, "speech")], load).passages == ()


def test_the_language_is_that_of_the_film_and_not_of_its_first_words():
    texts = ["OK, hello and welcome"] + ["我们今天讲港口的费用和新的起重机"] * 3000
    assert language_of(texts) == "zh"


def test_shared_words_make_texts_alike():
    vectors = word_vectors(
        ["Beans and peas", "Peas or beans?", "The rabbits dig", "Rabbit!", "Fog"]
    )
    likeness = vectors @ vectors.T
    assert likeness[0, 1] == pytest.approx(1)
    assert likeness[2, 3] == pytest.approx(1)
    assert likeness[0, 2] == 0
    assert not vectors[4].any()  # nothing to compare it by
    assert word_vectors([]).shape[0] == 0


def test_a_moment_is_about_what_is_said_there_and_silence_is_like_nothing():
    topics = topics_of(PASSAGES[:2], Reads)
    at = topics.around(np.array([5.0, 10.0 + FAR + 1, 202.0]))
    np.testing.assert_allclose(at[0], [*topics.vectors[0], 1.0], atol=1e-9)
    np.testing.assert_allclose(at[2], [*topics.vectors[1], 1.0], atol=1e-9)
    np.testing.assert_array_equal(at[1], 0)
    assert topics_of((), Reads).around(np.zeros(2)).shape == (2, 2)


def test_what_is_written_is_a_subject_and_no_speech():
    at = topics_of(PASSAGES, Reads).around(np.array([100.0]))
    assert np.linalg.norm(at[0, :-1]) == pytest.approx(1)
    assert at[0, -1] == 0


def test_nearer_passages_count_more():
    topics = topics_of(PASSAGES[:2], lambda: None)
    many = topics.around(np.linspace(0, 300, 777))
    one = np.concatenate([topics.around(np.array([moment])) for moment in np.linspace(0, 300, 777)])
    np.testing.assert_allclose(many, one, atol=1e-12)  # in blocks or alone
    assert (
        np.diff(many[(np.linspace(0, 300, 777) > 10) & (np.linspace(0, 300, 777) < 90), -1]) <= 0
    ).all()
