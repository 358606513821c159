"""AdaQ: frames drawn by relevance, as evenly as it varies. Equal generators give equal frames."""

from dataclasses import dataclass

import numpy as np

from ntlbg.selectors.inputs import HEAVIEST, LEAST, Inputs, check_number
from ntlbg.selectors.relevance import require_relevance, scale_to_unit
from ntlbg.selectors.result import SelectorOutput


@dataclass(frozen=True)
class AdaqOptions:
    """Options of ``adaq``.

    Attributes:
        scaling: gamma, the temperature as a share of the variance that the scores have once they
            are scaled to 0..1.
        mass: share of the probability that frames must hold together to be drawn at all; of a
            normal law within three standard deviations by default.
    """

    scaling: float = 0.5
    mass: float = 0.9973

    def __post_init__(self):
        check_number("scaling", self.scaling, LEAST, HEAVIEST)
        check_number("mass", self.mass, 0, 1)


def choose_adaq(inputs: Inputs, options: AdaqOptions) -> SelectorOutput:
    """Draw frames with probability softmax(scores / tau), tau set by the scores' variance.

    Zhang, Fang, Chen, Song, Shen, Zhou & Ji 2026 (AdaQ), arXiv:2606.24187, equations 2 and 4 to 6.
    tau = scaling * variance of the scores scaled to 0..1; the softmax takes the scores as they
    are. Only the most probable frames that together hold ``mass`` are drawn, without replacement.
    Defaults as published, for cosines. Their unit counts: log-odds make any draw ``top_k``.

    Deviation: where fewer than k frames hold the mass, all of them are chosen, and the others are
    drawn from the rest in the same way. With few scores that stand out that is nearly ``top_k``.

    Raises:
        QueryRequired: neither a query nor scores were given.
    """
    scores = require_relevance(inputs, "selector 'adaq'")
    variance = np.var(scale_to_unit(scores))
    logits = scores - scores.max()  # which changes no probability
    # Scores that are all the same have no variance, and any temperature makes them even.
    logits = logits / (options.scaling * variance) if variance else np.zeros(len(scores))
    best_first = np.argsort(-logits, kind="stable")
    cumulative = np.cumsum(np.exp(logits[best_first]))
    num_valid = 1 + np.searchsorted(cumulative, options.mass * cumulative[-1])
    valid = np.isin(np.arange(len(scores)), best_first[:num_valid])
    noisy = logits + inputs.generator.gumbel(size=len(logits))
    return SelectorOutput(np.sort(np.lexsort((-noisy, ~valid))[: inputs.num_frames]))
