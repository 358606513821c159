"""Training on the data sets of a configuration file such as ``configs/longvideo_config.json``.

A third of the steps each: representation (NTLBG's parts alone), joint (with the language model, or
its adapters), full (with the vision tower, from the pixels of the chosen frames).
"""

import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import IterableDataset, get_worker_info
from transformers import TrainerCallback, TrainingArguments, get_scheduler
from transformers.trainer_utils import set_seed

from ntlbg.config import Config, changed, load_config, to_json
from ntlbg.config.derive import Say
from ntlbg.datasets import Item
from ntlbg.files import check_folder, staged_file
from ntlbg.marks import CONFIGURATION, json_object, json_rows
from ntlbg.memory import setup
from ntlbg.models.ntlbg.building import build_reader
from ntlbg.models.ntlbg.checkpoints import FILES as MODEL
from ntlbg.models.ntlbg.checkpoints import load_reader_weights, save_reader
from ntlbg.reading import Read, VideoReader, items_of
from ntlbg.train.checkpoints import begin, check_own, check_same_run
from ntlbg.train.checks import check, shrunk
from ntlbg.train.question_objective import QuestionObjective
from ntlbg.train.stages import STAGES, set_stage
from ntlbg.train.trainer import NtlbgTrainer, train_from

OPTIMIZERS = {
    "AdamW": torch.optim.AdamW,
    "Adam": torch.optim.Adam,
    "SGD": torch.optim.SGD,
    "RMSprop": torch.optim.RMSprop,
}
# Of the learning rate, for the vision tower: as published for LLaVA-OneVision (2e-6 to 1e-5,
# arXiv:2408.03326).
TOWER_RATE = 0.2
DTYPES = {"no": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
SETTINGS_FILE, HISTORY_FILE = "training.json", "history.json"
USED_FILE = "training_config.json"
FILES = {
    SETTINGS_FILE: json_object("settings of a training", "weights", "training_config"),
    USED_FILE: CONFIGURATION,
    HISTORY_FILE: json_rows("a history of training", "step"),
} | MODEL
# What a run that goes on from a checkpoint may change; all else decides what it learns.
FREE = (
    "model_name",
    "description",
    "version",
    "output_dir",
    "dataset_config.val_datasets",
    "dataset_config.test_datasets",
    "hardware_config",
    "evaluation_config",
    "longvideo_variants",
    "training_config.max_steps",
    "training_config.warmup_steps",
    "training_config.save_steps",
    "training_config.eval_steps",
    "training_config.logging_steps",
    "training_config.dataloader_num_workers",
    "training_config.dataloader_pin_memory",
)


@dataclass(frozen=True)
class Trained:
    """What a run leaves behind.

    Attributes:
        folder: the model, for ``ntlbg ask --model``.
        history: mean loss and terms at every logging step and the last one.
    """

    folder: Path
    history: list[dict]


def run(
    config: str | Path | Config,
    *,
    overrides: Iterable[str] = (),
    output_dir: str | Path | None = None,
    weights: str | Path | None = None,
    debug: bool = False,
    dry_run: bool = False,
    resume: bool = True,
    say: Say = print,
) -> Trained | None:
    """Train, or with ``dry_run`` check data, model and memory, tell of them, and train nothing.

    Where a step would not fit this machine's memory, the configuration is changed until it does,
    and the changes are told.

    Args:
        overrides: ``path.to.key=value`` each, put into the file.
        weights: go on from these instead of new parts.
        debug: a few steps with few frames.
        resume: go on from the last checkpoint of ``output_dir``, which a run of the same settings
            must have left (but for ``FREE``); otherwise checkpoints there are removed.

    Raises:
        NotReadyError: data, memory or weights are missing: all that is, in one line.
        ConfigError, DataError, VideoError, WeightsError, OutputError.
    """
    given = None if isinstance(config, Config) else config
    config = config if isinstance(config, Config) else load_config(config, overrides, say)
    config = shrunk(config) if debug else config
    output, asked = Path(output_dir or config.output_dir), _asked(config, weights)
    if resume:
        check_same_run(output / SETTINGS_FILE, asked, FREE)
    check_folder(output, FILES, inputs=[given, weights])
    check_own(output)
    ready = check(config, say, given=given, tell_all=dry_run)
    config, sets = ready.config, ready.sets
    reader = VideoReader(config)
    say(f"{sum(map(len, sets))} questions to train on, from {len(sets)} data sets")
    set_seed(config.training_config.seed)
    items = [item for items in sets for item in items]
    size, films = reader.feature_size(items), any(not item.has_features for item in items)
    dtype = DTYPES[config.hardware_config.mixed_precision]
    model, processor = build_reader(config, size, dtype, sees=films)
    if weights is not None:
        load_reader_weights(model, weights)
    objective = QuestionObjective(model, processor, config)
    if dry_run:
        say("everything is there; nothing was trained")
        return None
    data = MixedQuestions(config, reader, sets)
    trainer = _trainer(config, objective, data, reader, output)
    last = begin(output, resume=resume, main_process=trainer.is_world_process_zero())
    if last is not None:
        say(f"continuing from {last.name}")
    if trainer.is_world_process_zero():
        _write_settings(output, asked, config)
    return _fit(trainer, objective, last, output)


def _asked(config: Config, weights: str | Path | None) -> dict[str, Any]:
    """What a run starts from, before it is changed to fit the machine of the day."""
    start = None if weights is None else str(Path(weights).resolve())
    return {**config.model_dump(by_alias=True, mode="json"), "weights": start}


def _write_settings(output: Path, asked: dict[str, Any], config: Config) -> None:
    """As asked for, which a run that goes on is compared with, and as used."""
    with staged_file(output / SETTINGS_FILE, FILES[SETTINGS_FILE]) as stage:
        stage.write_text(json.dumps(asked, indent=2) + "\n", "utf-8")
    with staged_file(output / USED_FILE, CONFIGURATION) as stage:
        stage.write_text(to_json(config), "utf-8")


class MixedQuestions(IterableDataset):
    """Endless questions: a data set by its weight, then a question of it."""

    def __init__(self, config: Config, reader: VideoReader, sets: list[list[Item]]):
        self.entries, self.sets = config.dataset_config.train_datasets, sets
        self.reader, self.seed = reader, config.training_config.seed

    def __iter__(self) -> Iterator[Read]:
        worker = get_worker_info()
        draw = random.Random(f"{self.seed} {worker.id if worker else 0}")
        weights = [entry.weight for entry in self.entries]
        while True:
            number = draw.choices(range(len(self.sets)), weights)[0]
            item = draw.choice(self.sets[number])
            yield self.reader.read(item, self.entries[number].max_length)


class _Stages(TrainerCallback):
    """Lets train what the stage of a step trains."""

    def __init__(self, objective: QuestionObjective):
        self.objective, self.current = objective, None

    def on_step_begin(self, args, state, control, **kwargs):
        number = min(len(STAGES) - 1, state.global_step * len(STAGES) // max(1, state.max_steps))
        name = list(STAGES)[number]
        if name != self.current:
            set_stage(self.objective.model, name)
            self.objective.pixels = STAGES[name].pixels
            self.current = name


class _Validation(TrainerCallback):
    """Mean loss on the validation questions, every ``eval_steps``."""

    def __init__(self, objective: QuestionObjective, questions: list[Read], every: int):
        self.objective, self.questions, self.every = objective, questions, every

    @torch.no_grad()
    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step % self.every or not self.questions:
            return
        self.objective.eval()
        losses = [float(self.objective([item])["terms"]["task"]) for item in self.questions]
        self.objective.train()
        entry = {"eval_task": sum(losses) / len(losses), "step": state.global_step}
        state.log_history.append(entry)


def _collate(items: list[Read]) -> dict:
    """The questions as they are, and a tensor that says how many."""
    return {"count": torch.ones(len(items)), "items": items}


def _trainer(
    config: Config,
    objective: QuestionObjective,
    data: MixedQuestions,
    reader: VideoReader,
    output: Path,
) -> NtlbgTrainer:
    if setup(config).checkpointing:
        objective.model.language_model.activation_checkpointing_enable({"use_reentrant": False})
    validation = validation_questions(config, reader)
    return NtlbgTrainer(
        objective,
        _arguments(config, output),
        train_dataset=data,
        data_collator=_collate,
        optimizers=_optimizers(config, objective),
        callbacks=[
            _Stages(objective),
            _Validation(objective, validation, config.training_config.eval_steps),
        ],
    )


def _fit(
    trainer: NtlbgTrainer, objective: QuestionObjective, last: Path | None, output: Path
) -> Trained:
    train_from(trainer, last)
    history = [entry for entry in trainer.state.log_history if {"loss", "eval_task"} & set(entry)]
    with staged_file(output / HISTORY_FILE, FILES[HISTORY_FILE]) as stage:
        stage.write_text(json.dumps(history, indent=1), "utf-8")
    return Trained(save_reader(objective.model, objective.processor, output), history)


def validation_questions(config: Config, reader: VideoReader) -> list[Read]:
    """Of the validation sets that are there; they are not needed to train."""
    entries = config.dataset_config.val_datasets
    there = tuple(entry for entry in entries if Path(entry.path).exists())
    sets = zip(there, items_of(there), strict=True)
    return [reader.read(item, entry.max_length) for entry, items in sets for item in items]


def _optimizers(config: Config, objective: QuestionObjective):
    settings = config.training_config
    set_stage(objective.model, "full")  # the last stage trains whatever any stage trains
    parts: dict[bool, list[nn.Parameter]] = {False: [], True: []}
    for name, parameter in objective.named_parameters():
        if parameter.requires_grad:
            parts[".vision_tower." in name].append(parameter)
    rate = settings.learning_rate
    groups: list[dict[str, Any]] = [
        {"params": parts[False]},
        {"params": parts[True], "lr": TOWER_RATE * rate},
    ]
    optimizer = OPTIMIZERS[settings.optimizer](
        [group for group in groups if group["params"]], lr=rate, weight_decay=settings.weight_decay
    )
    schedule = get_scheduler(
        settings.lr_scheduler, optimizer, settings.warmup_steps, settings.max_steps
    )
    return optimizer, schedule


def _arguments(config: Config, output: Path) -> TrainingArguments:
    settings, gpu = config.training_config, torch.cuda.is_available()
    return TrainingArguments(
        str(output),
        max_steps=settings.max_steps,
        per_device_train_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.gradient_accumulation_steps,
        max_grad_norm=settings.max_grad_norm,
        logging_steps=settings.logging_steps,
        save_steps=settings.save_steps,
        save_total_limit=2,
        fp16=settings.fp16 and gpu,
        use_cpu=not gpu,
        dataloader_num_workers=settings.dataloader_num_workers,
        dataloader_pin_memory=settings.dataloader_pin_memory and gpu,
        remove_unused_columns=settings.remove_unused_columns,
        ddp_find_unused_parameters=settings.ddp_find_unused_parameters,
        ignore_data_skip=True,  # data is endless: a resumed run draws fresh questions
        label_names=[],
        report_to=[],
        seed=settings.seed,
    )


def with_epochs(config: Config, epochs: float) -> Config:
    """The configuration with as many steps as see every training question ``epochs`` times."""
    sets = items_of(config.dataset_config.train_datasets)
    settings = config.training_config
    videos = settings.batch_size * settings.gradient_accumulation_steps
    steps = max(1, round(epochs * sum(map(len, sets)) / videos))
    warmup = min(settings.warmup_steps, steps // 10)
    keys = {"training_config.max_steps": steps, "training_config.warmup_steps": warmup}
    return changed(config, keys)
