"""The space in which frames are alike: what they show, and when.

T frames, r principal components.
"""

import numpy as np

from ntlbg.selectors.gaussian import estimate_gaussian
from ntlbg.selectors.inputs import Inputs

DEFAULT_RANK = 64
# Standard deviation of time against that of appearance: shots stay together, repeats fall apart.
DEFAULT_TIME_WEIGHT = 0.2
_UNIFORM_VARIANCE = 1 / 12


def similarity_space(
    components: np.ndarray, times: np.ndarray, time_weight: float = DEFAULT_TIME_WEIGHT
) -> np.ndarray:
    """Principal components scaled to a mean squared norm of 1, and time: (T, r + 1) float32.

    Args:
        components: (T, r) float32, centred.
        times: (T,) ascending.
        time_weight: standard deviation of the time axis for evenly spaced frames.
    """
    num_frames, rank = components.shape
    space = np.empty((num_frames, rank + 1), np.float32)
    power = np.einsum("tr,tr->", components, components, dtype=np.float64) / num_frames
    np.multiply(components, np.float32(1 / np.sqrt(power)), out=space[:, :rank])
    space[:, rank] = time_weight * _standard_time(times)
    return space


def appearance_and_time(inputs: Inputs) -> np.ndarray:
    """The similarity space of selectors that have none of their own: (T, S) float32."""
    moments = estimate_gaussian(inputs.features, DEFAULT_RANK)
    if moments is None:
        return _standard_time(inputs.times)[:, None].astype(np.float32)
    return similarity_space(moments.project(inputs.features), inputs.times)


def _standard_time(times: np.ndarray) -> np.ndarray:
    """Times from -sqrt(3) to sqrt(3): mean 0 and variance 1 for evenly spaced frames."""
    duration = times[-1] - times[0]
    if duration == 0:
        return np.zeros(len(times))
    return ((times - times[0]) / duration - 0.5) / np.sqrt(_UNIFORM_VARIANCE)
