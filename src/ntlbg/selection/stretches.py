"""Near-identical neighbours count as one picture, whatever the selector.

A slide that stays for a minute is sixty frames a minute and one thing to see. Selectors weigh
frames: without this a still stretch takes the whole budget. It is done around them and not inside
one, so that every selector in SELECTORS stays the published algorithm and all of them profit.

T frames, D feature size, S stretches, k chosen.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from ntlbg.selection.codebook import farthest_point_fill
from ntlbg.selection.diversity import unit_rows
from ntlbg.selection.inputs import Inputs, check_inputs
from ntlbg.selection.result import Selection, describe
from ntlbg.selection.space import appearance_and_time

# Distance of unit features up to which two frames are the same picture: a fifth of how far frames
# lie from their mean, and within these limits. With the built-in encoder H.264 moves the features
# of a still slide or photo by up to .017, camera noise by .002; a further line of text by .09, a
# disc of 20 of 360 lines by .23 on a slide and .35 on a photo; two slides lie .40 apart. So the
# least is twice the noise, and the largest, for videos whose frames differ much, leaves the disc
# a third. A cursor moves features by .03 to .3: a slide under one is a few stretches.
_SHARE_OF_SPREAD = 0.2
_LEAST, _LARGEST = 0.03, 0.15
_LOOK_AHEAD = 64  # frames compared with the first of a stretch at once


def find_stretches(features: np.ndarray) -> np.ndarray:
    """Number of the still stretch each frame belongs to: (T,) int64, ascending from 0.

    A stretch goes on while frames look like its *first* one, so that a slow change ends it, too.

    Args:
        features: (T, D) float32, in order of time.
    """
    units = unit_rows(features)
    limit = _same_picture(units) ** 2
    starts = np.zeros(len(units), np.int64)
    first, frame = 0, 1
    while frame < len(units):
        ahead = units[frame : frame + _LOOK_AHEAD] - units[first]
        other = np.einsum("td,td->t", ahead, ahead) > limit
        frame += len(other)
        if other.any():
            frame += int(other.argmax()) - len(other)
            first = frame
            starts[first] = 1
            frame += 1
    return np.cumsum(starts)


def select_distinct(
    selector: Any,
    features: Any,
    num_frames: int,
    *,
    query: Any = None,
    scores: Any = None,
    pts_seconds: Any = None,
    score_unit: str = "similarity",
    generator: np.random.Generator | None = None,
    **options: Any,
) -> Selection:
    """Choose frames of which no two are of one still stretch, as long as there are stretches left.

    A stretch takes part as its most relevant frame; without a question as its middle one. Where
    there are fewer stretches than frames to choose, all are shown, and what is left of the budget
    goes to the frames that differ most from those in appearance and time, up to
    ``min(num_frames, T)``: the contract of every selector. ``Selection.num_pictures`` tells how
    many stretches there are. Weights and spans are of all T frames.

    Args:
        selector: a value of SELECTORS.

    The others, and what is raised, are those of :func:`ntlbg.selection.select_frames`.
    """
    given = {"query": query, "scores": scores, "pts_seconds": pts_seconds, "generator": generator}
    inputs = check_inputs(features, num_frames, **given)
    stretches = find_stretches(inputs.features)
    shown = _shown(inputs, stretches)
    given |= {"pts_seconds": inputs.times[shown], "score_unit": score_unit}
    if inputs.scores is not None:
        given["scores"] = inputs.scores[..., shown]
    thinned, picks = selector.run(inputs.features[shown], num_frames, **given, **options)
    space = appearance_and_time(thinned) if picks.space is None else picks.space
    frames = shown[picks.frames]
    if len(frames) < inputs.num_frames:
        frames = farthest_point_fill(appearance_and_time(inputs), frames, inputs.num_frames)
    whole = replace(picks, frames=frames, z=None if picks.z is None else picks.z[stretches])
    return replace(describe(inputs, whole, space[stretches]), num_pictures=len(shown))


def _same_picture(units: np.ndarray) -> float:
    mean = units.mean(axis=0, dtype=np.float64)
    power = np.einsum("td,td->", units, units, dtype=np.float64) / len(units)
    spread = np.sqrt(max(power - mean @ mean, 0))
    return float(np.clip(_SHARE_OF_SPREAD * spread, _LEAST, _LARGEST))


def _shown(inputs: Inputs, stretches: np.ndarray) -> np.ndarray:
    """The frame that stands for each stretch: (S,) ascending."""
    starts = np.flatnonzero(np.diff(stretches, prepend=-1))
    relevance = inputs.relevance()
    if relevance is None:
        return (starts + np.append(starts[1:], len(stretches)) - 1) // 2
    best_first = np.lexsort((-relevance, stretches))
    return best_first[starts]
