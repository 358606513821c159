"""What a question says about time: moments it names, and what comes before or after what.

Relevance looks at one frame at a time. These functions turn it into relevance that knows the order
of the frames. T frames.
"""

import re
from collections.abc import Callable

import numpy as np

CLOCK_TIME = re.compile(r"\b(?:(\d+):)?(\d{1,3}):([0-5]\d)\b")
NEAR_SECONDS = 1.5  # a question names whole seconds
NAMED_TIME_BONUS = 20.0  # nats: more than any picture says

ALL_OTHERS = r"(?!\s+(?:all|any|every|the others?|others?)\b)"
AFTER = re.compile(rf"\b(?:after|next|follow(?:s|ed|ing)?){ALL_OTHERS}", re.IGNORECASE)
BEFORE = re.compile(rf"\b(?:before|preced(?:es|ed|ing)|prior to){ALL_OTHERS}", re.IGNORECASE)
FIRST = re.compile(r"\b(?:first|start|begin(?:s|ning)?|before all)\b", re.IGNORECASE)
LAST = re.compile(r"\b(?:last|end|ends|finish(?:es)?|final|after all)\b", re.IGNORECASE)
COUNT = re.compile(r"\b(?:how many|how often|count|number of|separate(?:ly)?)\b", re.IGNORECASE)
PAIR = re.compile(r"\b(?:both|as well as|of the two|(?:or|and) (?:the|an?)\b)", re.IGNORECASE)
WHEN = re.compile(r"\b(?:when|(?:what|which) (?:time|moment|point))\b", re.IGNORECASE)
ASKS_WHEN = re.compile(
    r"\s*(?:(?:at|in|from)\s+)?(?:when|(?:what|which)\s+(?:time|moment|point))\b", re.IGNORECASE
)
NOT_WHAT = re.compile(rf"{ASKS_WHEN.pattern}|\s*(?:how|why|where|who)\b", re.IGNORECASE)
EARLIER = re.compile(r"\b(?:first|earlier|sooner|before)\b", re.IGNORECASE)
LATER = re.compile(r"\b(?:last|later|after)\b", re.IGNORECASE)
YES_NO = re.compile(
    r"\s*(?:is|are|was|were|do|does|did|can|could|has|have|had|will)\b", re.IGNORECASE
)
SURE = 3.0  # nats from which on a frame shows one of two named things; more does not count
ANCHOR_MARGIN = 2.0  # nats below the best frame that still show the named object
APPEARANCE_SECONDS = 5.0  # frames this close count as one appearance
ANCHOR_GAP = 3.0  # seconds between frames of one appearance
SHARPNESS = 2.0
LIKENESSES = 10  # as many far frames alike make a frame a part of the setting
LIKENESS_SECONDS = 6.0  # frames this close may show the same event
BLOCK_FRAMES = 1024  # compared with all others at once
NEIGHBOUR_FLOOR = -4.0  # nats below the likeliest neighbour that still count


def ground_scores(
    scores: np.ndarray,
    pts_seconds: np.ndarray,
    question: str,
    event_odds: Callable[[], np.ndarray | None] = lambda: None,
) -> np.ndarray:
    """Scores (T,) of relevance, in nats, in the light of what the question says about time.

    ``event_odds`` gives log-odds (T,) that a frame shows an event at all; it is called when the
    question is about order. Without any, scores count twice: thousands of doubtful frames lie
    between two moments, and a doubt squared stays a doubt.
    """
    scores = heed_times(scores, pts_seconds, mentioned_seconds(question))
    if names_pair(question):
        return np.minimum(scores, SURE)
    direction = neighbour_direction(question)
    side = first_or_last(question)
    if not (direction or side):
        return scores
    odds = event_odds()
    events = SHARPNESS * scores if odds is None else odds
    if direction:
        return heed_order(scores, events, pts_seconds, direction)
    return heed_side(scores, events, pts_seconds, side)


def heeds_order(question: str) -> bool:
    """Whether :func:`ground_scores` makes one relevance of it that no part of it has.

    >>> questions = ("What follows the owl?", "What is at 02:05?", "Is the owl or the bus first?")
    >>> [heeds_order(question) for question in questions]
    [True, True, False]
    """
    in_order = neighbour_direction(question) or first_or_last(question)
    return bool(mentioned_seconds(question) or (in_order and not names_pair(question)))


def asks_about_events(question: str) -> bool:
    """Whether it asks what comes first or last of everything.

    >>> asks_about_events("Which object appears first?")
    True
    >>> asks_about_events("Which appears first, the cat or the guitar?")
    False
    """
    several = asks_count(question) or names_pair(question)
    return not several and first_or_last(question) != 0


def asks_about_one(question: str) -> bool:
    """Whether it is about one thing it names: when, whether or how often it is there, what is next.

    >>> [asks_about_one(q) for q in ("When does the zeppelin land?", "What is this about?")]
    [True, False]
    """
    denied = asks_count(question) or YES_NO.match(question)
    return bool(WHEN.search(question) or neighbour_direction(question) or denied)


def asks_count(question: str) -> bool:
    """Whether it asks for a number of times.

    >>> asks_count("How often is the owl shown?")
    True
    """
    return bool(COUNT.search(question))


def asks_when(question: str) -> bool:
    """Whether the answer is the time of one thing it names.

    >>> [asks_when(q) for q in ("At what time is the owl seen?", "What is seen when it rains?")]
    [True, False]
    """
    others = neighbour_direction(question) or names_pair(question) or asks_count(question)
    return bool(ASKS_WHEN.match(question)) and not others


def asks_what_in_order(question: str) -> bool:
    """Whether the answer is what comes first or last of all, or right before or after something.

    >>> [asks_what_in_order(q) for q in ("What follows the owl?", "When is the last owl seen?")]
    [True, False]
    """
    other = can_be_denied(question) or names_pair(question) or mentioned_seconds(question)
    if other or NOT_WHAT.match(question):
        return False
    return bool(neighbour_direction(question) or first_or_last(question))


def first_or_last(question: str) -> int:
    """1 if it says first, -1 if it says last, 0 for neither or both.

    >>> first_or_last("When does the owl appear for the last time?")
    -1
    """
    return bool(FIRST.search(question)) - bool(LAST.search(question))


def names_pair(question: str) -> bool:
    """Whether it is about two things at once.

    >>> names_pair("Is the owl or the bus seen first?")
    True
    """
    return bool(PAIR.search(question))


def first_or_last_of_two(question: str) -> int:
    """1 if it asks which of two comes first, -1 if which comes last, 0 otherwise.

    >>> first_or_last_of_two("Which is seen later, the owl or the bus?")
    -1
    """
    if can_be_denied(question) or not names_pair(question):
        return 0
    return bool(EARLIER.search(question)) - bool(LATER.search(question))


def can_be_denied(question: str) -> bool:
    """Whether "No" or "0" tells that something is not there.

    >>> [can_be_denied(q) for q in ("Is there an owl?", "Count the owls.", "When is the owl seen?")]
    [True, True, False]
    """
    choice = re.search(r"\bor\b", question, re.IGNORECASE)
    return asks_count(question) or bool(YES_NO.match(question) and not choice)


def recurrence(features: np.ndarray, pts_seconds: np.ndarray) -> np.ndarray:
    """How much a frame looks like others far from it in time: (T,), -1 to 1, 0 if there are few.

    The cosine similarity with the tenth most similar frame that is more than six seconds away, a
    nearest-neighbour estimate of the density of this video's frames. An event of a few seconds has
    no such neighbours; what a camera keeps showing has many, whatever it is mistaken for. What
    fills more than about twenty seconds counts as setting. Time O(T^2 D).
    """
    units = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    found = np.full(len(units), -np.inf)
    for start in range(0, len(units), BLOCK_FRAMES):
        block = slice(start, start + BLOCK_FRAMES)
        near = np.abs(pts_seconds[block, None] - pts_seconds) <= LIKENESS_SECONDS
        alike = np.where(near, -np.inf, units[block] @ units.T)
        if len(units) >= LIKENESSES:
            found[block] = np.partition(alike, -LIKENESSES, axis=1)[:, -LIKENESSES]
    return np.where(np.isfinite(found), found, 0.0)


def mentioned_seconds(question: str) -> list[float]:
    """Times written as mm:ss or h:mm:ss, in seconds.

    >>> mentioned_seconds("What happens between 02:05 and 1:00:00?")
    [125.0, 3600.0]
    """
    return [
        float(hours or 0) * 3600 + float(minutes) * 60 + float(seconds)
        for hours, minutes, seconds in CLOCK_TIME.findall(question)
    ]


def heed_times(scores: np.ndarray, pts_seconds: np.ndarray, times: list[float]) -> np.ndarray:
    """Scores (T,) for a question that names times: frames there matter, others are background.

    Scores are returned as they are when no time is named, or none that the video has.
    """
    if not times:
        return scores
    near = np.abs(pts_seconds[:, None] - times).min(1) <= NEAR_SECONDS
    if not near.any():
        return scores
    return np.where(near, scores.max() + NAMED_TIME_BONUS, np.minimum(scores, np.median(scores)))


def neighbour_direction(question: str) -> int:
    """1 for what comes after something, -1 for what comes before it, 0 for neither or both.

    >>> neighbour_direction("What is shown right after the guitar?")
    1
    >>> neighbour_direction("Which object is seen before all others?")
    0
    """
    return bool(AFTER.search(question)) - bool(BEFORE.search(question))


def heed_order(
    scores: np.ndarray, events: np.ndarray, pts_seconds: np.ndarray, direction: int
) -> np.ndarray:
    """Scores (T,) for what comes right after (1) or before (-1) the best frame's appearance.

    With p_t the chance that frame t shows an event, by its log-odds ``events`` (T,), the chance
    that it is the first to do so beyond the appearance is p_t prod_u (1 - p_u) over the frames u
    in between. The scores there become its logarithm, on the scale of the best frame; the other
    side falls back to background. Nothing changes when no frame is likely to show what was named.
    """
    order = np.argsort(pts_seconds, kind="stable")[::direction]
    ordered, times = scores[order], np.abs(pts_seconds[order])
    best = int(ordered.argmax())
    if ordered[best] <= 0:
        return scores
    first, last = appearance(ordered >= ordered[best] - ANCHOR_MARGIN, times, best)
    grounded = np.minimum(ordered, np.median(ordered))
    grounded[first : last + 1] = ordered[first : last + 1]
    beyond = slice(last + 1, None)
    grounded[beyond] = _first_passage(
        events[order][beyond], times[beyond], ordered[best], grounded[beyond]
    )
    return _put_back(grounded, order)


def heed_side(
    scores: np.ndarray, events: np.ndarray, pts_seconds: np.ndarray, side: int
) -> np.ndarray:
    """Scores (T,) for what comes first (1) or last (-1) of all events.

    As in :func:`heed_order`, counted from the start or the end of the video.
    """
    order = np.argsort(pts_seconds, kind="stable")[::side]
    ordered = scores[order]
    if ordered.max() <= 0:
        return scores
    background = np.minimum(ordered, np.median(ordered))
    passage = _first_passage(events[order], pts_seconds[order], ordered.max(), background)
    return _put_back(passage, order)


def _first_passage(
    events: np.ndarray, times: np.ndarray, best: float, background: np.ndarray
) -> np.ndarray:
    """Log of the chance to belong to the first event, the likeliest at ``best``.

    Frames of the last few seconds belong to the same appearance, so only earlier ones count as
    "in between". ``events`` are log-odds; all arguments but ``best`` are (n,), in the order of
    looking.
    """
    if not len(events):
        return background
    chance = 1 / (1 + np.exp(-np.clip(events, -100, 100)))
    missed = np.concatenate([[0.0], np.cumsum(np.log1p(-np.minimum(chance, 1 - 1e-9)))])
    elapsed = np.abs(times - times[0])
    passage = np.log(chance) + missed[np.searchsorted(elapsed, elapsed - APPEARANCE_SECONDS)]
    drop = passage - passage.max()
    return np.where(drop > NEIGHBOUR_FLOOR, best + drop, background)


def _put_back(ordered: np.ndarray, order: np.ndarray) -> np.ndarray:
    result = np.empty_like(ordered)
    result[order] = ordered
    return result


def appearance(likely: np.ndarray, times: np.ndarray, best: int) -> tuple[int, int]:
    """First and last place of the likely frames around the best one, without a long gap.

    ``likely`` is a mask (T,) that holds the best frame; ``times`` (T,) are in order, either way.
    """
    places = np.flatnonzero(likely)
    breaks = np.flatnonzero(np.abs(np.diff(times[places])) > ANCHOR_GAP)
    groups = np.split(places, breaks + 1)
    return next((int(g[0]), int(g[-1])) for g in groups if g[0] <= best <= g[-1])
