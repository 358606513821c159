"""Bytes that frames take on their way through LongVU: pixels, towers, aggregator, fused tokens.

The coefficients count tensors of a shape at the highest moment of the Hugging Face towers and of
``SpatialVisionAggregator``, and were checked by changing one size at a time.
"""

from ntlbg.memory.activations import FP32
from ntlbg.memory.longvu import LongVUSizes, TransformerSizes

BLOCK_FRAMES = 32  # that pass through a tower at once
KEPT_FRAMES = 400  # fused tokens are kept of so many at most


def fused_bytes(longvu: LongVUSizes, frames: int, number_bytes: int) -> int:
    """Fused tokens of the frames that are kept."""
    kept = min(frames, KEPT_FRAMES)
    return kept * longvu.query_grid**2 * longvu.width * number_bytes


def block_pixels(longvu: LongVUSizes, frames: int) -> int:
    """Pixels of a block of frames for both towers, in float32."""
    return min(frames, BLOCK_FRAMES) * (_pixels(longvu.siglip) + _pixels(longvu.dinov2))


def block_activations(longvu: LongVUSizes, frames: int, number_bytes: int) -> int:
    """Highest moment of a block of frames without gradient, beside the pixels for both towers.

    First DINOv2 looks, while SigLIP's pixels are not there yet; then SigLIP, while DINOv2's cells
    are; then the aggregator reads the cells of both.
    """
    e, block, earlier = number_bytes, min(frames, BLOCK_FRAMES), frames > BLOCK_FRAMES
    cells = longvu.feature_grid**2
    dinov2, siglip = cells * longvu.dinov2.hidden * e, cells * longvu.siglip.hidden * e
    first = _tower(longvu.dinov2, e) - _pixels(longvu.siglip) + earlier * dinov2
    second = _tower(longvu.siglip, e) + dinov2
    third = _aggregator(longvu) * e + dinov2 + siglip
    return block * max(first, second, third)


def _pixels(tower: TransformerSizes) -> int:
    return 3 * tower.image**2 * FP32


def _tower(tower: TransformerSizes, number_bytes: int) -> int:
    """A layer, or the pixels in the tower's own numbers with the patches that they become.

    A layer: input, residual, norm and output, and inside the feed-forward two tensors or three.
    """
    inside = (3 if tower.gated else 2) * tower.intermediate
    layer = tower.tokens * (4 * tower.hidden + inside) * number_bytes
    copy = 0 if number_bytes == FP32 else _pixels(tower) // FP32 * number_bytes
    return max(layer, copy + tower.tokens * tower.hidden * number_bytes)


def _aggregator(longvu: LongVUSizes) -> int:
    """Per cell both towers' projections, windows, keys and values, those twice: as they are joined.

    Windows of one cell are no copies. Seven more for each query, which reads a window.
    """
    copies = 10 if longvu.query_grid == longvu.feature_grid else 12
    return longvu.width * (copies * longvu.feature_grid**2 + 7 * longvu.query_grid**2)
