"""Blocks of a configuration: the base class, frames, the model and the losses.

Every block is frozen and knows all its keys. A key says its meaning and unit in its description.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Count = Annotated[int, Field(ge=1)]
CountOrZero = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(gt=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
PositiveOrZero = Annotated[float, Field(ge=0)]
Text = Annotated[str, Field(min_length=1)]


_ROUNDING = 1e-3  # of a frame: k / frames, written with nine digits, still gives k


class Block(BaseModel):
    """Part of a configuration: unknown keys are errors, a string is no number."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, populate_by_name=True, allow_inf_nan=False
    )


class VideoConfig(Block):
    max_frames: Count = Field(4096, description="frames read from a video at most")
    num_representatives: Count = Field(512, description="frames chosen of a video at most")
    frame_sampling_strategy: Literal["uniform"] = Field(
        "uniform", description="how frames are read before any are chosen: evenly over time"
    )
    # as the level long, whose numbers the defaults are (menus.py says why 3.5)
    fps: Positive = Field(3.5, description="frames looked at per second of video")
    temporal_stride: Count = Field(1, description="every how manyth of those frames is kept")
    frame_resolution: tuple[Count, Count] = Field(
        (224, 224),
        description="height and width, in pixels, of a frame read by a vision-language model; "
        "an encoder has a size of its own",
    )
    frame_selector: Text = Field("ntlbg", description="what chooses frames: a name in SELECTORS")
    coverage_ratio: Share = Field(
        0.125, description="share of the frames looked at that is chosen, up to num_representatives"
    )
    min_representatives: Count = Field(
        16, description="frames chosen at least, as far as max_representatives_ratio allows"
    )
    max_representatives_ratio: Share = Field(
        0.5, description="share of the frames looked at that is chosen at most"
    )
    representative_alignment: Count = Field(
        8, description="what coverage_ratio gives is rounded down to a multiple of this"
    )

    def representatives_for(self, frames: int) -> int:
        """How many frames to choose of those that were looked at, at least 1.

        Training, evaluation, analysis and memory plans all ask here.
        """
        return min(self.num_representatives, self.covered(frames))

    def covered(self, frames: int) -> int:
        """The rule without ``num_representatives``: an eighth of the frames, by default."""
        wanted = max(self.min_representatives, int(self.coverage_ratio * frames + _ROUNDING))
        wanted = min(wanted, int(self.max_representatives_ratio * frames))
        aligned = wanted - wanted % self.representative_alignment
        return aligned or max(wanted, 1)


class RichPointConfig(Block):
    enable: bool = Field(True, description="give each chosen frame its context, weight and time")
    feature_dim: Count = Field(1024, description="width of the layer that reads a rich point")
    spatial_resolution: Count = Field(
        7, description="rows and columns of a frame's feature map; not used, a frame is one vector"
    )
    temporal_context_length: CountOrZero = Field(
        8, description="frames of context around a chosen one, half of them on each side"
    )
    rich_point_layers: tuple[CountOrZero, ...] = Field(
        (8, 16, 24),
        description="language-model layers that read rich points, ascending; not used, they are "
        "read as input tokens",
    )

    @model_validator(mode="after")
    def _layers_ascend(self) -> Self:
        layers = list(self.rich_point_layers)
        if layers != sorted(set(layers)):
            raise ValueError(f"rich_point_layers must be ascending and distinct; got {layers}")
        return self


class ModelConfig(Block):
    base_model: Text = Field(
        "Qwen/Qwen2-VL-7B-Instruct",
        description="language model: a hub name, a folder, or builtin",
    )
    feature_encoder: Text = Field(
        "builtin", description="what turns frames into features: a name in ENCODERS"
    )
    lora_rank: CountOrZero = Field(
        16, description="rank of the adapters that train in the language model; 0 trains all of it"
    )
    ntlbg_hidden_size: Count = Field(
        4096, description="width of the language model; base_model decides"
    )
    ntlbg_intermediate_size: Count = Field(
        11008, description="width of its feed-forward layers; base_model decides"
    )
    ntlbg_num_attention_heads: Count = Field(
        32, description="query heads of a layer; base_model decides"
    )
    ntlbg_num_key_value_heads: Count = Field(
        32, description="key and value heads of a layer; base_model decides"
    )
    ntlbg_max_position_embeddings: Count = Field(32768, description="tokens in a prompt at most")
    ntlbg_rope_theta: Positive = Field(
        1e6, description="base of the rotary position code; not used, base_model decides"
    )
    ntlbg_attention_dropout: float = Field(
        0.0, ge=0, lt=1, description="share of attention weights dropped in training"
    )
    ntlbg_use_flash_attention: bool = Field(
        True, description="fused attention kernels (SDPA), never S x S scores in memory"
    )
    ntlbg_gradient_checkpointing: bool = Field(
        True, description="recompute activations in the backward pass to save memory"
    )
    rich_point_config: RichPointConfig = Field(RichPointConfig(), description="rich points")

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        heads, groups = self.ntlbg_num_attention_heads, self.ntlbg_num_key_value_heads
        if self.ntlbg_hidden_size % heads:
            raise ValueError(
                f"ntlbg_hidden_size ({self.ntlbg_hidden_size}) must be a multiple of "
                f"ntlbg_num_attention_heads ({heads})"
            )
        if heads % groups:
            raise ValueError(
                f"ntlbg_num_attention_heads ({heads}) must be a multiple of "
                f"ntlbg_num_key_value_heads ({groups})"
            )
        return self
