"""Bytes that frames take before the language model: pixels, features, towers, NTLBG parts.

T frames looked at, k chosen, D length of a feature vector.
"""

from ntlbg.memory.activations import FP32
from ntlbg.memory.sizes import NtlbgSizes, TextSizes, TowerSizes, VisionSizes

ENCODED_AT_ONCE = 16  # frames in a batch of the encoder
SCORED_AT_ONCE = 8192  # frames in a chunk of the NTLBG attention
TRANSITION_HIDDEN = 256  # width of the layer that predicts the next context
# The built-in tower is widest in the first block that halves the side: input and inner channels.
INPUT_CHANNELS, INNER_CHANNELS = 16, 96


def feature_bytes(frames: int, features: int) -> int:
    """float32 features and float64 times of T frames."""
    return frames * (features * FP32 + 8)


def pixel_bytes(frames: int, height: int, width: int) -> int:
    """Pictures as decoded (uint8) and as normalised (float32)."""
    return frames * height * width * 3 * (1 + FP32)


def tower_pixel_bytes(tower: TowerSizes, frames: int) -> int:
    """What the built-in tower is given, as decoded and as normalised, and enlarged (float32)."""
    height, width = tower.enlarged
    return pixel_bytes(frames, *tower.image) + frames * height * width * 3 * FP32


def tower_activations(tower: TowerSizes, frames: int, number_bytes: int) -> int:
    """Highest moment of the built-in tower without gradient.

    That is the depthwise convolution of the first block that halves the side: the block's input,
    the expanded channels, the output with one row and column too many, and without them.
    """
    height, width = (-(-side // 2) for side in tower.enlarged)
    area, padded = height * width, (height // 2 + 1) * (width // 2 + 1)
    inner = INNER_CHANNELS * (area + padded + area // 4)
    return frames * (INPUT_CHANNELS * area + inner) * number_bytes


def vision_activations(vision: VisionSizes, patches: int, number_bytes: int) -> int:
    """Highest moment of a Qwen vision transformer, which reads all patches of a video at once.

    In the feed-forward: layer input, residual and norm, and three tensors of its width (activated
    gate, up and product, or the three of a quick GELU). In the attention: q, k and v, and what
    their rotation makes of q and k, in float32 whatever the numbers are.
    """
    feed_forward = 3 * vision.hidden + 3 * vision.intermediate
    attention = (9 if number_bytes == FP32 else 17) * vision.hidden
    rotary = 2 * vision.hidden // vision.heads * FP32
    return patches * (max(feed_forward, attention) * number_bytes + rotary)


def scoring_bytes(parts: NtlbgSizes, frames: int) -> int:
    """Scoring T frames against one question, in chunks.

    Moved to the origin and squared, (T, D) each, and their projections on the factors, (r, T)
    before and after the triangular solve, for the question's and for the background's Gaussian.
    """
    chunk = min(frames, SCORED_AT_ONCE)
    return chunk * (2 * parts.features + 2 * parts.rank + 4) * FP32


def ntlbg_kept(
    parts: NtlbgSizes, text: TextSizes, frames: int, chosen: int, questions: int = 1
) -> int:
    """What NTLBG attention, rich points and their losses keep of one video.

    Coefficients count tensors of a shape, and were checked by changing one size at a time. Of
    (T, D): features centred, moved and squared for four Gaussians' distances and two steps of
    soft cells. Of (Q, r, T): projections, their solves and squares. Of (T, k): soft cells, and per
    question products and distances of frames and code vectors. Of the LSTM: its inputs with the
    indices that gather them, four gates, two states and their activations.
    """
    size, rank, context = parts.features, parts.rank, parts.context
    steps = 2 * parts.context_frames + 1
    per_frame = 10 * size + (1 + 3 * questions) * rank + (4 + 2 * questions) * chosen
    per_frame += 9 * questions + 4
    per_step = 14 * context + 8 * size
    per_point = 13 * size + 20 * context + 3 * TRANSITION_HIDDEN
    per_point += 2 * parts.adapter + 4 * text.hidden
    factors = 14 * questions * size * rank
    return (frames * per_frame + chosen * (steps * per_step + per_point) + factors) * FP32


def ntlbg_transient(parts: NtlbgSizes, frames: int, chosen: int, questions: int = 1) -> int:
    """What their losses hold for a moment: three (T, D), and two (Q, T, k)."""
    return frames * (3 * parts.features + 2 * questions * chosen) * FP32


def lstm_backward(parts: NtlbgSizes, points: int) -> int:
    """Gradients of gates and states of all steps, or two of the matrices, which are added up."""
    steps = 2 * parts.context_frames + 1
    matrices = 2 * 4 * parts.context * (parts.features + 1 + parts.context)
    return max(matrices, points * steps * 6 * parts.context) * FP32


def visual_token_bytes(text: TextSizes, tokens: int, number_bytes: int) -> int:
    """Embedded prompt in float32, and in the language model's numbers where those differ."""
    return tokens * text.hidden * (FP32 + (0 if number_bytes == FP32 else number_bytes))
