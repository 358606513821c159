"""Settings of ``ntlbg train`` for LongVU (``configs/longvu_image.json``, ``longvu_video.json``)."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from ntlbg.config.blocks import Block, Count, CountOrZero, Positive, PositiveOrZero, Share, Text
from ntlbg.config.training_blocks import TRACKERS, Tracker


class DataSettings(Block):
    questions: tuple[Text, ...] = Field(
        min_length=1, description="files of questions, or folders of questions and what they show"
    )
    folder: Text | None = Field(
        None, description="where all videos and pictures lie; null: beside their questions"
    )
    fps: Positive = Field(1.0, description="frames read per second of video")
    max_frames: Count | None = Field(
        None, description="frames read of a video at most, evenly spread; null: as fps gives"
    )
    workers: CountOrZero = Field(0, description="processes that read videos and pictures")


class GeometrySettings(Block):
    query_grid: Count = Field(description="cells on a side of the fine token grid")
    lowres_grid: Count = Field(description="cells on a side of the coarse token grid")
    highres: bool = Field(description="whether the coarse grid is used, and fine ones where asked")
    context_length: Count = Field(description="tokens of text and video together")
    dino_threshold: Share = Field(description="frames this similar to their window are dropped")
    drop_threshold: Share = Field(description="tokens this similar to their reference are dropped")


class FullSettings(Block):
    learning_rate: Positive = Field(description="of everything but the vision towers")


class LoraSettings(Block):
    learning_rate: Positive = Field(description="of adapters, aggregator and projector")
    rank: Count = Field(16, description="of the adapters in the language model's layers")
    alpha: Count = Field(32, description="adapters count alpha / rank times")


class LongVUTraining(Block):
    """All of ``configs/longvu_image.json`` and ``configs/longvu_video.json``."""

    recipe: Literal["longvu"] = Field("longvu", description="what the file trains")
    # files of before say it by this key, and so do their runs' training.json
    model_type: Literal["longvu"] = Field("longvu", description="the same, as before")
    stage: Literal["image", "video"] = Field(
        description="image: questions about pictures; video: about videos, perhaps also pictures"
    )
    model: Text = Field(description="folder that ntlbg convert longvu, or training, wrote")
    output_dir: Path = Field(description="folder of the checkpoints and of the trained model")
    seed: CountOrZero = Field(0, description="of new weights, order and dropout")
    data: DataSettings = Field(description="what is learned from")
    geometry: GeometrySettings = Field(description="grids and thresholds, set in the model")
    method: Literal["full", "lora"] = Field(
        description="train all weights but the vision towers', or adapters"
    )
    full: FullSettings = Field(description="of the method full")
    lora: LoraSettings = Field(description="of the method lora")
    epochs: Positive = Field(1.0, description="times every question is seen")
    max_steps: Count | None = Field(None, description="updates, instead of epochs; null: epochs")
    batch_size: Count = Field(description="questions read at once by one GPU")
    total_batch_size: Count = Field(
        description="questions per update of the weights, on all GPUs: a multiple of batch_size"
    )
    lr_scheduler: Literal["cosine", "linear", "constant_with_warmup"] = Field(
        "cosine", description="course of the learning rate after the warm-up"
    )
    warmup_share: float = Field(0.03, ge=0, lt=1, description="share of the updates to warm up")
    weight_decay: PositiveOrZero = Field(0.0, description="decoupled, per unit of learning rate")
    max_grad_norm: Positive = Field(1.0, description="gradients are scaled down to this norm")
    bf16: bool = Field(True, description="compute in bfloat16 where there is a GPU")
    gradient_checkpointing: bool = Field(
        True, description="keep less for the gradient and compute it again"
    )
    save_steps: Count = Field(500, description="updates between checkpoints")
    logging_steps: Count = Field(10, description="updates between log lines")
    report_to: tuple[Tracker, ...] = Field((), description=TRACKERS)

    @model_validator(mode="after")
    def _batches_add_up(self) -> Self:
        if self.total_batch_size % self.batch_size:
            raise ValueError(
                f"total_batch_size ({self.total_batch_size}) must be a multiple of batch_size "
                f"({self.batch_size})"
            )
        return self

    @property
    def learning_rate(self) -> float:
        """Of the method."""
        return self.lora.learning_rate if self.method == "lora" else self.full.learning_rate
