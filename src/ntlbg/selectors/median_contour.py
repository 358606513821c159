"""The rule of the original NTLBG program, for comparison: frames near the median contour.

T frames, k chosen.
"""

import numpy as np

from ntlbg.selectors.contour import nearest_to_median_contour
from ntlbg.selectors.gaussian import estimate_gaussian
from ntlbg.selectors.inputs import Inputs, NoOptions
from ntlbg.selectors.relevance import is_informative, robust_z
from ntlbg.selectors.result import SelectorOutput
from ntlbg.selectors.similarity_space import DEFAULT_RANK
from ntlbg.selectors.uniform import choose_uniform

_CANDIDATES_PER_FRAME = 2
_Z_CAP = 6.0  # one frame must not take all the weight


def choose_median_contour(inputs: Inputs, options: NoOptions) -> SelectorOutput:
    """Of the 2 k frames whose Mahalanobis distance is nearest to the median, k spread in time.

    The original program chose by (f - mu_Q)' Sigma_Q^-1 (f - mu_Q) close to its median, then by
    greedy maximum of the smallest gap in time, from the frame nearest to the contour on. As a way
    to choose frames it loses to chance on coverage: the distance fixes one of D degrees of freedom,
    and all frames of one shot have nearly the same.

    Deviations: mu_Q and Sigma_Q came from untrained networks of the query (Sigma was not even
    symmetric); here they are the moments of the frames, weighted by exp(calibrated score) when a
    query or scores are given. Identical frames are chosen uniformly.
    """
    scores = inputs.relevance()
    z = robust_z(scores) if is_informative(scores) else None
    weights = None
    if z is not None:
        weights = np.exp(np.minimum(z, _Z_CAP) - _Z_CAP)
        weights /= weights.sum()
    moments = estimate_gaussian(inputs.features, DEFAULT_RANK, weights)
    if moments is None:
        return choose_uniform(inputs, options)
    deviations = np.sqrt(moments.eigenvalues).astype(np.float32)
    white = moments.project(inputs.features) / deviations
    k = inputs.num_frames
    candidates = nearest_to_median_contour(white, min(_CANDIDATES_PER_FRAME * k, len(inputs)))
    first = np.searchsorted(candidates, nearest_to_median_contour(white, 1)[0])
    chosen = _spread_in_time(inputs.times[candidates], int(first), k)
    return SelectorOutput(candidates[chosen], z=z)


def _spread_in_time(times: np.ndarray, first: int, num_frames: int) -> np.ndarray:
    """Greedily the time farthest from those chosen: (num_frames,) ascending positions."""
    chosen = np.zeros(len(times), bool)
    gaps = np.full(len(times), np.inf)
    newest = first
    for _ in range(num_frames):
        chosen[newest] = True
        gaps = np.minimum(gaps, np.abs(times - times[newest]))
        newest = int(np.where(chosen, -1.0, gaps).argmax())
    return np.flatnonzero(chosen)
