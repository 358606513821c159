"""How many parameters each part has: the shapes of the Hugging Face classes, added up.

The tests compare every sum with the real class.
"""

from ntlbg.memory.longvu import longvu_parameters
from ntlbg.memory.sizes import ModelSizes, NtlbgSizes, TextSizes, TowerSizes, VisionSizes

# expansion, channels, repeats, kernel of EfficientNet-Lite0 (Tan & Le 2019, arXiv:1905.11946)
_STAGES = (
    (1, 16, 1, 3),
    (6, 24, 2, 3),
    (6, 40, 2, 5),
    (6, 80, 3, 3),
    (6, 112, 3, 5),
    (6, 192, 4, 5),
    (6, 320, 1, 3),
)
_STEM, _LAST = 32, 320


def text_parameters(text: TextSizes) -> int:
    """Embeddings, decoder layers, final norm, and the output layer unless it is tied."""
    embeddings = text.vocabulary * text.hidden * (1 if text.tied else 2)
    return embeddings + text.layers * text_layer_parameters(text) + text.hidden


def text_layer_parameters(text: TextSizes) -> int:
    """q, k, v, o, gate, up, down, two norms."""
    width, shared = text.attention, text.key_value
    attention = text.hidden * (2 * width + 2 * shared)
    attention += (width + 2 * shared) * text.qkv_bias + text.hidden * text.output_bias
    attention += 2 * text.head * text.qk_norm
    feed_forward = 3 * text.hidden * text.intermediate
    feed_forward += (2 * text.intermediate + text.hidden) * text.mlp_bias
    return attention + feed_forward + 2 * text.hidden


def lora_parameters(text: TextSizes, rank: int) -> int:
    """Factors A (r, in) and B (out, r) at every linear layer but the output layer.

    Hu et al. 2021, arXiv:2106.09685; "all-linear" in peft.
    """
    h, i = text.hidden, text.intermediate
    ends = 2 * (h + text.attention) + 2 * (h + text.key_value) + 3 * (h + i)
    return text.layers * rank * ends


def vision_parameters(vision: VisionSizes) -> int:
    """Patch embedding, blocks, and the merger into the language model's width."""
    h, i = vision.hidden, vision.intermediate
    norm = h * (2 if vision.norm_bias else 1)
    attention = 3 * h * h + 3 * h + h * h + h
    feed_forward = (3 * h * i + 2 * i + h) if vision.gated else (2 * h * i + i + h)
    merged = h * vision.merge**2
    merger = norm + merged * merged + merged + merged * vision.output + vision.output
    patches = 3 * vision.temporal * vision.patch**2 * h
    return patches + vision.layers * (2 * norm + attention + feed_forward) + merger


def tower_parameters(tower: TowerSizes) -> int:
    """EfficientNet-Lite0 with folded norms, then the attention pool."""
    return backbone_parameters() + pool_parameters(tower)


def trained_tower_parameters(tower: TowerSizes) -> int:
    """What training changes of it: the blocks that are not frozen, and the attention pool."""
    return sum(_blocks()[tower.frozen_blocks :]) + pool_parameters(tower)


def backbone_parameters() -> int:
    """EfficientNet-Lite0 without its classifier."""
    return 3 * 9 * _STEM + _STEM + sum(_blocks())


def _blocks() -> list[int]:
    counts, channels = [], _STEM
    for expansion, outputs, repeats, kernel in _STAGES:
        for _ in range(repeats):
            inner = channels * expansion
            expand = channels * inner + inner if expansion > 1 else 0
            counts.append(expand + inner * kernel**2 + inner + inner * outputs + outputs)
            channels = outputs
    return counts


def pool_parameters(tower: TowerSizes) -> int:
    """The attention pool, which computes in float32."""
    hidden, middle = tower.hidden, tower.intermediate
    total = 2 * _LAST + _LAST * hidden + hidden + tower.cells * hidden
    total += hidden * tower.heads + tower.heads + hidden * hidden + hidden
    return total + 2 * hidden + hidden * middle + middle + middle * tower.features + tower.features


def ntlbg_parameters(parts: NtlbgSizes, text: TextSizes) -> int:
    """NTLBG attention, rich points and projector, with the projector's word buffers."""
    return _attention(parts, text) + _rich_points(parts) + _projector(parts, text)


def ntlbg_weights(parts: NtlbgSizes, text: TextSizes) -> dict[str, int]:
    """Of the three, by name, what training changes: without means and words, which are buffers."""
    words = (parts.words + 1) * text.hidden + 1 if parts.words else 0
    return {
        "ntlbg_attention": _attention(parts, text) - text.hidden,
        "rich_points": _rich_points(parts),
        "multi_modal_projector": _projector(parts, text) - words,
    }


def _attention(parts: NtlbgSizes, text: TextSizes) -> int:
    width, hidden, size, rank = text.hidden, parts.attention_hidden, parts.features, parts.rank
    pooling = width + width * hidden + hidden + 5 * hidden * hidden + hidden + hidden
    pooling += 0 if width == size else width * size
    residual = 2 * size * parts.residual_rank
    heads = 3 * (hidden + 1) + hidden * rank + rank
    return pooling + residual + heads + 2 * size * rank + 3 * size


def _rich_points(parts: NtlbgSizes) -> int:
    return 4 * parts.context * (parts.features + 1 + parts.context + 2)


def _projector(parts: NtlbgSizes, text: TextSizes) -> int:
    point, adapter, width = parts.rich_point, parts.adapter, text.hidden
    layers = point * adapter + adapter + adapter * width + width
    if not parts.words:
        return layers + 2 * point
    to_text = 0 if width == parts.features else parts.features * width
    return layers + to_text + parts.words * width + width + 1


def total_parameters(model: ModelSizes) -> int:
    """Of all parts, buffers of the NTLBG parts included."""
    total = text_parameters(model.text)
    if model.vision is not None:
        total += vision_parameters(model.vision)
    if model.tower is not None:
        total += tower_parameters(model.tower)
    if model.ntlbg is not None:
        total += ntlbg_parameters(model.ntlbg, model.text)
    if model.longvu is not None:
        total += longvu_parameters(model.longvu, model.text.hidden)
    return total
