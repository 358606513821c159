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

from ntlbg.errors import ConfigError
from ntlbg.selection import contour
from ntlbg.selection.codebook import (
    farthest_point_fill,
    greedy_insertion,
    lbg,
    nearest_codes,
    segment_borders,
    segment_means,
)
from ntlbg.selection.diversity import greedy_log_volume
from ntlbg.selection.inputs import (
    BLOCK_FRAMES,
    Inputs,
    NoOptions,
    check_number,
    check_switch,
)
from ntlbg.selection.moments import Moments, estimate_moments
from ntlbg.selection.nets import quantile_points
from ntlbg.selection.relevance import (
    calibrate,
    is_informative,
    localised_probability,
    require_relevance,
    whiten_scores,
)
from ntlbg.selection.result import Picks
from ntlbg.selection.space import DEFAULT_RANK, DEFAULT_TIME_WEIGHT, similarity_space
from ntlbg.selection.turns import volume_by_turns
from ntlbg.selection.uniform import choose_uniform

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
# Products of two qualities stay in the range of float32.
_LEAST_LOG_QUALITY = -40.0
_EQUIRADIUS_ITERATIONS = 10
# Squared distance, in a space of unit spread, below which a cell's frames count as equal.
_NO_SPREAD = 1e-9


@dataclass(frozen=True)
class NtlbgOptions:
    """Options of the ``ntlbg`` selector.

    Attributes:
        mode: ``auto`` weighs relevance against coverage by the evidence; ``localized`` takes the
            question to be about a few moments; ``global`` ignores query and scores.
        prior: P(localised) before looking at the frames, for instance from the question's text.
        score_whitening: damp the scores along the video's principal components.
        whitening: ``full`` gives every principal component of the content the same variance.
        init: start of the codebook: ``split`` greedy insertion, ``nt`` quantiles of the video.
        constraint: ``none``; ``equiradius`` takes frames near an LBG codebook on one contour of
            the relevance-weighted Gaussian; ``median_contour`` takes the frames closest to its
            median contour. Both are there for comparison: neither keeps relevance picks.
        chunk: frames handled at a time; bounds the memory and does not change the result.
        rank: principal components kept.
        score_rank: principal components damped in the scores.
        ridge: added to the variances in the damping, in units of the mean leading variance.
        quality: exponent of relevance against volume among the relevance picks.
        quality_cap: standard deviations of relevance beyond which a frame is no better. Scores
            that are exact enough to rank the best frames need a high one.
        min_share, max_share: share of relevance picks at P(localised) = 0 and 1.
        share_power: exponent of P(localised) in between; with a high one coverage gives way only
            to clear evidence.
        tilt, localized_tilt: pull of a coverage pick towards relevance, always and at P = 1.
        time_weight: standard deviation of time against that of appearance.
        training_points: M; raised to 4 k.
        iterations: moves of the code vectors.
        candidates: most relevant frames that may be picked for relevance; raised to 8 a pick.
    """

    mode: str = "auto"
    prior: float = 0.5
    score_whitening: bool = True
    whitening: str = "none"
    init: str = "split"
    constraint: str = "none"
    chunk: int = BLOCK_FRAMES
    rank: int = DEFAULT_RANK
    score_rank: int = 64
    ridge: float = 0.1
    quality: float = 0.2
    quality_cap: float = 12.0
    min_share: float = 0.15
    max_share: float = 0.75
    share_power: float = 2.0
    tilt: float = 0.05
    localized_tilt: float = 0.7
    time_weight: float = DEFAULT_TIME_WEIGHT
    training_points: int = 2048
    iterations: int = 3
    candidates: int = 2048

    def __post_init__(self):
        for name, accepted in _CHOICES.items():
            if getattr(self, name) not in accepted:
                raise ConfigError(
                    f"option {name} must be one of {', '.join(accepted)}; "
                    f"got {getattr(self, name)!r}"
                )
        check_switch("score_whitening", self.score_whitening)
        for name, (low, high, whole) in _RANGES.items():
            check_number(name, getattr(self, name), low, high, whole)
        if self.min_share > self.max_share:
            raise ConfigError(
                f"option min_share ({self.min_share}) must not exceed max_share ({self.max_share})"
            )


# Defaults where scores are log-odds that a frame is meant. They are whitened already, under the
# covariances they were learned with: evidence seen among 16 frames of two validation videos .96,
# whitened once more .87. Over an hour hundreds of frames lie beyond a cap of 12: with it all
# evidence of counts was seen in .57 of the questions, with 1000 and a quality of 0.5 in .95 of all.
# A model that gives log-odds is asked about moments: all frames go to relevance.
FOR_LOG_ODDS = {
    "mode": "localized",
    "score_whitening": False,
    "quality": 0.5,
    "quality_cap": 1e3,
    "max_share": 1.0,
}
_CHOICES = {
    "mode": ("auto", "localized", "global"),
    "whitening": ("none", "full"),
    "init": ("split", "nt"),
    "constraint": ("none", "equiradius", "median_contour"),
}
# name: (least, largest, whole number)
_RANGES = {
    "prior": (0, 1, False),
    "chunk": (1, np.inf, True),
    "rank": (1, np.inf, True),
    "score_rank": (1, np.inf, True),
    "ridge": (0, np.inf, False),
    "quality": (0, np.inf, False),
    "quality_cap": (0, np.inf, False),
    "min_share": (0, 1, False),
    "max_share": (0, 1, False),
    "share_power": (0, np.inf, False),
    "tilt": (0, np.inf, False),
    "localized_tilt": (0, np.inf, False),
    "time_weight": (0, np.inf, False),
    "training_points": (1, np.inf, True),
    "iterations": (0, np.inf, True),
    "candidates": (1, np.inf, True),
}


@dataclass(frozen=True)
class _Relevance:
    """What is known about the question: z (P, T) of its parts, P(localised), relevance picks."""

    parts: np.ndarray | None
    p_local: float | None
    num_picks: int

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


def choose_ntlbg(inputs: Inputs, options: NtlbgOptions) -> Picks:
    """Representative points of the frames, given the question.

    Raises:
        QueryRequired: mode ``localized`` without query and scores.
    """
    if options.mode == "localized":
        require_relevance(inputs, "selector 'ntlbg' in mode 'localized'")
    moments = estimate_moments(inputs.features, options.rank)
    if moments is None:  # every frame is the same: only time is left
        return choose_uniform(inputs, NoOptions())
    components = moments.project(inputs.features)
    relevance = _weigh_question(inputs, components, moments, options)
    if inputs.num_frames == len(inputs):
        return Picks(np.arange(len(inputs)), z=relevance.z, p_local=relevance.p_local)
    if options.constraint != "none":
        return _choose_on_contour(inputs, relevance, options)
    picks = _pick_relevant(inputs, moments, relevance, options)
    if options.whitening == "full":
        components /= np.sqrt(moments.eigenvalues).astype(np.float32)
    space = similarity_space(components, inputs.times, options.time_weight)
    codes = _train_codebook(space, picks, relevance, inputs.num_frames, options)
    frames = _snap_to_frames(space, codes, picks, relevance, options)
    return Picks(
        farthest_point_fill(space, frames, inputs.num_frames),
        space=space,
        z=relevance.z,
        p_local=relevance.p_local,
        num_relevance=len(picks),
    )


def _weigh_question(
    inputs: Inputs, components: np.ndarray, moments: Moments, options: NtlbgOptions
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
    z = np.stack([calibrate(scores) for scores in parts])
    p_local = np.ones(len(z))
    if options.mode == "auto":
        p_local = np.array([localised_probability(part, options.prior) for part in z])
    share = options.min_share
    share += (options.max_share - options.min_share) * float(np.mean(p_local**options.share_power))
    num_picks = round(share * inputs.num_frames)
    if len(z) > 1:
        num_picks = max(num_picks, round(_PICKS_A_PART * p_local.sum()))
    return _Relevance(z, float(p_local.max()), min(num_picks, inputs.num_frames))


def _pick_relevant(
    inputs: Inputs, moments: Moments, relevance: _Relevance, options: NtlbgOptions
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
    return np.sort(candidates[volume_by_turns(points, quality, parts, relevance.num_picks)])


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
    free = np.flatnonzero(cells >= len(picks))
    best_first = free[np.lexsort((-score[free], cells[free]))]
    _, first = np.unique(cells[best_first], return_index=True)
    return np.sort(np.concatenate([picks, best_first[first]]))


def _choose_on_contour(inputs: Inputs, relevance: _Relevance, options: NtlbgOptions) -> Picks:
    """Frames by a contour of the relevance-weighted Gaussian."""
    weights = relevance.tempered(len(inputs))
    moments = estimate_moments(inputs.features, options.rank, weights)
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
    return Picks(frames, z=relevance.z, p_local=relevance.p_local, contour_radius=radius)
