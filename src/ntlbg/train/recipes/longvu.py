"""LongVU, by a stage of the published recipe: ``configs/longvu_*.json``."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from transformers import TrainingArguments

from ntlbg.errors import ConfigError, WeightsError
from ntlbg.files import staged_directory
from ntlbg.marks import json_object
from ntlbg.models.longvu.checkpoints import FILES as MODEL
from ntlbg.models.longvu.modeling_longvu import LORA_TARGETS, LongVUForConditionalGeneration
from ntlbg.models.longvu.processing_longvu import LongVUProcessor
from ntlbg.models.longvu.training import LongVUCollator, change_geometry
from ntlbg.models.lora import adapter_settings
from ntlbg.train import processes
from ntlbg.train.longvu_data import LongVUQuestions
from ntlbg.train.longvu_settings import LongVUTraining
from ntlbg.train.recipe import (
    HISTORY,
    HISTORY_FILE,
    SETTINGS_FILE,
    OneStage,
    Say,
    check_trackers,
)
from ntlbg.train.sharding import held
from ntlbg.train.stream import QuestionStream
from ntlbg.train.stream_trainer import StreamTrainer
from ntlbg.train.trainer import arguments

if TYPE_CHECKING:
    from peft import PeftModel

DEBUG_STEPS, DEBUG_FRAMES = 3, 8
# What is trained beside the adapters, as it is.
PARTS = ("aggregator", "multi_modal_projector")

# Keys that the Trainer calls as the configuration does.
TOLD = ("learning_rate", "weight_decay", "max_grad_norm", "bf16", "save_steps", "logging_steps",
        "seed")  # fmt: skip


class LongVURecipe(OneStage[LongVUTraining]):
    """All weights but the vision towers', or adapters.

    Args:
        fsdp: each process holds a part of the model.
    """

    schema, options = LongVUTraining, ("fsdp",)
    free = (
        "recipe",
        "model_type",
        "output_dir",
        "epochs",
        "max_steps",
        "batch_size",  # the total stays
        "bf16",
        "gradient_checkpointing",
        "save_steps",
        "logging_steps",
        "report_to",
    )

    files = {
        SETTINGS_FILE: json_object("settings of a training", "model_type", "stage", "geometry"),
        HISTORY_FILE: HISTORY,
    } | MODEL

    def __init__(self, settings: LongVUTraining, fsdp: bool | None = None):
        super().__init__(settings, inputs=[settings.model])
        self.divided = bool(fsdp)

    @staticmethod
    def debug_changes(settings: LongVUTraining) -> dict[str, Any]:
        return {
            "data.max_frames": min(settings.data.max_frames or DEBUG_FRAMES, DEBUG_FRAMES),
            "data.workers": 0,
            "max_steps": DEBUG_STEPS,
            "total_batch_size": settings.batch_size,
            "logging_steps": 1,
        }

    def check(self, say: Say, *, given: Path | None, tell_all: bool) -> None:
        check_trackers(self.settings.report_to)

    def build(self, say: Say, *, dry_run: bool) -> None:
        settings = self.settings
        self.questions = LongVUQuestions(
            settings.data, settings.stage, settings.seed, settings.batch_size
        )
        say(f"{len(self.questions)} questions to train on")
        model, self.processor = load(settings.model)
        self.dtype = model.dtype
        autocast = settings.bf16 and torch.cuda.is_available()
        self.model = prepare(model, settings, autocast=autocast)
        trained = _size(self.model, trained=True)
        say(f"{trained / 1e6:.4g} of {_size(self.model) / 1e6:.4g} million weights are trained")
        if dry_run or processes.count() > 1:
            say(held(self.model, divided=self.divided))
        if dry_run:
            LongVUCollator(self.processor)([self.questions[0]])

    def trainer(self, output: Path, say: Say) -> StreamTrainer:
        questions, settings = self.questions, self.settings
        collate = LongVUCollator(self.processor)
        return StreamTrainer(
            self.model,
            _arguments(settings, output, questions.per_epoch, divided=self.divided),
            QuestionStream(questions, collate, settings.batch_size),
            divided=self.divided,
            say=say,
            epoch=questions.per_epoch,
        )

    def save(self, output: Path) -> None:
        """One model without adapters, in the precision it came in."""
        model = self.model
        if not isinstance(model, LongVUForConditionalGeneration):
            model = model.merge_and_unload()
        with staged_directory(output, MODEL) as stage:
            # transformers wraps `to` without its self
            model.to(self.dtype).save_pretrained(stage)  # type: ignore[arg-type]
            self.processor.save_pretrained(stage)


def load(folder: str | Path) -> tuple[LongVUForConditionalGeneration, LongVUProcessor]:
    """Model and processor, in the precision they are kept in.

    Raises:
        WeightsError: one of them cannot be loaded.
    """
    advice = "make one with `ntlbg convert longvu`"
    if not Path(folder).is_dir():  # else it would be looked for on the hub
        raise WeightsError(f"model: got {str(folder)!r}; there is no such folder, {advice}")
    try:
        model = LongVUForConditionalGeneration.from_pretrained(folder, dtype="auto")
        return model, LongVUProcessor.from_pretrained(folder)
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"{folder}: no LongVU model with its tokenizer ({error}); {advice}"
        ) from error


def add_lora(model: LongVUForConditionalGeneration, rank: int, alpha: int | None = None):
    """Adapters in the language model's layers; projector and aggregator are trained as they are."""
    from peft import get_peft_model

    chosen = {"target_modules": LORA_TARGETS, "modules_to_save": list(PARTS)}
    return get_peft_model(model, adapter_settings(rank, alpha, **chosen))


def prepare(
    model: LongVUForConditionalGeneration, settings: LongVUTraining, *, autocast: bool
) -> "LongVUForConditionalGeneration | PeftModel":
    """The stage's grids, adapters if asked for, and what is trained in float32.

    Updates of a millionth vanish in bfloat16. What is frozen stays in its precision when
    operations are cast one by one (``autocast``), else it follows.
    """
    geometry = settings.geometry.model_dump()
    if any(getattr(model.config, key) != value for key, value in geometry.items()):
        try:
            model = change_geometry(model, **geometry)
        except ValueError as error:
            raise ConfigError(f"geometry: {error}") from error
    if settings.method == "lora":
        model = add_lora(model, settings.lora.rank, settings.lora.alpha)
    for parameter in model.parameters():
        if parameter.requires_grad or not autocast:
            parameter.data = parameter.data.float()
    return model


def _arguments(
    settings: LongVUTraining, output: Path, per_epoch: int, *, divided: bool
) -> TrainingArguments:
    steps = math.ceil(settings.epochs * per_epoch / settings.total_batch_size)
    made = arguments(
        output,
        settings,
        TOLD,
        endless=True,
        divided=divided,
        lr_scheduler_type=settings.lr_scheduler,
        warmup_steps=settings.warmup_share,  # below 1: a share of all steps
        max_steps=settings.max_steps or steps,
        per_device_train_batch_size=settings.batch_size,
        activation_checkpointing=settings.gradient_checkpointing,
        activation_checkpointing_kwargs={"use_reentrant": False},
        dataloader_num_workers=settings.data.workers,
        # stills leave other parts aside than films
        ddp_find_unused_parameters=True,
    )
    made.gradient_accumulation_steps = accumulation(settings, made.world_size)
    return made


def accumulation(settings: LongVUTraining, processes: int) -> int:
    """Batches per update, so that all processes together read ``total_batch_size``.

    Raises:
        ConfigError: they cannot share it evenly.
    """
    steps, rest = divmod(settings.total_batch_size, settings.batch_size * processes)
    if rest or not steps:
        raise ConfigError(
            f"total_batch_size: got {settings.total_batch_size}; {processes} processes with a "
            f"batch_size of {settings.batch_size} need a multiple of "
            f"{settings.batch_size * processes}"
        )
    return steps


def _size(model: nn.Module, *, trained: bool = False) -> int:
    return sum(p.numel() for p in model.parameters() if p.requires_grad or not trained)
