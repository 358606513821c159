"""Sizes and parameters of a LongVU model (Shen et al. 2024, arXiv:2410.17434).

Two towers look at the frames in blocks, an aggregator fuses what both see into q * q tokens of V
numbers each, and a language model reads as much of that as its context holds. However long the
video is, the prompt is never longer than ``context_length``.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class TransformerSizes:
    """A vision transformer over the patches of one frame.

    Attributes:
        image: side in pixels.
        patch: side of a patch.
        intermediate: width inside the feed-forward.
        gated: three matrices in the feed-forward (SwiGLU) instead of two.
        scaled: DINOv2: a class token, and a scale behind attention and feed-forward.
        masked: DINOv2: a token for masked patches.
    """

    hidden: int
    intermediate: int
    layers: int
    heads: int
    image: int
    patch: int
    gated: bool = False
    scaled: bool = False
    masked: bool = False

    @property
    def tokens(self) -> int:
        return (self.image // self.patch) ** 2 + self.scaled


@dataclass(frozen=True)
class LongVUSizes:
    """What is in front of the language model.

    Attributes:
        width: V of the fused tokens.
        feature_grid, query_grid: cells on a side of the towers' features and of the fused tokens.
        depth: layers of the aggregator.
        context: tokens of text and video together, at most.
    """

    siglip: TransformerSizes
    dinov2: TransformerSizes
    width: int
    feature_grid: int
    query_grid: int
    depth: int
    context: int


def longvu_sizes(config: Any) -> LongVUSizes:
    """Of a ``LongVUConfig``; SigLIP's pooling head, which LongVU has no use for, is not counted."""
    siglip, dinov2 = config.siglip_config, config.dinov2_config
    inner, gated = dinov2.hidden_size * dinov2.mlp_ratio, dinov2.use_swiglu_ffn
    if gated:  # as wide as the plain one has parameters, in steps of eight
        inner = (int(inner * 2 / 3) + 7) // 8 * 8
    return LongVUSizes(
        siglip=_transformer(siglip, siglip.intermediate_size),
        dinov2=_transformer(
            dinov2, int(inner), gated=gated, scaled=True, masked=dinov2.use_mask_token
        ),
        width=config.vision_hidden_size,
        feature_grid=config.feature_grid,
        query_grid=config.query_grid,
        depth=config.connector_depth,
        context=config.context_length,
    )


def _transformer(config: Any, intermediate: int, **kind: bool) -> TransformerSizes:
    return TransformerSizes(
        hidden=config.hidden_size,
        intermediate=intermediate,
        layers=config.num_hidden_layers,
        heads=config.num_attention_heads,
        image=config.image_size,
        patch=config.patch_size,
        **kind,
    )


def longvu_parameters(longvu: LongVUSizes, text_hidden: int) -> int:
    """Both towers, the aggregator, the projector, and the token that ends a row of cells."""
    size = longvu.width
    projector = size * text_hidden + text_hidden + text_hidden**2 + text_hidden
    towers = [longvu.siglip, longvu.dinov2]
    total = sum(transformer_parameters(tower) for tower in towers)
    total += sum(tower.hidden * size + size + size**2 + size + 2 * size for tower in towers)
    cells = (longvu.feature_grid // longvu.query_grid) ** 2
    keys = 2 * (2 * size + size**2) + (cells * size if cells > 1 else 0)
    layer = 7 * size**2 + 4 * size + 2 * keys
    return total + size + longvu.depth * layer + projector + text_hidden


def transformer_parameters(tower: TransformerSizes) -> int:
    """Patches, positions, blocks with two norms, and the last norm."""
    h, i = tower.hidden, tower.intermediate
    total = 3 * tower.patch**2 * h + h + tower.tokens * h + 2 * h
    total += (tower.scaled + tower.masked) * h
    feed_forward = (3 * h * i + 2 * i + h) if tower.gated else (2 * h * i + i + h)
    block = 4 * h + 4 * (h**2 + h) + feed_forward + 2 * h * tower.scaled
    return total + tower.layers * block
