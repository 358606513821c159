"""BOLT: even quantiles of the relevance.

T frames, k chosen.
"""

from dataclasses import dataclass

import numpy as np

from ntlbg.selectors.inputs import HEAVIEST, Inputs, check_choice, check_number
from ntlbg.selectors.relevance import fill_with_best, require_relevance, scale_to_unit
from ntlbg.selectors.result import SelectorOutput

# The k levels of BOLT, 0 to 1. A single one lies at 1 for both.
_LEVELS = {
    "code": lambda k: np.linspace(1 / k, 1 - 1 / k, k),
    "paper": lambda k: np.arange(1, k + 1) / k,
}


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
        check_number("sharpness", self.sharpness, 0, HEAVIEST)
        check_choice("levels", self.levels, tuple(_LEVELS))


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
