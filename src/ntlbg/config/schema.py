"""Schema of ``configs/*.json``: every key, its unit and its range. Each model is one block."""

from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from ntlbg.config.blocks import (
    OWN_BASES,
    Block,
    Count,
    ModelConfig,
    RichPointConfig,
    Text,
    VideoConfig,
)
from ntlbg.config.menus import GPUS, LEVELS
from ntlbg.config.training_blocks import DatasetConfig, LossConfig, TrainingConfig

SCHEMA_VERSION: Literal[1] = 1
GpuName = Literal["V100_32GB", "A100_40GB", "A100_80GB", "RTX_4090", "L4", "H100_80GB", "H200"]
Metric = Literal[
    "accuracy",
    "temporal_consistency",
    "long_video_comprehension",
    "grounding_precision",
    "inference_speed",
]


class MemoryOptimization(Block):
    activation_checkpointing: bool = Field(
        True, description="recompute activations; model_config.ntlbg_gradient_checkpointing says it"
    )
    gradient_checkpointing: bool = Field(True, description="the same, by its other name")
    cpu_offload: Literal[False] = Field(
        False,
        description="optimizer states are where the trained weights are; write false, and for less "
        "memory see ntlbg config optimize",
    )
    zero_stage: Literal[0] = Field(
        0,
        description="of DeepSpeed, which is not used; write 0, and for less memory see "
        "distributed_training.strategy and ntlbg config optimize",
    )


class DistributedTraining(Block):
    strategy: Literal["ddp", "fsdp"] = Field(
        "ddp", description="of several processes: ddp, a whole model in each; fsdp, a part of it"
    )
    find_unused_parameters: bool = Field(
        False, description="as training_config.ddp_find_unused_parameters says"
    )
    gradient_as_bucket_view: Literal[False] = Field(
        False, description="gradients are copied to be sent; write false"
    )


class HardwareConfig(Block):
    gpu_type: GpuName = Field("A100_40GB", description="key of GPUS")
    num_gpus: Count | None = Field(
        None,
        description="GPUs that training runs on, which are all that it sees; null: however many",
    )
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
        (),
        description="the test_datasets to evaluate, by how their names begin; none named: all",
    )
    target_performance: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(
        {"LongVideoBench": 0.70, "Video-MME": 0.65, "MLVU": 0.68},
        description="accuracy aimed at, by how the name of a test data set begins; not a result; "
        "0 to 1",
    )

    def names(self, dataset: str) -> bool:
        """Whether a test data set of this name is evaluated."""
        return not self.benchmark_datasets or dataset.startswith(self.benchmark_datasets)

    def target(self, dataset: str) -> float | None:
        """The accuracy aimed at on a test data set of this name."""
        aims = (aim for name, aim in self.target_performance.items() if dataset.startswith(name))
        return next(aims, None)


class Variant(Block):
    description: str = Field("", description="for people")
    max_frames: Count = Field(description="frames read from a video at most")
    num_representatives: Count = Field(description="frames chosen of a video at most")
    batch_size: Count = Field(description="videos per step and GPU")
    gradient_accumulation_steps: Count = Field(description="steps per update of the weights")
    gpu_memory_requirement: str = Field(
        pattern=r"^[1-9]\d*GB$", description="memory of the GPU it was drawn up for, as in 40GB"
    )


class Config(Block):
    """A whole configuration file; ``Config()`` holds the defaults."""

    recipe: Literal["ntlbg"] = Field("ntlbg", description="what the file trains")
    schema_version: Literal[1] = Field(SCHEMA_VERSION, description="of the keys and their meaning")
    model_name: Text = Field("ntlbg_longvideo", description="what results are listed under")
    description: str = Field("Questions about videos of 10 to 20 minutes", description="for people")
    version: str = Field(
        "1.0.0", pattern=r"^\d+\.\d+\.\d+$", description="of this file, for people"
    )
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
        {}, description="the levels of ntlbg config generate, as they are; none need be written"
    )

    @model_validator(mode="after")
    def _number_format_is_to_be_had(self) -> Self:
        training, gpu_type = self.training_config, self.hardware_config.gpu_type
        if training.fp16 and not self.model.lora_rank:
            raise ValueError(
                "model_config.lora_rank 0 trains all weights, which float16 is too coarse for; set "
                "a lora_rank, or training_config.bf16, or neither fp16 nor bf16"
            )
        if training.bf16 and not GPUS[gpu_type].has_bf16:
            raise ValueError(
                f"training_config.bf16 needs compute capability 8.0; {gpu_type} has "
                f"{GPUS[gpu_type].compute_capability}; name another GPU in "
                "hardware_config.gpu_type, or leave bf16 false"
            )
        return self

    @model_validator(mode="after")
    def _benchmarks_are_test_sets(self) -> Self:
        names = [entry.name for entry in self.dataset_config.test_datasets]
        for benchmark in self.evaluation_config.benchmark_datasets:
            if not any(name.startswith(benchmark) for name in names):
                raise ValueError(
                    f"evaluation_config.benchmark_datasets names {benchmark!r}, and of the "
                    f"test_datasets in dataset_config ({', '.join(names) or 'none'}) none begins "
                    "so; add one, or leave the name out"
                )
        return self

    @model_validator(mode="after")
    def _variants_are_the_levels(self) -> Self:
        for name, variant in self.longvideo_variants.items():
            level = LEVELS[name]
            for key, value in variant:
                if key != "description" and value != getattr(level, key):
                    raise ValueError(
                        f"longvideo_variants.{name}.{key} is {value}, and the level {name} has "
                        f"{getattr(level, key)}; leave longvideo_variants out, and write what is "
                        "to be trained into video_config and training_config"
                    )
        return self

    def hints(self) -> list[str]:
        """One line for each number that is allowed and does less than one may think."""
        video, found = self.video_config, []
        reached = video.covered(video.max_frames)
        if video.num_representatives > reached:
            found.append(
                f"video_config.num_representatives is {video.num_representatives} and is never "
                f"reached: of max_frames {video.max_frames}, coverage_ratio "
                f"{video.coverage_ratio} and the keys beside it give {reached}"
            )
        if self.model.base_model in OWN_BASES:
            found += self._unread()
        points = self.model.rich_point_config
        if self.model.base_model == "builtin" and points != RichPointConfig():
            found.append(
                "model_config.rich_point_config changes nothing of base_model builtin, which has "
                "rich points of its own"
            )
        return found

    def _unread(self) -> list[str]:
        """What only a vision-language model reads, where it is not the default."""
        plain = Config()
        values = {
            "video_config.frame_resolution": lambda one: one.video_config.frame_resolution,
            "video_config.max_visual_tokens": lambda one: one.video_config.max_visual_tokens,
            "model_config.compress": lambda one: one.model.compress,
            "training_config.cache_features": lambda one: one.training_config.cache_features,
        }
        return [
            f"{key} changes nothing of base_model {self.model.base_model}, which reads features of "
            "frames and no pictures"
            for key, value in values.items()
            if value(self) != value(plain)
        ]
