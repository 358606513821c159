"""Intervals and tests for paired results.

V videos are independent, the questions about one video are not: whoever calls hands in one value
per video, or numerators and denominators per video. S selectors answer for the same videos.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence

import numpy as np

BOOTSTRAP = 2000
FLIPS = 9999  # sign flips drawn when there are too many to try all


def ratio_interval(
    numerators: np.ndarray, denominators: np.ndarray, *, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """95 % percentile bootstrap interval of sum(numerators) / sum(denominators) over videos.

    Args:
        numerators, denominators: (V,) or (V, S).

    Returns:
        low and high, each () or (S,). NaN where nothing was counted.
    """
    numerators, denominators = np.asarray(numerators), np.asarray(denominators)
    number = len(numerators)
    draws = np.random.default_rng(seed).integers(0, number, (BOOTSTRAP, number))
    totals = denominators[draws].sum(1)
    ratios = np.full(totals.shape, np.nan)
    np.divide(numerators[draws].sum(1), totals, out=ratios, where=totals > 0)
    if not (totals > 0).any(0).all():
        return np.full(totals.shape[1:], np.nan), np.full(totals.shape[1:], np.nan)
    low, high = np.nanquantile(ratios, [0.025, 0.975], axis=0)
    return low, high


def mean_interval(values: np.ndarray, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """95 % percentile bootstrap interval of the mean of values (V,) or (V, S) over videos.

    NaN for a single video, which says nothing about others.
    """
    values = np.asarray(values, dtype=np.float64)
    if len(values) < 2:
        return np.full(values.shape[1:], np.nan), np.full(values.shape[1:], np.nan)
    return ratio_interval(values, np.ones_like(values), seed=seed)


def mean_over_questions(
    values: Iterable[tuple[Hashable, float]], *, seed: int = 0
) -> tuple[float, float, float]:
    """Mean of values, each of a question about a video, and its 95 % interval over videos.

    The interval is NaN for a single video, which says nothing about others.

    Args:
        values: (video, value) for every question, at least one.
    """
    videos: dict[Hashable, list[float]] = defaultdict(list)
    for video, value in values:
        videos[video].append(float(value))
    sums = np.array([sum(found) for found in videos.values()])
    counts = np.array([len(found) for found in videos.values()])
    mean = float(sums.sum() / counts.sum())
    if len(videos) < 2:
        return mean, np.nan, np.nan
    low, high = ratio_interval(sums, counts, seed=seed)
    return mean, float(low), float(high)


def paired_p(differences: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Two-sided p that mean differences (V,) or (V, S) are zero: the sign-flip permutation test.

    Fisher 1935, The Design of Experiments. Assumes no more than that equal methods differ
    symmetrically. All flips are tried for up to 13 videos, where p cannot fall below 2 / 2**V;
    otherwise FLIPS random ones. 1 where all differences are zero.
    """
    differences = np.asarray(differences, dtype=np.float64)
    number = len(differences)
    exact = 2**number <= FLIPS
    if exact:
        signs = 1 - 2 * (np.arange(2**number)[:, None] >> np.arange(number) & 1)
    else:
        signs = np.random.default_rng(seed).choice([-1.0, 1.0], (FLIPS, number))
    flipped = np.abs(signs @ differences)
    observed = np.abs(differences.sum(0))
    # sums that are equal in exact arithmetic count as equal
    extreme = (flipped >= observed * (1 - 1e-9) - 1e-12).sum(0)
    return extreme / len(signs) if exact else (extreme + 1) / (len(signs) + 1)


def mcnemar_p(one: Sequence[bool] | np.ndarray, other: Sequence[bool] | np.ndarray) -> float:
    """Two-sided exact McNemar test on paired outcomes (N,): the binomial test of discordant pairs.

    McNemar 1947, Psychometrika 12(2). 1 when the two never differ.
    """
    first, second = np.asarray(one, dtype=bool), np.asarray(other, dtype=bool)
    gained, lost = int((first & ~second).sum()), int((~first & second).sum())
    discordant = gained + lost
    tail = ways = 1  # exact numbers: ways to lose nothing, then one, two ... of the pairs
    for fewer in range(1, min(gained, lost) + 1):
        ways = ways * (discordant - fewer + 1) // fewer
        tail += ways
    return min(1.0, 2 * tail / 2**discordant)


def holm(p_values: Sequence[float] | np.ndarray) -> np.ndarray:
    """p values (N,) adjusted for being N at once: Holm 1979, Scand. J. Statist. 6(2)."""
    given = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(given)
    stepped = given[order] * np.arange(len(given), 0, -1)
    adjusted = np.empty_like(given)
    adjusted[order] = np.minimum(np.maximum.accumulate(stepped), 1)
    return adjusted
