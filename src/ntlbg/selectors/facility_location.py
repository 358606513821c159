"""Facility location: the k-medoids of the video, greedily."""

from dataclasses import dataclass

import numpy as np

from ntlbg.selectors.codebook import greedy_insertion
from ntlbg.selectors.inputs import MOST, Inputs, check_number
from ntlbg.selectors.quasi_random import quantile_points
from ntlbg.selectors.result import SelectorOutput


@dataclass(frozen=True)
class FacilityLocationOptions:
    """Options of ``facility_location``.

    Attributes:
        candidates: frames that may be chosen and that count, evenly spread; raised to 2 k.
    """

    candidates: int = 2048

    def __post_init__(self):
        check_number("candidates", self.candidates, 1, MOST, whole=True)


def choose_facility_location(inputs: Inputs, options: FacilityLocationOptions) -> SelectorOutput:
    """Greedily the frame that lowers the summed squared distance to the nearest chosen one most.

    The submodular objective of facility location, greedy within 1 - 1/e of the optimum (Nemhauser,
    Wolsey & Fisher 1978); the k-medoids of the video. Needs no query. Time O(M^2 (D + log k)) and
    memory O(M^2) for M candidates: quadratic.
    """
    num_candidates = max(options.candidates, 2 * inputs.num_frames)
    candidates = quantile_points(np.ones(len(inputs)), min(num_candidates, len(inputs)))
    points = inputs.features[candidates] - inputs.features.mean(axis=0)
    weights = np.ones(len(points))
    chosen = greedy_insertion(points, weights, inputs.num_frames, points[:0])
    return SelectorOutput(np.sort(candidates[chosen]))
