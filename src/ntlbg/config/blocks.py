"""Blocks of a configuration: the base class, frames, the model and the losses.

Every block is frozen and knows all its keys. A key says its meaning and unit in its description.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

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

    max_visual_tokens: Count | None = Field(
        8192,
        description="tokens that frames and their rich points may take in a vision-language "
        "model; null: as many as they have",
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
    spatial_resolution: Literal[1] = Field(
        1, description="rows and columns of a frame's features: a frame is one vector; write 1"
    )
    temporal_context_length: CountOrZero = Field(
        8, description="frames of context around a chosen one, half of them on each side"
    )
    rich_point_layers: tuple[Literal[0]] = Field(
        (0,),
        description="layers of the language model that are given rich points: they are tokens of "
        "its input, before the first layer; write [0]",
    )


# Names of our own language models, which have no vision tower.
OWN_BASES = ("builtin", "smollm2")


class ModelConfig(Block):
    base_model: Text = Field(
        "Qwen/Qwen2-VL-7B-Instruct",
        description="vision-language model or language model: a hub name, a folder, or builtin",
    )
    feature_encoder: Text = Field(
        "base",
        description="what turns frames into features: base, the vision tower of a vision-language "
        "base_model, or a name in ENCODERS; of builtin and smollm2 builtin",
    )
    compress: Text = Field(
        "longvu",
        description="what leaves out visual tokens where frames have more than max_visual_tokens: "
        "a name in COMPRESSORS, or none; of a Qwen-VL base_model",
    )
    lora_rank: CountOrZero = Field(
        16, description="rank of the adapters that train in the language model; 0 trains all of it"
    )
    ntlbg_hidden_size: Count | None = Field(
        None, description="width of the language model, as base_model has it; null: not said"
    )
    ntlbg_intermediate_size: Count | None = Field(
        None, description="width of its feed-forward layers, as base_model has it; null: not said"
    )
    ntlbg_num_attention_heads: Count | None = Field(
        None, description="query heads of a layer, as base_model has them; null: not said"
    )
    ntlbg_num_key_value_heads: Count | None = Field(
        None, description="key and value heads of a layer, as base_model has them; null: not said"
    )
    ntlbg_max_position_embeddings: Count | None = Field(
        None,
        description="tokens in a prompt at most, in plans and what is made to fit; null: as "
        "many as base_model has positions",
    )
    ntlbg_rope_theta: Positive | None = Field(
        None, description="base of the rotary positions, as base_model has it; null: not said"
    )
    ntlbg_attention_dropout: float = Field(
        0.0, ge=0, lt=1, description="share of attention weights dropped in training"
    )
    ntlbg_use_flash_attention: bool = Field(
        True,
        description="fused attention kernels, never S x S scores in memory: SDPA, or the package "
        "flash-attn where it is installed",
    )
    ntlbg_gradient_checkpointing: bool = Field(
        True,
        description="recompute activations in the backward pass to save memory; as "
        "hardware_config.memory_optimization says",
    )
    rich_point_config: RichPointConfig = Field(RichPointConfig(), description="rich points")

    @property
    def said_of_base(self) -> dict[str, float]:
        """What the keys say of ``base_model``, by the names of Hugging Face."""
        names = (
            "hidden_size", "intermediate_size", "num_attention_heads", "num_key_value_heads",
            "max_position_embeddings", "rope_theta",
        )  # fmt: skip
        said = {name: getattr(self, f"ntlbg_{name}") for name in names}
        return {name: value for name, value in said.items() if value is not None}
