"""Questions about videos: how they are drawn, what learns how fast, and what is validated."""

import random
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import TrainerCallback, get_scheduler

from ntlbg.config import Config
from ntlbg.datasets import DatasetItem
from ntlbg.errors import DataError, VideoError
from ntlbg.feature_loader import FeatureLoader, QuestionFeatures, load_datasets
from ntlbg.memory import setup
from ntlbg.models.ntlbg.building import build_reader
from ntlbg.models.ntlbg.checkpoints import load_reader_weights, save_reader
from ntlbg.models.ntlbg.modeling_ntlbg_vl import NtlbgVLForConditionalGeneration
from ntlbg.train import processes
from ntlbg.train.checks import Ready
from ntlbg.train.picture_objective import PictureObjective, answerer_of, features_size
from ntlbg.train.question_objective import QuestionObjective
from ntlbg.train.recipe import Say
from ntlbg.train.sharding import held, reshard
from ntlbg.train.stages import STAGES, set_stage
from ntlbg.train.stream import QuestionStream
from ntlbg.train.stream_trainer import StreamTrainer
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
TELL_SECONDS = 15.0  # between lines about how far it is: soon enough to know that it goes on
DTYPES = {"no": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


Objective = QuestionObjective | PictureObjective


class QuestionTraining:
    """The model that a configuration asks for, and what trains it.

    Args:
        ready: the configuration as this machine can train it, and the questions.
        weights: to start from instead of new parts.
        divided: each process holds a part of the model.

    Raises:
        ConfigError, DataError, VideoError, WeightsError.
    """

    def __init__(self, ready: Ready, weights: str | Path | None = None, *, divided: bool = False):
        config, self.divided = ready.config, divided
        self.config = config
        self.reader, self.sets = FeatureLoader(config), ready.sets
        items = [item for items in ready.sets for item in items]
        films = any(not one.has_features for one in items)
        size = features_size(config, self.reader, items)
        dtype = DTYPES[config.hardware_config.mixed_precision]
        model, processor = build_reader(config, size, dtype, sees=films)
        if weights is not None:
            load_reader_weights(model, weights)
        self.objective: Objective
        if isinstance(model, NtlbgVLForConditionalGeneration):
            answerer, self.reader = answerer_of(
                model, processor, config, self.reader, config.model_name
            )
            self.objective = PictureObjective(answerer, config, self.reader.index)
        else:
            self.objective = QuestionObjective(model, processor, config)

    def trainer(self, output: Path, say: Say) -> "QuestionTrainer":
        """With its checkpoints in ``output``; ``say`` is told of videos that cannot be read."""
        config, objective = self.config, self.objective
        settings, divided = config.training_config, self.divided
        if setup(config).checkpointing:
            objective.model.language_model.activation_checkpointing_enable({"use_reentrant": False})
        if isinstance(objective, PictureObjective):
            _move(objective, "cuda" if torch.cuda.is_available() else "cpu")
            self._look_at_films(say)
        validation = validation_questions(config, self.reader)
        if divided:
            _move(objective, "cpu")  # from where each process takes its part
        questions = MixedQuestions(config, self.reader, self.sets)
        args = arguments(
            output,
            settings,
            TOLD,
            endless=True,
            divided=divided,
            per_device_train_batch_size=settings.batch_size,
        )
        return QuestionTrainer(
            objective,
            args,
            QuestionStream(questions, _collate, settings.batch_size),
            divided=divided,
            say=say,
            optimizers=_optimizers(config, objective),
            callbacks=[
                _Stages(objective),
                _Validation(objective, validation, settings.eval_steps),
            ],
        )

    def _look_at_films(self, say: Say) -> None:
        """All films at once, each by one of the processes; what it makes of them is kept.

        Later the model may be divided, and films are read by other processes that have no GPU.
        """
        pairs = zip(self.config.dataset_config.train_datasets, self.sets, strict=True)
        films = {(item.source, entry.max_length): item for entry, items in pairs for item in items}
        mine = list(films.items())[processes.rank() :: processes.count()]
        began = told = time.monotonic()
        for number, ((_, max_length), item) in enumerate(mine, start=1):
            with suppress(DataError, VideoError):  # it is told when it is drawn
                self.reader.read(item, max_length)
            if (now := time.monotonic()) - told > TELL_SECONDS:
                left = (now - began) / number * (len(mine) - number)
                say(f"looked at {number} of {len(mine)} films; about {left:.0f} s left")
                told = now
        processes.wait_for_all()

    def held(self) -> str:
        """What each process holds in the last stage, which trains most."""
        set_stage(self.objective.model, "full")
        return held(self.objective, divided=self.divided)

    def save(self, output: Path) -> None:
        """A folder that every command takes."""
        save_reader(self.objective.model, self.objective.processor, output)


class QuestionTrainer(StreamTrainer, NtlbgTrainer):
    """The objective's terms, on a stream."""


class MixedQuestions:
    """Questions to draw from: a data set by its weight, then a question of it."""

    def __init__(self, config: Config, reader: FeatureLoader, sets: list[list[DatasetItem]]):
        pairs = zip(config.dataset_config.train_datasets, sets, strict=True)
        # a set that is never drawn must not take the place of what cannot be read either
        self.sets = [(entry, items) for entry, items in pairs if entry.weight]
        self.all = [(item, entry) for entry, items in self.sets for item in items]
        self.reader, self.seed = reader, config.training_config.seed

    def __len__(self) -> int:
        return len(self.all)

    def __getitem__(self, place: int) -> QuestionFeatures:
        """Raises DataError, VideoError."""
        item, entry = self.all[place]
        return self.reader.read(item, entry.max_length)

    def draw(self, number: int) -> int:
        """The place of a question."""
        draw = random.Random(f"{self.seed} {number}")
        weights = [entry.weight for entry, _ in self.sets]
        chosen = draw.choices(range(len(self.sets)), weights)[0]
        before = sum(len(items) for _, items in self.sets[:chosen])
        return before + draw.randrange(len(self.sets[chosen][1]))

    def video(self, place: int) -> str:
        """What the question at a place is about."""
        return self.all[place][0].sample.video


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
        reshard(self.objective)
        self.objective.train()
        entry = {"eval_task": sum(losses) / len(losses), "step": state.global_step}
        state.log_history.append(entry)


def _move(objective: Objective, device: str) -> None:
    objective.model.to(device)  # type: ignore[arg-type]  # transformers wraps it without its self


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
