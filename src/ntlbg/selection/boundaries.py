"""WFS-SB: cut the video where a wavelet sees its relevance change, then choose within the parts.

T frames, D feature size, k chosen.
"""

from dataclasses import dataclass

import numpy as np

from ntlbg.selection.inputs import Inputs, check_number, unit_rows
from ntlbg.selection.relevance import require_relevance, scale_to_unit
from ntlbg.selection.result import Picks

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


@dataclass(frozen=True)
class WfsOptions:
    """Options of ``wfs_sb``.

    Attributes:
        drift: the coarsest scale is floor(log2 T) - drift halvings.
        peak: a boundary's change of relevance, in units of the mean change.
        duration, mean, largest, variance: weights of a part's length, mean and largest relevance
            and variance in its importance.
        cut: parts this many standard deviations below the mean importance are dropped.
        balance: relevance against novelty within a part, 0 to 1.
    """

    drift: int = 3
    peak: float = 1.0
    duration: float = 0.4
    mean: float = 0.2
    largest: float = 0.3
    variance: float = 0.1
    cut: float = 1.2
    balance: float = 0.5

    def __post_init__(self):
        check_number("drift", self.drift, 0, whole=True)
        for name in ("peak", "duration", "mean", "largest", "variance", "cut"):
            check_number(name, getattr(self, name), 0)
        check_number("balance", self.balance, 0, 1)


def choose_wfs_sb(inputs: Inputs, options: WfsOptions) -> Picks:
    """Semantic boundaries by wavelets, a share of the budget for each part, MMR within it.

    Chen, Zeng, Luo, Xie, Lin, Ji, Zhang & Zheng 2026 (WFS-SB), arXiv:2603.00512. Of the scores'
    Daubechies-4 transform only the coarsest details are kept; peaks of their size cut the video;
    parts get frames in proportion to the softmax of their importance; within a part the most
    relevant frame comes first, then maximal marginal relevance. Defaults as published. Time
    O(T D k) at worst, when one part gets all frames.

    Uncertain: the threshold of a peak (here the mean change), how the transform treats the ends of
    the video (here it is mirrored), how shares are rounded (here largest remainders). Deviation:
    frames a short part has no room for go to the next parts in order of importance, dropped parts
    last, so that exactly k come out.

    Raises:
        QueryRequired: neither a query nor scores were given.
    """
    scores = scale_to_unit(require_relevance(inputs, "selector 'wfs_sb'"))
    levels = max(1, int(np.log2(len(scores))) - options.drift)
    borders = _cut_at_peaks(np.abs(coarsest_detail(scores, levels)), options.peak)
    importance = _importance(scores, borders, options)
    quotas = _share_out(importance, np.diff(borders), inputs.num_frames, options.cut)
    points = unit_rows(inputs.features)
    frames = [
        start + _marginal_relevance(points[start:end], scores[start:end], quota, options.balance)
        for start, end, quota in zip(borders[:-1], borders[1:], quotas)
    ]
    return Picks(np.sort(np.concatenate(frames)))


def coarsest_detail(signal: np.ndarray, levels: int) -> np.ndarray:
    """What the coarsest details of a signal's Daubechies-4 transform say about it: (T,).

    The signal is mirrored and padded, so that the periodic transform sees no jump at its ends.
    """
    mirrored = np.concatenate([signal, signal[::-1]])
    block = 2**levels
    padded = np.pad(mirrored, (0, -len(mirrored) % block), mode="edge")
    approximation = padded
    for _ in range(levels - 1):
        approximation = _analyse(approximation, _DB4)
    wave = _synthesise(_analyse(approximation, _DB4_DETAIL), _DB4_DETAIL)
    for _ in range(levels - 1):
        wave = _synthesise(wave, _DB4)
    return wave[: len(signal)]


def _analyse(signal: np.ndarray, taps: np.ndarray) -> np.ndarray:
    """Correlate with the taps around a circle, at every second place."""
    return signal[_places(len(signal))] @ taps


def _synthesise(coefficients: np.ndarray, taps: np.ndarray) -> np.ndarray:
    """Adjoint of :func:`_analyse`: its inverse on what the taps can represent."""
    num = 2 * len(coefficients)
    weights = (coefficients[:, None] * taps).ravel()
    return np.bincount(_places(num).ravel(), weights, minlength=num)


def _places(num: int) -> np.ndarray:
    return (np.arange(0, num, 2)[:, None] + np.arange(len(_DB4))) % num


def _cut_at_peaks(change: np.ndarray, peak: float) -> np.ndarray:
    """Borders of the parts, from 0 to T; a part starts at a local maximum of the change."""
    inner = change[1:-1]
    is_peak = (inner > change[:-2]) & (inner >= change[2:]) & (inner > peak * change.mean())
    return np.concatenate([[0], 1 + np.flatnonzero(is_peak), [len(change)]])


def _importance(scores: np.ndarray, borders: np.ndarray, options: WfsOptions) -> np.ndarray:
    """Composite importance of every part."""
    lengths = np.diff(borders)
    starts = borders[:-1]
    means = np.add.reduceat(scores, starts) / lengths
    squares = np.add.reduceat(np.square(scores - np.repeat(means, lengths)), starts) / lengths
    spread = scores.var()
    return (
        options.duration * lengths / len(scores)
        + options.mean * means
        + options.largest * np.maximum.reduceat(scores, starts)
        + options.variance * (squares / spread if spread else 0)
    )


def _share_out(
    importance: np.ndarray, lengths: np.ndarray, num_frames: int, cut: float
) -> np.ndarray:
    """Frames of every part: by the softmax of importance, never more than its length."""
    kept = importance >= importance.mean() - cut * importance.std()
    shares = np.where(kept, np.exp(importance - importance.max()), 0)
    ideal = num_frames * shares / shares.sum()
    quotas = np.minimum(ideal.astype(np.int64), lengths)
    by_remainder = np.lexsort((-importance, -(ideal - np.floor(ideal)), ~kept))
    for rank in by_remainder[: num_frames - quotas.sum()]:
        quotas[rank] += kept[rank] and quotas[rank] < lengths[rank]
    for rank in np.lexsort((-importance, ~kept)):
        quotas[rank] += min(lengths[rank] - quotas[rank], num_frames - quotas.sum())
    return quotas


def _marginal_relevance(
    points: np.ndarray, scores: np.ndarray, num_frames: int, balance: float
) -> np.ndarray:
    """Maximal marginal relevance, the most relevant frame first: (num_frames,) positions."""
    chosen = np.empty(num_frames, np.int64)
    likeness = np.full(len(points), -np.inf)
    objective = scores.copy()
    for step in range(num_frames):
        newest = chosen[step] = int(objective.argmax())
        np.maximum(likeness, points @ points[newest], out=likeness)
        objective = balance * scores - (1 - balance) * likeness
        objective[chosen[: step + 1]] = -np.inf
    return chosen
