"""Selectors that see nothing but the relevance of each frame: AKS and BOLT.

T frames, k chosen.
"""

from dataclasses import dataclass

import numpy as np

from ntlbg.selectors.inputs import Inputs, check_choice, check_number
from ntlbg.selectors.relevance import require_relevance, scale_to_unit
from ntlbg.selectors.result import SelectorOutput

# The k levels of BOLT, 0 to 1. A single one lies at 1 for both.
_LEVELS = {
    "code": lambda k: np.linspace(1 / k, 1 - 1 / k, k),
    "paper": lambda k: np.arange(1, k + 1) / k,
}


@dataclass(frozen=True)
class AksOptions:
    """Options of ``aks``.

    Attributes:
        threshold: how far the best scores must lie above the mean for a part not to be halved;
            scores run from 0 to 1.
        levels: how often a part may be halved.
    """

    threshold: float = 0.8
    levels: int = 5

    def __post_init__(self):
        check_number("threshold", self.threshold, 0)
        check_number("levels", self.levels, 0, whole=True)


@dataclass(frozen=True)
class BoltOptions:
    """Options of ``bolt``.

    Attributes:
        sharpness: exponent of the scores; 0 gives uniform selection.
        levels: ``code``, the quantiles of the published code, k even steps from 1/k to 1 - 1/k;
            ``paper``, those of the paper, 1/k, 2/k .. 1.
    """

    sharpness: float = 3.0
    levels: str = "code"

    def __post_init__(self):
        check_number("sharpness", self.sharpness, 0)
        check_choice("levels", self.levels, tuple(_LEVELS))


def choose_aks(inputs: Inputs, options: AksOptions) -> SelectorOutput:
    """Adaptive Keyframe Sampling: halve the video until the best frames of a part stand out.

    Tang, Qiu, Xie, Tian, Jiao & Ye 2025, arXiv:2502.21271, section 3.3 (ADA). Scores are scaled
    to 0..1 over the video. A part is halved unless the mean of its k best scores exceeds its mean
    by more than ``threshold``; then each part gives its best frames, as many as its length
    deserves. The defaults are the paper's choice for Video-MME (for LongVideoBench: 3 levels, 0.2).

    Of an odd number of frames the later half has one more, as in the published code.

    Deviations. The published depth leaves a part int(k / 32) frames, which is none for k below 32
    and fewer than k in all for most k: here a part that may give one frame is not halved, and an
    odd number to give leaves the later half, the longer one, the extra frame, so that exactly k
    frames come out. Where k is a multiple of 2 ** ``levels`` both give the same frames.

    Raises:
        QueryRequired: neither a query nor scores were given.
    """
    scores = scale_to_unit(require_relevance(inputs, "selector 'aks'"))
    k = inputs.num_frames
    frames: list[np.ndarray] = []
    parts = [(0, len(scores), k, options.levels)]
    while parts:
        start, end, budget, levels = parts.pop()
        best_first = np.argsort(-scores[start:end], kind="stable")
        part = scores[start:end]
        stands_out = part[best_first[:k]].mean() - part.mean() > options.threshold
        if stands_out or budget == 1 or levels == 0:
            frames.append(start + best_first[:budget])
            continue
        middle, earlier = start + (end - start) // 2, budget // 2
        parts.append((start, middle, earlier, levels - 1))
        parts.append((middle, end, budget - earlier, levels - 1))
    return SelectorOutput(np.sort(np.concatenate(frames)))


def choose_bolt(inputs: Inputs, options: BoltOptions) -> SelectorOutput:
    """Inverse transform sampling: even quantiles of the scores as a distribution over time.

    Liu, Zhao, Xu & Ghanem 2025 (BOLT), arXiv:2503.21483. Scores are scaled to 0..1 and raised to
    ``sharpness``; F is their cumulative share; each level gives the first frame that reaches it.
    The default sharpness is the paper's for Video-MME and MLVU (elsewhere 2.5). Paper and published
    code disagree on the levels; the paper's end at 1, the last frame with any mass.

    Deviation: several levels may fall on one frame, and both show it several times. Here the frames
    of largest score that are not chosen yet take the free places. Constant scores count as a
    uniform distribution.

    Raises:
        QueryRequired: neither a query nor scores were given.
    """
    scores = scale_to_unit(require_relevance(inputs, "selector 'bolt'"))
    mass = scores**options.sharpness if scores.any() else np.ones(len(scores))
    cumulative = np.cumsum(mass)
    k = inputs.num_frames
    levels = _LEVELS[options.levels](k) * cumulative[-1]
    return SelectorOutput(fill_with_best(np.unique(np.searchsorted(cumulative, levels)), scores, k))


def fill_with_best(chosen: np.ndarray, scores: np.ndarray, num_frames: int) -> np.ndarray:
    """Add the frames of largest score, of equal ones the earlier: (num_frames,) ascending."""
    best_first = np.argsort(-scores, kind="stable")
    best_first = best_first[~np.isin(best_first, chosen)]
    return np.sort(np.concatenate([chosen, best_first[: num_frames - len(chosen)]]))
