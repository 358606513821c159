"""Blocks of a configuration: training, its losses, and the questions it learns from."""

from typing import Literal, Self

from pydantic import Field, model_validator

from ntlbg.config.blocks import Block, Count, CountOrZero, Positive, PositiveOrZero, Share, Text


class LossWeights(Block):
    task: PositiveOrZero = Field(1.0, description="of the answer's cross-entropy")
    ntlbg: PositiveOrZero = Field(2.0, description="of the representative points' loss")
    align: PositiveOrZero = Field(1.0, description="of the visual tokens' distance to text")
    context: PositiveOrZero = Field(0.5, description="of the predictability of the contexts")


class LossConfig(Block):
    loss_weights: LossWeights = Field(LossWeights(), description="largest weight of each term")
    weight_schedule: Literal["lambda", "static", "warmup"] = Field(
        "lambda",
        description="lambda: ntlbg falls to 0 and align rises from 0 over training; static: all "
        "constant; warmup: all but task rise over weight_warmup_steps",
    )
    weight_warmup_steps: CountOrZero = Field(0, description="updates of the schedule warmup")
    contour_weight: PositiveOrZero = Field(
        0.1, description="inside ntlbg, of the points' common ellipsoid: 0 is no constraint"
    )


# Where losses can be followed while a model trains; each a package of this name.
Tracker = Literal["tensorboard", "wandb"]
TRACKERS = (
    "also send losses there, which have to be installed: tensorboard writes into runs/ of "
    "output_dir, wandb to its service"
)


class TrainingConfig(Block):
    seed: CountOrZero = Field(0, description="of weights, order and dropout")
    batch_size: Count = Field(1, description="videos per step and GPU")
    gradient_accumulation_steps: Count = Field(32, description="steps per update of the weights")
    learning_rate: Positive = Field(5e-5, description="after the warm-up")
    weight_decay: float = Field(0.01, ge=0, description="decoupled, per unit of learning rate")
    max_steps: Count = Field(10000, description="updates of the weights")
    warmup_steps: CountOrZero = Field(1000, description="updates until the full learning rate")
    save_steps: Count = Field(500, description="updates between checkpoints")
    eval_steps: Count = Field(250, description="updates between evaluations")
    logging_steps: Count = Field(50, description="updates between log lines")
    report_to: tuple[Tracker, ...] = Field((), description=TRACKERS)
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
    cache_features: bool = Field(
        True,
        description="keep the pictures of chosen frames, and what the vision tower of base_model "
        "sees in them, in the index; 10 GiB at most, what was used least is forgotten",
    )
    remove_unused_columns: Literal[False] = Field(
        False, description="questions are handed over with all that they have; write false"
    )
    ddp_find_unused_parameters: bool = Field(
        False, description="look for parameters without gradient, in distributed training"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.warmup_steps > self.max_steps:
            raise ValueError(
                f"warmup_steps ({self.warmup_steps}) must not exceed max_steps ({self.max_steps})"
            )
        return self


class DatasetEntry(Block):
    name: Text = Field(description="what results are listed under")
    path: Text = Field(description="file of questions, or a folder of questions and videos")
    folder: Text | None = Field(
        None, description="where videos, pictures or features lie; null: beside the questions"
    )
    max_length: Count = Field(4096, description="frames read from a video at most")


class TrainDatasetEntry(DatasetEntry):
    weight: Share = Field(description="share of the training samples")
    video_types: tuple[Text, ...] = Field((), description="kinds of its videos, for people")


class DatasetConfig(Block):
    train_datasets: tuple[TrainDatasetEntry, ...] = Field(
        (
            TrainDatasetEntry(name="LongVideoBench", path="data/longvideo_bench", weight=0.4),
            TrainDatasetEntry(name="Video-MME", path="data/video_mme", weight=0.3),
            TrainDatasetEntry(name="MLVU", path="data/mlvu", weight=0.3),
        ),
        description="weights sum to 1",
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
