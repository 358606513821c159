"""LongVU's temporal reduction: within a short window, frames like the others are dropped.

Shen et al. 2024 (LongVU), arXiv:2410.17434, section 3.1, as its published code does it.
"""

from dataclasses import dataclass

import numpy as np

from ntlbg.selectors.inputs import MOST, Inputs, check_number
from ntlbg.selectors.relevance import fill_with_best
from ntlbg.selectors.result import SelectorOutput

# As in LongVU's published code.
DEFAULT_WINDOW = 16
DEFAULT_THRESHOLD = 0.83
DEFAULT_LIMIT = 400


@dataclass(frozen=True)
class WindowOptions:
    """Options of ``longvu_window``.

    Attributes:
        threshold: a frame is kept when its mean cosine with its window lies below.
        window: frames a window.
    """

    threshold: float = DEFAULT_THRESHOLD
    window: int = DEFAULT_WINDOW

    def __post_init__(self):
        # cosines, which rounding may bring beyond 1
        check_number("threshold", self.threshold, -1, 2)
        check_number("window", self.window, 1, MOST, whole=True)


def window_similarity(features: np.ndarray, window: int = DEFAULT_WINDOW) -> np.ndarray:
    """Mean cosine of each frame with all frames of its window, itself included.

    Windows follow each other without overlap; the last may be shorter.

    Args:
        features: (T, ...) one array per frame, for instance (T, tokens, size); read one window
            at a time, so a memory map will do.
        window: frames a window.

    Returns:
        (T,) float64. The cosine with a frame of zeros counts as 0.
    """
    similarity = np.empty(len(features))
    for start in range(0, len(features), window):
        flat = np.asarray(features[start : start + window], np.float32)
        flat = flat.reshape(len(flat), -1)
        # the length in float64: squares of large features leave the range of float32
        norms = np.sqrt(np.einsum("jf,jf->j", flat, flat, dtype=np.float64))
        flat = flat / np.maximum(norms, np.finfo(np.float32).tiny)[:, None].astype(np.float32)
        similarity[start : start + window] = (flat @ flat.T).mean(axis=1, dtype=np.float64)
    return similarity


def window_redundancy(
    features: np.ndarray,
    *,
    threshold: float = DEFAULT_THRESHOLD,
    window: int = DEFAULT_WINDOW,
    limit: int | None = DEFAULT_LIMIT,
) -> np.ndarray:
    """Frames that LongVU keeps.

    A frame stays when its :func:`window_similarity` lies below ``threshold``; the middle frame of
    each window, at position ``len // 2``, always stays. Of more than ``limit`` frames that stay,
    ``limit`` evenly spread ones do. Whether a video is long enough to be reduced at all is the
    caller's question: LongVU reduces from the length on that would not fit its context.

    Args:
        features: (T, ...) of the frames in order of time.
        threshold: see above; strictly below.
        window: frames a window.
        limit: most frames to keep; None for any number.

    Returns:
        int64 ascending positions, at least one for each window.
    """
    return evenly_spread(
        _kept(window_similarity(features, window), threshold, window),
        len(features) if limit is None else limit,
    )


def choose_longvu_window(inputs: Inputs, options: WindowOptions) -> SelectorOutput:
    """The frames :func:`window_redundancy` keeps, as many as asked for. Needs no query.

    Deviations: LongVU has no budget. Of more frames than k that stay, k evenly spread ones are
    chosen, as it does above 400; of fewer, the dropped frames least like their window follow.
    LongVU compares all patch tokens of DINOv2; here the features are whatever was given.
    """
    similarity = window_similarity(inputs.features, options.window)
    kept = _kept(similarity, options.threshold, options.window)
    chosen = evenly_spread(kept, inputs.num_frames)
    return SelectorOutput(fill_with_best(chosen, -similarity, inputs.num_frames))


def evenly_spread(frames: np.ndarray, num_frames: int) -> np.ndarray:
    """At most ``num_frames`` of the frames: those at positions ``int(i * (len / num_frames))``.

    As LongVU's code computes them, in floating point: of 402 frames place 200 of 400 is 200, where
    exact arithmetic would say 201.
    """
    if len(frames) <= num_frames:
        return frames
    return frames[(np.arange(num_frames) * (len(frames) / num_frames)).astype(np.int64)]


def _kept(similarity: np.ndarray, threshold: float, window: int) -> np.ndarray:
    keep = similarity < threshold
    for start in range(0, len(keep), window):
        keep[start + (min(start + window, len(keep)) - start) // 2] = True
    return np.flatnonzero(keep)
