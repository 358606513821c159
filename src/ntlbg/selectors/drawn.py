"""Selectors that draw frames by chance: random, Q-Frame, AdaQ.

Equal generators give equal frames. T frames, k chosen.
"""

from dataclasses import dataclass

import numpy as np

from ntlbg.selectors.inputs import Inputs, NoOptions, check_number
from ntlbg.selectors.relevance import require_relevance, scale_to_unit
from ntlbg.selectors.result import SelectorOutput


@dataclass(frozen=True)
class QFrameOptions:
    """Options of ``q_frame``.

    Attributes:
        temperature: tau of the softmax over the scores.
    """

    temperature: float = 0.8

    def __post_init__(self):
        check_number("temperature", self.temperature, np.finfo(np.float64).tiny)


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
        check_number("scaling", self.scaling, np.finfo(np.float64).tiny)
        check_number("mass", self.mass, 0, 1)


def choose_random(inputs: Inputs, options: NoOptions) -> SelectorOutput:
    """k frames, each set of them as likely as any other."""
    return SelectorOutput(
        np.sort(inputs.generator.choice(len(inputs), inputs.num_frames, replace=False))
    )


def choose_q_frame(inputs: Inputs, options: QFrameOptions) -> SelectorOutput:
    """The k largest of log softmax(scores / temperature) plus Gumbel noise.

    Zhang, Yang, Yin, Luo & Luan 2025 (Q-Frame), arXiv:2506.22139, query-aware frame selection.
    The same as drawing k frames in turn, without replacement, with softmax probabilities. The
    default temperature is the best of the paper's table.

    The unit of the scores counts: the smaller they are, the more evenly frames are drawn. So a
    query keeps its length here, and scores = features @ query draw as the query itself does.

    Deviations: every frame is a candidate (the paper thins the video to 128 first), and all k
    frames have one resolution. The paper's scores are inner products with Long-CLIP's query; with
    cosines between 0 and 1 its temperature draws nearly evenly.

    Raises:
        QueryRequired: neither a query nor scores were given.
    """
    scores = require_relevance(inputs, "selector 'q_frame'")
    if inputs.scores is None:
        scores = scores * np.linalg.norm(inputs.query.astype(np.float64))
    noisy = scores / options.temperature + inputs.generator.gumbel(size=len(scores))
    return SelectorOutput(np.sort(np.argsort(-noisy, kind="stable")[: inputs.num_frames]))


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
