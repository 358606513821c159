"""Bytes that frames take before the language model: pixels, features, towers, NTLBG and LongVU.

The coefficients count tensors of a shape at the highest moment, and were checked by changing one
size at a time. T frames looked at, k chosen, D length of a feature vector.
"""

from typing import Any

from ntlbg.memory.activations import FP32
from ntlbg.memory.sizes import TextSizes

TRANSITION_HIDDEN = 256  # width of the layer that predicts the next context


def pixel_bytes(frames: int, height: int, width: int) -> int:
    """Pictures as decoded (uint8) and as normalised (float32)."""
    return frames * height * width * 3 * (1 + FP32)


def tower_pixel_bytes(tower: Any, frames: int) -> int:
    """What the built-in tower is given, as decoded and as normalised, and enlarged (float32)."""
    height, width = tower.enlarged_size
    return pixel_bytes(frames, *tower.image_size) + frames * height * width * 3 * FP32


def tower_activations(tower: Any, frames: int, number_bytes: int) -> int:
    """Highest moment of the built-in tower without gradient.

    That is the depthwise convolution of the first block that halves the side: the block's input,
    the expanded channels, the output with one row and column too many, and without them.
    """
    from ntlbg.models.builtin.vision_tower import STAGES

    (_, channels, *_), (expansion, *_) = STAGES[:2]
    height, width = (-(-side // 2) for side in tower.enlarged_size)
    area, padded = height * width, (height // 2 + 1) * (width // 2 + 1)
    inner = channels * expansion * (area + padded + area // 4)
    return frames * (channels * area + inner) * number_bytes


def cells_per_frame(config: Any, height: int, width: int) -> int:
    """Tokens that stand for one picture in a vision-language model.

    Args:
        config: of the whole model.
    """
    vision = config.vision_config
    if hasattr(vision, "spatial_merge_size"):
        side = vision.patch_size * vision.spatial_merge_size
        return max(1, round(height / side)) * max(1, round(width / side))
    return (vision.image_size // vision.patch_size // config.scale_factor) ** 2  # of any size


def vision_activations(vision: Any, patches: int, number_bytes: int) -> int:
    """Highest moment of a vision transformer that reads all patches of all frames at once.

    In the feed-forward: layer input, residual and norm, and three tensors of its width (activated
    gate, up and product, or the three of a quick GELU); a plain GELU has two, beside one more of
    the layer's, and where layers are scaled another. In the attention of Qwen's: q, k and v, and
    what their rotation makes of q and k, in float32 whatever the numbers are.
    """
    hidden, inner = vision_widths(vision)
    plain, scaled = vision.hidden_act.startswith("gelu"), hasattr(vision, "layer_scale_init_value")
    feed_forward = (4 + scaled) * hidden + 2 * inner if plain else 3 * (hidden + inner)
    if not hasattr(vision, "spatial_merge_size"):  # places are added once, nothing is rotated
        return patches * feed_forward * number_bytes
    attention = (9 if number_bytes == FP32 else 17) * hidden
    rotary = 2 * hidden // vision.num_attention_heads * FP32
    return patches * (max(feed_forward, attention) * number_bytes + rotary)


def vision_widths(vision: Any) -> tuple[int, int]:
    """Of a vision transformer's layers, and inside their feed-forwards.

    Where there is an ``embed_dim``, ``hidden_size`` is how wide the transformer gives out.
    """
    hidden = getattr(vision, "embed_dim", None) or vision.hidden_size
    return hidden, getattr(vision, "intermediate_size", None) or int(hidden * vision.mlp_ratio)


def scoring_bytes(parts: Any, frames: int) -> int:
    """Scoring T frames against one question, in chunks.

    Moved to the origin and squared, (T, D) each, and their projections on the factors, (r, T)
    before and after the triangular solve, for the question's and for the background's Gaussian.
    """
    from ntlbg.models.ntlbg.attention import CHUNK

    return min(frames, CHUNK) * (2 * parts.feature_size + 2 * parts.covariance_rank + 4) * FP32


def ntlbg_kept(parts: Any, text: TextSizes, frames: int, chosen: int) -> int:
    """What NTLBG attention, rich points and their losses keep of one video and one question.

    Of (T, D): features centred, moved and squared for four Gaussians' distances and two steps of
    soft cells. Of (r, T): projections, their solves and squares. Of (T, k): soft cells, and
    products and distances of frames and code vectors. Of the LSTM: its inputs with the indices that
    gather them, four gates, two states and their activations.
    """
    size, rank, context = parts.feature_size, parts.covariance_rank, parts.context_size
    per_frame = 10 * size + 4 * rank + 6 * chosen + 13
    per_step = 14 * context + 8 * size
    per_point = 13 * size + 20 * context + 3 * TRANSITION_HIDDEN
    per_point += 2 * parts.adapter_size + 4 * text.hidden + _steps(parts) * per_step
    return (frames * per_frame + chosen * per_point + 14 * size * rank) * FP32


def ntlbg_transient(parts: Any, frames: int, chosen: int) -> int:
    """What their losses hold for a moment: three (T, D), and two (T, k)."""
    return frames * (3 * parts.feature_size + 2 * chosen) * FP32


def lstm_backward(parts: Any, points: int) -> int:
    """Gradients of gates and states of all steps, or two of the matrices, which are added up."""
    context = parts.context_size
    matrices = 2 * 4 * context * (parts.feature_size + 1 + context)
    return max(matrices, points * _steps(parts) * 6 * context) * FP32


def _steps(parts: Any) -> int:
    return 2 * parts.context_frames + 1


def fused_bytes(longvu: Any, frames: int, number_bytes: int) -> int:
    """LongVU's fused tokens of the frames that are kept."""
    from ntlbg.compressors.longvu import MAX_FRAMES

    tokens = min(frames, MAX_FRAMES) * longvu.query_grid**2
    return tokens * longvu.vision_hidden_size * number_bytes


def block_bytes(longvu: Any, frames: int, number_bytes: int) -> tuple[int, int]:
    """Of a block of frames: pixels for both towers in float32, and the highest moment beside them.

    First DINOv2 looks, while SigLIP's pixels are not there yet; then SigLIP, while DINOv2's cells
    are; then the aggregator reads the cells of both.
    """
    from ntlbg.models.longvu.vision import BLOCK_FRAMES

    e, block, earlier = number_bytes, min(frames, BLOCK_FRAMES), frames > BLOCK_FRAMES
    first, second = longvu.dinov2_config, longvu.siglip_config
    dinov2, siglip = (longvu.feature_grid**2 * tower.hidden_size * e for tower in (first, second))
    inner, gated = int(first.hidden_size * first.mlp_ratio), first.use_swiglu_ffn
    if gated:  # as wide as the plain one has parameters, in steps of eight
        inner = (int(first.hidden_size * first.mlp_ratio * 2 / 3) + 7) // 8 * 8
    looking = _tower(first, (3 if gated else 2) * inner, e, extra=1)
    highest = max(
        looking - _pixels(second) + earlier * dinov2,
        _tower(second, 2 * second.intermediate_size, e) + dinov2,
        _aggregator(longvu) * e + dinov2 + siglip,
    )
    return block * (_pixels(first) + _pixels(second)), block * highest


def _pixels(tower: Any) -> int:
    return 3 * tower.image_size**2 * FP32


def _tower(tower: Any, inside: int, number_bytes: int, extra: int = 0) -> int:
    """A layer, or the pixels in the tower's own numbers with the patches that they become.

    A layer: input, residual, norm and output, and what is inside the feed-forward.
    """
    tokens = (tower.image_size // tower.patch_size) ** 2 + extra
    layer = tokens * (4 * tower.hidden_size + inside) * number_bytes
    copy = 0 if number_bytes == FP32 else _pixels(tower) // FP32 * number_bytes
    return max(layer, copy + tokens * tower.hidden_size * number_bytes)


def _aggregator(longvu: Any) -> int:
    """Per cell both towers' projections, windows, keys and values, those twice: as they are joined.

    Windows of one cell are no copies. Seven more for each query, which reads a window.
    """
    copies = 10 if longvu.query_grid == longvu.feature_grid else 12
    cells = copies * longvu.feature_grid**2 + 7 * longvu.query_grid**2
    return longvu.vision_hidden_size * cells
