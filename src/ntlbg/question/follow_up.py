"""A question after others: whether it names anything, and what it is about if it does not.

"And what colour is it?" says nothing by which a frame or a passage could be found; the question
before it does. This goes by words, as everything here: a pronoun whose thing is in the same
question, or whose sentence names another thing, leaves the question alone.
"""

from collections.abc import Sequence
from dataclasses import replace

from ntlbg.errors import QuestionError
from ntlbg.question.parse import check_letters, parse_question
from ntlbg.types import Question, Turn


def sought_by(question: Question, talk: Sequence[Turn]) -> Question:
    """What frames and passages are looked for by: the question itself, or with one before it.

    That is the last one that names something. Its parts stay parts, and both together are one
    more, so that frames are chosen for either.

    Args:
        talk: what was asked before, the oldest first.
    """
    if not question.intent.refers_back:
        return question
    for turn in reversed(talk):
        earlier = parse_question(turn.question)
        if not earlier.intent.refers_back:
            return _together(earlier, question)
    return question


def checked_talk(talk: Sequence[Turn]) -> tuple[Turn, ...]:
    """Earlier turns as they were given, if they are such.

    Raises:
        QuestionError: one is something else, or without words, or has bytes that are no letters.
    """
    for number, turn in enumerate(talk, 1):
        if not isinstance(turn, Turn):
            raise QuestionError(
                f"turn {number} of the talk is {turn!r:.80}; give Turn(question, answer)"
            )
        for what, text in (("question", turn.question), ("answer", turn.answer)):
            if not isinstance(text, str) or not text.strip():
                raise QuestionError(
                    f"the {what} of turn {number} of the talk is empty ({text!r}); leave out turns "
                    "without words"
                )
            check_letters(f"the {what} of turn {number} of the talk", text)
    return tuple(talk)


def _together(earlier: Question, question: Question) -> Question:
    both = parse_question(f"{earlier.text} {question.text}", question.options)
    named = [part for part in question.intent.parts if part != question.text]
    parts = dict.fromkeys((*earlier.intent.parts, *named, both.text))
    # that two questions stand side by side names no pair
    pair = earlier.intent.names_pair
    return replace(both, intent=replace(both.intent, parts=tuple(parts), names_pair=pair))
