"""A similarity becomes log-odds, by what is usual in the video itself.

T frames, D feature size.
"""

import numpy as np

from ntlbg.selectors.gaussian import estimate_gaussian
from ntlbg.selectors.ntlbg_options import NtlbgOptions
from ntlbg.selectors.relevance import (
    is_informative,
    likeliest_shift,
    likelihood_ratio,
    localised_probability,
    robust_z,
    whiten_scores,
)

# Seconds that a moment lasts which a question is about: what most questions ask for is on screen
# for two to four seconds (the made videos' events are). Set by hand.
MOMENT_SECONDS = 3.0
# A video of one moment has no share left for others; and what has no evidence keeps some chance.
LEAST_SHARE, LARGEST_SHARE = 1e-6, 0.5


def as_log_odds(
    similarities: np.ndarray, features: np.ndarray, pts_seconds: np.ndarray, prior: float
) -> np.ndarray:
    """Log-odds (T,) in nats that a frame is meant, of similarities (T,) of features (T, D).

    With z the similarities after whitening, in standard deviations above the median, and m the
    shift of the relevant frames that explains their upper tail best, frame t is meant with
    log-odds m z_t - m^2 / 2 + log(s / (1 - s)); s = P x 3 s / duration is the share of frames that
    are, P the chance that the question is about a few moments, of which ``prior`` is what its words
    say. All alike where the similarities tell no frames apart. Beyond 8 standard deviations z
    counts no more: frames of one appearance that all fit far better than any other are equals.

    In order they are right, in size too sure: of simulated frames with log-odds of 0 to 2 one in
    five is meant, of 4 to 6 six in ten, from 8 on nine in ten; about half of them, less 2, would be
    true (tests/retrievers/test_calibration.py).
    """
    duration = max(float(np.ptp(pts_seconds)), MOMENT_SECONDS)
    moments = estimate_gaussian(features, NtlbgOptions.rank)
    if moments is None or not is_informative(similarities):
        share = np.clip(prior * MOMENT_SECONDS / duration, LEAST_SHARE, LARGEST_SHARE)
        return np.full(len(similarities), np.log(share / (1 - share)))
    whitened = whiten_scores(
        similarities, moments.project(features), moments,
        rank=NtlbgOptions.score_rank, ridge=NtlbgOptions.ridge,
    )  # fmt: skip
    z = robust_z(whitened)
    p_local = localised_probability(z, prior)
    share = np.clip(p_local * MOMENT_SECONDS / duration, LEAST_SHARE, LARGEST_SHARE)
    return np.log(likelihood_ratio(z, likeliest_shift(z))) + np.log(share / (1 - share))


def tempered(log_odds: np.ndarray) -> np.ndarray:
    """Log-odds of :func:`as_log_odds` brought to true ones: half of them, less 2.

    Frames stay in their order. For those who join them with other chances.
    """
    return log_odds / 2 - 2
