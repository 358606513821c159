"""Near-identical neighbours count as one picture, whatever the selector.

A slide that stays for a minute is sixty frames a minute and one thing to see. Selectors weigh
frames: without this a still stretch takes the whole budget. It is done around them and not inside
one, so that every selector in SELECTORS stays the published algorithm and all of them profit.

T frames, D feature size, S stretches, k chosen.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ntlbg.selectors.codebook import farthest_point_fill
from ntlbg.selectors.inputs import Inputs, check_inputs, unit_rows
from ntlbg.selectors.result import SelectorOutput, to_selection
from ntlbg.selectors.similarity_space import appearance_and_time
from ntlbg.types import Selection

# Distance of unit features up to which two frames are the same picture: a fifth of how far frames
# lie from their mean, and within these limits. It has to follow the video: with the built-in
# encoder two slides of text lie .40 apart, two blurred patterns without an object .006. H.264
# moves a still slide or photo by up to .017, camera noise by .002; a further line of text by .09,
# a disc of 20 of 360 lines by .23 on a slide and .35 on a photo. So the largest leaves the disc a
# third, and the least is what encoding a picture twice, in other company, can do. A cursor moves
# features by .03 to .3: a slide under a moving one is several stretches.
_SHARE_OF_SPREAD = 0.2
_LEAST, _LARGEST = 1e-3, 0.15
# What is shown for less keeps its frames, if they are not one stored picture: several frames of one
# appearance are safer than one. With all merged the built-in model answered 142 of 156 drawn
# questions about ten minutes, without any merging 144.
_STILL_SECONDS = 6.0
_ATTEMPTS = 4  # the first one repeats nothing in most videos; each costs a run of the selector
_LOOK_AHEAD = 64  # frames compared with the first of a stretch at once


def find_stretches(features: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Number of the still stretch each frame belongs to: (T,) int64, ascending from 0.

    A stretch goes on while frames look like its *first* one, so that a slow change ends it, too.
    Of less than six seconds only equal frames belong together.

    Args:
        features: (T, D) float32.
        times: (T,) ascending, seconds.
    """
    units = unit_rows(features)
    stretches = _runs_of_likes(units, _same_picture(units))
    starts = np.diff(stretches, prepend=-1) > 0
    first = np.flatnonzero(starts)
    last = np.append(first[1:], len(times)) - 1
    brief = (times[last] - times[first] < _STILL_SECONDS)[stretches]
    step = np.linalg.norm(np.diff(units, axis=0, prepend=units[:1] + 1), axis=1)
    return np.cumsum(starts | (brief & (step > _LEAST))) - 1


def _runs_of_likes(units: np.ndarray, limit: float) -> np.ndarray:
    """Number of the run of frames within ``limit`` of its first one: (T,)."""
    limit = limit**2
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
    kept: Sequence[int] = (),
    **options: Any,
) -> Selection:
    """Choose frames of which no two are of one still stretch, as long as there are stretches left.

    A choice that repeats a stretch is made again, with that stretch as one frame: its most relevant
    one; without a question its middle one. Others stay as they are: what a selector takes for usual
    in a video comes from all of it. The last attempt takes all stretches as one frame. Where there
    are no more stretches than frames to choose, all are shown, and what is left of the budget goes
    to the frames that differ most from those in appearance and time, up to ``min(num_frames, T)``:
    the contract of every selector. ``Selection.num_pictures`` tells how many stretches there are.
    Weights and spans are of all T frames.

    Args:
        selector: a value of SELECTORS.
        kept: frames that are chosen in any case, of a stretch the first of them; at most
            ``num_frames``.

    The others, and what is raised, are those of :func:`ntlbg.selectors.select_frames`.
    """
    inputs = check_inputs(features, num_frames, query=query, scores=scores, pts_seconds=pts_seconds)
    stretches = find_stretches(inputs.features, inputs.times)
    shown = _shown(inputs, stretches)

    def run(places: np.ndarray) -> tuple[Inputs, SelectorOutput]:
        return _run(selector, inputs, places, score_unit, generator, options)

    places, thinned, picks = _choose_apart(run, stretches, shown, inputs.num_frames)
    space = appearance_and_time(thinned) if picks.space is None else picks.space
    frames = places[picks.frames]
    if len(frames) < inputs.num_frames:
        frames = farthest_point_fill(appearance_and_time(inputs), frames, inputs.num_frames)
    if len(kept):
        frames = _with_kept(frames, _places(inputs, kept), stretches, inputs.relevance())
    stand_ins = shown[stretches]
    stand_ins[places] = places
    rows = np.searchsorted(places, stand_ins)
    z = None if picks.z is None else picks.z[rows]
    selection = to_selection(inputs, replace(picks, frames=frames, z=z), space[rows])
    return replace(selection, num_pictures=len(shown))


def _places(inputs: Inputs, frames: Sequence[int]) -> list[int]:
    """Of frames in the caller's order, in the order of time."""
    place = np.empty(len(inputs), np.int64)
    place[inputs.order] = np.arange(len(inputs))
    return [int(place[frame]) for frame in frames]


def _with_kept(
    frames: np.ndarray, kept: Sequence[int], stretches: np.ndarray, relevance: np.ndarray | None
) -> np.ndarray:
    """The choice with these among it, ascending: each takes the place of the frame of its stretch,
    else that of the least relevant one."""
    firsts: dict[int, int] = {}
    for frame in kept:
        firsts.setdefault(int(stretches[frame]), frame)
    chosen, staying = set(frames.tolist()), set(firsts.values())
    for stretch, frame in firsts.items():
        free = chosen - staying
        if frame not in chosen and free:
            alike = {one for one in free if stretches[one] == stretch} or free
            worth = {one: 0.0 if relevance is None else relevance[one] for one in alike}
            chosen = chosen - {min(sorted(alike), key=worth.__getitem__)} | {frame}
    return np.array(sorted(chosen), np.int64)


def _choose_apart(
    run: Callable[[np.ndarray], tuple[Inputs, SelectorOutput]],
    stretches: np.ndarray,
    shown: np.ndarray,
    num_frames: int,
) -> tuple[np.ndarray, Inputs, SelectorOutput]:
    """Frames that took part in the last attempt, and what it chose: at most one of a stretch."""
    places = shown
    if len(shown) > num_frames:
        places = np.arange(len(stretches))
        for _ in range(_ATTEMPTS):
            thinned, picks = run(places)
            repeated = np.flatnonzero(np.bincount(stretches[places[picks.frames]]) > 1)
            if not len(repeated):
                return places, thinned, picks
            others = places[~np.isin(stretches[places], repeated)]
            places = np.union1d(others, shown)
        places = shown
    return places, *run(places)


def _run(
    selector: Any,
    inputs: Inputs,
    places: np.ndarray,
    score_unit: str,
    generator: np.random.Generator | None,
    options: dict[str, Any],
) -> tuple[Inputs, SelectorOutput]:
    """The selector's choice out of the frames at these places."""
    return selector.run(
        inputs.features[places],
        inputs.num_frames,
        query=inputs.query,
        scores=None if inputs.scores is None else inputs.scores[..., places],
        pts_seconds=inputs.times[places],
        score_unit=score_unit,
        generator=generator,
        **options,
    )


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
