"""95 % intervals of shares: videos are independent, the questions about one video are not."""

from collections import defaultdict
from collections.abc import Hashable, Iterable

import numpy as np

BOOTSTRAP = 2000


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
