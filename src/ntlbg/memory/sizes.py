"""Sizes of a model, read from its Hugging Face configuration: no weights, no torch.

Everything the planner counts follows from these numbers.
"""

from dataclasses import dataclass
from typing import Any

from ntlbg.errors import ConfigError
from ntlbg.memory.longvu import LongVUSizes, longvu_sizes

# what a configuration's model_type says about the biases of q, k, v and norms of q and k
_TEXT_TYPES = {
    "llama": {},
    "mistral": {},
    "qwen2": {"qkv_bias": True},
    "qwen2_vl_text": {"qkv_bias": True},
    "qwen2_5_vl_text": {"qkv_bias": True},
    "qwen3": {"qk_norm": True},
}


@dataclass(frozen=True)
class TextSizes:
    """A decoder of the Llama family: grouped-query attention, gated feed-forward, RMS norms."""

    vocabulary: int
    hidden: int
    intermediate: int
    layers: int
    heads: int
    key_value_heads: int
    head: int
    tied: bool
    max_positions: int
    qkv_bias: bool = False
    output_bias: bool = False
    mlp_bias: bool = False
    qk_norm: bool = False

    @property
    def attention(self) -> int:
        """Width of all query heads."""
        return self.heads * self.head

    @property
    def key_value(self) -> int:
        """Width of all key heads, which is that of all value heads."""
        return self.key_value_heads * self.head


@dataclass(frozen=True)
class VisionSizes:
    """A vision transformer over patches, as in Qwen2-VL and Qwen2.5-VL.

    Attributes:
        patch: side of a patch, in pixels.
        merge: patches per side that become one token of the language model.
        temporal: frames per patch.
        gated: three matrices in the feed-forward (SwiGLU) instead of two.
        norm_bias: LayerNorm, with a bias, instead of RMSNorm.
        output: width of the language model.
    """

    hidden: int
    intermediate: int
    layers: int
    heads: int
    patch: int
    merge: int
    temporal: int
    gated: bool
    norm_bias: bool
    output: int

    def tokens_per_frame(self, height: int, width: int) -> float:
        """Tokens of the language model for one frame; frames are read ``temporal`` at a time."""
        side = self.patch * self.merge
        return max(1, round(height / side)) * max(1, round(width / side)) / self.temporal


@dataclass(frozen=True)
class TowerSizes:
    """The built-in vision tower (EfficientNet-Lite0 and an attention pool).

    Attributes:
        image: height and width in pixels of the frames it is trained on.
        enlarged: of what it looks at once trained.
        cells: of the last feature map, in training.
        features: length of a frame's vector.
        frozen_blocks: of the sixteen blocks, that stay as published.
    """

    image: tuple[int, int] = (128, 224)
    enlarged: tuple[int, int] = (160, 288)
    hidden: int = 512
    heads: int = 8
    intermediate: int = 1024
    features: int = 576
    frozen_blocks: int = 8

    @property
    def cells(self) -> int:
        return -(-self.image[0] // 32) * -(-self.image[1] // 32)


@dataclass(frozen=True)
class NtlbgSizes:
    """The parts between frame features and language model (see NtlbgConfig)."""

    features: int = 576
    rank: int = 32
    attention_hidden: int = 96
    context: int = 128
    context_frames: int = 2
    time_frequencies: int = 8
    adapter: int = 256
    words: int = 0
    residual_rank: int = 64

    @property
    def rich_point(self) -> int:
        return self.features + self.context + 2 + 2 * self.time_frequencies


@dataclass(frozen=True)
class ModelSizes:
    """A language model and what is in front of it; None where there is no such part."""

    name: str
    text: TextSizes
    vision: VisionSizes | None = None
    tower: TowerSizes | None = None
    ntlbg: NtlbgSizes | None = None
    longvu: LongVUSizes | None = None


def model_sizes(config: Any, name: str = "model") -> ModelSizes:
    """Sizes of the model that a Hugging Face configuration describes.

    Args:
        config: a ``PreTrainedConfig`` of a language model, of Qwen2-VL, Qwen2.5-VL, LongVU
            or NTLBG.

    Raises:
        ConfigError: a model type that is not supported, naming those that are.
    """
    kind = config.model_type
    if kind == "ntlbg":
        return _ntlbg_sizes(config, name)
    if kind in ("qwen2_vl", "qwen2_5_vl"):
        text = text_sizes(config.text_config, tied=config.tie_word_embeddings)
        return ModelSizes(name, text, vision=_vision_sizes(config.vision_config))
    if kind == "longvu":
        text = text_sizes(config.text_config, tied=config.tie_word_embeddings)
        return ModelSizes(name, text, longvu=longvu_sizes(config))
    return ModelSizes(name, text_sizes(config))


def text_sizes(config: Any, *, tied: bool | None = None) -> TextSizes:
    """Sizes of a decoder from its configuration."""
    kind = config.model_type
    if kind not in _TEXT_TYPES:
        known = ", ".join([*_TEXT_TYPES, "qwen2_vl", "qwen2_5_vl", "longvu", "ntlbg"])
        raise ConfigError(f"memory of a {kind!r} model cannot be planned; there are: {known}")
    bias = bool(getattr(config, "attention_bias", False))
    heads = config.num_attention_heads
    flags = {"qkv_bias": bias, "output_bias": bias} | _TEXT_TYPES[kind]
    return TextSizes(
        vocabulary=config.vocab_size,
        hidden=config.hidden_size,
        intermediate=config.intermediate_size,
        layers=config.num_hidden_layers,
        heads=heads,
        key_value_heads=config.num_key_value_heads or heads,
        head=getattr(config, "head_dim", None) or config.hidden_size // heads,
        tied=config.tie_word_embeddings if tied is None else tied,
        max_positions=config.max_position_embeddings,
        mlp_bias=bool(getattr(config, "mlp_bias", False)),
        **flags,
    )


def _vision_sizes(config: Any) -> VisionSizes:
    if config.model_type.startswith("qwen2_5_vl"):
        sizes = {
            "hidden": config.hidden_size,
            "intermediate": config.intermediate_size,
            "gated": True,
            "norm_bias": False,
            "output": config.out_hidden_size,
        }
    else:
        sizes = {
            "hidden": config.embed_dim,
            "intermediate": int(config.embed_dim * config.mlp_ratio),
            "gated": False,
            "norm_bias": True,
            "output": config.hidden_size,
        }
    return VisionSizes(
        layers=config.depth,
        heads=config.num_heads,
        patch=config.patch_size,
        merge=config.spatial_merge_size,
        temporal=config.temporal_patch_size,
        **sizes,
    )


def _ntlbg_sizes(config: Any, name: str) -> ModelSizes:
    tower = None
    if config.vision_config is not None:
        vision = config.vision_config
        tower = TowerSizes(
            image=tuple(vision.image_size),
            enlarged=vision.enlarged_size,
            hidden=vision.hidden_size,
            heads=vision.num_attention_heads,
            intermediate=vision.intermediate_size,
            features=vision.feature_size,
        )
    parts = NtlbgSizes(
        features=config.feature_size,
        rank=config.covariance_rank,
        attention_hidden=config.attention_hidden_size,
        context=config.context_size,
        context_frames=config.context_frames,
        time_frequencies=config.time_frequencies,
        adapter=config.adapter_size,
        words=len(config.vocabulary) if config.projector == "vocabulary" else 0,
    )
    return ModelSizes(name, text_sizes(config.text_config), tower=tower, ntlbg=parts)
