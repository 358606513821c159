"""What a selector hands back, and what each chosen frame stands for.

T frames, k chosen, S size of the space in which frames are compared.
"""

from dataclasses import dataclass

import numpy as np

from ntlbg.selectors.codebook import nearest_codes
from ntlbg.selectors.inputs import Inputs


@dataclass(frozen=True)
class Picks:
    """A selector's choice, frames in order of time.

    Attributes:
        frames: (k,) ascending positions in order of time.
        space: (T, S) points whose distances mean similarity, or None for appearance and time.
        z, p_local, num_relevance, contour_radius: see :class:`Selection`.
    """

    frames: np.ndarray
    space: np.ndarray | None = None
    z: np.ndarray | None = None
    p_local: float | None = None
    num_relevance: int = 0
    contour_radius: float | None = None


@dataclass(frozen=True)
class Selection:
    """The chosen frames and why.

    Attributes:
        indices: (k,) int64, ascending and distinct.
        scores: (T,) float64 relevance of every frame: the scores given, else the inner product
            with the unit query; of several parts the largest; None without either.
        z: (T,) float64 relevance in standard deviations above the median, after whitening.
            None when the selector does not calibrate or has no relevance to go by.
        weights: (k,) float64 share of frames each chosen one stands for; they sum to 1.
        spans: (k, 2) float64 first and last time of the unbroken run of frames around the chosen
            one that it stands for. Seconds; frame indices when no times were given.
        p_local: probability that the question is about a few moments, or None.
        num_relevance: how many frames were chosen for relevance, the others for coverage.
        contour_radius: common Mahalanobis radius of the code vectors, where one was asked for.
        num_pictures: how many different pictures there are, where near-identical neighbours count
            as one; else None. Below k some chosen frames repeat others.
    """

    indices: np.ndarray
    scores: np.ndarray | None
    z: np.ndarray | None
    weights: np.ndarray
    spans: np.ndarray
    p_local: float | None = None
    num_relevance: int = 0
    contour_radius: float | None = None
    num_pictures: int | None = None

    def __len__(self) -> int:
        return len(self.indices)


def describe(inputs: Inputs, picks: Picks, space: np.ndarray) -> Selection:
    """Selection in the caller's order of frames.

    Args:
        inputs: the frames, in order of time.
        picks: the choice, in order of time.
        space: (T, S) points whose distances mean similarity.
    """
    cells = _cells(space, picks.frames)
    weights = np.bincount(cells, minlength=len(picks.frames)) / len(cells)
    spans = inputs.times[_runs(cells, picks.frames)]
    indices = inputs.order[picks.frames]
    ascending = np.argsort(indices)
    return Selection(
        indices=indices[ascending],
        scores=_in_given_order(inputs, inputs.relevance()),
        z=_in_given_order(inputs, picks.z),
        weights=weights[ascending],
        spans=spans[ascending],
        p_local=picks.p_local,
        num_relevance=picks.num_relevance,
        contour_radius=picks.contour_radius,
    )


def _cells(space: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Which chosen frame is nearest to each frame: (T,) positions in ``frames``."""
    cells, _ = nearest_codes(space, space[frames])
    cells[frames] = np.arange(len(frames))  # of equal frames each stands for itself
    return cells


def _runs(cells: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """First and last frame of the unbroken run of one cell around each chosen frame: (k, 2)."""
    starts = np.flatnonzero(np.diff(cells, prepend=-1))
    ends = np.append(starts[1:], len(cells)) - 1
    run = np.searchsorted(starts, frames, side="right") - 1
    return np.stack([starts[run], ends[run]], axis=1)


def _in_given_order(inputs: Inputs, values: np.ndarray | None) -> np.ndarray | None:
    if values is None:
        return None
    given = np.empty_like(values)
    given[inputs.order] = values
    return given
