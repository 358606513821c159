"""``ntlbg train`` for LongVU: a stage of the published recipe, resumable.

The folder it writes holds the trained model as ``ntlbg ask --model`` reads it, and the run's
checkpoints, settings (``training.json``) and losses (``history.json``).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from transformers import PreTrainedModel, Trainer, TrainingArguments
from transformers.trainer_utils import set_seed

from ntlbg.errors import ConfigError, WeightsError
from ntlbg.files import check_folder, staged_directory, staged_file
from ntlbg.marks import json_object, json_rows
from ntlbg.models.longvu.checkpoints import FILES as MODEL
from ntlbg.models.longvu.modeling_longvu import LongVUForConditionalGeneration
from ntlbg.models.longvu.processing_longvu import LongVUProcessor
from ntlbg.models.longvu.training import LongVUCollator, add_lora, change_geometry
from ntlbg.train.checkpoints import begin, check_own, check_same_run
from ntlbg.train.longvu_data import LongVUQuestions
from ntlbg.train.longvu_settings import LongVUTraining, load_longvu_settings
from ntlbg.train.trainer import LastStepLogged, train_from

DEBUG_STEPS, DEBUG_FRAMES = 3, 8
SETTINGS_FILE, HISTORY_FILE = "training.json", "history.json"
FILES = {
    SETTINGS_FILE: json_object("settings of a training", "model_type", "stage", "geometry"),
    HISTORY_FILE: json_rows("a history of training", "step"),
}
# What a run that goes on from a checkpoint may change; all else decides what it learns.
FREE = (
    "output_dir",
    "epochs",
    "batch_size",  # the total stays
    "bf16",
    "gradient_checkpointing",
    "save_steps",
    "logging_steps",
)
Say = Callable[[str], None]


@dataclass(frozen=True)
class TrainedLongVU:
    """What a run leaves behind.

    Attributes:
        folder: the model, its processor and the run's checkpoints.
        history: mean loss at every logging step and the last one.
    """

    folder: Path
    history: list[dict]


def run(
    config: str | Path | LongVUTraining,
    output_dir: str | Path | None = None,
    *,
    debug: bool = False,
    dry_run: bool = False,
    resume: bool = True,
    say: Say = print,
) -> TrainedLongVU | None:
    """Train LongVU as the configuration says.

    Args:
        config: see ``configs/longvu_video.json``.
        output_dir: the configuration's by default.
        debug: a few steps with few frames.
        dry_run: check settings and data, load the model, and train nothing.
        resume: go on from the last checkpoint, which a run of the same settings must have left (but
            for ``FREE``); otherwise those in the folder are removed.

    Raises:
        ConfigError, DataError, VideoError, WeightsError, OutputError.
    """
    settings = config if isinstance(config, LongVUTraining) else load_longvu_settings(config)
    given = None if isinstance(config, LongVUTraining) else config
    settings = _shrunk(settings) if debug else settings
    output = Path(output_dir or settings.output_dir)
    if resume:
        check_same_run(output / SETTINGS_FILE, settings.model_dump(mode="json"), FREE)
    check_folder(output, FILES | MODEL, inputs=[given, settings.model])
    check_own(output)
    questions = LongVUQuestions(settings.data, settings.stage)
    say(f"{len(questions)} questions to train on")
    set_seed(settings.seed)
    loaded, processor = load(settings.model)
    dtype = loaded.dtype
    model = prepare(loaded, settings, autocast=settings.bf16 and torch.cuda.is_available())
    say(f"{_trained(model) / 1e6:.4g} of {_size(model) / 1e6:.4g} million weights are trained")
    if dry_run:
        LongVUCollator(processor)([questions[0]])
        say("everything is there; nothing was trained")
        return None
    arguments = _arguments(settings, output, debug)
    trainer = Trainer(
        model,
        arguments,
        train_dataset=questions,
        data_collator=LongVUCollator(processor),
        callbacks=[LastStepLogged()],
    )
    _fit(trainer, settings, output, resume=resume, say=say)
    history = [entry for entry in trainer.state.log_history if "loss" in entry]
    if trainer.is_world_process_zero():
        with staged_file(output / HISTORY_FILE, FILES[HISTORY_FILE]) as stage:
            stage.write_text(json.dumps(history, indent=1) + "\n", "utf-8")
        _save(model, processor, dtype, output)
    return TrainedLongVU(output, history)


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


def prepare(
    model: LongVUForConditionalGeneration, settings: LongVUTraining, *, autocast: bool
) -> PreTrainedModel | nn.Module:
    """The stage's grids, adapters if asked for, and what is trained in float32.

    Updates of a millionth vanish in bfloat16. What is frozen stays in its precision when
    operations are cast one by one (``autocast``), else it follows.
    """
    geometry = settings.geometry.model_dump()
    if any(getattr(model.config, key) != value for key, value in geometry.items()):
        model = _with_geometry(model, geometry)
    if settings.method == "lora":
        model = add_lora(model, settings.lora.rank, settings.lora.alpha)
    for parameter in model.parameters():
        if parameter.requires_grad or not autocast:
            parameter.data = parameter.data.float()
    return model


def _with_geometry(model, geometry: dict) -> LongVUForConditionalGeneration:
    try:
        return change_geometry(model, **geometry)
    except ValueError as error:
        raise ConfigError(f"geometry: {error}") from error


def _fit(trainer: Trainer, settings: LongVUTraining, output: Path, *, resume: bool, say: Say):
    last = begin(output, resume=resume, main_process=trainer.is_world_process_zero())
    if last is not None:
        say(f"continuing from {last.name}")
    if trainer.is_world_process_zero():
        with staged_file(output / SETTINGS_FILE, FILES[SETTINGS_FILE]) as stage:
            stage.write_text(settings.model_dump_json(indent=2) + "\n", "utf-8")
    train_from(trainer, last)


def _arguments(settings: LongVUTraining, output: Path, debug: bool) -> TrainingArguments:
    gpu = torch.cuda.is_available()
    arguments = TrainingArguments(
        str(output),
        learning_rate=settings.learning_rate,
        lr_scheduler_type=settings.lr_scheduler,
        warmup_steps=settings.warmup_share,  # below 1: a share of all steps
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_grad_norm,
        num_train_epochs=settings.epochs,
        max_steps=DEBUG_STEPS if debug else -1,
        per_device_train_batch_size=settings.batch_size,
        bf16=settings.bf16 and gpu,
        use_cpu=not gpu,
        activation_checkpointing=settings.gradient_checkpointing,
        activation_checkpointing_kwargs={"use_reentrant": False},
        save_steps=settings.save_steps,
        save_total_limit=2,
        logging_steps=settings.logging_steps,
        dataloader_num_workers=settings.data.workers,
        dataloader_pin_memory=gpu,
        remove_unused_columns=False,
        report_to=[],
        seed=settings.seed,
    )
    if arguments.n_gpu > 1:
        raise ConfigError(
            f"{arguments.n_gpu} GPUs for one process; start one for each, `torchrun "
            f"--nproc-per-node {arguments.n_gpu} -m ntlbg.cli train ...`, or show it one with "
            "CUDA_VISIBLE_DEVICES"
        )
    arguments.gradient_accumulation_steps = accumulation(settings, arguments.world_size)
    return arguments


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


def _save(model, processor: LongVUProcessor, dtype: torch.dtype, output: Path) -> None:
    """One model without adapters, in the precision it came in."""
    if hasattr(model, "merge_and_unload"):
        model = model.merge_and_unload()
    with staged_directory(output, MODEL) as stage:
        model.to(dtype).save_pretrained(stage)
        processor.save_pretrained(stage)


def _trained(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def _size(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def _shrunk(settings: LongVUTraining) -> LongVUTraining:
    """The same run with a few steps of few frames."""
    frames = min(settings.data.max_frames or DEBUG_FRAMES, DEBUG_FRAMES)
    output = settings.output_dir.with_name(f"{settings.output_dir.name}-debug")
    return settings.model_copy(
        update={
            "output_dir": output,
            "data": settings.data.model_copy(update={"max_frames": frames, "workers": 0}),
            "total_batch_size": settings.batch_size,
            "logging_steps": 1,
        }
    )
