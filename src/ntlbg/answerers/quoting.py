"""Answers of a model that reads no text: what is said and written is quoted, never put otherwise.

k chosen frames.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ntlbg.answerers.content import HOW_KNOWN
from ntlbg.data import NOT_SEEN
from ntlbg.text.meaning.decision import BESIDE_SECONDS
from ntlbg.time_text import timestamp
from ntlbg.types import AnswerInput, Decision, Intent, Passage, Question, Quotation, Reply

# More likely than not, which is when pictures are an answer, too.
LIKELY = 0.5
NOT_SAID = "Not said or shown."
NEAREST = "Nothing says so directly; nearest:"
ABOUT_WHOLE = "Of all that is said, from its beginning, middle and end:"


def with_quotations(question: Question, reply: Reply, given: AnswerInput) -> Reply:
    """The answer by pictures, or a quotation where that is more likely the answer.

    Args:
        reply: by pictures; its ``found`` is None where they cannot tell.
    """
    decision, times = given.decision, given.times
    if decision is None:
        return reply
    if reply.found is None and reply.notes and question.intent.names_time:
        decision = _at_its_time(question.intent, given.index.passages) or decision
    seen = reply.found or 0.0
    if seen >= LIKELY and (decision.kind == "whole" or seen >= decision.chance):
        return reply
    if decision.kind == "not said":
        return reply if reply.found is not None and reply.text != NOT_SEEN else _nothing(reply)
    shown = np.zeros(len(times), bool)
    for passage in decision.passages if decision.kind == "said" else ():
        start, end = passage.start_seconds - BESIDE_SECONDS, passage.end_seconds + BESIDE_SECONDS
        shown |= (times >= start) & (times <= end)
    return replace(
        reply, text=_quoted(decision), found=max(seen, decision.chance), supports=shown, notes=(),
        written=False, quoted=decision.passages,
    )  # fmt: skip


def _at_its_time(intent: Intent, passages: Sequence[Passage]) -> Decision | None:
    """What is said at the times that a question names; None: nothing is."""
    spans = [*((time, time) for time in intent.times_seconds), *intent.ranges_seconds]
    said = [
        passage for passage in passages
        if any(passage.start_seconds <= end + BESIDE_SECONDS
               and passage.end_seconds >= start - BESIDE_SECONDS for start, end in spans)
    ]  # fmt: skip
    said.sort(key=lambda passage: passage.start_seconds)
    return (
        Decision("said", tuple(said), 1.0, tuple(dict.fromkeys(one.source for one in said)))
        if said
        else None
    )


def quotation(passage: Passage | Quotation) -> str:
    """``12:40 said: "..."``"""
    when = timestamp(max(0.0, passage.start_seconds))
    return f'{when} {HOW_KNOWN[passage.source]}: "{" ".join(passage.text.split())}"'


def _quoted(decision: Decision) -> str:
    heading = {"said": [], "nearest": [NEAREST], "whole": [ABOUT_WHOLE], "not said": []}
    return "\n".join([*heading[decision.kind], *map(quotation, decision.passages)])


def _nothing(reply: Reply) -> Reply:
    return replace(reply, text=NOT_SAID, notes=())
