"""NTLBG: the frames that represent a video for a question.

Frames are modelled as N(mean, Sigma). A few are chosen because the question makes them more likely
than the video does (a likelihood ratio), spread out by volume; the others are representative
points: an LBG codebook, trained on a number-theoretic net of the video, in which the first few
code vectors are fixed. How many are "a few" follows from the evidence that the question is about
a few moments at all.

T frames, D feature size, k frames to choose, r rank, M training points.
"""

from dataclasses import dataclass

import numpy as np

from ntlbg.selectors import contour
from ntlbg.selectors.codebook import (
    farthest_point_fill,
    greedy_insertion,
    lbg,
    nearest_codes,
    segment_borders,
    segment_means,
)
from ntlbg.selectors.diversity import greedy_log_volume
from ntlbg.selectors.gaussian import GaussianModel, estimate_gaussian
from ntlbg.selectors.inputs import Inputs, NoOptions
from ntlbg.selectors.ntlbg_options import NtlbgOptions
from ntlbg.selectors.quasi_random import quantile_points
from ntlbg.selectors.relevance import (
    is_informative,
    likelihood_ratio,
    localised_probability,
    require_relevance,
    robust_z,
    whiten_scores,
)
from ntlbg.selectors.result import SelectorOutput
from ntlbg.selectors.similarity_space import similarity_space
from ntlbg.selectors.turns import volume_by_turns
from ntlbg.selectors.uniform import choose_uniform

# Greedy insertion holds M x M distances: 256 MiB here, reached above k = 2048.
_MAX_SPLIT_POINTS = 8192
# Where a calibrated score stops to count for more.
_Z_CAP = 6.0
_Z_FLOOR = -3.0
_QUALITY_FLOOR = -8.0
# Relevance picks for each part of a question that is surely about a few moments, at least: of
# events that long shots resemble, .82 are the best match of their part and .88 one of the two
# best (24 simulated videos of ``several_hard``).
_PICKS_A_PART = 2
# Mean shift, in calibrated units, that a part's frames are taken to have when turns are shared out.
# On 30 simulated videos with lookalikes, k = 8 and 16: .90 and .93 of the events with 2, .89 and
# .92 with 3, .89 and .91 with 4; strict turns .85 and .91.
_TURN_SHIFT = 2.0
# Without a question what stands out is worth seeing, too, and a codebook passes over it: so many
# frames are those that add most volume to the others. On 12 drawn films with 9 events, 8 frames:
# 66 events are found beside one code vector, 63 beside two, 61 beside three; 49 by code vectors
# alone, 64 by ``k_center``, 63 by ``dpp``. Of more frames no more than that.
_SHARE_UNLIKE, _MOST_UNLIKE = 0.875, 7
# Products of two qualities stay in the range of float32.
_LEAST_LOG_QUALITY = -40.0
_EQUIRADIUS_ITERATIONS = 10
# Squared distance, in a space of unit spread, below which a cell's frames count as equal.
_NO_SPREAD = 1e-9
# Of a frame's distance in units of its cell's spread: float32 leaves about 1e-5 in a tight cell.
_SCORE_DECIMALS = 3


@dataclass(frozen=True)
class _Relevance:
    """What is known about the question.

    z (P, T) of its parts, P(localised), the number of relevance picks, and how likely frames are
    to be what each part means (P, T), to a factor.
    """

    parts: np.ndarray | None
    p_local: float | None
    num_picks: int
    evidence: np.ndarray | None = None

    @property
    def z(self) -> np.ndarray | None:
        """Of the part that a frame is most relevant to: (T,)."""
        return None if self.parts is None else self.parts.max(axis=0)

    def tempered(self, num_frames: int) -> np.ndarray:
        """Relevance as a measure over the frames, without letting one frame take it all: (T,)."""
        if self.z is None:
            return np.full(num_frames, 1 / num_frames)
        mass = np.exp(np.minimum(self.z, _Z_CAP))
        return mass / mass.sum()


def choose_ntlbg(inputs: Inputs, options: NtlbgOptions) -> SelectorOutput:
    """Representative points of the frames, given the question.

    Raises:
        QueryRequired: mode ``localized`` without query and scores.
    """
    if options.mode == "localized":
        require_relevance(inputs, "selector 'ntlbg' in mode 'localized'")
    moments = estimate_gaussian(inputs.features, options.rank)
    if moments is None:  # every frame is the same: only time is left
        return choose_uniform(inputs, NoOptions())
    components = moments.project(inputs.features)
    relevance = _weigh_question(inputs, components, moments, options)
    if inputs.num_frames == len(inputs):
        return SelectorOutput(np.arange(len(inputs)), z=relevance.z, p_local=relevance.p_local)
    if options.constraint != "none":
        return _choose_on_contour(inputs, relevance, options)
    picks = _pick_relevant(inputs, moments, relevance, options)
    if options.whitening == "full":
        components /= np.sqrt(moments.eigenvalues).astype(np.float32)
    space = similarity_space(components, inputs.times, options.time_weight)
    num_unlike = 0
    if options.mode == "auto" and not inputs.num_parts:
        num_unlike = min(_MOST_UNLIKE, int(_SHARE_UNLIKE * inputs.num_frames))
    codes = _train_codebook(space, picks, relevance, inputs.num_frames - num_unlike, options)
    frames = _snap_to_frames(space, codes, picks, relevance, options)
    frames = _add_unlike(inputs, moments, frames, num_unlike)
    return SelectorOutput(
        farthest_point_fill(space, frames, inputs.num_frames),
        space=space,
        z=relevance.z,
        p_local=relevance.p_local,
        num_relevance=len(picks),
    )


def _weigh_question(
    inputs: Inputs, components: np.ndarray, moments: GaussianModel, options: NtlbgOptions
) -> _Relevance:
    """Calibrate the relevance, and decide how many frames to choose by it."""
    if options.mode == "global":
        return _Relevance(None, 0.0, 0)
    relevances = inputs.relevances()
    parts = [] if relevances is None else [s for s in relevances if is_informative(s)]
    if not parts:
        return _Relevance(None, None, 0)
    if options.score_whitening:
        parts = [
            whiten_scores(s, components, moments, rank=options.score_rank, ridge=options.ridge)
            for s in parts
        ]
    z = np.stack([robust_z(scores) for scores in parts])
    if options.score_whitening:
        evidence = likelihood_ratio(z, _TURN_SHIFT)
    else:  # they are log-odds
        evidence = np.exp([scores - scores.max() for scores in parts])
    p_local = np.ones(len(z))
    if options.mode == "auto":
        p_local = np.array([localised_probability(part, options.prior) for part in z])
    share = options.min_share
    share += (options.max_share - options.min_share) * float(np.mean(p_local**options.share_power))
    num_picks = round(share * inputs.num_frames)
    if len(z) > 1:
        num_picks = max(num_picks, round(_PICKS_A_PART * p_local.sum()))
    num_picks = min(num_picks, inputs.num_frames)
    return _Relevance(z, float(p_local.max()), num_picks, evidence)


def _pick_relevant(
    inputs: Inputs, moments: GaussianModel, relevance: _Relevance, options: NtlbgOptions
) -> np.ndarray:
    """Relevant frames that differ from each other, ascending."""
    if not relevance.num_picks:
        return np.zeros(0, np.int64)
    z, parts = relevance.z, relevance.parts
    num_candidates = max(options.candidates, 8 * relevance.num_picks)
    candidates = np.arange(len(z))
    if num_candidates < len(z):
        candidates = np.sort(np.argpartition(-z, num_candidates)[:num_candidates])
    points = (inputs.features[candidates] - moments.mean) / np.float32(moments.scale)
    parts = parts[:, candidates]
    log_quality = options.quality * np.clip(parts, _QUALITY_FLOOR, options.quality_cap)
    # only ratios count
    log_quality -= log_quality.max(axis=1, keepdims=True)
    quality = np.exp(np.maximum(log_quality, _LEAST_LOG_QUALITY))
    if len(parts) == 1:
        return np.sort(candidates[greedy_log_volume(points, quality[0], relevance.num_picks)])
    evidence = relevance.evidence[:, candidates]
    return np.sort(candidates[volume_by_turns(points, quality, evidence, relevance.num_picks)])


def _train_codebook(
    space: np.ndarray,
    picks: np.ndarray,
    relevance: _Relevance,
    num_frames: int,
    options: NtlbgOptions,
) -> np.ndarray:
    """Code vectors: the relevance picks, fixed, then those that cover the rest of the video."""
    borders = segment_borders(
        space[:, :-1],
        relevance.tempered(len(space)),
        max(options.training_points, 4 * num_frames),
    )
    points, masses = segment_means(space, borders)
    frozen, num_free = space[picks], num_frames - len(picks)
    if num_free == 0:
        return frozen
    if options.init == "split" and len(points) <= _MAX_SPLIT_POINTS:
        start = greedy_insertion(points, masses, num_free, frozen)
    else:
        start = quantile_points(masses, num_free)
    codes, _ = lbg(
        points,
        np.concatenate([frozen, points[start]]),
        weights=masses,
        num_frozen=len(frozen),
        iterations=options.iterations,
        tolerance=0.0,
    )
    return codes


def _snap_to_frames(
    space: np.ndarray,
    codes: np.ndarray,
    picks: np.ndarray,
    relevance: _Relevance,
    options: NtlbgOptions,
) -> np.ndarray:
    """The picks, and of each free cell the frame nearest to its mean, tilted to relevance."""
    cells, distances = nearest_codes(space, codes, options.chunk)
    cells[picks] = np.arange(len(picks))
    sizes = np.bincount(cells, minlength=len(codes))
    spread = np.bincount(cells, distances, minlength=len(codes)) / np.maximum(sizes, 1)
    score = -distances / np.maximum(spread, _NO_SPREAD)[cells]
    if relevance.z is not None:
        pull = options.tilt + options.localized_tilt * max(2 * relevance.p_local - 1, 0)
        score += pull * np.clip(relevance.z, _Z_FLOOR, _Z_CAP)
    # The two frames of a pair are equally far from their mean: rounding must not choose.
    score = score.round(_SCORE_DECIMALS)
    free = np.flatnonzero(cells >= len(picks))
    best_first = free[np.lexsort((-score[free], cells[free]))]
    _, first = np.unique(cells[best_first], return_index=True)
    return np.sort(np.concatenate([picks, best_first[first]]))


def _add_unlike(
    inputs: Inputs, moments: GaussianModel, frames: np.ndarray, num_unlike: int
) -> np.ndarray:
    """And frames that lie farthest outside the span of those there are, at most so many."""
    # beyond the rank of the video nothing adds volume
    num_unlike = min(num_unlike, len(moments.eigenvalues) - len(frames))
    if num_unlike <= 0:
        return frames
    points = (inputs.features - moments.mean) / np.float32(moments.scale)
    span, _ = np.linalg.qr(points[frames].T)
    points -= (points @ span) @ span.T
    return np.union1d(frames, greedy_log_volume(points, np.ones(len(points)), num_unlike))


def _choose_on_contour(
    inputs: Inputs, relevance: _Relevance, options: NtlbgOptions
) -> SelectorOutput:
    """Frames by a contour of the relevance-weighted Gaussian."""
    weights = relevance.tempered(len(inputs))
    moments = estimate_gaussian(inputs.features, options.rank, weights)
    if moments is None:
        return choose_uniform(inputs, NoOptions())
    white = moments.whiten(inputs.features)
    radius = None
    if options.constraint == "median_contour":
        frames = contour.nearest_to_median_contour(white, inputs.num_frames)
    else:
        # An axis of the covariance has no sign of its own; the net of directions is not symmetric.
        white *= np.where(weights @ white**3 < 0, -1, 1).astype(np.float32)
        codebook = contour.equiradius_lbg(
            white, inputs.num_frames, weights=weights, iterations=_EQUIRADIUS_ITERATIONS
        )
        frames, radius = contour.snap(white, codebook.codes), codebook.radius
    return SelectorOutput(frames, z=relevance.z, p_local=relevance.p_local, contour_radius=radius)
