"""Bytes that frames take on their way through LongVU: pixels, towers, aggregator, fused tokens."""

from ntlbg.memory.activations import FP32
from ntlbg.memory.longvu import LongVUSizes, TransformerSizes

BLOCK_FRAMES = 32  # that pass through a tower at once
KEPT_FRAMES = 400  # fused tokens are kept of so many at most


def fused_bytes(longvu: LongVUSizes, frames: int, number_bytes: int) -> int:
    """Fused tokens of the frames that are kept, as blocks and, when they are joined, once more."""
    kept = min(frames, KEPT_FRAMES)
    return 2 * kept * longvu.query_grid**2 * longvu.width * number_bytes


def block_pixels(longvu: LongVUSizes, frames: int) -> int:
    """Pixels of a block of frames for both towers, in float32."""
    sides = longvu.siglip.image**2 + longvu.dinov2.image**2
    return min(frames, BLOCK_FRAMES) * 3 * sides * FP32


def block_activations(longvu: LongVUSizes, frames: int, number_bytes: int) -> int:
    """The highest moment of a block of frames without gradient: a tower's, or the aggregator's.

    A tower: layer input, residual and norm, and its feed-forward (two tensors; gated, both halves,
    an activated one and the product) or queries, keys, values and output. The aggregator: both
    towers' cells, projected and as keys and values of one layer, with their norm.
    """
    block = min(frames, BLOCK_FRAMES)
    towers = max(_layer(tower) for tower in (longvu.siglip, longvu.dinov2))
    cells = longvu.feature_grid**2
    seen = cells * (longvu.siglip.hidden + longvu.dinov2.hidden)
    aggregator = seen + cells * longvu.width * 6
    # while SigLIP looks, DINOv2's features are there
    return block * (max(towers + cells * longvu.dinov2.hidden, aggregator)) * number_bytes


def _layer(tower: TransformerSizes) -> int:
    h, i = tower.hidden, tower.intermediate
    return tower.tokens * (3 * h + max((4 if tower.gated else 2) * i, 3 * h))
