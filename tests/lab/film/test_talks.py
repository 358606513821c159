"""The shipped voices: small, whole, and where ``sentences.json`` says."""

import json

import av
import numpy as np
import pytest

from ntlbg.judging import QUOTED_KINDS, holds
from ntlbg_lab.film.questions import HEARD_AND_READ
from ntlbg_lab.film.talks import RATE, SPEECH, TALKS_FILE, load_talks, voice
from ntlbg_lab.transcripts import FITTED, HELD_OUT

TALKS = load_talks()


def test_they_are_small():
    assert sum(path.stat().st_size for path in SPEECH.iterdir()) < 4_000_000


def test_the_texts_are_not_those_that_constants_were_fitted_to():
    names = {talk.name for talk in TALKS}
    assert names == set(HELD_OUT)
    assert not names & set(FITTED)


def test_every_talk_has_a_voice_of_its_own():
    voices = [about["voice"] for about in json.loads(TALKS_FILE.read_text("utf-8")).values()]
    assert len(voices) == len(set(voices)) == len(TALKS)


@pytest.mark.parametrize("talk", TALKS, ids=lambda talk: talk.name)
def test_what_is_asked_is_spoken_and_its_answer_is_in_it(talk):
    texts = {sentence.text for sentence in talk.sentences}
    assert {one["sentence"] for one in (*talk.said, *talk.reworded, *talk.asked_while)} <= texts
    for one in (*talk.said, *talk.reworded):
        assert holds(one["sentence"], one["answer"])
    for page in talk.slides:
        assert any(holds(line, page["answer"]) for line in page["lines"])
    for item in talk.ticker:
        assert holds(item["text"], item["answer"])


@pytest.mark.parametrize("talk", TALKS, ids=lambda talk: talk.name)
def test_no_answer_can_be_found_elsewhere_in_what_is_spoken(talk):
    for one in (*talk.said, *talk.reworded):
        assert sum(holds(sentence.text, one["answer"]) for sentence in talk.sentences) == 1


@pytest.mark.parametrize("talk", TALKS, ids=lambda talk: talk.name)
def test_sentences_are_loud_and_silence_is_between_them(talk):
    samples = voice(talk.sound)
    with av.open(str(SPEECH / f"{talk.name}.opus")) as file:  # libav's own word for its length
        assert len(samples) / RATE == pytest.approx(file.duration / av.time_base, abs=0.1)

    def level(start, end):
        return float(np.sqrt(np.mean(samples[round(start * RATE) : round(end * RATE)] ** 2)))

    for one, other in zip(talk.sentences, talk.sentences[1:]):
        assert level(one.start, one.end) == pytest.approx(0.08, rel=0.25)
        assert level(one.end + 0.06, other.start - 0.06) < 0.01


def test_kinds_are_judged_as_quotations():
    assert set(HEARD_AND_READ) == QUOTED_KINDS
