"""What a selector hands back, and what each chosen frame stands for.

T frames, k chosen, S size of the space in which frames are compared.
"""

from dataclasses import dataclass

import numpy as np

from ntlbg.selectors.codebook import nearest_codes
from ntlbg.selectors.inputs import Inputs
from ntlbg.types import Selection


@dataclass(frozen=True)
class SelectorOutput:
    """A selector's choice, frames in order of time.

    Attributes:
        frames: (k,) ascending positions in order of time.
        space: (T, S) points whose distances mean similarity, or None for appearance and time.
        z, p_local, num_relevance, contour_radius: see :class:`ntlbg.types.Selection`.
    """

    frames: np.ndarray
    space: np.ndarray | None = None
    z: np.ndarray | None = None
    p_local: float | None = None
    num_relevance: int = 0
    contour_radius: float | None = None


def to_selection(inputs: Inputs, picks: SelectorOutput, space: np.ndarray) -> Selection:
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
