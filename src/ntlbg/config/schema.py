"""Schema of ``configs/*.json``: every key, its unit and its range. Each model is one block."""

from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from ntlbg.config.blocks import Block, Count, ModelConfig, Text, VideoConfig
from ntlbg.config.menus import GPUS, LEVELS
from ntlbg.config.training_blocks import DatasetConfig, LossConfig, TrainingConfig

SCHEMA_VERSION = 1
GpuName = Literal["V100_32GB", "A100_40GB", "A100_80GB", "RTX_4090", "L4", "H100_80GB", "H200"]
Metric = Literal[
    "accuracy",
    "temporal_consistency",
    "long_video_comprehension",
    "grounding_precision",
    "inference_speed",
]


class MemoryOptimization(Block):
    activation_checkpointing: bool = Field(True, description="recompute activations")
    gradient_checkpointing: bool = Field(True, description="the same, by its other name")
    cpu_offload: bool = Field(
        False, description="not used: optimizer states are where the trained weights are"
    )
    zero_stage: int = Field(
        2,
        ge=0,
        le=3,
        description="not used: every GPU holds all optimizer states, gradients and weights",
    )


class DistributedTraining(Block):
    strategy: Literal["ddp"] = Field("ddp", description="one replica per GPU, always")
    find_unused_parameters: bool = Field(
        False, description="not used: training_config.ddp_find_unused_parameters decides"
    )
    gradient_as_bucket_view: bool = Field(
        True, description="not used: gradients are copied to be sent"
    )


class HardwareConfig(Block):
    gpu_type: GpuName = Field("A100_40GB", description="key of GPUS")
    num_gpus: Count = Field(4, description="GPUs to train on")
    mixed_precision: Literal["no", "fp16", "bf16"] = Field(
        "fp16", description="as training_config.fp16 and .bf16 say"
    )
    memory_optimization: MemoryOptimization = Field(
        MemoryOptimization(), description="memory against time"
    )
    distributed_training: DistributedTraining = Field(
        DistributedTraining(), description="several GPUs"
    )


class EvaluationConfig(Block):
    metrics: tuple[Metric, ...] = Field(get_args(Metric), description="what is reported")
    benchmark_datasets: tuple[Text, ...] = Field(
        ("LongVideoBench", "Video-MME", "MLVU"), description="benchmarks to run"
    )
    target_performance: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(
        {"LongVideoBench": 0.70, "Video-MME": 0.65, "MLVU": 0.68},
        description="accuracy aimed at, not a result; 0 to 1",
    )


class Variant(Block):
    description: str = Field("", description="for people")
    max_frames: Count = Field(description="frames read from a video at most")
    num_representatives: Count = Field(description="frames chosen of a video at most")
    batch_size: Count = Field(description="videos per step and GPU")
    gradient_accumulation_steps: Count = Field(description="steps per update of the weights")
    gpu_memory_requirement: str = Field(
        pattern=r"^[1-9]\d*GB$", description="memory of the GPU it was drawn up for, as in 40GB"
    )


VARIANT_DESCRIPTIONS = {
    "moderate_long": "videos of 5 to 10 minutes",
    "long": "videos of 10 to 20 minutes",
    "very_long": "videos of 20 minutes and more",
}


def _default_variants() -> dict[str, Variant]:
    return {
        name: Variant(
            description=VARIANT_DESCRIPTIONS[name],
            max_frames=level.max_frames,
            num_representatives=level.num_representatives,
            batch_size=level.batch_size,
            gradient_accumulation_steps=level.gradient_accumulation_steps,
            gpu_memory_requirement=f"{GPUS[level.gpu].memory_gb}GB",
        )
        for name, level in LEVELS.items()
    }


class Config(Block):
    """A whole configuration file; ``Config()`` holds the defaults."""

    recipe: Literal["ntlbg"] = Field("ntlbg", description="what the file trains")
    schema_version: Literal[1] = Field(SCHEMA_VERSION, description="of the keys and their meaning")
    model_name: Text = Field("ntlbg_longvideo", description="what results are listed under")
    description: str = Field("Questions about videos of 10 to 20 minutes", description="for people")
    version: str = Field("1.0.0", pattern=r"^\d+\.\d+\.\d+$", description="of this file")
    output_dir: Text = Field("results/ntlbg_longvideo", description="folder that training fills")
    video_config: VideoConfig = Field(VideoConfig(), description="frames read and chosen")
    # pydantic keeps the name model_config for itself
    model: ModelConfig = Field(ModelConfig(), alias="model_config", description="the model")
    training_config: TrainingConfig = Field(TrainingConfig(), description="training")
    loss_config: LossConfig = Field(LossConfig(), description="what training minimises")
    dataset_config: DatasetConfig = Field(DatasetConfig(), description="questions and videos")
    hardware_config: HardwareConfig = Field(HardwareConfig(), description="where training runs")
    evaluation_config: EvaluationConfig = Field(EvaluationConfig(), description="evaluation")
    longvideo_variants: dict[Literal["moderate_long", "long", "very_long"], Variant] = Field(
        _default_variants(), description="by length of video"
    )

    @model_validator(mode="after")
    def _blocks_agree(self) -> Self:
        training, hardware = self.training_config, self.hardware_config
        precision = "fp16" if training.fp16 else "bf16" if training.bf16 else "no"
        if hardware.mixed_precision != precision:
            raise ValueError(
                f"hardware_config.mixed_precision is {hardware.mixed_precision!r}, but "
                f"training_config.fp16 ({training.fp16}) and .bf16 ({training.bf16}) "
                f"say {precision!r}"
            )
        if training.fp16 and not self.model.lora_rank:
            raise ValueError(
                "model_config.lora_rank 0 trains all weights, which float16 is too coarse for; set "
                "a lora_rank, or training_config.bf16, or neither fp16 nor bf16"
            )
        if training.bf16 and not GPUS[hardware.gpu_type].has_bf16:
            raise ValueError(
                f"training_config.bf16 needs compute capability 8.0; "
                f"{hardware.gpu_type} has {GPUS[hardware.gpu_type].compute_capability}; name "
                "another GPU in hardware_config.gpu_type, or leave bf16 false"
            )
        return self
