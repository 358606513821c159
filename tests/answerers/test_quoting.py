"""A model that reads no text quotes: what, when and from where, and only where it is likelier."""

from dataclasses import replace

import numpy as np
import pytest

from ntlbg.answerers.quoting import NEAREST, NOT_SAID, quotation, with_quotations
from ntlbg.data import NOT_SEEN
from ntlbg.question import parse_question
from ntlbg.types import Decision, Passage, Reply, VideoIndex
from tiny_vlms import drawn, shown

TIMES = np.array([5.0, 61.0, 62.5, 3700.0])
SEEDS = Passage("We paid $420\nfor seeds.", 60.0, 63.0, "speech")
SLIDE = Passage("Agenda", 3600.0, 3700.0, "screen")
QUESTION = parse_question("How much were the seeds?")
SAID = Decision("said", (SEEDS,), 0.8, ("speech",))


def given(decision, passages=(SEEDS, SLIDE)):
    made = shown(drawn(len(TIMES)), TIMES)
    index = VideoIndex(TIMES, {}, passages=passages)
    return replace(made, index=index, decision=decision)


def by_pictures(found, text="08:50", notes=()):
    return Reply(text, None, 4, found=found, supports=np.zeros(4, bool), notes=notes, written=True)


@pytest.mark.parametrize("found", [None, 0.0, 0.3, 0.79])
def test_what_is_said_is_quoted_where_it_is_likelier_than_what_is_seen(found):
    reply = with_quotations(QUESTION, by_pictures(found, notes=("a guess",)), given(SAID))
    assert reply.text == '01:00 said: "We paid $420 for seeds."'
    assert reply.found == pytest.approx(0.8)
    assert reply.supports.tolist() == [False, True, True, False]  # frames at that time
    assert (reply.notes, reply.written) == ((), False)  # the guess is not what is shown


def test_pictures_answer_where_they_are_surer():
    reply = by_pictures(0.9)
    assert with_quotations(QUESTION, reply, given(SAID)) is reply


@pytest.mark.parametrize("kind", ["nearest", "not said"])
def test_what_pictures_know_stays_where_nothing_is_said(kind):
    reply = by_pictures(0.9)
    passages = (SEEDS,) if kind == "nearest" else ()
    assert with_quotations(QUESTION, reply, given(Decision(kind, passages, 0.3))) is reply


def test_the_nearest_are_named_as_such():
    decision = Decision("nearest", (SLIDE, SEEDS), 0.3)
    reply = with_quotations(QUESTION, by_pictures(None), given(decision))
    assert reply.text.splitlines() == [
        NEAREST, '1:00:00 on screen: "Agenda"', '01:00 said: "We paid $420 for seeds."'
    ]  # fmt: skip
    assert not reply.supports.any()


@pytest.mark.parametrize("reply", [by_pictures(None), by_pictures(0.01, NOT_SEEN)])
def test_nothing_said_and_nothing_seen(reply):
    assert with_quotations(QUESTION, reply, given(Decision("not said", (), 0.1))).text == NOT_SAID


def test_without_words_nothing_changes():
    reply = by_pictures(None, notes=("a guess",))
    assert with_quotations(QUESTION, reply, given(None)) is reply


def test_what_is_said_at_a_time_that_is_named():
    asked = parse_question("What does she say at 1:02?")
    guess = by_pictures(None, notes=("a guess",))
    reply = with_quotations(asked, guess, given(Decision("not said", (), 0.1)))
    assert reply.text == quotation(SEEDS)
    assert reply.quoted == (SEEDS,)
    sure = by_pictures(0.7)  # it understood: a question about pictures
    assert with_quotations(asked, sure, given(Decision("not said", (), 0.1))) is sure
