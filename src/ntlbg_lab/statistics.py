"""Tests for paired results, and intervals of means.

V videos are independent, the questions about one video are not: whoever calls hands in one value
per video. S selectors answer for the same videos.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from ntlbg.intervals import ratio_interval

FLIPS = 9999  # sign flips drawn when there are too many to try all
BATCH = 500  # flips at once: 60 videos and 17 selectors take 4 MB


@dataclass(frozen=True)
class PairedDifference:
    """A mean difference over videos, its 95 % interval, and p alone and as one of several."""

    difference: float
    low: float | None
    high: float | None
    p: float
    p_holm: float


def paired_differences(differences: np.ndarray, *, seed: int = 0) -> list[PairedDifference]:
    """Of every column of differences (V, S), all S tested at once."""
    low, high = mean_interval(differences, seed=seed)
    p = paired_p(differences, seed=seed)
    columns = zip(differences.mean(0), low, high, p, holm(p))
    return [
        PairedDifference(float(mean), known(low), known(high), float(p), float(p_holm))
        for mean, low, high, p, p_holm in columns
    ]


def known(number: float | None, digits: int | None = None) -> float | None:
    """A number, rounded if so asked, or None for NaN, which JSON does not have."""
    if number is None or np.isnan(number):
        return None
    return float(number) if digits is None else round(float(number), digits)


def mean_interval(values: np.ndarray, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """95 % percentile bootstrap interval of the mean of values (V,) or (V, S) over videos.

    NaN for a single video, which says nothing about others.
    """
    values = np.asarray(values, dtype=np.float64)
    if len(values) < 2:
        return np.full(values.shape[1:], np.nan), np.full(values.shape[1:], np.nan)
    return ratio_interval(values, np.ones_like(values), seed=seed)


def paired_p(differences: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Two-sided p that mean differences (V,) or (V, S) are zero: the sign-flip permutation test.

    Fisher 1935, The Design of Experiments. Assumes no more than that equal methods differ
    symmetrically. All flips are tried for up to 13 videos, where p cannot fall below 2 / 2**V;
    otherwise FLIPS random ones. 1 where all differences are zero, and for a single video.
    """
    differences = np.asarray(differences, dtype=np.float64)
    if len(differences) < 2:
        return np.ones(differences.shape[1:])
    return stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=FLIPS, batch=BATCH,
        vectorized=True, rng=seed,
    ).pvalue  # fmt: skip


def mcnemar_p(one: ArrayLike, other: ArrayLike) -> float:
    """Two-sided exact McNemar test on paired outcomes (N,): the binomial test of discordant pairs.

    McNemar 1947, Psychometrika 12(2). 1 when the two never differ.
    """
    one, other = np.asarray(one, dtype=bool), np.asarray(other, dtype=bool)
    gained, discordant = int((one & ~other).sum()), int((one != other).sum())
    return float(stats.binomtest(gained, discordant).pvalue) if discordant else 1.0


def holm(p_values: ArrayLike) -> np.ndarray:
    """p values (N,) adjusted for being N at once: Holm 1979, Scand. J. Statist. 6(2)."""
    p_values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p_values)
    stepped = p_values[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(np.maximum.accumulate(stepped), 1)
    return adjusted
