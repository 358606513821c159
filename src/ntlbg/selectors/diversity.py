"""Choosing frames that differ from each other: DPP, k-center, facility location.

T frames, D feature size, k chosen.
"""

from dataclasses import dataclass

import numpy as np

from ntlbg.selectors.codebook import farthest_point_fill, greedy_insertion
from ntlbg.selectors.gaussian import estimate_gaussian
from ntlbg.selectors.inputs import Inputs, NoOptions, check_number, check_switch, unit_rows
from ntlbg.selectors.quasi_random import quantile_points
from ntlbg.selectors.relevance import is_informative, robust_z, whiten_scores
from ntlbg.selectors.result import SelectorOutput
from ntlbg.selectors.similarity_space import DEFAULT_RANK

# Added to the kernel's diagonal, relative to the mean squared norm: copies keep a volume.
_JITTER = 1e-3
_QUALITY_RANGE = (-8.0, 12.0)  # of calibrated scores: no frame is worth all others together


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
        check_number("quality", self.quality, 0)
        check_switch("score_whitening", self.score_whitening)
        check_number("score_rank", self.score_rank, 1, whole=True)
        check_number("ridge", self.ridge, 0)


@dataclass(frozen=True)
class FacilityLocationOptions:
    """Options of ``facility_location``.

    Attributes:
        candidates: frames that may be chosen and that count, evenly spread; raised to 2 k.
    """

    candidates: int = 2048

    def __post_init__(self):
        check_number("candidates", self.candidates, 1, whole=True)


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
    squared_norms = points.any(axis=1).astype(np.float64)
    chosen = greedy_log_volume(points, quality, inputs.num_frames, squared_norms)
    return SelectorOutput(np.sort(chosen), z=z)


def choose_k_center(inputs: Inputs, options: NoOptions) -> SelectorOutput:
    """Always the frame farthest from those chosen, the first one nearest to the mean frame.

    Gonzalez 1985, Theor. Comput. Sci. 38:293-306: the largest distance of a frame to its nearest
    chosen one is at most twice the least possible. Time O(T k D). Needs no query.
    """
    centred = inputs.features - inputs.features.mean(axis=0)
    first = np.einsum("td,td->t", centred, centred).argmin(keepdims=True)
    return SelectorOutput(farthest_point_fill(centred, first, inputs.num_frames))


def choose_facility_location(inputs: Inputs, options: FacilityLocationOptions) -> SelectorOutput:
    """Greedily the frame that lowers the summed squared distance to the nearest chosen one most.

    The submodular objective of facility location, greedy within 1 - 1/e of the optimum (Nemhauser,
    Wolsey & Fisher 1978); the k-medoids of the video. Needs no query. Time O(M^2 (D + log k)) and
    memory O(M^2) for M candidates: quadratic.
    """
    num_candidates = max(options.candidates, 2 * inputs.num_frames)
    candidates = quantile_points(np.ones(len(inputs)), min(num_candidates, len(inputs)))
    points = inputs.features[candidates] - inputs.features.mean(axis=0)
    weights = np.ones(len(points))
    chosen = greedy_insertion(points, weights, inputs.num_frames, points[:0])
    return SelectorOutput(np.sort(candidates[chosen]))


def _damped(inputs: Inputs, scores: np.ndarray, options: DppOptions) -> np.ndarray:
    if not options.score_whitening:
        return scores
    moments = estimate_gaussian(inputs.features, DEFAULT_RANK)
    if moments is None:
        return scores
    components = moments.project(inputs.features)
    return whiten_scores(scores, components, moments, rank=options.score_rank, ridge=options.ridge)


def greedy_log_volume(
    points: np.ndarray,
    quality: np.ndarray,
    num_points: int,
    squared_norms: np.ndarray | None = None,
) -> np.ndarray:
    """Maximise log det of ``diag(quality) (X X' + jitter) diag(quality)``, one point at a time.

    Each step takes the largest quality times what of the point lies outside the span of those
    taken before: D-optimal design with qualities, or greedy MAP of a determinantal point process
    (Chen, Zhang & Zhou 2018), with their incremental Cholesky rows.

    Args:
        points: (N, S), centred: a point at the origin has no volume.
        quality: (N,) positive.
        num_points: k, at most N.
        squared_norms: (N,) of the points, where they are known exactly; measured without it.

    Returns:
        (k,) int64 distinct positions in the order chosen, of equally good points the lowest. Time
        O(N k (S + k)).
    """
    # Once more points are chosen than there are dimensions, what is left of a point is the jitter:
    # rounding in float32, 1e-7, would be a ten thousandth of it, and decide among many.
    points = points.astype(np.float64, copy=False)
    if squared_norms is None:
        squared_norms = np.einsum("ns,ns->n", points, points)
    extent = squared_norms[squared_norms > 0]
    jitter = _JITTER * (extent.mean() if len(extent) else 1.0)
    quality = quality.astype(np.float64)
    residual = quality**2 * (squared_norms + jitter)
    rows = np.zeros((num_points, len(points)))
    chosen = np.empty(num_points, np.int64)
    for step in range(num_points):
        best = chosen[step] = int(residual.argmax())
        pivot = np.sqrt(max(residual[best], np.finfo(np.float64).tiny))
        kernel = quality * (points @ points[best]) * quality[best]
        rows[step] = (kernel - rows[:step, best] @ rows[:step]) / pivot
        residual -= rows[step] ** 2
        residual[best] = -np.inf
    return chosen
