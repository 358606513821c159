"""``ntlbg train``: the built-in model, stage by stage, resumable.

Stage one is "vision" (name what a frame shows) and "selection" (find the frames a question asks
about); stage two is "joint" (language-model adapters, projector, rich points and selection
together); stage three is "full" (the vision tower as well). Every finished stage leaves
``STAGE.safetensors`` in the output folder; a killed run continues from its last checkpoint.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from peft import LoraConfig, inject_adapter_in_model
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.data import Dataset, IterableDataset
from transformers import TrainingArguments, get_cosine_with_min_lr_schedule_with_warmup
from transformers.trainer_utils import get_last_checkpoint, set_seed

from ntlbg.errors import ConfigError, OutputError
from ntlbg.haystack.augmentation import FrameRenderer, background_bank
from ntlbg.models.builtin import LORA_ALPHA, LORA_RANK, build_base, save_trained
from ntlbg.training.collate import EpisodeCollator
from ntlbg.training.episodes import EpisodeOptions, Episodes
from ntlbg.training.feature_bank import FeatureBank, build_feature_bank
from ntlbg.training.objectives import AnswerObjective, SelectionObjective
from ntlbg.training.representation import NamingModel, RenderedFrames
from ntlbg.training.settings import BuiltinTraining, EpisodeSettings, load_settings
from ntlbg.training.stages import set_stage
from ntlbg.training.trainer import NtlbgTrainer

WARMUP_STEPS = 30
LOG_STEPS = 25
MINIMAL_RATE = 0.03  # of the learning rate, at the end of the cosine


class BuiltinRun:
    """One training run: its settings, its model, and the folder it writes to."""

    def __init__(self, settings: BuiltinTraining, output: Path, *, resume: bool):
        self.settings, self.output, self.resume = settings, output, resume
        set_seed(settings.seed)
        self.model, self.processor = build_base()
        inject_adapter_in_model(
            LoraConfig(r=LORA_RANK, lora_alpha=LORA_ALPHA, target_modules="all-linear"),
            self.model.language_model,
        )
        for name, parameter in self.model.named_parameters():
            if "lora_" in name:  # steps of 1e-3 vanish in bfloat16
                parameter.data = parameter.data.float()
        self._backgrounds: np.ndarray | None = None
        self._bank: FeatureBank | None = None

    def stages(self) -> dict[str, Callable[[], nn.Module]]:
        """Name -> what trains it; in order."""
        return {
            "vision": self.train_vision,
            "selection": self.train_selection,
            "joint": lambda: self.train_answers("joint", self.settings.joint),
            "full": lambda: self.train_answers("full", self.settings.full),
        }

    def run(self, only: str | None) -> Path:
        """Train the stages that are not finished; returns the trained weights."""
        stages = self.stages()
        if only is not None and only not in stages:
            raise ConfigError(f"unknown stage {only!r}; there are {', '.join(stages)}")
        for name, train in stages.items():
            finished = self.output / f"{name}.safetensors"
            again = only == name and not self.resume
            if finished.is_file() and not again:
                print(f"{name}: finished before, loaded from {finished}", flush=True)
                self._load(finished)
            elif only in (None, name):
                objective = train()
                _save(objective, self.model, finished)
            if only == name:
                break
        target = self.output / "model.safetensors"
        save_trained(self.model, target)
        return target

    def train_vision(self) -> nn.Module:
        """Stage one, first half."""
        chosen = self.settings.vision
        classes = self.model.multi_modal_projector
        words = classes.word_embeddings - classes.embedding_mean
        objective = NamingModel(
            self.model.vision_tower, nn.functional.normalize(words, dim=-1), chosen.smoothing
        )
        groups = objective.parameter_groups(chosen.head_rate, chosen.tail_rate)
        frames = RenderedFrames(self.backgrounds, chosen.negatives, self._seed("vision"))
        self._train("vision", objective, groups, frames, chosen.steps, chosen.batch_size, workers=1)
        return objective

    def train_selection(self) -> nn.Module:
        """Stage one, second half."""
        chosen = self.settings.selection
        objective = SelectionObjective(self.model)
        self.model.ntlbg_attention.requires_grad_(True)
        groups = [{"params": list(self.model.ntlbg_attention.parameters()), "lr": chosen.learning_rate,
                   "weight_decay": 0.01}]  # fmt: skip
        self._train_episodes("selection", objective, groups, chosen)
        return objective

    def train_answers(self, name: str, chosen: EpisodeSettings) -> nn.Module:
        """Stages two and three."""
        set_stage(self.model, name)
        self.model.vision_tower.requires_grad_(False)  # its frozen trunk has no gradient at all
        objective = AnswerObjective(self.model)
        groups = [{"params": [p for p in objective.parameters() if p.requires_grad],
                   "lr": chosen.learning_rate, "weight_decay": 0.0}]  # fmt: skip
        if chosen.vision_rate is not None:
            tower = self.model.vision_tower
            tail = [*tower.tail.parameters(), *tower.head.parameters()]
            for parameter in tail:
                parameter.requires_grad_(True)
            groups.append({"params": tail, "lr": chosen.vision_rate, "weight_decay": 0.0})
        self._train_episodes(name, objective, groups, chosen)
        return objective

    @property
    def backgrounds(self) -> np.ndarray:
        """Training backgrounds, made once a run."""
        if self._backgrounds is None:
            chosen = self.settings.backgrounds
            rng = np.random.default_rng(self.settings.seed + 1)
            self._backgrounds = background_bank(
                "train", rng, shots=chosen.shots, frames=chosen.frames
            )
        return self._backgrounds

    @property
    def bank(self) -> FeatureBank:
        """Features by the tower as it is now; made once a run."""
        if self._bank is None:
            tower, chosen = self.model.vision_tower.eval(), self.settings.bank
            renderer = FrameRenderer(self.backgrounds, seed=self._seed("bank"))
            self._bank = build_feature_bank(
                tower, renderer, repeats=chosen.repeats, empty=chosen.empty
            )
        return self._bank

    def _train_episodes(self, name, objective, groups, chosen: EpisodeSettings) -> None:
        options = EpisodeOptions(
            num_frames=tuple(chosen.num_frames),
            num_questions=chosen.num_questions,
            doubtful=chosen.doubtful,
        )
        renderer = None
        if chosen.vision_rate is not None:
            renderer = FrameRenderer(self.backgrounds, seed=self._seed(name))
        episodes = Episodes(self.bank, options, self._seed(name), renderer)
        collator = EpisodeCollator(self.processor)
        self._train(name, objective, groups, episodes, chosen.steps, chosen.batch_size,
                    collator=collator)  # fmt: skip

    def _train(
        self,
        name: str,
        objective: nn.Module,
        groups: list[dict],
        data: Dataset | IterableDataset,
        steps: int,
        batch_size: int,
        *,
        workers: int = 0,
        collator: Callable | None = None,
    ) -> None:
        folder = self.output / f"{name}.checkpoints"
        optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98))
        schedule = get_cosine_with_min_lr_schedule_with_warmup(
            optimizer, min(WARMUP_STEPS, steps // 5), steps, min_lr_rate=MINIMAL_RATE
        )
        arguments = TrainingArguments(
            str(folder),
            max_steps=steps,
            per_device_train_batch_size=batch_size,
            dataloader_num_workers=workers,
            logging_steps=min(LOG_STEPS, max(1, steps // 4)),
            save_steps=self.settings.save_steps,
            save_total_limit=2,
            report_to=[],
            use_cpu=True,
            remove_unused_columns=False,
            max_grad_norm=1.0 if name != "vision" else 2.0,
            ignore_data_skip=True,  # data is endless: a resumed run draws fresh samples
            label_names=[],
            seed=self.settings.seed,
        )
        trainer = NtlbgTrainer(
            objective,
            arguments,
            train_dataset=data,
            data_collator=collator,
            optimizers=(optimizer, schedule),
        )
        last = self._last_checkpoint(name)
        if last:
            print(f"{name}: continuing from {Path(last).name}", flush=True)
        trainer.train(resume_from_checkpoint=last)
        history = [entry for entry in trainer.state.log_history if "loss" in entry]
        (self.output / f"{name}.log.json").write_text(json.dumps(history, indent=1))

    def _seed(self, name: str) -> int:
        """Its own stream for every stage and every restart."""
        last = self._last_checkpoint(name)
        restart = int(last.rsplit("-", 1)[1]) if last else 0
        return self.settings.seed * 1_000_003 + sum(name.encode()) * 1009 + restart

    def _last_checkpoint(self, name: str) -> str | None:
        folder = self.output / f"{name}.checkpoints"
        return get_last_checkpoint(str(folder)) if self.resume and folder.is_dir() else None

    def _load(self, path: Path) -> None:
        tensors: dict[str, Tensor] = load_file(path)
        strangers = self.model.load_state_dict(tensors, strict=False).unexpected_keys
        if strangers:
            raise OutputError(f"{path}: not a stage of this model ({strangers[0]}); remove it")


def _save(objective: nn.Module, model: nn.Module, path: Path) -> None:
    """What the stage trained, in float32, by the model's own names."""
    trained = {id(p) for p in objective.parameters() if p.requires_grad}
    tensors = {
        name: parameter.detach().contiguous()
        for name, parameter in model.named_parameters()
        if id(parameter) in trained
    }
    scratch = path.with_suffix(".tmp")
    save_file(tensors, scratch)
    scratch.replace(path)


def run(
    config_path: str | Path,
    output_dir: str | Path | None = None,
    *,
    stage: str | None = None,
    debug: bool = False,
    dry_run: bool = False,
    resume: bool = True,
) -> Path | None:
    """Train the built-in model as the configuration says.

    Args:
        config_path: see ``configs/builtin.json``.
        output_dir: where stages, checkpoints and logs go; the configuration's by default.
        stage: only this one; earlier ones must be finished or are left at their start values.
        debug: a handful of steps of everything, to see that it runs.
        dry_run: check the configuration and build the model, but do not train.
        resume: continue finished stages and checkpoints; otherwise start over.

    Returns:
        the trained weights, or None for a dry run.

    Raises:
        ConfigError, WeightsError, OutputError.
    """
    settings = load_settings(config_path)
    if debug:
        settings = _shrunk(settings)
    output = Path(output_dir or settings.output_dir)
    if not dry_run:
        try:
            output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{output}: cannot be written ({error.strerror})") from error
    training = BuiltinRun(settings, output, resume=resume)
    return None if dry_run else training.run(stage)


def _shrunk(settings: BuiltinTraining) -> BuiltinTraining:
    """The same run with a few steps of a few samples."""
    small = settings.model_copy(deep=True)
    small.output_dir = small.output_dir.with_name(small.output_dir.name + "-debug")
    small.backgrounds.shots, small.backgrounds.frames = 42, 2
    small.bank.repeats, small.bank.empty = 1, 16
    small.vision.steps, small.vision.batch_size = 2, 8
    for chosen in (small.selection, small.joint, small.full):
        chosen.steps, chosen.batch_size, chosen.num_questions = 2, 2, 2
    return small
