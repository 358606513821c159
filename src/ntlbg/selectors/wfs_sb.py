"""WFS-SB: cut the video where a wavelet sees its relevance change, then choose within the parts.

T frames, D feature size, k chosen.
"""

from dataclasses import dataclass

import numpy as np

from ntlbg.selectors.inputs import HEAVIEST, MOST, Inputs, check_number, unit_rows
from ntlbg.selectors.relevance import fill_with_best, require_relevance, scale_to_unit
from ntlbg.selectors.result import SelectorOutput

# Daubechies 1992, Ten Lectures on Wavelets, table 6.1, N = 4: eight taps, four vanishing moments.
_DB4 = np.array(
    [
        0.23037781330885523,
        0.7148465705525415,
        0.6308807679295904,
        -0.02798376941698385,
        -0.18703481171888114,
        0.030841381835986965,
        0.032883011666982945,
        -0.010597401784997278,
    ]
)
_DB4_DETAIL = _DB4[::-1] * (-1.0) ** np.arange(8)
# The published code's settings for all three of its benchmarks.
_PEAK_DEVIATIONS = 0.5  # least height of a peak above the mean change
_PEAK_PROMINENCE = 0.05  # of the range of the change
_LEAST_DISTANCE, _LEAST_DISTANCE_SHARE = 5, 0.02  # between peaks, in frames and of all frames
_FEW_PARTS = 3  # so many are all kept
_LEAST_IMPORTANCE = 0.05  # of a part that is kept
_VARIANCE_FLOOR = 1e-8  # under the quotient of variances


@dataclass(frozen=True)
class WfsOptions:
    """Options of ``wfs_sb``.

    Attributes:
        drift: the coarsest scale is floor(log2 T) - drift halvings.
        duration, mean, largest, variance: weights of a part's length, mean and largest relevance
            and variance in its importance.
        cut: of more than three parts, those so many standard deviations below the mean importance
            are dropped.
        balance: lambda of the published code, relevance against novelty, 0 to 1. The code takes
            2 s - 1 where the paper has the score s, so 1/3 here is the paper's 1/2.
    """

    drift: int = 3
    duration: float = 0.4
    mean: float = 0.2
    largest: float = 0.3
    variance: float = 0.1
    cut: float = 1.2
    balance: float = 0.5

    def __post_init__(self):
        check_number("drift", self.drift, 0, MOST, whole=True)
        for name in ("duration", "mean", "largest", "variance", "cut"):
            check_number(name, getattr(self, name), 0, HEAVIEST)
        check_number("balance", self.balance, 0, 1)


def choose_wfs_sb(inputs: Inputs, options: WfsOptions) -> SelectorOutput:
    """Semantic boundaries by wavelets, a share of the budget for each part, MMR within it.

    Chen, Zeng, Luo, Xie, Lin, Ji, Zhang & Zheng 2026 (WFS-SB), arXiv:2603.00512, and their code,
    whose defaults these are. Of the scores' Daubechies-4 transform only the coarsest details are
    kept; peaks of their size cut the video; parts get frames in proportion to the softmax of their
    importance; within a part the most relevant frame comes first, then maximal marginal relevance.
    What a short part has no room for is chosen by the same rule from the whole video. Without a
    peak half of the frames are spread evenly, and the best scores follow. Time O(T D k) at worst,
    when one part gets all frames.

    Deviations: scores are scaled to 0..1 first, as those of the published code lie there already;
    of equal scores the earlier frame comes first, and of equal remainders the more important part.

    Raises:
        QueryRequired: neither a query nor scores were given.
    """
    scores = scale_to_unit(require_relevance(inputs, "selector 'wfs_sb'"))
    k, num_frames = inputs.num_frames, len(inputs)
    levels = max(1, int(np.log2(num_frames)) - options.drift)
    peaks = find_peaks(np.abs(coarsest_detail(scores, levels)))
    if not len(peaks):
        spread = np.linspace(0, num_frames - 1, k // 2, dtype=np.int64)
        return SelectorOutput(fill_with_best(spread, scores, k))
    borders = np.concatenate([[0], peaks, [num_frames]])
    quotas = _share_out(_importance(scores, borders, options), k, options.cut)
    points, relevance = unit_rows(inputs.features), 2 * scores - 1
    chosen = np.zeros(0, np.int64)
    for start, end, quota in zip(borders[:-1], borders[1:], np.minimum(quotas, np.diff(borders))):
        part = slice(start, end)
        picks = _marginal_relevance(points[part], relevance[part], quota, options.balance)
        chosen = np.append(chosen, start + picks)
    if len(chosen) < k:
        chosen = _marginal_relevance(points, relevance, k, options.balance, chosen)
    return SelectorOutput(chosen)


def coarsest_detail(signal: np.ndarray, levels: int) -> np.ndarray:
    """What the coarsest details of a signal's Daubechies-4 transform say about it: (T,).

    The signal, and the approximation at every further level, is mirrored at both ends: the
    transform of Mallat 1989 as PyWavelets computes it in its mode ``symmetric``.
    """
    approximation, lengths = signal, []
    for _ in range(levels - 1):
        lengths.append(len(approximation))
        approximation = _analyse(approximation, _DB4)
    wave = _synthesise(_analyse(approximation, _DB4_DETAIL), _DB4_DETAIL, len(approximation))
    for length in reversed(lengths):
        wave = _synthesise(wave, _DB4, length)
    return wave


def _analyse(signal: np.ndarray, taps: np.ndarray) -> np.ndarray:
    """Correlate with the taps at every second place, from the first that reaches the signal on."""
    num = len(signal)
    places = _places((num + len(taps) - 1) // 2) % (2 * num)
    return signal[np.minimum(places, 2 * num - 1 - places)] @ taps


def _synthesise(coefficients: np.ndarray, taps: np.ndarray, length: int) -> np.ndarray:
    """Inverse of :func:`_analyse` on what the taps can represent: (length,)."""
    places = _places(len(coefficients))
    before = -places[0, 0]  # places that lie ahead of the signal
    weights = (coefficients[:, None] * taps).ravel()
    return np.bincount((places + before).ravel(), weights)[before : before + length]


def _places(num: int) -> np.ndarray:
    """Where the taps of each of ``num`` coefficients lie: (num, taps), the first before 0."""
    return 2 * np.arange(num)[:, None] + np.arange(len(_DB4)) - (len(_DB4) - 2)


def find_peaks(change: np.ndarray) -> np.ndarray:
    """Places of high local maxima, apart from each other and prominent: ascending."""
    peaks = _local_maxima(change)
    peaks = peaks[change[peaks] >= change.mean() + _PEAK_DEVIATIONS * change.std()]
    distance = max(_LEAST_DISTANCE, int(_LEAST_DISTANCE_SHARE * len(change)))
    peaks = _apart(peaks, change[peaks], distance)
    least = _PEAK_PROMINENCE * np.ptp(change)
    return np.array([peak for peak in peaks if _prominence(change, peak) >= least], np.int64)


def _local_maxima(change: np.ndarray) -> np.ndarray:
    """Places higher than both sides; of a plateau the middle, the earlier of two."""
    starts = np.concatenate([[0], 1 + np.flatnonzero(np.diff(change))])
    ends = np.append(starts[1:], len(change)) - 1
    height = change[starts]
    higher = (height[1:-1] > height[:-2]) & (height[1:-1] > height[2:])
    return (starts[1:-1] + ends[1:-1])[higher] // 2


def _apart(peaks: np.ndarray, heights: np.ndarray, distance: int) -> np.ndarray:
    """The highest peaks no two of which are nearer than the distance; of equal ones the later."""
    kept = np.ones(len(peaks), bool)
    for highest in np.argsort(heights, kind="stable")[::-1]:
        if kept[highest]:
            kept &= np.abs(peaks - peaks[highest]) >= distance
            kept[highest] = True
    return peaks[kept]


def _prominence(change: np.ndarray, peak: int) -> float:
    """Height above the higher of the two lowest places between it and anything higher."""
    higher = np.flatnonzero(change > change[peak])
    here = np.searchsorted(higher, peak)
    start = higher[here - 1] + 1 if here else 0
    end = higher[here] if here < len(higher) else len(change)
    return change[peak] - max(change[start : peak + 1].min(), change[peak:end].min())


def _importance(scores: np.ndarray, borders: np.ndarray, options: WfsOptions) -> np.ndarray:
    """Composite importance of every part."""
    lengths = np.diff(borders)
    starts = borders[:-1]
    means = np.add.reduceat(scores, starts) / lengths
    squares = np.add.reduceat(np.square(scores - np.repeat(means, lengths)), starts) / lengths
    return (
        options.duration * lengths / len(scores)
        + options.mean * means
        + options.largest * np.maximum.reduceat(scores, starts)
        + options.variance * squares / (scores.var() + _VARIANCE_FLOOR)
    )


def _share_out(importance: np.ndarray, num_frames: int, cut: float) -> np.ndarray:
    """Frames of every part: by the softmax of importance, the largest remainders rounded up."""
    kept = np.ones(len(importance), bool)
    if len(importance) > _FEW_PARTS:
        kept = importance >= max(_LEAST_IMPORTANCE, importance.mean() - cut * importance.std())
    if not kept.any():
        kept[:] = True
    shares = np.where(kept, np.exp(importance - importance.max()), 0)
    ideal = num_frames * shares / shares.sum()
    quotas = ideal.astype(np.int64)
    by_remainder = np.lexsort((-importance, quotas - ideal))
    quotas[by_remainder[: num_frames - quotas.sum()]] += 1
    return quotas


def _marginal_relevance(
    points: np.ndarray,
    relevance: np.ndarray,
    num_frames: int,
    balance: float,
    given: np.ndarray | None = None,
) -> np.ndarray:
    """Maximal marginal relevance: (num_frames,) positions, ascending.

    ``given`` are chosen already; without any the most relevant frame comes first.
    """
    chosen: list[int] = [] if given is None else given.tolist()
    likeness = np.full(len(points), -np.inf)
    for frame in chosen:
        np.maximum(likeness, points @ points[frame], out=likeness)
    while len(chosen) < num_frames:
        objective = relevance.copy()
        if chosen:
            objective = balance * relevance - (1 - balance) * likeness
            objective[chosen] = -np.inf
        chosen.append(int(objective.argmax()))
        np.maximum(likeness, points @ points[chosen[-1]], out=likeness)
    return np.sort(np.array(chosen, np.int64))
