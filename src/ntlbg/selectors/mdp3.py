"""MDP3: determinantal point processes along the video, the budget shared out between them.

N candidates in segments of m, D feature size, k chosen, B conditions looked at together. A
*condition* is what was chosen in the segment before.
"""

from dataclasses import dataclass

import numpy as np

from ntlbg.selectors.inputs import (
    HEAVIEST,
    MOST,
    Inputs,
    blocks,
    check_number,
    row_lengths,
    unit_rows,
)
from ntlbg.selectors.quasi_random import quantile_points
from ntlbg.selectors.relevance import require_relevance, scale_to_unit
from ntlbg.selectors.result import SelectorOutput

# The kernel is the mean of exp(-|x - y|^2 / 2 alpha) over alpha = 2^-3, 2^-2 .. 2^1.
_WIDEST_ALPHA = 2.0
_NUM_KERNELS = 5
# Added to the kernel's diagonal, which is 1: copies keep a volume.
_JITTER = 1e-6

Condition = tuple[int, ...]


@dataclass(frozen=True)
class Mdp3Options:
    """Options of ``mdp3``.

    Attributes:
        balance: lambda; the smaller, the more relevance counts against diversity.
        segment: m, consecutive candidates that are chosen from together.
        candidates: frames that may be chosen, evenly spread; raised to k. All without it.
    """

    balance: float = 0.2
    segment: int = 32
    candidates: int | None = None

    def __post_init__(self):
        check_number("balance", self.balance, 1e-3, HEAVIEST)
        check_number("segment", self.segment, 1, MOST, whole=True)
        if self.candidates is not None:
            check_number("candidates", self.candidates, 1, MOST, whole=True)


def choose_mdp3(inputs: Inputs, options: Mdp3Options) -> SelectorOutput:
    """Greedy MAP of a DPP in each segment given the one before; dynamic programming shares k out.

    Sun, Lu, Wang, Chen, Xu, Luo, Zhang & Li 2025 (MDP3), arXiv:2501.02885. Kernel
    diag(r^(1/lambda)) L diag(r^(1/lambda)), L of the frames and r of a frame and the query the
    same mean of Gaussian kernels. What is chosen in a segment is worth the log determinant of its
    kernel given the frames chosen in the segment before; for every number of frames used so far
    the best choices go on to the next segment.

    Published, as far as summaries and copies of the code tell: the kernels' form, lambda 0.2, 32
    candidates a segment, the dynamic programme. On the widths they differ: alpha 2^-3, 2^-2 .. 2^1
    (here) or 2^-3, 2^-2, 1, 2, 4. Interpretation: features are scaled to length 1; the normalising
    determinant of L + I is left out, as the number of frames is fixed; scores from elsewhere,
    scaled to 0..1, stand for cosines. Deviation: every frame is a candidate. The paper thins the
    video to 128 (``candidates=128``), and an event between two of them is lost.

    Time O(N m (D + B m)); memory O(N k / m).

    Raises:
        QueryRequired: neither a query nor scores were given.
    """
    candidates = np.arange(len(inputs))
    if options.candidates is not None:
        wanted = min(max(options.candidates, inputs.num_frames), len(inputs))
        candidates = quantile_points(np.ones(len(inputs)), wanted)
    log_relevance = np.log(kernel_of_cosines(_cosines(inputs)[candidates]))
    points = unit_rows(inputs.features[candidates])
    worth = 2 / options.balance * log_relevance
    return SelectorOutput(candidates[allocate(points, worth, inputs.num_frames, options.segment)])


def kernel_of_cosines(cosines: np.ndarray) -> np.ndarray:
    """Mean of the Gaussian kernels of unit vectors, whose squared distance is 2 - 2 cosine."""
    # Each alpha is half the one before, so each kernel is the square of the one before.
    kernel = np.exp((np.minimum(cosines, 1) - 1) / _WIDEST_ALPHA)
    total = kernel.copy()
    for _ in range(_NUM_KERNELS - 1):
        kernel *= kernel
        total += kernel
    return total / _NUM_KERNELS


def allocate(points: np.ndarray, worth: np.ndarray, num_frames: int, segment: int) -> np.ndarray:
    """Dynamic programming over segments and the number of frames used so far.

    Args:
        points: (N, D) float32 unit rows, in order of time.
        worth: (N,) what a frame's relevance adds to the log determinant.
        num_frames: k, at most N.
        segment: m.

    Returns:
        (k,) int64 ascending positions in ``points``.
    """
    plans = _Plans.none(num_frames)
    trail = []
    for part in blocks(len(points), segment):
        within, across = _kernels(points, part, segment)
        given = np.stack([conditional_kernel(within, across, pick) for pick in plans.picks])
        orders, gains = greedy_orders(given, worth[part], num_frames)
        plans = plans.extended(orders, gains)
        trail.append(plans)
    return _walk_back(trail, num_frames, segment)


def _kernels(points: np.ndarray, part: slice, segment: int) -> tuple[np.ndarray, np.ndarray]:
    """Kernel of a segment (m, m), and of the one before with itself and with this one."""
    start = max(part.start - segment, 0)
    # In float32 the kernel of many equal frames is off by more than the jitter, and singular.
    rows = unit_rows(points[start : part.stop], np.float64)
    kernel = kernel_of_cosines(rows @ rows.T)
    np.fill_diagonal(kernel, 1 + _JITTER)
    before = part.start - start
    return kernel[before:, before:], kernel[:before]


def conditional_kernel(within: np.ndarray, across: np.ndarray, condition: Condition) -> np.ndarray:
    """The kernel of a segment's frames given some of the segment before: (m, m) float64.

    Args:
        within: (m, m) kernel of the segment.
        across: (m', m' + m) kernel of the segment before, with itself and with this one.
        condition: positions in the segment before.
    """
    if not condition:
        return within
    rows = across[list(condition)]
    known, shared = rows[:, list(condition)], rows[:, -len(within) :]
    return within - shared.T @ np.linalg.solve(known, shared)


def greedy_orders(
    kernels: np.ndarray, worth: np.ndarray, num_frames: int
) -> tuple[np.ndarray, np.ndarray]:
    """Greedy MAP of several DPPs on the same frames.

    Args:
        kernels: (B, m, m) float64; overwritten.
        worth: (m,) what a frame adds to every log determinant.
        num_frames: length of the orders, at most m.

    Returns:
        (B, j) int64 frames of each in the order chosen, and (B, j + 1) the log determinants of
        the first 0 to j.
    """
    every = np.arange(len(kernels))
    length = min(num_frames, len(worth))
    orders = np.empty((len(kernels), length), np.int64)
    gains = np.zeros((len(kernels), length + 1))
    worth = np.repeat(worth[None], len(kernels), axis=0)
    residual = np.einsum("bmm->bm", kernels)  # a view: it follows the kernels
    for step in range(length):
        gain = worth + np.log(np.maximum(residual, _JITTER))
        best = orders[:, step] = gain.argmax(axis=1)
        gains[:, step + 1] = gains[:, step] + gain[every, best]
        column = kernels[every, best]
        pivot = np.maximum(column[every, best], _JITTER)
        kernels -= column[:, :, None] * (column / pivot[:, None])[:, None]
        worth[every, best] = -np.inf
    return orders, gains


@dataclass(frozen=True)
class _Plans:
    """The best choice so far for every number of frames used, 0 to k.

    Attributes:
        value: (k + 1,) its log determinants' sum; minus infinity where there are too few frames.
        picks: what some of them chose in the last segment, as conditions of the next.
        held: (k + 1,) which of ``picks`` each ends with.
    """

    value: np.ndarray
    picks: list[Condition]
    held: np.ndarray

    @classmethod
    def none(cls, num_frames: int) -> "_Plans":
        """Before the first segment: no frame used."""
        value = np.full(num_frames + 1, -np.inf)
        value[0] = 0
        return cls(value, [()], np.zeros(num_frames + 1, np.int64))

    def extended(self, orders: np.ndarray, gains: np.ndarray) -> "_Plans":
        """One segment further, given the greedy orders under every condition in ``picks``."""
        used, taken = np.arange(len(self.value)), np.arange(gains.shape[1])[:, None]
        before = np.maximum(used - taken, 0)  # (j + 1, k + 1)
        value = self.value[before] + gains[self.held[before], taken]
        value[used < taken] = -np.inf
        most = value.argmax(axis=0)
        ends = self.held[before[most, used]] * gains.shape[1] + most
        kinds, kind_of = np.unique(ends, return_inverse=True)
        index: dict[Condition, int] = {}  # other conditions may end in the same choice
        held = []
        for condition, count in zip(*np.divmod(kinds, gains.shape[1])):
            pick = tuple(np.sort(orders[condition, :count]).tolist())
            held.append(index.setdefault(pick, len(index)))
        return _Plans(value[most, used], list(index), np.array(held)[kind_of])


def _walk_back(trail: list[_Plans], num_frames: int, segment: int) -> np.ndarray:
    """The frames of the best plan that uses all ``num_frames``: ascending positions."""
    parts = []
    used = num_frames
    for number in reversed(range(len(trail))):
        pick = trail[number].picks[trail[number].held[used]]
        parts.append(number * segment + np.array(pick, np.int64))
        used -= len(pick)
    return np.concatenate(parts[::-1])


def _cosines(inputs: Inputs) -> np.ndarray:
    """Of frames and query; scores, scaled to 0..1, in place of them."""
    scores = require_relevance(inputs, "selector 'mdp3'")
    if inputs.scores is not None:
        return scale_to_unit(scores)
    lengths = inputs.feature_unit * row_lengths(inputs.features)
    return scores / np.where(lengths > 0, lengths, 1)
