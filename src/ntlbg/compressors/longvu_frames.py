"""LongVU's compression of frames that any vision tower saw, to an exact number of tokens.

Frames that matter for the question keep all their cells; of the others each block of 2 x 2 cells
becomes its mean, as LongVU's coarse grid is pooled from its fine one; of those, what repeats the
first frame of its window goes first (``ntlbg.compressors.longvu``, "corrected" mode).

n frames of h x w cells, a token of C numbers each.
"""

import torch
from torch import Tensor

from ntlbg.compressors import Compressor, Kept, block_means
from ntlbg.compressors.longvu import fill_budget, reference_similarity

# LongVU has 64 coarse cells for 144 fine ones; of whole blocks, 1 for 4 comes nearest to that.
SIDE = 2
# Of LongVU's published configuration: tokens that are so like their reference are repeated.
REPEATED = 0.8


class LongVUCompressor(Compressor):
    """Query-guided resolution, then spatial token compression."""

    name = "longvu"

    def compress(self, features: Tensor, relevance: Tensor, budget: int) -> Kept:
        """As every compressor; what whole frames and blocks leave of the budget goes to single
        cells of the most relevant frames that are not whole."""
        number, rows, columns, _ = features.shape
        fine = rows * columns
        keep = torch.zeros(features.shape[:3], dtype=torch.bool, device=features.device)
        sides = torch.ones(number, dtype=torch.int64, device=features.device)
        if budget >= number * fine:
            return Kept(~keep, sides)
        coarse = block_means(features, SIDE)
        similarity = reference_similarity(coarse.flatten(1, 2))
        plan = fill_budget(similarity, relevance, fine, budget, REPEATED)
        assert plan.low is not None
        whole = plan.high[:, 0]
        sides[~whole] = SIDE
        keep[:, ::SIDE, ::SIDE] = plan.low.unflatten(1, coarse.shape[1:3])
        keep[whole] = True
        _add_cells(keep, relevance, budget - int(keep.sum()))
        return Kept(keep, sides)


def _add_cells(keep: Tensor, relevance: Tensor, spare: int) -> None:
    """So many more cells, in place: the most relevant frames first, row by row."""
    order = relevance.argsort(descending=True, stable=True)
    corner = torch.zeros_like(keep)
    corner[:, ::SIDE, ::SIDE] = True  # a block that was dropped does not come back as a cell
    free = (~keep & ~corner)[order].flatten().nonzero().squeeze(1)[:spare]
    frames, cells = order[free // keep[0].numel()], free % keep[0].numel()
    keep.view(len(keep), -1)[frames, cells] = True
