"""Schema of ``configs/*.json``: every key, its unit and its range.

Every block is frozen and knows all its keys. Each model is one block of the file.
"""

from typing import Annotated, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ntlbg.config.menus import GPUS, LEVELS

Count = Annotated[int, Field(ge=1)]
CountOrZero = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(gt=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Text = Annotated[str, Field(min_length=1)]
Metric = Literal[
    "accuracy",
    "temporal_consistency",
    "long_video_comprehension",
    "grounding_precision",
    "inference_speed",
]


class _Block(BaseModel):
    """Part of a configuration: unknown keys are errors, a string is no number."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, populate_by_name=True, allow_inf_nan=False
    )


class VideoConfig(_Block):
    max_frames: Count = Field(4096, description="frames read from a video at most")
    num_representatives: Count = Field(512, description="frames chosen of max_frames")
    frame_sampling_strategy: Literal["uniform"] = Field(
        "uniform", description="how frames are read before any are chosen: evenly over time"
    )
    temporal_stride: Count = Field(1, description="every how manyth of those frames is kept")
    frame_resolution: tuple[Count, Count] = Field(
        (224, 224), description="height and width of a frame, in pixels"
    )
    coverage_ratio: Share = Field(0.125, description="num_representatives over max_frames")
    min_representatives: Count = Field(
        16, description="frames chosen at least, as far as max_representatives_ratio allows"
    )
    max_representatives_ratio: Share = Field(0.5, description="share of max_frames chosen at most")
    representative_alignment: Count = Field(
        8, description="num_representatives is rounded down to a multiple of this"
    )

    def representatives_for(self, max_frames: int) -> int:
        """How many frames to choose of ``max_frames``, at least 1."""
        wanted = max(self.min_representatives, int(self.coverage_ratio * max_frames))
        wanted = min(wanted, int(self.max_representatives_ratio * max_frames))
        aligned = wanted - wanted % self.representative_alignment
        return aligned or max(wanted, 1)

    @model_validator(mode="after")
    def _representatives_follow_the_rule(self) -> Self:
        self.check_representatives("", self.max_frames, self.num_representatives)
        return self

    def check_representatives(self, where: str, max_frames: int, given: int) -> None:
        """Raise ValueError unless ``given`` is what the rule says for ``max_frames``."""
        expected = self.representatives_for(max_frames)
        if given != expected:
            raise ValueError(
                f"{where}num_representatives is {given}, but max_frames {max_frames} with "
                f"coverage_ratio {self.coverage_ratio}, min_representatives "
                f"{self.min_representatives}, max_representatives_ratio "
                f"{self.max_representatives_ratio} and representative_alignment "
                f"{self.representative_alignment} gives {expected}; "
                f"write {expected}, or set coverage_ratio to {given / max_frames:.6g}"
            )


class RichPointConfig(_Block):
    enable: bool = Field(True, description="give each chosen frame its context, weight and time")
    feature_dim: Count = Field(1024, description="size of a rich point")
    spatial_resolution: Count = Field(7, description="rows and columns of a frame's feature map")
    temporal_context_length: Count = Field(8, description="frames of context around a chosen one")
    rich_point_layers: tuple[CountOrZero, ...] = Field(
        (8, 16, 24), description="language-model layers that read rich points, ascending"
    )

    @model_validator(mode="after")
    def _layers_ascend(self) -> Self:
        layers = list(self.rich_point_layers)
        if layers != sorted(set(layers)):
            raise ValueError(f"rich_point_layers must be ascending and distinct; got {layers}")
        return self


class ModelConfig(_Block):
    base_model: Text = Field(
        "Qwen/Qwen2-VL-7B-Instruct", description="language model: a hub name or a folder"
    )
    ntlbg_hidden_size: Count = Field(4096, description="width of the language model")
    ntlbg_intermediate_size: Count = Field(11008, description="width of its feed-forward layers")
    ntlbg_num_attention_heads: Count = Field(32, description="query heads of a layer")
    ntlbg_num_key_value_heads: Count = Field(32, description="key and value heads of a layer")
    ntlbg_max_position_embeddings: Count = Field(32768, description="tokens in a prompt at most")
    ntlbg_rope_theta: Positive = Field(1e6, description="base of the rotary position code")
    ntlbg_attention_dropout: float = Field(
        0.0, ge=0, lt=1, description="share of attention weights dropped in training"
    )
    ntlbg_use_flash_attention: bool = Field(True, description="use FlashAttention kernels")
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


class TrainingConfig(_Block):
    batch_size: Count = Field(1, description="videos per step and GPU")
    gradient_accumulation_steps: Count = Field(32, description="steps per update of the weights")
    learning_rate: Positive = Field(5e-5, description="after the warm-up")
    weight_decay: float = Field(0.01, ge=0, description="decoupled, per unit of learning rate")
    max_steps: Count = Field(10000, description="updates of the weights")
    warmup_steps: CountOrZero = Field(1000, description="updates until the full learning rate")
    save_steps: Count = Field(500, description="updates between checkpoints")
    eval_steps: Count = Field(250, description="updates between evaluations")
    logging_steps: Count = Field(50, description="updates between log lines")
    optimizer: Literal["AdamW", "Adam", "SGD", "RMSprop"] = Field(
        "AdamW", description="update rule"
    )
    lr_scheduler: Literal["cosine", "linear", "polynomial", "constant"] = Field(
        "cosine", description="course of the learning rate after the warm-up"
    )
    max_grad_norm: Positive = Field(1.0, description="gradients are scaled down to this norm")
    fp16: bool = Field(True, description="compute in float16")
    bf16: bool = Field(False, description="compute in bfloat16; needs compute capability 8.0")
    dataloader_num_workers: CountOrZero = Field(8, description="processes that load videos")
    dataloader_pin_memory: bool = Field(True, description="copy batches to page-locked memory")
    remove_unused_columns: bool = Field(False, description="drop what forward() does not take")
    ddp_find_unused_parameters: bool = Field(
        False, description="look for parameters without gradient, in distributed training"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.fp16 and self.bf16:
            raise ValueError("fp16 and bf16 must not both be true")
        if self.warmup_steps > self.max_steps:
            raise ValueError(
                f"warmup_steps ({self.warmup_steps}) must not exceed max_steps ({self.max_steps})"
            )
        return self


class DatasetEntry(_Block):
    name: Text = Field(description="what results are listed under")
    path: Text = Field(description="folder of the questions and videos")
    max_length: Count = Field(4096, description="frames read from a video at most")


class TrainDatasetEntry(DatasetEntry):
    weight: Share = Field(description="share of the training samples")
    video_types: tuple[Text, ...] = Field((), description="kinds of videos; for information")


_LONG_VIDEO_BENCH = TrainDatasetEntry(
    name="LongVideoBench",
    path="data/longvideo_bench",
    weight=0.4,
    video_types=("long_form", "documentary", "lecture"),
)
_VIDEO_MME = TrainDatasetEntry(
    name="Video-MME",
    path="data/video_mme",
    weight=0.3,
    video_types=("long_form", "medium_form"),
)
_MLVU = TrainDatasetEntry(name="MLVU", path="data/mlvu", weight=0.3, video_types=("long_form",))


class DatasetConfig(_Block):
    train_datasets: tuple[TrainDatasetEntry, ...] = Field(
        (_LONG_VIDEO_BENCH, _VIDEO_MME, _MLVU), description="weights sum to 1"
    )
    val_datasets: tuple[DatasetEntry, ...] = Field(
        (DatasetEntry(name="LongVideoBench_val", path="data/longvideo_bench_val"),),
        description="evaluated during training",
    )
    test_datasets: tuple[DatasetEntry, ...] = Field(
        (DatasetEntry(name="LongVideoBench_test", path="data/longvideo_bench_test"),),
        description="evaluated at the end",
    )

    @model_validator(mode="after")
    def _weights_sum_to_one(self) -> Self:
        weights = [entry.weight for entry in self.train_datasets]
        if weights and abs(sum(weights) - 1) > 1e-6:
            raise ValueError(f"weights of train_datasets must sum to 1; got {weights}")
        return self


class MemoryOptimization(_Block):
    activation_checkpointing: bool = Field(True, description="recompute activations")
    gradient_checkpointing: bool = Field(True, description="the same, by its other name")
    cpu_offload: bool = Field(False, description="keep optimizer states in main memory")
    zero_stage: int = Field(2, ge=0, le=3, description="what ZeRO shares out between GPUs")


class DistributedTraining(_Block):
    strategy: Literal["ddp"] = Field("ddp", description="one replica per GPU")
    find_unused_parameters: bool = Field(False, description="look for parameters without gradient")
    gradient_as_bucket_view: bool = Field(True, description="do not copy gradients to send them")


class HardwareConfig(_Block):
    gpu_type: Literal["V100_32GB", "A100_40GB", "A100_80GB", "RTX_4090"] = Field(
        "A100_40GB", description="key of GPUS"
    )
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


class EvaluationConfig(_Block):
    metrics: tuple[Metric, ...] = Field(get_args(Metric), description="what is reported")
    benchmark_datasets: tuple[Text, ...] = Field(
        ("LongVideoBench", "Video-MME", "MLVU"), description="benchmarks to run"
    )
    target_performance: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(
        {"LongVideoBench": 0.70, "Video-MME": 0.65, "MLVU": 0.68},
        description="accuracy aimed at, not a result; 0 to 1",
    )


class Variant(_Block):
    description: str = Field("", description="for people")
    max_frames: Count = Field(description="frames read from a video at most")
    num_representatives: Count = Field(description="frames chosen of max_frames")
    batch_size: Count = Field(description="videos per step and GPU")
    gradient_accumulation_steps: Count = Field(description="steps per update of the weights")
    gpu_memory_requirement: str = Field(
        pattern=r"^[1-9]\d*GB$", description="memory of the GPU it was drawn up for, as in 40GB"
    )


_VARIANT_DESCRIPTIONS = {
    "moderate_long": "videos of 5 to 10 minutes",
    "long": "videos of 10 to 20 minutes",
    "very_long": "videos of 20 minutes and more",
}


def _default_variants() -> dict[str, Variant]:
    return {
        name: Variant(
            description=_VARIANT_DESCRIPTIONS[name],
            max_frames=level.max_frames,
            num_representatives=level.num_representatives,
            batch_size=level.batch_size,
            gradient_accumulation_steps=level.gradient_accumulation_steps,
            gpu_memory_requirement=f"{GPUS[level.gpu].memory_gb}GB",
        )
        for name, level in LEVELS.items()
    }


class Config(_Block):
    """A whole configuration file; ``Config()`` holds the defaults."""

    model_name: Text = Field("ntlbg_longvideo", description="what results are listed under")
    description: str = Field("Questions about videos of 10 to 20 minutes", description="for people")
    version: str = Field("1.0.0", pattern=r"^\d+\.\d+\.\d+$", description="of this file")
    video_config: VideoConfig = Field(VideoConfig(), description="frames read and chosen")
    # pydantic keeps the name model_config for itself
    model: ModelConfig = Field(ModelConfig(), alias="model_config", description="the model")
    training_config: TrainingConfig = Field(TrainingConfig(), description="training")
    dataset_config: DatasetConfig = Field(DatasetConfig(), description="questions and videos")
    hardware_config: HardwareConfig = Field(HardwareConfig(), description="where training runs")
    evaluation_config: EvaluationConfig = Field(EvaluationConfig(), description="evaluation")
    longvideo_variants: dict[Literal["moderate_long", "long", "very_long"], Variant] = Field(
        _default_variants(), description="by length of video"
    )

    @model_validator(mode="after")
    def _blocks_agree(self) -> Self:
        for name, variant in self.longvideo_variants.items():
            self.video_config.check_representatives(
                f"longvideo_variants.{name}: ", variant.max_frames, variant.num_representatives
            )
        training, hardware = self.training_config, self.hardware_config
        precision = "fp16" if training.fp16 else "bf16" if training.bf16 else "no"
        if hardware.mixed_precision != precision:
            raise ValueError(
                f"hardware_config.mixed_precision is {hardware.mixed_precision!r}, but "
                f"training_config.fp16 ({training.fp16}) and .bf16 ({training.bf16}) "
                f"say {precision!r}"
            )
        if training.bf16 and not GPUS[hardware.gpu_type].has_bf16:
            raise ValueError(
                f"training_config.bf16 needs compute capability 8.0; "
                f"{hardware.gpu_type} has {GPUS[hardware.gpu_type].compute_capability}"
            )
        return self
