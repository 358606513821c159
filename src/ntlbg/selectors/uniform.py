"""Frames evenly spread over time, whatever they show."""

import numpy as np

from ntlbg.selectors.inputs import Inputs, NoOptions
from ntlbg.selectors.result import SelectorOutput


def choose_uniform(inputs: Inputs, options: NoOptions) -> SelectorOutput:
    """The frame on screen at the middle of each of k equal intervals of *time*.

    Without ``pts_seconds`` the frames count as equally long. With them a frame lasts until the
    next one, the last as long as the median frame. Where several middles fall on one frame, the
    frames after it (at the end of the video: before it) fill the budget.
    """
    times = inputs.times
    num_frames, k = len(times), inputs.num_frames
    last = float(np.median(np.diff(times))) if num_frames > 1 else 0.0
    middles = times[0] + (np.arange(k) + 0.5) / k * (times[-1] + last - times[0])
    on_screen = np.searchsorted(times, middles, side="right") - 1
    rank = np.arange(k)
    distinct = np.maximum.accumulate(on_screen - rank) + rank
    return SelectorOutput(np.minimum(distinct, num_frames - k + rank))
