"""Do the chosen frames show what a question is about? A chance, calibrated on validation videos.

K chosen frames, D feature size, V words.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ntlbg.grounding import (
    APPEARANCE_SECONDS,
    NEAR_SECONDS,
    appearance,
    asks_about_events,
    asks_about_one,
    mentioned_seconds,
    names_pair,
)

LEAST_CHANCE = 0.2  # below it, what is named has not been seen
LEAST_MOMENT_CHANCE = 0.35  # the same for an event without a name
LARGEST_ODDS = 12.0  # nats; what a word's log-odds count at most, either way
POSSIBLE = 0.1  # chance from which on a frame may belong to an appearance or be the moment
SAME_WORD = 0.999  # cosine of two directions of one word

UNTRAINED = (
    "the model was not trained for this kind of question, so the answer is a guess; it knows: what "
    "appears first, last, before or after something, or at a time; when, whether and how often"
)
UNNAMED = (
    "the question names nothing that the model has a word for, so the answer tells little; "
    "ntlbg enrol NAME IMAGE teaches it a word"
)


@dataclass(frozen=True)
class Calibration:
    """Logistic regressions of ``scripts/calibrate_builtin.py`` on validation videos of an hour.

    They belong to trained weights, and their file keeps them. Each holds weights, the bias last.

    Attributes:
        event: a frame shows an event, by confidence and recurrence.
        moment: a video or moment shows one, by the log-odds of its best frame and the log of the
            number of frames; the best of many is good by chance.
        named: a frame shows a named object, by relevance and by the word's own log-odds.
        relevance: the same where no word is known for it.
    """

    event: Sequence[float] = (6.33, -10.25, -1.39)
    moment: Sequence[float] = (0.91, -0.64, 4.33)
    named: Sequence[float] = (1.18, 0.78, -4.91)
    relevance: Sequence[float] = (2.63, -10.70)


def log_odds(weights: Sequence[float], *signs):
    """A logistic regression of numbers, or arrays, before its logistic function."""
    *slopes, bias = weights
    return sum(slope * sign for slope, sign in zip(slopes, signs, strict=True)) + bias


@dataclass(frozen=True)
class Signs:
    """What the chosen frames have to say about one question.

    Attributes:
        relevance: (K,) log-likelihood ratios before anything was made of the question's order.
        words: for every object it names log-odds (K,) against all other words.
        events: (K,) log-odds of an event, for a question about events that names none.
        considered: how many frames of the video might have been the best of those.
    """

    relevance: np.ndarray
    words: dict[str, np.ndarray] = field(default_factory=dict)
    events: np.ndarray | None = None
    considered: int = 1
    calibration: Calibration = Calibration()

    def chance(self) -> float:
        """That all the question is about was seen, 0 to 1."""
        return float(_logistic(self.log_odds()))

    def nothing(self) -> bool:
        """Whether that is too unlikely to answer."""
        least = LEAST_CHANCE if self.events is None else LEAST_MOMENT_CHANCE
        return self.chance() < least

    def log_odds(self) -> float:
        """Of the best frame; of the object seen least where several are named."""
        if self.events is not None:
            best = float(self.events.max(initial=-LARGEST_ODDS))
            return float(log_odds(self.calibration.moment, best, np.log(self.considered)))
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
        for chance in appearances(_logistic(self.named(name)), pts_seconds):
            chances = np.convolve(chances, [1 - chance, chance])
        return chances

    def first_chances(self, pts_seconds: np.ndarray, direction: int) -> dict[str, float]:
        """Chance of each of two objects to be in a frame before the other is; -1 is backwards.

        Frames show an object or not, each for itself; times are (K,).
        """
        order = np.argsort(pts_seconds, kind="stable")[::direction]
        arrivals = {name: _arrivals(_logistic(self.named(name))[order]) for name in self.words}
        one, other = arrivals
        wins = {
            one: float(arrivals[one][0] @ arrivals[other][1]),
            other: float(arrivals[other][0] @ arrivals[one][1]),
        }
        total = max(sum(wins.values()), 1e-12)
        return {name: chance / total for name, chance in wins.items()}

    def beyond(self, pts_seconds: np.ndarray, direction: int) -> np.ndarray:
        """Mask (K,) of frames at times (K,) after (1) or before (-1) the named object's best one.

        Frames that show it too, without a long gap, belong to its appearance.
        """
        [name] = self.words
        order = np.argsort(direction * pts_seconds, kind="stable")
        odds, times = self.named(name), direction * pts_seconds[order]
        likely = odds > 0
        likely[odds.argmax()] = True
        _, last = appearance(likely[order], times, int(order.argsort()[odds.argmax()]))
        return direction * pts_seconds > times[last]

    def time_chances(self, pts_seconds: np.ndarray, direction: int = 0) -> np.ndarray:
        """Chance (K,) that a frame shows the named object; at times (K,).

        With a direction that it is the first one that does (1), or the last (-1).
        """
        [name] = self.words
        chances = _logistic(self.named(name))
        if direction:
            order = np.argsort(pts_seconds, kind="stable")[::direction]
            chances[order], _ = _arrivals(chances[order])
        return chances


def _arrivals(chances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """That each frame in a row is the first to show something, and that it and none before does."""
    missed = np.concatenate([[1.0], np.cumprod(1 - chances)])
    return chances * missed[:-1], missed[1:]


class ObjectNames:
    """Names of objects, found in questions.

    Of names that contain one another the longest counts; a plural "s" or "es" may follow. What is
    "on screen" is no screen.
    """

    def __init__(self, names: Iterable[str]):
        self._names = {name.lower(): name for name in names}
        longest_first = sorted(self._names, key=lambda name: (-len(name), name))
        choices = "|".join(re.escape(name) for name in longest_first)
        pattern = rf"(?<!\bon )\b({choices})(?:e?s)?\b"
        self._pattern = re.compile(pattern, re.IGNORECASE) if choices else None

    def is_name(self, text: str) -> bool:
        """Whether a text is one of the names, or its plural."""
        return bool(self._pattern and self._pattern.fullmatch(text))

    def find(self, question: str) -> list[str]:
        """In the order of the question, each once."""
        if self._pattern is None:
            return []
        found = dict.fromkeys(name.lower() for name in self._pattern.findall(question))
        return [self._names[name] for name in found]


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


def appearances(chances: np.ndarray, pts_seconds: np.ndarray) -> list[float]:
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


def frames_asked_about(question: str, pts_seconds: np.ndarray) -> np.ndarray | None:
    """Mask (K,) of the frames that a question about events is about; None for other questions."""
    times = mentioned_seconds(question)
    if times:
        return np.abs(pts_seconds[:, None] - times).min(1) <= NEAR_SECONDS
    return np.ones(len(pts_seconds), bool) if asks_about_events(question) else None


def reservations(question: str, names: Sequence[str]) -> tuple[str, ...]:
    """Why a model that knows these names in a question cannot be trusted with it, if so."""
    if mentioned_seconds(question) or asks_about_events(question):
        return ()
    if not (asks_about_one(question) or names_pair(question)):
        return (UNTRAINED,)
    return () if names else (UNNAMED,)


def _logistic(log_odds):
    return 1 / (1 + np.exp(-np.clip(log_odds, -50, 50)))
