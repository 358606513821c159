"""A determinantal point process: frames that are relevant and unlike each other.

T frames, D feature size, k chosen.
"""

from dataclasses import dataclass

import numpy as np

from ntlbg.selectors.gaussian import estimate_gaussian
from ntlbg.selectors.inputs import HEAVIEST, MOST, Inputs, check_number, check_switch, unit_rows
from ntlbg.selectors.log_volume import greedy_log_volume
from ntlbg.selectors.relevance import is_informative, robust_z, whiten_scores
from ntlbg.selectors.result import SelectorOutput
from ntlbg.selectors.similarity_space import DEFAULT_RANK

_QUALITY_RANGE = (-8.0, 12.0)  # of calibrated scores: no frame is worth all others together
# The square of exp(20 x 12) stays far inside the range of float64; a frame half a deviation more
# relevant is then worth more than any that differs.
_LARGEST_QUALITY = 20


@dataclass(frozen=True)
class DppOptions:
    """Options of ``dpp``.

    Attributes:
        quality: weight of a calibrated score in the exponent of a frame's quality.
        score_whitening: damp the scores along the video's principal components first, as
            ``ntlbg`` does.
        score_rank, ridge: see :class:`ntlbg.selectors.ntlbg.NtlbgOptions`.
    """

    quality: float = 0.25
    score_whitening: bool = False
    score_rank: int = 64
    ridge: float = 0.1

    def __post_init__(self):
        check_number("quality", self.quality, 0, _LARGEST_QUALITY)
        check_switch("score_whitening", self.score_whitening)
        check_number("score_rank", self.score_rank, 1, MOST, whole=True)
        check_number("ridge", self.ridge, 0, HEAVIEST)


def choose_dpp(inputs: Inputs, options: DppOptions) -> SelectorOutput:
    """Greedy MAP of a determinantal point process: frames that are relevant and unlike each other.

    Kernel L = diag(q) S diag(q), S the frames' cosines, q = exp(quality * calibrated score); each
    step adds the frame that enlarges det L most (Chen, Zhang & Zhou 2018, arXiv:1709.05135).
    Without query and scores every frame has the same quality, and the first one is chosen first.
    Of equally good frames the earlier is. Time O(T k (D + k)), memory O(T (D + k)).
    """
    points = unit_rows(inputs.features, np.float64)
    quality, z = np.ones(len(inputs)), None
    scores = inputs.relevance()
    if is_informative(scores):
        z = robust_z(_damped(inputs, scores, options))
        quality = np.exp(options.quality * np.clip(z, *_QUALITY_RANGE))
    # 1 by definition: as measured, rounding would choose among frames that are equally good
    squared_norms = np.any(points, axis=1).astype(np.float64)
    chosen = greedy_log_volume(points, quality, inputs.num_frames, squared_norms)
    return SelectorOutput(np.sort(chosen), z=z)


def _damped(inputs: Inputs, scores: np.ndarray, options: DppOptions) -> np.ndarray:
    if not options.score_whitening:
        return scores
    moments = estimate_gaussian(inputs.features, DEFAULT_RANK)
    if moments is None:
        return scores
    components = moments.project(inputs.features)
    return whiten_scores(scores, components, moments, rank=options.score_rank, ridge=options.ridge)
