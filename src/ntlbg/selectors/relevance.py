"""Relevance of frames to a query: calibration, the evidence that it is localised, plain top-k.

T frames, r principal components, z calibrated scores.
"""

import numpy as np

from ntlbg.errors import QueryRequired
from ntlbg.selectors.gaussian import GaussianModel
from ntlbg.selectors.inputs import Inputs, NoOptions
from ntlbg.selectors.result import SelectorOutput

# Relative to the scores' size; rounding in float32 leaves about 1e-7.
_SAME_SCORE = 1e-6
# Mean shifts, in calibrated units, tried for the relevant frames.
_SHIFTS = (2.0, 2.5, 3.0, 3.5, 4.0)
_EVIDENCE_LIMIT = 8.0
# Of the lower tail against the upper one: black frames have scores of their own, far below the
# others, in videos with relevant frames, too.
_DECOY_WEIGHT = 0.5
_LOG_ODDS_LIMIT = 30.0
# The lower sixth of a normal law ends one standard deviation below its median.
_ONE_SIGMA_BELOW = 0.1587
_MAD_TO_SIGMA = 1.4826


def choose_top_k(inputs: Inputs, options: NoOptions) -> SelectorOutput:
    """The k frames of largest relevance; of equal ones the earlier.

    Raises:
        QueryRequired: neither a query nor scores were given.
    """
    scores = require_relevance(inputs, "selector 'top_k'")
    return SelectorOutput(np.sort(np.argsort(-scores, kind="stable")[: inputs.num_frames]))


def require_relevance(inputs: Inputs, who: str) -> np.ndarray:
    """Relevance of every frame: (T,) float64.

    Raises:
        QueryRequired: neither a query nor scores were given.
    """
    scores = inputs.relevance()
    if scores is None:
        raise QueryRequired(
            f"{who} needs query= (one vector of size {inputs.features.shape[1]}) or scores= "
            f"(one number for each of {len(inputs)} frames); got neither"
        )
    return scores


def is_informative(scores: np.ndarray | None) -> bool:
    """Whether scores tell frames apart at all."""
    return scores is not None and np.ptp(scores) > _SAME_SCORE * np.abs(scores).max()


def scale_to_unit(scores: np.ndarray) -> np.ndarray:
    """Scores from 0 (the least) to 1 (the largest); all 0 when they tell no frames apart."""
    if not is_informative(scores):
        return np.zeros(len(scores))
    return (scores - scores.min()) / np.ptp(scores)


def whiten_scores(
    scores: np.ndarray, components: np.ndarray, moments: GaussianModel, *, rank: int, ridge: float
) -> np.ndarray:
    """Damp what the leading principal components explain of the scores.

    What a query shares with *every* frame of the video says nothing about *which* frame. For
    ``scores = features @ query`` the result is ``(f - mean)' (Sigma + t I)^-1 query`` up to scale
    and offset: the log-likelihood ratio of N(mean + query, Sigma) to N(mean, Sigma), a matched
    filter (Robey et al. 1992). For other scores it removes the same share of each component.

    Args:
        scores: (T,) relevance.
        components: (T, r) from ``moments.project``.
        moments: the frames' covariance.
        rank: how many leading components to damp.
        ridge: t in units of the mean leading eigenvalue.

    Returns:
        (T,) float64.
    """
    rank = min(rank, len(moments.eigenvalues))
    leading, variances = components[:, :rank], moments.eigenvalues[:rank]
    scores = scores - scores.mean()
    # Independent of the scores' unit, which may not suit float32.
    spread = np.abs(scores).max()
    power = np.maximum(np.einsum("tr,tr->r", leading, leading), np.finfo(np.float32).tiny)
    slopes = (leading.T @ (scores / spread).astype(np.float32)) / power
    damping = (variances - moments.residual_variance) / (variances + ridge * variances.mean())
    return scores - spread * (leading @ (slopes * damping).astype(np.float32))


def robust_z(scores: np.ndarray) -> np.ndarray:
    """Scores in standard deviations above the median, as the lower half shows them.

    Relevant frames live in the upper tail and would inflate a plain standard deviation.
    """
    median = np.median(scores)
    below = median - np.quantile(scores, _ONE_SIGMA_BELOW)
    absolute = _MAD_TO_SIGMA * np.median(np.abs(scores - median))
    sigma = (below + absolute) / 2
    if sigma <= _SAME_SCORE * np.ptp(scores):  # more than half of the scores are equal
        sigma = scores.std()
    return (scores - median) / sigma


def localised_probability(z: np.ndarray, prior: float) -> float:
    """P(the question is about a few moments), from the upper tail of calibrated scores.

    Evidence of a shifted upper tail, minus half of that of the mirrored lower tail as a decoy: what
    a law has on both sides is a weaker sign of relevant frames (empirical Bayes).

    Args:
        z: (T,) calibrated scores.
        prior: P(localised) before looking at the frames, 0 to 1.
    """
    evidence = _evidence(z, likeliest_shift(z))
    prior = np.clip(prior, np.exp(-_LOG_ODDS_LIMIT), 1 - np.exp(-_LOG_ODDS_LIMIT))
    log_odds = evidence + np.log(prior) - np.log1p(-prior)
    return float(1 / (1 + np.exp(-np.clip(log_odds, -_LOG_ODDS_LIMIT, _LOG_ODDS_LIMIT))))


def likeliest_shift(z: np.ndarray) -> float:
    """Mean of the relevant frames, of those tried, for which calibrated scores (T,) say most."""
    return max(_SHIFTS, key=lambda shift: _evidence(z, shift))


def _evidence(z: np.ndarray, shift: float) -> float:
    decoys = max(_log_mean_likelihood_ratio(-z, shift), 0.0)
    return _log_mean_likelihood_ratio(z, shift) - _DECOY_WEIGHT * decoys


def _log_mean_likelihood_ratio(z: np.ndarray, shift: float) -> float:
    """log mean_t N(z_t; shift, 1) / N(z_t; 0, 1)."""
    return float(np.log(likelihood_ratio(z, shift).mean()))


def likelihood_ratio(z: np.ndarray, shift: float) -> np.ndarray:
    """N(z; shift, 1) / N(z; 0, 1) of calibrated scores, in their shape."""
    z = np.clip(z, -_EVIDENCE_LIMIT, _EVIDENCE_LIMIT)
    return np.exp(shift * z - shift * shift / 2)
