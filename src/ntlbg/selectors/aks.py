"""AKS: halve the video until the best frames of a part stand out.

T frames, k chosen.
"""

from dataclasses import dataclass

import numpy as np

from ntlbg.selectors.inputs import MOST, Inputs, check_number
from ntlbg.selectors.relevance import require_relevance, scale_to_unit
from ntlbg.selectors.result import SelectorOutput


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
        # scores run from 0 to 1, and so do differences of their means
        check_number("threshold", self.threshold, 0, 1)
        check_number("levels", self.levels, 0, MOST, whole=True)


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
