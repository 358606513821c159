"""The options of the ``ntlbg`` selector, and their defaults for both units of scores."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ntlbg.errors import ConfigError
from ntlbg.selectors.inputs import (
    BLOCK_FRAMES,
    HEAVIEST,
    MOST,
    check_choice,
    check_number,
    check_switch,
)
from ntlbg.selectors.similarity_space import DEFAULT_RANK, DEFAULT_TIME_WEIGHT


@dataclass(frozen=True)
class NtlbgOptions:
    """Options of the ``ntlbg`` selector; the defaults are those for similarities.

    Attributes:
        mode: ``auto`` weighs relevance against coverage by the evidence, without a question what
            stands out against it; ``localized`` takes the question to be about a few moments;
            ``global`` ignores query and scores and only covers.
        prior: P(localised) before looking at the frames, for instance from the question's text.
        score_whitening: damp the scores along the video's principal components.
        whitening: ``full`` gives every principal component of the content the same variance.
        init: start of the codebook: ``split`` greedy insertion, ``nt`` quantiles of the video.
        constraint: ``none``; ``equiradius`` takes frames near an LBG codebook on one contour of
            the relevance-weighted Gaussian; ``median_contour`` takes the frames closest to its
            median contour. Both are there for comparison: neither keeps relevance picks.
        chunk: frames handled at a time; bounds the memory and does not change the result.
        rank: principal components kept.
        score_rank: principal components damped in the scores.
        ridge: added to the variances in the damping, in units of the mean leading variance.
        quality: exponent of relevance against volume among the relevance picks.
        quality_cap: standard deviations of relevance beyond which a frame is no better. Scores
            that are exact enough to rank the best frames need a high one.
        min_share, max_share: share of relevance picks at P(localised) = 0 and 1.
        share_power: exponent of P(localised) in between; with a high one coverage gives way only
            to clear evidence.
        tilt, localized_tilt: pull of a coverage pick towards relevance, always and at P = 1.
        time_weight: standard deviation of time against that of appearance.
        training_points: M; raised to 4 k.
        iterations: moves of the code vectors.
        candidates: most relevant frames that may be picked for relevance; raised to 8 a pick.
    """

    mode: str = "auto"
    prior: float = 0.5
    score_whitening: bool = True
    whitening: str = "none"
    init: str = "split"
    constraint: str = "none"
    chunk: int = BLOCK_FRAMES
    rank: int = DEFAULT_RANK
    score_rank: int = 64
    ridge: float = 0.1
    quality: float = 0.2
    quality_cap: float = 12.0
    min_share: float = 0.15
    max_share: float = 0.75
    share_power: float = 2.0
    tilt: float = 0.05
    localized_tilt: float = 0.7
    time_weight: float = DEFAULT_TIME_WEIGHT
    training_points: int = 2048
    iterations: int = 3
    candidates: int = 2048

    def __post_init__(self):
        for name, accepted in _CHOICES.items():
            check_choice(name, getattr(self, name), accepted)
        check_switch("score_whitening", self.score_whitening)
        for name, (low, high, whole) in _RANGES.items():
            check_number(name, getattr(self, name), low, high, whole)
        if self.min_share > self.max_share:
            raise ConfigError(
                f"option min_share ({self.min_share}) must not exceed max_share ({self.max_share})"
            )


# Defaults where scores are log-odds that a frame is meant. They are whitened already, under the
# covariances they were learned with: evidence seen among 16 frames of two validation videos .96,
# whitened once more .87. Over an hour hundreds of frames lie beyond a cap of 12: with it all
# evidence of counts was seen in .57 of the questions, with 1000 and a quality of 0.5 in .95 of all.
# A model that gives log-odds is asked about moments: all frames go to relevance.
FOR_LOG_ODDS: Mapping[str, Any] = {
    "mode": "localized",
    "score_whitening": False,
    "quality": 0.5,
    "quality_cap": 1e3,
    "max_share": 1.0,
}
_CHOICES = {
    "mode": ("auto", "localized", "global"),
    "whitening": ("none", "full"),
    "init": ("split", "nt"),
    "constraint": ("none", "equiradius", "median_contour"),
}
# name: (least, largest, whole number). Code vectors come to rest within tens of moves.
_RANGES = {
    "prior": (0, 1, False),
    "chunk": (1, MOST, True),
    "rank": (1, MOST, True),
    "score_rank": (1, MOST, True),
    "ridge": (0, HEAVIEST, False),
    "quality": (0, HEAVIEST, False),
    "quality_cap": (0, HEAVIEST, False),
    "min_share": (0, 1, False),
    "max_share": (0, 1, False),
    "share_power": (0, HEAVIEST, False),
    "tilt": (0, HEAVIEST, False),
    "localized_tilt": (0, HEAVIEST, False),
    "time_weight": (0, HEAVIEST, False),
    "training_points": (1, MOST, True),
    "iterations": (0, 1000, True),
    "candidates": (1, MOST, True),
}
