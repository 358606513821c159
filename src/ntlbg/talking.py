"""Earlier questions about the same film: what they make of a question, and which of them are read.

A follow-up that names nothing is looked for by the question before it (``ntlbg.question``). Turns
count against what a model reads at once, as passages do; the oldest ones give way.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ntlbg.errors import BudgetError
from ntlbg.evidence import num_pictures
from ntlbg.looking import Look
from ntlbg.question import sought_by
from ntlbg.system import System
from ntlbg.types import Plan, Question, Turn, VideoIndex
from ntlbg.visible import shortened

# Of what a model reads at once, at most: as passages, the rest is for frames.
MOST_SHARE = 0.25


@dataclass(frozen=True)
class Planned:
    """How many frames are chosen, and what is read beside them.

    Attributes:
        wanted: frames asked for, or as usual.
        num_frames: that there are, and that fit.
        plan: of what is read; None where nothing is answered.
        talk: turns that are read, the oldest first.
        notes: why it is less than was asked for, a sentence each.
    """

    wanted: int
    num_frames: int
    plan: Plan | None = None
    talk: tuple[Turn, ...] = ()
    notes: tuple[str, ...] = ()


def planned(
    look: Look,
    system: System,
    question: Question | None,
    index: VideoIndex,
    told_tokens: int = 0,
    talk: Sequence[Turn] = (),
) -> Planned:
    """Frames for a question, beside what is told and the latest turns of a talk.

    Args:
        question: that is answered; None where nothing is, and all frames fit.
        told_tokens: of passages.
        talk: the oldest turn first.

    Raises:
        BudgetError: not one frame fits, or fewer than were asked for fit the cap.
    """
    wanted = look.budget(system.habits, len(index))
    if question is None:
        return Planned(wanted, min(wanted, num_pictures(index)))
    kept = _within_share(system, talk)
    while True:
        tokens = system.answerer.talk_tokens(kept) if kept else 0
        try:
            plan, fewer = look.plan_for(system, question, index, told_tokens + tokens)
        except BudgetError:
            if not kept:
                raise
            kept = kept[1:]
        else:
            notes = *fewer, *_left_out(system, len(talk), len(kept))
            return Planned(wanted, plan.num_frames, plan, kept, notes)


def sought_in(question: Question | None, talk: Sequence[Turn]) -> tuple[Question | None, list[str]]:
    """What frames and passages are looked for by, and a note where that is not the question."""
    if question is None:
        return None, []
    sought = sought_by(question, talk)
    if sought is question:
        return question, []
    before = sought.text.removesuffix(question.text).rstrip()
    return sought, [
        "the question names nothing by itself, so that moments were looked for by an earlier one, "
        f"too: {shortened(before)!r}"
    ]


def _within_share(system: System, talk: Sequence[Turn]) -> tuple[Turn, ...]:
    """The latest turns that may be read; none where the answerer reads none."""
    answerer, kept = system.answerer, tuple(talk)
    if not answerer.wants.talk:
        return ()
    if answerer.context_length is None:
        return kept
    most = int(answerer.context_length * MOST_SHARE)
    while kept and answerer.talk_tokens(kept) > most:
        kept = kept[1:]
    return kept


def _left_out(system: System, asked: int, kept: int) -> list[str]:
    if asked == kept:
        return []
    if not system.answerer.wants.talk:
        return [f"{system.name} reads no earlier questions: it answers this one alone"]
    are = "the oldest one is" if asked - kept == 1 else f"the oldest {asked - kept} are"
    return [
        f"of {asked} earlier questions and answers {are} left out, {system.name} reads "
        f"{system.answerer.context_length} tokens"
    ]
