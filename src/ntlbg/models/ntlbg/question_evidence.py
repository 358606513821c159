"""Do the chosen frames show what a question is about? A chance, calibrated on made videos.

There are two kinds of videos. In those with drawn objects, which the model was trained on, it sees
what there is, and what it does not see is not there. In all others, photographs, screens, people,
what it sees is there more often than not if it was asked for by name, is seldom what comes first or
last, and it misses most of what there is. The chance is a mixture of both, by how much the video
looks like one with drawn objects.

K chosen frames, D feature size, V words.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ntlbg.data import NOT_SEEN
from ntlbg.question.timing import (
    APPEARANCE_SECONDS,
    NEAR_SECONDS,
    named_frames,
    run_around,
)
from ntlbg.time_text import format_seconds
from ntlbg.types import Intent

# By the regressions, from which on a named thing in a video with drawn objects counts as seen; the
# same for an event without a name. Chosen on validation videos (scripts/calibrate_builtin.py).
LEAST_CHANCE, LEAST_MOMENT_CHANCE = 0.2, 0.35
LEAST_FOUND = 0.5  # the same in other videos, and of the chance that is told
# Chance of what is said from which on it is said without a note, and up to which a thing is denied
# without one: then of 425 right answers about validation videos 14 have a note (docs/builtin.md).
# Ten of the denials at .12 to .15 about 40 videos of photographs and screens were wrong.
SURE, SURELY_NOT = 0.8, 0.115
LARGEST_ODDS = 12.0  # nats; what a word's log-odds count at most, either way
POSSIBLE = 0.1  # chance from which on a frame may belong to an appearance or be the moment
SET_ODDS = 8.0  # log-odds of a word that only a frame set to it has; the tower's own reach 4
SAME_WORD = 0.999  # cosine of two directions of one word


DENIALS = ("no", "0", NOT_SEEN.lower().rstrip("."))
MISSED = "what was asked for may be there and have been missed"
STRANGE = (
    ", and the video does not look like those the model was trained on: it misses most of what "
    "photographs and screens show"
)
NOT_OFFERED = "what the frames show is among none of the options, so the choice is a guess"
RECOGNISED = (
    "not sure: the word comes from a classifier of photographs, which is wrong about a third of "
    "them or more"
)


@dataclass(frozen=True)
class Calibration:
    """Logistic regressions of ``scripts/calibrate_builtin.py`` on validation videos of an hour.

    They belong to trained weights, and their file keeps them. Each holds weights, the bias last.
    The last three are of ``scripts/calibrate_footage.py``, which makes videos of both kinds: fitted
    to one half of its videos, and counted on both.

    Attributes:
        event: a frame shows an event, by confidence and recurrence.
        moment: a video or moment shows one, by the log-odds of its best frame and the log of the
            number of frames; the best of many is good by chance.
        named: a frame shows a named object, by relevance and by the word's own log-odds.
        relevance: the same where no word is known for it.
        drawn: a video is one with drawn objects, by what
            ``ntlbg.models.builtin.drawn_videos`` tells.
        found: an object asked for by name is in a video without drawn ones: log-odds of ``named``
            from which on it mostly is, the chance then (36 of 38, and one more of each kind), and
            the chance below, if four of ten names that are asked for are there.
        other_event: what comes first or last in such a video was recognised (6 of 240).
    """

    event: Sequence[float] = (6.33, -10.25, -1.39)
    moment: Sequence[float] = (0.91, -0.64, 4.33)
    named: Sequence[float] = (1.18, 0.78, -4.91)
    relevance: Sequence[float] = (2.63, -10.70)
    drawn: Sequence[float] = (1.04, 0.96, 0.24, -0.93, -1.54, -1.85)
    found: Sequence[float] = (-4.0, 0.92, 0.3)
    other_event: Sequence[float] = (0.025,)


def log_odds(weights: Sequence[float], *signs):
    """A logistic regression of numbers, or arrays, before its logistic function."""
    *slopes, bias = weights
    return sum(slope * sign for slope, sign in zip(slopes, signs, strict=True)) + bias


@dataclass(frozen=True)
class QuestionEvidence:
    """What the chosen frames have to say about one question.

    Attributes:
        relevance: (K,) log-likelihood ratios before anything was made of the question's order.
        words: for every object it names log-odds (K,) against all other words.
        events: (n,) log-odds of an event, for a question about events that names none; of the
            chosen frames it is about.
        asked: mask (K,) of the frames that ``events`` are of.
        considered: how many frames of the video might have been the best of those.
        drawn: chance that the video is one with drawn objects.
        further: (K,) how reliable the further word is that a frame was set to; 0 for other frames.
        next_to: whether the answer is what comes before or after the named object.
        ordered: whether it is asked which of two things comes first or last.
        beyond: (K,) log-odds of an event in each frame before or after it, as the question wants;
            the least of all odds in other frames.
    """

    relevance: np.ndarray
    words: dict[str, np.ndarray] = field(default_factory=dict)
    events: np.ndarray | None = None
    asked: np.ndarray | None = None
    considered: int = 1
    calibration: Calibration = Calibration()
    drawn: float = 1.0
    further: np.ndarray | None = None
    next_to: bool = False
    ordered: bool = False
    beyond: np.ndarray | None = None

    def chance(self) -> float:
        """That all the question is about was seen, 0 to 1; even where yes and no part.

        The regressions know how often a name of many is there. People ask about what they have
        reason to look for: on validation videos answers and denials are equally right where the
        regressions say LEAST_CHANCE, so that is an even chance.
        """
        if self.words and not self.next_to:
            return min(float(self._frame_chances(name).max()) for name in self.words)
        return float(self._even(self._counted_chance()))

    def _counted_chance(self) -> float:
        """The same as the regressions count it, but for named things."""
        own = float(logistic(self.log_odds()))
        if self.beyond is not None:
            own = min(own, float(logistic(self._moment_odds(self.beyond).max())))
        if self.events is not None or self.next_to:
            return float(self._event_chances(own))
        return own

    def _moment_odds(self, events):
        """Log-odds of an event, by those of a frame that may be the best of many."""
        return log_odds(self.calibration.moment, events, np.log(self.considered))

    def _event_chances(self, own):
        """Chances as counted, in a video of either kind: in others events are seldom recognised."""
        return self._mixed(own, np.minimum(self.calibration.other_event[0], own))

    def nothing(self) -> bool:
        """Whether that is too unlikely to answer."""
        return self.chance() < LEAST_FOUND

    def doubtful(self, denied: bool) -> bool:
        """Whether an answer, or a denial that there is anything, may well be wrong.

        That nothing comes first in a video without drawn objects says that nothing was recognised.
        """
        if denied and (self.events is not None or self.next_to):
            return self.chance() > SURELY_NOT or self.drawn < SURE
        return self.chance() > SURELY_NOT if denied else self.chance() < SURE

    def doubts(self, text: str) -> tuple[str, ...]:
        """What is to be said with an answer of this text, a sentence each."""
        denied = text.lower().rstrip(".") in DENIALS
        if not self.doubtful(denied):
            return self._lonely() if denied else ()
        why = MISSED if denied else f"the chance that the frames show it is {self.chance():.0%}"
        return (f"not sure: {why}{STRANGE if self.drawn < 0.5 else ''}",)

    def _lonely(self) -> tuple[str, ...]:
        """Of two things to be ordered, that one was seen and the other was not."""
        seen = [name for name in self.words if self._frame_chances(name).max() >= LEAST_FOUND]
        if not self.ordered or len(self.words) != 2 or len(seen) != 1:
            return ()
        [other] = set(self.words) - set(seen)
        return (f'"{seen[0]}" was seen, "{other}" was not',)

    def supports(self) -> np.ndarray:
        """Mask (K,) of the frames that more likely than not show what the question is about.

        None do where all of it together was not found: one of two things, or only the one before
        or after which something is asked for.
        """
        if self.chance() < LEAST_FOUND:
            return np.zeros(len(self.relevance), bool)
        if self.words:
            chances = np.max([self._frame_chances(name) for name in self.words], axis=0)
            if self.beyond is not None:
                chances = np.maximum(chances, self._even(logistic(self._moment_odds(self.beyond))))
        elif self.events is None:
            counted = logistic(log_odds(self.calibration.relevance, self.relevance))
            chances = self._even(counted)
        else:
            chances = np.zeros(len(self.relevance))
            counted = self._event_chances(logistic(self._moment_odds(self.events)))
            chances[self.asked] = self._even(counted)
        return chances >= LEAST_FOUND

    def _even(self, chances):
        """The chances with odds so that what is just enough to answer is even."""
        least = LEAST_CHANCE if self.events is None else LEAST_MOMENT_CHANCE
        least = self._mixed(least, LEAST_FOUND)
        return chances * (1 - least) / (chances * (1 - least) + (1 - chances) * least)

    def _mixed(self, drawn, other):
        """A chance in a video that is of either kind."""
        return self.drawn * drawn + (1 - self.drawn) * other

    def _frame_chances(self, name: str) -> np.ndarray:
        """Chance (K,) of each frame to show the named object."""
        odds = self.named(name)
        least, there, missed = self.calibration.found
        chances = self._mixed(logistic(odds), np.where(odds >= least, there, missed))
        chances = self._even(chances)
        if self.further is None:
            return chances
        set_to_it = (self.further > 0) & (self.words[name] > SET_ODDS)
        return np.where(set_to_it, np.minimum(chances, self.further), chances)

    def log_odds(self) -> float:
        """Of the best frame; of the object seen least where several are named."""
        if self.events is not None:
            best = float(self.events.max(initial=-LARGEST_ODDS))
            return float(self._moment_odds(best))
        if not self.words:
            return float(log_odds(self.calibration.relevance, self.relevance).max())
        return min(float(self.named(name).max()) for name in self.words)

    def named(self, name: str) -> np.ndarray:
        """Log-odds (K,) that each frame shows this object."""
        return log_odds(self.calibration.named, self.relevance, self.words[name])

    def count_chances(self, pts_seconds: np.ndarray) -> np.ndarray:
        """Chances of 0, 1, 2 ... appearances of the named object in frames at times (K,).

        Appearances are there or not, each for itself, by their best frames: a Poisson binomial
        distribution.
        """
        chances = np.ones(1)
        [name] = self.words
        for chance in appearance_probabilities(logistic(self.named(name)), pts_seconds):
            chances = np.convolve(chances, [1 - chance, chance])
        return chances

    def first_chances(self, pts_seconds: np.ndarray, direction: int) -> dict[str, float]:
        """Chance of each of two objects to be in a frame before the other is; -1 is backwards.

        Frames show an object or not, each for itself; times are (K,).
        """
        order = np.argsort(pts_seconds, kind="stable")[::direction]
        arrivals = {name: _arrivals(logistic(self.named(name))[order]) for name in self.words}
        one, other = arrivals
        wins = {
            one: float(arrivals[one][0] @ arrivals[other][1]),
            other: float(arrivals[other][0] @ arrivals[one][1]),
        }
        total = max(sum(wins.values()), 1e-12)
        return {name: chance / total for name, chance in wins.items()}

    def beyond_frames(self, pts_seconds: np.ndarray, direction: int) -> np.ndarray:
        """Mask (K,) of frames at times (K,) after (1) or before (-1) the named object's best one.

        Frames that show it too, without a long gap, belong to its appearance.
        """
        [name] = self.words
        order = np.argsort(direction * pts_seconds, kind="stable")
        odds, times = self.named(name), direction * pts_seconds[order]
        likely = odds > 0
        likely[odds.argmax()] = True
        _, last = run_around(likely[order], times, int(order.argsort()[odds.argmax()]))
        return direction * pts_seconds > times[last]

    def time_chances(self, pts_seconds: np.ndarray, direction: int = 0) -> np.ndarray:
        """Chance (K,) that a frame shows the named object; at times (K,).

        With a direction that it is the first one that does (1), or the last (-1).
        """
        [name] = self.words
        chances = logistic(self.named(name))
        if direction:
            order = np.argsort(pts_seconds, kind="stable")[::direction]
            chances[order], _ = _arrivals(chances[order])
        return chances


def _arrivals(chances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """That each frame in a row is the first to show something, and that it and none before does."""
    missed = np.concatenate([[1.0], np.cumprod(1 - chances)])
    return chances * missed[:-1], missed[1:]


def word_odds(projector, features: Tensor, embedding: Tensor) -> np.ndarray:
    """Log-odds (K,) that frames (K, D) show the word with this embedding (H,), and no other.

    The word need not be one of the projector's.
    """
    direction = F.normalize(embedding - projector.embedding_mean, dim=-1)
    own = projector.scale * F.normalize(projector.to_text(features), dim=-1) @ direction
    logits = projector.word_logits(features)
    same = projector.directions() @ direction > SAME_WORD
    others = logits.masked_fill(same, -torch.inf).logsumexp(-1)
    return (own - others).clamp(-LARGEST_ODDS, LARGEST_ODDS).double().cpu().numpy()


def word_chances(projector, features: Tensor, scores: np.ndarray) -> np.ndarray:
    """Chance (V - 1,) of each word to be what is meant, at most: by its likeliest frame.

    A frame (K, D) is meant with a chance whose logarithm is its score (K,), but for a constant.
    """
    meant = np.exp(np.clip(scores - scores.max(), -50, None))
    shown = projector.word_chances(features).double().cpu().numpy()
    return (meant[:, None] * shown).max(0)


def appearance_probabilities(chances: np.ndarray, pts_seconds: np.ndarray) -> list[float]:
    """The best chance of each run of possible frames, in order of time.

    A frame without the object, or APPEARANCE_SECONDS without a frame, ends a run.
    """
    order = np.argsort(pts_seconds, kind="stable")
    possible = np.flatnonzero(chances[order] >= POSSIBLE)
    if not len(possible):
        return []
    late = np.diff(pts_seconds[order][possible]) > APPEARANCE_SECONDS
    runs = np.split(possible, np.flatnonzero(late | (np.diff(possible) > 1)) + 1)
    return [float(chances[order][run].max()) for run in runs]


def too_late(intent: Intent, pts_seconds: np.ndarray) -> tuple[str, ...]:
    """That a time named in a question lies after the last frame of times (T,), if so."""
    last = float(pts_seconds[-1])
    if max(intent.starts_seconds, default=0.0) <= last + NEAR_SECONDS:
        return ()
    return (f"the video was looked at up to {format_seconds(last)}, and the time lies after that",)


def question_frame_mask(intent: Intent, pts_seconds: np.ndarray) -> np.ndarray | None:
    """Mask (K,) of the frames that a question about events is about; None for other questions."""
    if intent.names_time:
        return named_frames(pts_seconds, intent)
    return np.ones(len(pts_seconds), bool) if intent.asks_about_events else None


def logistic(log_odds):
    return 1 / (1 + np.exp(-np.clip(log_odds, -50, 50)))
