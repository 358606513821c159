"""Configuration of the LongVU model."""

from typing import Literal

from huggingface_hub.dataclasses import strict
from transformers import AutoConfig, PreTrainedConfig
from transformers.configuration_utils import SubConfigSpec


@strict
class LongVUConfig(PreTrainedConfig):
    r"""Sizes and choices of [`LongVUForConditionalGeneration`].

    Args:
        text_config: of the language model, Qwen2 or any other causal one. Default: Qwen2-7B, as
            in LongVU-7B.
        siglip_config: of the tower that knows words. Default: SigLIP-so400m at 384 pixels.
        dinov2_config: of the tower that knows shapes. Default: DINOv2-giant at 378 pixels, with
            position embeddings already resampled to that size.
        vision_hidden_size: V, width of the fused tokens.
        feature_grid: both towers' features are resized to this many cells on a side.
        query_grid: cells on a side of the fine token grid; divides `feature_grid`.
        lowres_grid: cells on a side of the coarse token grid.
        highres: whether the coarse grid is used at all.
        connector_depth: layers of the spatial vision aggregator.
        connector_heads: attention heads of each.
        mode: "faithful" to the published code, or "corrected"; see
            `ntlbg.compressors.longvu.MODES`.
        context_length: L, tokens of text and video together.
        reserved_tokens: of these, kept free for the answer.
        dino_threshold: frames at least this similar to their window are dropped.
        drop_threshold: tokens at least this similar to their reference are dropped.
        frame_position: add a code of its time to every token of a frame.
        image_token_id: stands for the picture or video in `input_ids`.
        pad_token_id: ends a row of `input_ids` that comes without an attention mask.
        padding_side: where shorter rows of a batch are filled up.
        train_vision_towers: whether the towers get gradient.
    """

    model_type = "longvu"
    sub_configs_defaults = {  # noqa: RUF012  (transformers declares it as a ClassVar)
        "text_config": SubConfigSpec(
            config_class=AutoConfig,
            model_type="qwen2",
            init_kwargs={
                "vocab_size": 152064,
                "hidden_size": 3584,
                "intermediate_size": 18944,
                "num_hidden_layers": 28,
                "num_attention_heads": 28,
                "num_key_value_heads": 4,
                "rope_theta": 1e6,
            },
        ),
        "siglip_config": SubConfigSpec(
            config_class=AutoConfig,
            model_type="siglip_vision_model",
            init_kwargs={
                "hidden_size": 1152,
                "intermediate_size": 4304,
                "num_hidden_layers": 27,
                "num_attention_heads": 16,
                "image_size": 384,
                "patch_size": 14,
                "vision_use_head": False,
            },
        ),
        "dinov2_config": SubConfigSpec(
            config_class=AutoConfig,
            model_type="dinov2",
            init_kwargs={
                "hidden_size": 1536,
                "num_hidden_layers": 40,
                "num_attention_heads": 24,
                "use_swiglu_ffn": True,
                "use_mask_token": False,
                "image_size": 378,
                "patch_size": 14,
            },
        ),
    }

    text_config: dict | PreTrainedConfig | None = None
    siglip_config: dict | PreTrainedConfig | None = None
    dinov2_config: dict | PreTrainedConfig | None = None
    vision_hidden_size: int = 1024
    feature_grid: int = 24
    query_grid: int = 12
    lowres_grid: int = 8
    highres: bool = True
    connector_depth: int = 3
    connector_heads: int = 16
    mode: Literal["faithful", "corrected"] = "faithful"
    context_length: int = 8192
    reserved_tokens: int = 16
    dino_threshold: float = 0.83
    drop_threshold: float = 0.8
    frame_position: bool = False
    image_token_id: int = -200
    pad_token_id: int | None = 151643
    padding_side: Literal["left", "right"] = "right"
    train_vision_towers: bool = False
    tie_word_embeddings: bool = False

    def __post_init__(self, **kwargs):
        super().__post_init__(**kwargs)
        self.tie_word_embeddings = self.text_config.tie_word_embeddings
        if self.feature_grid % self.query_grid:
            raise ValueError(
                f"query_grid must divide feature_grid; got {self.query_grid} and "
                f"{self.feature_grid}"
            )
        if self.vision_hidden_size % self.connector_heads:
            raise ValueError(
                f"connector_heads must divide vision_hidden_size; got {self.connector_heads} and "
                f"{self.vision_hidden_size}"
            )
