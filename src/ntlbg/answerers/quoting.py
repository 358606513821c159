"""Answers of a model that reads no text: what is said and written is quoted, never put otherwise.

k chosen frames.
"""

from dataclasses import replace

import numpy as np

from ntlbg.answerers.content import HOW_KNOWN
from ntlbg.data import NOT_SEEN
from ntlbg.time_text import timestamp
from ntlbg.types import Decision, Passage, Reply

# More likely than not, which is when pictures are an answer, too.
LIKELY = 0.5
# What is talked about is often shown a little before or after.
BESIDE_SECONDS = 2.0
NOT_SAID = "Not said or shown."
NEAREST = "Nothing says so directly; nearest:"
ABOUT_WHOLE = "Of all that is said, from its beginning, middle and end:"


def with_quotations(reply: Reply, decision: Decision | None, times: np.ndarray) -> Reply:
    """The answer by pictures, or a quotation where that is more likely the answer.

    Args:
        reply: by pictures; its ``found`` is None where they cannot tell.
        decision: about what is said and written; None: nothing is known of that.
        times: float64 (k,) of the chosen frames.
    """
    if decision is None:
        return reply
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
        written=False,
    )  # fmt: skip


def quotation(passage: Passage) -> str:
    """``12:40 said: "..."``"""
    when = timestamp(max(0.0, passage.start_seconds))
    return f'{when} {HOW_KNOWN[passage.source]}: "{" ".join(passage.text.split())}"'


def _quoted(decision: Decision) -> str:
    heading = {"said": [], "nearest": [NEAREST], "whole": [ABOUT_WHOLE], "not said": []}
    return "\n".join([*heading[decision.kind], *map(quotation, decision.passages)])


def _nothing(reply: Reply) -> Reply:
    return replace(reply, text=NOT_SAID, notes=())
