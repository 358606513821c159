"""How many tokens of the frames a model is to read, and which: ``--compress``."""

import math
from dataclasses import dataclass

import numpy as np
import torch

from ntlbg.compressors import Compressor
from ntlbg.models.qwen_vl.compression import compressed
from ntlbg.models.qwen_vl.vision import VisionFeatures
from ntlbg.types import AnswerInput

# Where nobody says. What is published is told of a quarter: of Qwen3-VL-8B the best then keep .97
# of LongVideoBench, MLVU and Video-MME. It was not measured here.
KEPT_SHARE = 0.25


@dataclass(frozen=True)
class Compression:
    """What is left of the tokens of frames.

    Attributes:
        compressor: which tokens.
        share: how many of all, 0 to 1.
        most: of all pictures together, with one for each that comes beside them; None for no limit.
    """

    compressor: Compressor
    share: float
    most: int | None = None

    def count(self, tokens: int, pictures: int) -> int:
        """Of so many tokens; one of each picture at least."""
        wanted = math.ceil(self.share * tokens)
        if self.most is not None:
            wanted = min(wanted, self.most - pictures)
        return min(tokens, max(pictures, wanted))

    def of(self, seen: VisionFeatures, merge: int, relevance: np.ndarray) -> VisionFeatures:
        """What the model reads of what was seen, by the relevance of each picture."""
        budget = self.count(len(seen.pooled), len(relevance))
        numbers = torch.tensor(relevance, dtype=torch.float32, device=seen.pooled.device)
        return compressed(seen, merge, self.compressor, numbers, budget)


def relevance_of(given: AnswerInput) -> np.ndarray:
    """Float64 (k,) of the chosen frames; all alike where nobody scored them."""
    scores, indices = given.selection.scores, given.selection.indices
    return np.zeros(len(indices)) if scores is None else np.asarray(scores, np.float64)[indices]
