"""Is a video one with drawn objects, as the built-in model was trained on? Told by its frames.

T frames, D feature size.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ntlbg.models.ntlbg.question_evidence import LARGEST_ODDS, log_odds, logistic

# Seconds. In videos with drawn objects the middle appearance is at most 4 s long; what fills a
# screen for longer, like the drawings of an animation, is none of those objects.
LONG_SHOWN = 6.0
UNCLEAR = -3.0  # nats, of an appearance that there is not
MANY_FRAMES = 120  # more of them say nothing more of what is clear by chance


@torch.inference_mode()
def chance_of_drawings(
    projector, features: np.ndarray, pts_seconds: np.ndarray, weights: Sequence[float]
) -> float:
    """That the video of these frames (T, D) at times (T,) is one, by its :func:`drawn_signs`."""
    signs = drawn_signs(projector, torch.as_tensor(features).float(), pts_seconds)
    return 0.0 if signs[3] > LONG_SHOWN else float(logistic(log_odds(weights, *signs)))


def drawn_signs(projector, features: Tensor, pts_seconds: np.ndarray) -> tuple[float, ...]:
    """What tells a video with drawn objects by its frames (T, D) at times (T,).

    Some of them are seen clearly, and for a few seconds. So: the largest log-odds of a word to
    "nothing"; that of a word to all others together; the same of the second clearest appearance;
    the seconds of the middle one of them by length; the log of the number of frames, since of many
    some are clear by chance.
    """
    if not len(features):
        return -LARGEST_ODDS, -LARGEST_ODDS, UNCLEAR, 0.0, 0.0
    logits = projector.word_logits(features)
    best, words = logits[:, :-1].max(-1)
    clear = best - logits.scatter(-1, words[:, None], -torch.inf).logsumexp(-1)
    starts = np.flatnonzero(np.diff(words.cpu().numpy(), prepend=-1) != 0)
    starts = np.union1d(starts, np.flatnonzero(np.diff(clear.cpu().numpy() > 0, prepend=False)))
    ends = np.append(starts[1:], len(words)) - 1
    peaks = np.maximum.reduceat(clear.double().cpu().numpy(), starts)
    step = np.median(np.diff(pts_seconds)) if len(pts_seconds) > 1 else 1.0
    seconds = (pts_seconds[ends] - pts_seconds[starts] + step)[peaks > 0]
    second = np.sort(np.append(peaks[peaks > 0], [UNCLEAR] * 2))[-2]
    return (
        float((best - logits[:, -1]).max()),
        float(clear.max()),
        float(second),
        float(np.median(seconds)) if len(seconds) else 0.0,
        float(np.log(min(len(words), MANY_FRAMES))),
    )
