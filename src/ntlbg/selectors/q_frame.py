"""Q-Frame: the largest scores after noise. Equal generators give equal frames."""

from dataclasses import dataclass

import numpy as np

from ntlbg.selectors.inputs import HEAVIEST, LEAST, Inputs, check_number
from ntlbg.selectors.relevance import require_relevance
from ntlbg.selectors.result import SelectorOutput


@dataclass(frozen=True)
class QFrameOptions:
    """Options of ``q_frame``.

    Attributes:
        temperature: tau of the softmax over the scores.
    """

    temperature: float = 0.8

    def __post_init__(self):
        check_number("temperature", self.temperature, LEAST, HEAVIEST)


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
    if inputs.scores is None and inputs.query is not None:
        scores = scores * float(np.linalg.norm(inputs.query.astype(np.float64)))
    noisy = scores / options.temperature + inputs.generator.gumbel(size=len(scores))
    return SelectorOutput(np.sort(np.argsort(-noisy, kind="stable")[: inputs.num_frames]))
