"""What a question says about time, applied to relevance.

Relevance looks at one frame at a time. These functions turn it into relevance that knows the order
of the frames. They take what was read of a question, and read nothing themselves. T frames.
"""

from collections.abc import Callable

import numpy as np

from ntlbg.types import Intent

# Seconds. A question names whole seconds, so a frame up to half a second further away may be meant.
NEAR_SECONDS = 1.5
# Seconds. "From 0:20 to 1:20" are whole seconds, too.
RANGE_SECONDS = 0.5
# Nats: more than any picture says. Set by hand.
NAMED_TIME_BONUS = 20.0
# Nats from which on a frame shows one of two named things; more does not count. Set by hand.
PAIR_CEILING = 3.0
# Nats below the best frame that still show the named object. Set by hand.
ANCHOR_MARGIN = 2.0
# Seconds between frames of one appearance. Set by hand: sampling at one frame a second, two frames
# of an appearance may be missed.
ANCHOR_GAP = 3.0
# Seconds; frames this close count as one appearance. It changed few answers (docs/log.md, "First
# passage"), and is kept because several frames of one appearance are safer than one.
APPEARANCE_SECONDS = 5.0
# Scores count so many times as log-odds of an event: thousands of doubtful frames lie between two
# moments, and a doubt squared stays a doubt. Set by hand.
SCORE_SHARPNESS = 2.0
# As many far frames alike make a frame a part of the setting, and frames this close in seconds may
# show the same event (docs/log.md, "Recurrence did").
NUM_SIMILAR_FRAMES = 10
SAME_EVENT_SECONDS = 6.0
# Frames compared with all others at once: 1024 x 10,000 float32 are 40 MB.
BLOCK_FRAMES = 1024
# Nats below the likeliest neighbour that still count. Set by hand.
NEIGHBOUR_FLOOR = -4.0


def apply_question_timing(
    scores: np.ndarray,
    pts_seconds: np.ndarray,
    intent: Intent,
    event_odds: Callable[[], np.ndarray | None] = lambda: None,
) -> np.ndarray:
    """Scores (T,) of relevance, in nats, in the light of what the question says about time.

    ``event_odds`` gives log-odds (T,) that a frame shows an event at all; it is called when the
    question is about order. Without any, the scores stand for them, sharpened.
    """
    if not intent.beside_time:
        scores = boost_named_times(scores, pts_seconds, intent)
    if intent.names_pair:
        return np.minimum(scores, PAIR_CEILING)
    if not (intent.direction or intent.side):
        return scores
    odds = event_odds()
    events = SCORE_SHARPNESS * scores if odds is None else odds
    if intent.beside_time:
        [seconds] = intent.times_seconds
        return score_beside_time(scores, events, pts_seconds, seconds, intent.direction)
    if intent.direction:
        return score_neighbours(scores, events, pts_seconds, intent.direction)
    return score_extremes(scores, events, pts_seconds, intent.side)


def named_frames(pts_seconds: np.ndarray, intent: Intent) -> np.ndarray:
    """Mask (T,) of the frames at the times that a question names, or on the side of one."""
    if intent.beside_time:
        return intent.direction * (pts_seconds - intent.times_seconds[0]) > 0
    return _at(pts_seconds, intent.times_seconds) | _within(pts_seconds, intent.ranges_seconds)


def _at(pts_seconds: np.ndarray, times_seconds: tuple[float, ...]) -> np.ndarray:
    away = np.abs(pts_seconds[:, None] - np.array(times_seconds))
    return np.any(away <= NEAR_SECONDS, axis=1)


def _within(pts_seconds: np.ndarray, ranges_seconds: tuple[tuple[float, float], ...]) -> np.ndarray:
    starts, ends = np.array(ranges_seconds).reshape(-1, 2).T
    times = pts_seconds[:, None]
    return np.any((times >= starts - RANGE_SECONDS) & (times <= ends + RANGE_SECONDS), axis=1)


def boost_named_times(scores: np.ndarray, pts_seconds: np.ndarray, intent: Intent) -> np.ndarray:
    """Scores (T,) for a question that names times: frames there matter, others are background.

    At a moment all frames matter alike; within a stretch of time their scores still tell which do
    more, by half of the bonus at most. Scores are returned as they are when no time is named, or
    none that the video has.
    """
    near = named_frames(pts_seconds, intent)
    if not near.any():
        return scores
    best = scores.max() + NAMED_TIME_BONUS
    behind = np.maximum(scores - scores[near].max(), -NAMED_TIME_BONUS / 2)
    at = _at(pts_seconds, intent.times_seconds)
    there = np.where(at, best, best + behind)
    return np.where(near, there, np.minimum(scores, np.median(scores)))


def score_beside_time(
    scores: np.ndarray,
    events: np.ndarray,
    pts_seconds: np.ndarray,
    seconds: float,
    direction: int,
) -> np.ndarray:
    """Scores (T,) for what comes next after (1) or before (-1) a named time, which is not meant.

    As in :func:`score_neighbours`, counted from the time on. Nothing changes where the video has no
    frame on that side.
    """
    order = np.argsort(pts_seconds, kind="stable")[::direction]
    times = pts_seconds[order]
    first = np.count_nonzero(direction * (times - seconds) <= 0)
    timed = np.minimum(scores, np.median(scores))[order]
    best = scores.max() + NAMED_TIME_BONUS
    if first == len(times):
        return scores
    timed[first:] = _first_passage(events[order][first:], times[first:], best, timed[first:])
    return _put_back(timed, order)


def score_neighbours(
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
    first, last = run_around(ordered >= ordered[best] - ANCHOR_MARGIN, times, best)
    timed = np.minimum(ordered, np.median(ordered))
    timed[first : last + 1] = ordered[first : last + 1]
    beyond = slice(last + 1, None)
    timed[beyond] = _first_passage(
        events[order][beyond], times[beyond], ordered[best], timed[beyond]
    )
    return _put_back(timed, order)


def score_extremes(
    scores: np.ndarray, events: np.ndarray, pts_seconds: np.ndarray, side: int
) -> np.ndarray:
    """Scores (T,) for what comes first (1) or last (-1) of all events.

    As in :func:`score_neighbours`, counted from the start or the end of the video.
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


def run_around(likely: np.ndarray, times: np.ndarray, best: int) -> tuple[int, int]:
    """First and last place of the likely frames around the best one, without a long gap.

    ``likely`` is a mask (T,) that holds the best frame; ``times`` (T,) are in order, either way.
    """
    places = np.flatnonzero(likely)
    breaks = np.flatnonzero(np.abs(np.diff(times[places])) > ANCHOR_GAP)
    groups = np.split(places, breaks + 1)
    return next((int(g[0]), int(g[-1])) for g in groups if g[0] <= best <= g[-1])


def recurrence_similarity(features: np.ndarray, pts_seconds: np.ndarray) -> np.ndarray:
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
        near = np.abs(pts_seconds[block, None] - pts_seconds) <= SAME_EVENT_SECONDS
        alike = np.where(near, -np.inf, units[block] @ units.T)
        if len(units) >= NUM_SIMILAR_FRAMES:
            found[block] = np.partition(alike, -NUM_SIMILAR_FRAMES, axis=1)[:, -NUM_SIMILAR_FRAMES]
    return np.where(np.isfinite(found), found, 0.0)
