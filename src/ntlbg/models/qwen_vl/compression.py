"""Fewer tokens of what a tower saw: some stay, some stand for several.

n pictures of h x w cells, C numbers each.
"""

from dataclasses import replace

import torch
from torch import Tensor

from ntlbg.compressors import Compressor
from ntlbg.models.qwen_vl.vision import VisionFeatures


def compressed(
    features: VisionFeatures, merge: int, compressor: Compressor, relevance: Tensor, budget: int
) -> VisionFeatures:
    """Exactly ``budget`` tokens; all of them, as they are, where the budget is that large.

    Pictures of one size are compressed together, those of each size to their part of the budget.
    What a token stands for is averaged alike in every layer that the tower gave.

    Args:
        features: of which no token was left out before.
        merge: patches along a cell.
        relevance: (n,), of each picture, or of each grid of a video.

    Raises:
        ValueError: not a relevance for each picture, or tokens were left out before.
    """
    grids = features.grid_thw.tolist()
    sizes = [(rows // merge, columns // merge) for t, rows, columns in grids for _ in range(t)]
    if len(relevance) != len(sizes) or not features.kept.all():
        raise ValueError(
            f"{len(relevance)} numbers of relevance for {len(sizes)} pictures, "
            f"{int(features.kept.sum())} of {len(features.kept)} tokens; there must be a number "
            "for each, and all tokens"
        )
    layers = (features.pooled, *features.deepstack)
    if len(set(sizes)) == 1:  # nothing is copied but what stays
        cells = (len(sizes), *sizes[0])
        kept = compressor.compress(layers[0].unflatten(0, cells), relevance, budget)
        found = [kept.tokens(layer.unflatten(0, cells)) for layer in layers]
        return _left(features, found, kept.keep.flatten())
    owner = torch.cat([torch.full((rows * columns,), number)
                       for number, (rows, columns) in enumerate(sizes)])  # fmt: skip
    keep, whole = torch.zeros(len(owner), dtype=torch.bool), [layer.clone() for layer in layers]
    for size, part in _parts(sizes, budget):
        pictures = torch.tensor([number for number, one in enumerate(sizes) if one == size])
        rows, cells = torch.isin(owner, pictures), (len(pictures), *size)
        kept = compressor.compress(layers[0][rows].unflatten(0, cells), relevance[pictures], part)
        keep[rows] = kept.keep.flatten().cpu()
        for layer, changed in zip(layers, whole, strict=True):
            changed[rows & keep] = kept.tokens(layer[rows].unflatten(0, cells))
    return _left(features, [layer[keep] for layer in whole], keep)


def _left(features: VisionFeatures, layers: list[Tensor], keep: Tensor) -> VisionFeatures:
    pooled, *deepstack = layers
    left = keep.to(features.kept.device)
    return replace(features, pooled=pooled, deepstack=tuple(deepstack), kept=left)


def _parts(sizes: list[tuple[int, int]], budget: int) -> list[tuple[tuple[int, int], int]]:
    """Each size with its share of the budget, by its tokens; they sum to it."""
    tokens: dict[tuple[int, int], int] = {}
    for rows, columns in sizes:
        tokens[rows, columns] = tokens.get((rows, columns), 0) + rows * columns
    total, parts, given, seen = sum(tokens.values()), [], 0, 0
    for size, count in tokens.items():
        seen += count
        until = min(budget, total) * seen // total  # of all up to this one, so that none is lost
        parts.append((size, until - given))
        given = until
    return [(size, part) for size, part in parts if part]
