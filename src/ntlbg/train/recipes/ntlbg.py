"""NTLBG with a language model of one's choice, on data sets: ``configs/longvideo_config.json``.

A third of the steps each: representation (NTLBG's parts alone), joint (with the language model, or
its adapters), full (with the vision tower, from the pixels of the chosen frames). Importing this is
quick: what is missing is told before anything heavy is loaded.
"""

from pathlib import Path
from typing import Any

from ntlbg.config import Config, changed, to_json
from ntlbg.errors import ConfigError
from ntlbg.feature_loader import load_datasets
from ntlbg.files import Kinds, staged_file
from ntlbg.marks import CONFIGURATION, json_object
from ntlbg.train import processes
from ntlbg.train.checks import check
from ntlbg.train.model_card import CARD_FILE, write_card
from ntlbg.train.recipe import (
    HISTORY,
    HISTORY_FILE,
    SETTINGS_FILE,
    OneStage,
    Say,
    check_trackers,
)

DEBUG_STEPS, DEBUG_FRAMES = 3, 16
USED_FILE = "training_config.json"


class NtlbgRecipe(OneStage[Config]):
    """The settings are changed to what fits the machine of the day, which is told.

    Args:
        weights: start from these instead of new parts.
        fsdp: the strategy is fsdp, whatever the settings say.
    """

    schema, seed_key = Config, "training_config.seed"
    options = ("weights", "fsdp")
    free = (
        "recipe",
        "model_name",
        "description",
        "version",
        "output_dir",
        "dataset_config.val_datasets",
        "dataset_config.test_datasets",
        "hardware_config",
        "evaluation_config",
        "longvideo_variants",
        "training_config.gradient_accumulation_steps",  # the questions of an update stay
        "training_config.max_steps",
        "training_config.warmup_steps",
        "training_config.save_steps",
        "training_config.eval_steps",
        "training_config.logging_steps",
        "training_config.report_to",
        "training_config.dataloader_num_workers",
        "training_config.dataloader_pin_memory",
    )

    def __init__(
        self, settings: Config, weights: str | Path | None = None, fsdp: bool | None = None
    ):
        if fsdp:
            settings = changed(settings, {"hardware_config.distributed_training.strategy": "fsdp"})
        super().__init__(settings, inputs=[weights])
        self.weights = weights
        self.divided = settings.hardware_config.distributed_training.strategy == "fsdp"

    @staticmethod
    def debug_changes(settings: Config) -> dict[str, Any]:
        video, training = settings.video_config, settings.training_config
        return {
            "video_config.max_frames": min(video.max_frames, DEBUG_FRAMES * 4),
            "video_config.num_representatives": min(video.num_representatives, DEBUG_FRAMES),
            "training_config.max_steps": min(training.max_steps, DEBUG_STEPS),
            "training_config.warmup_steps": 0,
            "training_config.gradient_accumulation_steps": 1,
            "training_config.logging_steps": 1,
            "training_config.dataloader_num_workers": 0,
        }

    @property
    def files(self) -> Kinds:
        from ntlbg.models.ntlbg.checkpoints import FILES

        return {
            SETTINGS_FILE: json_object("settings of a training", "weights", "training_config"),
            USED_FILE: CONFIGURATION,
            HISTORY_FILE: HISTORY,
        } | FILES

    def asked(self) -> dict[str, Any]:
        start = None if self.weights is None else str(Path(self.weights).resolve())
        training = self.settings.training_config
        each = training.batch_size * training.gradient_accumulation_steps * processes.count()
        return super().asked() | {"weights": start, "questions_per_update": each}

    def check(self, say: Say, *, given: Path | None, tell_all: bool) -> None:
        check_trackers(self.settings.training_config.report_to)
        self.ready = check(self.settings, say, given=given, tell_all=tell_all)
        if self.divided and self.ready.config.hardware_config.mixed_precision == "fp16":
            raise ConfigError(
                "--fsdp (strategy fsdp): float16 wants a loss that is scaled to the gradients of "
                "a whole model; set training_config.bf16 instead, or neither"
            )

    def build(self, say: Say, *, dry_run: bool) -> None:
        from ntlbg.train.question_trainer import QuestionTraining

        sets = self.ready.sets
        say(f"{sum(map(len, sets))} questions to train on, from {len(sets)} data sets")
        self.training = QuestionTraining(self.ready, self.weights, divided=self.divided)
        if dry_run or processes.count() > 1:
            say(self.training.held())

    def trainer(self, output: Path, say: Say):
        trainer = self.training.trainer(output, say)
        if trainer.is_world_process_zero():
            with staged_file(output / USED_FILE, CONFIGURATION) as stage:
                stage.write_text(to_json(self.ready.config), "utf-8")
        return trainer

    def save(self, output: Path) -> None:
        self.training.save(output)

    def write_card(self, output: Path, history: list[dict], *, skipped: int, say: Say) -> None:
        if not write_card(output, self.ready.config, history, skipped=skipped):
            say(f"{output / CARD_FILE} is somebody's own, and was left as it is")


def with_epochs(config: Config, epochs: float) -> Config:
    """The configuration with as many steps as see every training question ``epochs`` times."""
    sets = load_datasets(config.dataset_config.train_datasets)
    settings = config.training_config
    videos = settings.batch_size * settings.gradient_accumulation_steps
    steps = max(1, round(epochs * sum(map(len, sets)) / videos))
    warmup = min(settings.warmup_steps, steps // 10)
    keys = {"training_config.max_steps": steps, "training_config.warmup_steps": warmup}
    return changed(config, keys)
