"""What the chosen frames alone say about answers: which one follows, and how likely others are.

K chosen frames.
"""

import numpy as np

from ntlbg.backends import VideoContext
from ntlbg.backends.seen import POSSIBLE, Signs
from ntlbg.data import NOT_SEEN
from ntlbg.question import parse_question
from ntlbg.time_text import format_seconds
from ntlbg.types import Intent

SAME_MOMENT = 3.0  # seconds from a frame at which a time still names what it shows


def chances_of_times(
    times: np.ndarray, chances: np.ndarray, options: list[str] | None
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
        near = np.abs(times - named[0]) <= SAME_MOMENT if len(named) == 1 else []
        found[option] = float(chances[near].max(initial=0.0))
    return found


def chances_of_words(
    chances: dict[str, float], options: list[str] | None
) -> dict[str, float] | None:
    """Those of the options, if all are words, else of the words that are possible."""
    if options is None:
        least = POSSIBLE * max(chances.values())
        return {word: chance for word, chance in chances.items() if chance >= least}
    known = {word.lower(): chance for word, chance in chances.items()}
    if not all(option.lower() in known for option in options):
        return None  # frames cannot tell how likely the others are
    return {option: known[option.lower()] for option in options}


def frames_in_order(intent: Intent, signs: Signs, video: VideoContext) -> np.ndarray:
    """Chosen frames that may show what comes first or last, or next to what is named: (M,) int64.

    None of them where what is named was not seen, or is not one thing.
    """
    chosen, direction = video.selection.indices, intent.direction
    if video.selection.scores is None or signs.nothing() or len(signs.words) != abs(direction):
        return chosen[:0]
    if not direction:
        return chosen
    return chosen[signs.beyond_frames(video.pts_seconds[chosen], direction)]


def nothing_offered(
    known: dict[str, float] | None, offered: dict[str, float] | None, options: list[str]
) -> bool:
    """Whether the frames show another answer, by chances of all answers and of those offered."""
    if not known or not offered:
        return False
    best = max(offered.get(option, 0.0) for option in options)
    return best < POSSIBLE * max(known.values())


def stated_answer(intent: Intent, signs: Signs) -> str | None:
    """The answer where it follows from what was found, without reading."""
    if not intent.is_yes_no_or_count:
        return NOT_SEEN if signs.nothing() else None
    found = not signs.nothing()
    if intent.counts:
        return None if found else "0"
    return ("Yes" if found else "No") if signs.words else None


def chances_of_yes_and_no(intent: Intent, signs: Signs, options: list[str]) -> list[float] | None:
    """Whether it is there, where that is asked and the options are these two; None for others."""
    texts = [option.lower().replace(",", " ").rstrip(".").split()[0] for option in options]
    if not intent.is_yes_no_or_count or intent.counts or sorted(texts) != ["no", "yes"]:
        return None
    return [signs.chance() if text == "yes" else 1 - signs.chance() for text in texts]
