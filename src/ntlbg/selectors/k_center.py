"""k-center: always the frame farthest from those chosen."""

import numpy as np

from ntlbg.selectors.codebook import farthest_point_fill
from ntlbg.selectors.inputs import Inputs, NoOptions
from ntlbg.selectors.result import SelectorOutput


def choose_k_center(inputs: Inputs, options: NoOptions) -> SelectorOutput:
    """Always the frame farthest from those chosen, the first one nearest to the mean frame.

    Gonzalez 1985, Theor. Comput. Sci. 38:293-306: the largest distance of a frame to its nearest
    chosen one is at most twice the least possible. Time O(T k D). Needs no query.
    """
    centred = inputs.features - inputs.features.mean(axis=0)
    first = np.einsum("td,td->t", centred, centred).argmin(keepdims=True)
    return SelectorOutput(farthest_point_fill(centred, first, inputs.num_frames))
