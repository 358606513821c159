"""What the chosen frames alone say about answers: which one follows, and how likely others are.

K chosen frames.
"""

from collections.abc import Sequence

import numpy as np

from ntlbg.data import NOT_SEEN
from ntlbg.models.ntlbg.question_evidence import POSSIBLE, QuestionEvidence
from ntlbg.question import parse_question
from ntlbg.time_text import format_seconds
from ntlbg.types import AnswerInput, Intent

SAME_MOMENT = 3.0  # seconds from a frame at which a time still names what it shows


def chances_of_times(
    times: np.ndarray, chances: np.ndarray, options: Sequence[str] | None
) -> dict[str, float]:
    """The best chance of frames at times (K,): of the options, else of times that are possible."""
    found: dict[str, float] = {}
    if options is None:
        for place in np.flatnonzero(chances >= POSSIBLE * chances.max()):
            text = format_seconds(times[place])
            found[text] = max(found.get(text, 0.0), float(chances[place]))
        return found
    for option in options:
        named = parse_question(option).intent.times_seconds
        near = chances[np.abs(times - named[0]) <= SAME_MOMENT] if len(named) == 1 else chances[:0]
        found[option] = float(near.max(initial=0.0))
    return found


def chances_of_words(
    chances: dict[str, float], options: Sequence[str] | None
) -> dict[str, float] | None:
    """Those of the options, if all are words, else of the words that are possible."""
    if options is None:
        least = POSSIBLE * max(chances.values())
        return {word: chance for word, chance in chances.items() if chance >= least}
    known = {word.lower(): chance for word, chance in chances.items()}
    if not all(option.lower() in known for option in options):
        return None  # frames cannot tell how likely the others are
    return {option: known[option.lower()] for option in options}


def frames_in_order(intent: Intent, evidence: QuestionEvidence, given: AnswerInput) -> np.ndarray:
    """Chosen frames that may show what comes first or last, or next to what is named: (M,) int64.

    None of them where what is named was not seen, or is not one thing.
    """
    chosen, direction = given.selection.indices, intent.direction
    if (
        given.selection.scores is None
        or evidence.nothing()
        or len(evidence.words) != abs(direction)
    ):
        return chosen[:0]
    if not direction:
        return chosen
    return chosen[evidence.beyond_frames(given.times, direction)]


def nothing_offered(
    known: dict[str, float] | None, offered: dict[str, float] | None, options: Sequence[str]
) -> bool:
    """Whether the frames show another answer, by chances of all answers and of those offered."""
    if not known or not offered:
        return False
    best = max(offered.get(option, 0.0) for option in options)
    return best < POSSIBLE * max(known.values())


def stated_answer(intent: Intent, evidence: QuestionEvidence) -> str | None:
    """The answer where it follows from what was found, without reading."""
    if not intent.is_yes_no_or_count:
        return NOT_SEEN if evidence.nothing() else None
    found = not evidence.nothing()
    if intent.counts:
        return None if found else "0"
    return ("Yes" if found else "No") if evidence.words else None


def chances_of_yes_and_no(
    intent: Intent, evidence: QuestionEvidence, options: Sequence[str]
) -> list[float] | None:
    """Whether it is there, where that is asked and the options are these two; None for others."""
    texts = [option.lower().replace(",", " ").rstrip(".").split()[0] for option in options]
    if not intent.is_yes_no_or_count or intent.counts or sorted(texts) != ["no", "yes"]:
        return None
    return [evidence.chance() if text == "yes" else 1 - evidence.chance() for text in texts]
