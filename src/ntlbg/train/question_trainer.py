"""Questions about videos: how they are drawn, what learns how fast, and what is validated."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import IterableDataset, get_worker_info
from transformers import TrainerCallback, get_scheduler

from ntlbg.answerers.ntlbg_folder import habits_of
from ntlbg.answerers.ntlbg_vl import vl_answerer
from ntlbg.config import Config
from ntlbg.datasets import DatasetItem
from ntlbg.encoders.base_tower import BaseTowerEncoder
from ntlbg.feature_loader import FeatureLoader, QuestionFeatures, load_datasets
from ntlbg.memory import setup
from ntlbg.models.ntlbg.building import build_reader
from ntlbg.models.ntlbg.checkpoints import load_reader_weights, save_reader
from ntlbg.models.ntlbg.modeling_ntlbg_vl import NtlbgVLForConditionalGeneration
from ntlbg.train.checks import Ready
from ntlbg.train.picture_objective import PictureObjective
from ntlbg.train.question_objective import QuestionObjective
from ntlbg.train.stages import STAGES, set_stage
from ntlbg.train.trainer import NtlbgTrainer, arguments

OPTIMIZERS = {
    "AdamW": torch.optim.AdamW,
    "Adam": torch.optim.Adam,
    "SGD": torch.optim.SGD,
    "RMSprop": torch.optim.RMSprop,
}
# Of the learning rate, for the vision tower: as published for LLaVA-OneVision (2e-6 to 1e-5,
# arXiv:2408.03326).
TOWER_RATE = 0.2
# Keys that the Trainer calls as the configuration does.
TOLD = ("max_steps", "gradient_accumulation_steps", "max_grad_norm", "logging_steps", "save_steps",
        "fp16", "dataloader_num_workers", "dataloader_pin_memory", "remove_unused_columns",
        "ddp_find_unused_parameters", "seed")  # fmt: skip
DTYPES = {"no": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


Objective = QuestionObjective | PictureObjective


class QuestionTraining:
    """The model that a configuration asks for, and what trains it.

    Args:
        ready: the configuration as this machine can train it, and the questions.
        weights: to start from instead of new parts.

    Raises:
        ConfigError, DataError, VideoError, WeightsError.
    """

    def __init__(self, ready: Ready, weights: str | Path | None = None):
        config = self.config = ready.config
        self.reader, self.sets = FeatureLoader(config), ready.sets
        items = [item for items in ready.sets for item in items]
        films = any(not one.has_features for one in items)
        own = config.model.feature_encoder == BaseTowerEncoder.name
        size = None if own else self.reader.feature_size(items)
        dtype = DTYPES[config.hardware_config.mixed_precision]
        model, processor = build_reader(config, size, dtype, sees=films)
        if weights is not None:
            load_reader_weights(model, weights)
        self.objective: Objective
        if isinstance(model, NtlbgVLForConditionalGeneration):
            self.objective = self._of_pictures(model, processor, own)
        else:
            self.objective = QuestionObjective(model, processor, config)

    def _of_pictures(self, model, processor, own: bool) -> PictureObjective:
        """Where the base model's own tower makes features, it does so for all videos now."""
        video = self.config.video_config
        answerer = vl_answerer(
            model, processor, None if own else self.reader.encoder, habits_of(video),
            name=self.config.model_name, weights="", resolution=video.frame_resolution,
        )  # fmt: skip
        if own:
            [encoder] = answerer.retriever.encoders
            self.reader = FeatureLoader(self.config, encoder=encoder)
        return PictureObjective(answerer, self.config, self.reader.index)

    def trainer(self, output: Path) -> NtlbgTrainer:
        """With its checkpoints in ``output``."""
        config, objective = self.config, self.objective
        if setup(config).checkpointing:
            objective.model.language_model.activation_checkpointing_enable({"use_reentrant": False})
        validation = validation_questions(config, self.reader)
        return NtlbgTrainer(
            objective,
            arguments(
                output,
                config.training_config,
                TOLD,
                endless=True,
                per_device_train_batch_size=config.training_config.batch_size,
            ),
            train_dataset=MixedQuestions(config, self.reader, self.sets),
            data_collator=_collate,
            optimizers=_optimizers(config, objective),
            callbacks=[
                _Stages(objective),
                _Validation(objective, validation, config.training_config.eval_steps),
            ],
        )

    def save(self, output: Path) -> None:
        """A folder that every command takes."""
        save_reader(self.objective.model, self.objective.processor, output)


class MixedQuestions(IterableDataset):
    """Endless questions: a data set by its weight, then a question of it."""

    def __init__(self, config: Config, reader: FeatureLoader, sets: list[list[DatasetItem]]):
        self.entries, self.sets = config.dataset_config.train_datasets, sets
        self.reader, self.seed = reader, config.training_config.seed

    def __iter__(self) -> Iterator[QuestionFeatures]:
        worker = get_worker_info()
        draw = random.Random(f"{self.seed} {worker.id if worker else 0}")
        weights = [entry.weight for entry in self.entries]
        while True:
            number = draw.choices(range(len(self.sets)), weights)[0]
            item = draw.choice(self.sets[number])
            yield self.reader.read(item, self.entries[number].max_length)


class _Stages(TrainerCallback):
    """Lets train what the stage of a step trains."""

    def __init__(self, objective: Objective):
        self.objective, self.current = objective, None

    def on_step_begin(self, args, state, control, **kwargs):
        number = min(len(STAGES) - 1, state.global_step * len(STAGES) // max(1, state.max_steps))
        name = list(STAGES)[number]
        if not (STAGES[name].language_model or self.objective.has_parts):
            name = "joint"  # there is nothing else to train
        if name != self.current:
            set_stage(self.objective.model, name)
            self.objective.pixels = STAGES[name].pixels
            self.current = name


class _Validation(TrainerCallback):
    """Mean loss on the validation questions, every ``eval_steps``."""

    def __init__(self, objective: Objective, questions: list[QuestionFeatures], every: int):
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


def _collate(items: list[QuestionFeatures]) -> dict:
    """The questions as they are, and a tensor that says how many."""
    return {"count": torch.ones(len(items)), "items": items}


def validation_questions(config: Config, reader: FeatureLoader) -> list[QuestionFeatures]:
    """Of the validation sets that are there; they are not needed to train."""
    entries = config.dataset_config.val_datasets
    there = tuple(entry for entry in entries if Path(entry.path).exists())
    sets = zip(there, load_datasets(there), strict=True)
    return [reader.read(item, entry.max_length) for entry, items in sets for item in items]


def _optimizers(config: Config, objective: Objective):
    settings = config.training_config
    set_stage(objective.model, "full")  # the last stage trains whatever any stage trains
    parts: dict[bool, list[nn.Parameter]] = {False: [], True: []}
    for name, parameter in objective.named_parameters():
        if parameter.requires_grad:
            parts[_sees(objective, name)].append(parameter)
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


def _sees(objective: Objective, name: str) -> bool:
    return name.removeprefix("model.").startswith(objective.model.tower_names)
