"""Earlier questions and answers: they choose frames, are read, take tokens, and give way."""

import numpy as np
import pytest

import ntlbg
from fakes import ColourAnswerer
from ntlbg import FeatureIndex, Turn, ask
from ntlbg.answerers import Wants
from ntlbg.errors import BudgetError, QuestionError

TALK = (Turn("Is there a blue picture?", "Yes, one."),)
FOLLOW_UP = "And when is it?"


class Talker(ColourAnswerer):
    """A word is a token, and it reads a talk."""

    def __init__(self, context_length=None):
        super().__init__()
        self.wants, self.context_length = Wants(talk=True), context_length

    def count_text(self, text):
        return len(text.split())


@pytest.fixture
def asked(colour_video, tmp_path):
    def one(question=FOLLOW_UP, **how):
        how = {"model": Talker(), "num_frames": 3, "selector": "top_k"} | how
        return ask(colour_video, question, index=FeatureIndex(tmp_path / "index"), **how)

    return one


def seconds(answer):
    return [item.pts_seconds for item in answer.evidence]


def test_a_follow_up_is_looked_for_by_the_question_before_it(asked):
    alone, talked = asked(), asked(talk=TALK)
    assert not any(25 <= time < 27 for time in seconds(alone))
    assert any(25 <= time < 27 for time in seconds(talked))  # where it is blue
    assert talked.context.talk == TALK
    assert sum("looked for by an earlier one" in note for note in talked.notes) == 1
    assert "Is there a blue picture?" in " ".join(talked.notes)


def test_a_question_that_names_something_is_looked_for_alone(asked):
    alone, talked = asked("Is it red?"), asked("Is it red?", talk=TALK)
    assert seconds(alone) == seconds(talked)
    np.testing.assert_array_equal(alone.context.selection.scores, talked.context.selection.scores)
    assert talked.context.talk == TALK
    assert talked.notes == alone.notes


def test_without_a_talk_nothing_changes(asked):
    plain, empty = asked(), asked(talk=[])
    for record in (plain, empty):
        record.usage.pop("seconds")
    assert plain.to_dict() | {"usage": 0} == empty.to_dict() | {"usage": 0}
    assert plain.context.talk == ()


def test_who_reads_no_talk_is_not_given_it_and_a_note_says_so(asked):
    model = ColourAnswerer()
    answer = asked(model=model, talk=TALK)
    assert model.inputs[-1].talk == ()
    assert sum("reads no earlier questions" in note for note in answer.notes) == 1


def test_the_oldest_turns_give_way(asked):
    talk = [Turn(f"Is there a blue thing {number}?", "one two three") for number in range(10)]
    each = len(talk[0].question.split()) + 3 + ntlbg.answerers.TURN_TOKENS
    answer = asked(model=Talker(context_length=4 * 3 * each), talk=talk)
    assert list(answer.context.talk) == talk[-3:]
    assert "of 10 earlier questions and answers the oldest 7 are left out" in " ".join(answer.notes)


def test_a_talk_gives_way_to_the_frames(asked):
    """The question, its answer and a frame are 97 tokens, of which a talk may take 24."""
    talk = [Turn("blue?", "y"), Turn("red?", "n")]
    assert asked(model=Talker(98), talk=talk[:1], num_frames=1).context.talk == ()
    assert asked(model=Talker(97 + 18), talk=talk, num_frames=1).context.talk == (talk[1],)
    with pytest.raises(BudgetError, match="one frame and the question are 97 tokens"):
        asked(model=Talker(96), talk=talk, num_frames=1)


def test_what_is_no_turn_is_refused_before_a_film_is_read(asked):
    with pytest.raises(QuestionError, match="turn 1 of the talk"):
        asked(talk=[("a", "b")])
