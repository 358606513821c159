"""Fewer tokens of what a tower saw: some stay, some stand for several.

n pictures of h x w cells, C numbers each.
"""

from dataclasses import replace

from torch import Tensor

from ntlbg.compressors import Compressor
from ntlbg.models.qwen_vl.vision import VisionFeatures


def compressed(
    features: VisionFeatures, merge: int, compressor: Compressor, relevance: Tensor, budget: int
) -> VisionFeatures:
    """Exactly ``budget`` tokens; all of them, as they are, where the budget is that large.

    What a token stands for is averaged alike in every layer that the tower gave.

    Args:
        features: of pictures of one size, of which no token was left out before.
        merge: patches along a cell.
        relevance: (n,), of each picture, or of each grid of a video.

    Raises:
        ValueError: pictures of several sizes, another number of relevances, or fewer tokens.
    """
    sizes = {(height // merge, width // merge) for _, height, width in features.grid_thw.tolist()}
    number = int(features.grid_thw[:, 0].sum())
    if len(sizes) != 1 or len(relevance) != number or not features.kept.all():
        raise ValueError(
            f"{number} pictures of {sorted(sizes)} cells and {len(relevance)} numbers of "
            "relevance; there must be one size, a number for each picture, and all tokens"
        )
    cells = (number, *sizes.pop())
    kept = compressor.compress(features.pooled.unflatten(0, cells), relevance, budget)
    pooled, *deepstack = (
        kept.tokens(layer.unflatten(0, cells)) for layer in (features.pooled, *features.deepstack)
    )
    left = kept.keep.flatten().to(features.kept.device)
    return replace(features, pooled=pooled, deepstack=tuple(deepstack), kept=left)
