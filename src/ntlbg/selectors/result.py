"""What a selector hands back, and what each chosen frame stands for.

T frames, k chosen, S size of the space in which frames are compared.
"""

from dataclasses import dataclass

import numpy as np

from ntlbg.errors import SelectionError
from ntlbg.selectors.codebook import nearest_codes
from ntlbg.selectors.inputs import Inputs
from ntlbg.types import Selection


@dataclass(frozen=True)
class SelectorOutput:
    """A selector's choice, frames in order of time.

    Attributes:
        frames: (k,) distinct positions in order of time; in what order they stand does not matter.
        space: (T, S) points whose distances mean similarity, or None for appearance and time.
        z, p_local, num_relevance, contour_radius: see :class:`ntlbg.types.Selection`.
    """

    frames: np.ndarray
    space: np.ndarray | None = None
    z: np.ndarray | None = None
    p_local: float | None = None
    num_relevance: int = 0
    contour_radius: float | None = None


def check_choice_of(name: str, picks: object, inputs: Inputs) -> None:
    """Check what a selector hands back.

    Raises:
        SelectionError: it is no choice of at most ``inputs.num_frames`` different frames.
    """
    if not isinstance(picks, SelectorOutput):
        raise SelectionError(f"selector {name!r} must return a SelectorOutput; got {picks!r}")
    frames, k = picks.frames, inputs.num_frames
    if not isinstance(frames, np.ndarray) or frames.ndim != 1 or frames.dtype.kind not in "iu":
        wrong = "they are no one-dimensional array of whole numbers"
    elif not 1 <= len(frames) <= k:
        wrong = f"they are {len(frames)}"
    elif frames.min() < 0 or frames.max() >= len(inputs):
        wrong = f"they run from {frames.min()} to {frames.max()}"
    elif len(np.unique(frames)) < len(frames):
        wrong = "some come twice"
    else:
        return
    raise SelectionError(
        f"selector {name!r} must choose 1 to {k} different frames by their positions, 0 to "
        f"{len(inputs) - 1}; {wrong}: {frames!r}"
    )


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
