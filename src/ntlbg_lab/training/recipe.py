"""The built-in model, stage by stage: ``configs/builtin.json``.

Stage one is of the kinds "vision" (name what a frame shows) and "selection" (find the frames a
question asks about); stage two is "joint" (language-model adapters, projector, rich points and
selection together); stage three is "full" (the vision tower as well). The configuration lists them
in order. Every finished stage leaves ``NAME.safetensors`` in the output folder; a killed run
continues from its last checkpoint.
"""

from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import IterableDataset
from transformers import get_cosine_with_min_lr_schedule_with_warmup

from ntlbg.errors import ConfigError, OutputError
from ntlbg.files import Kinds
from ntlbg.models.builtin.loading import (
    LORA_RANK,
    build_base,
    load_tower_weights,
    save_trained,
    trained_vision_config,
)
from ntlbg.models.lora import add_adapters
from ntlbg.models.precision import inference_dtype
from ntlbg.packages import check_installed
from ntlbg.train.checkpoints import check_same_run, last_complete
from ntlbg.train.recipe import Recipe, Say
from ntlbg.train.stages import set_stage
from ntlbg.train.trainer import NtlbgTrainer, Written, arguments, fit
from ntlbg_lab.haystack.augmentation import FrameRenderer
from ntlbg_lab.training import stage_files
from ntlbg_lab.training.naming import (
    KeptFrames,
    NamingModel,
    RenderedFrames,
    check_pictures,
    draw_backgrounds,
    keep_frames,
)
from ntlbg_lab.training.objectives import (
    AnswerObjective,
    SelectionObjective,
    SyntheticVideoCollator,
)
from ntlbg_lab.training.settings import (
    AnswerStage,
    BuiltinTraining,
    SelectionStage,
    Stage,
    VisionStage,
)
from ntlbg_lab.training.synthetic_videos import FeatureBank, SyntheticVideos, build_feature_bank

WARMUP_STEPS = 30
LOG_STEPS = 25
# What is drawn, to see that everything runs.
SMALL_DATA = {
    "backgrounds": {"shots": 42, "frames": 2},
    "bank": {"repeats": 1, "empty": 16, "names": 24},
}
MINIMAL_RATE = 0.03  # of the learning rate, at the end of the cosine


class Plan(NamedTuple):
    """What a stage minimises, which parameters at which rate, and what it learns from."""

    objective: nn.Module
    groups: list[dict]
    data: IterableDataset
    collator: Callable | None = None
    workers: int = 0


class BuiltinRecipe(Recipe[BuiltinTraining]):
    """Stages of its own data, objectives and folders of checkpoints.

    Args:
        stage: only this one; those before it must be finished, or keep their start values.
    """

    schema, options = BuiltinTraining, ("stage",)
    free = ("stage.steps",)  # of what `stage_files.fixed_settings` holds

    def __init__(self, settings: BuiltinTraining, stage: str | None = None):
        super().__init__(settings, inputs=[settings.tower])
        self.names = [one.name for one in settings.stages]
        if stage is not None and stage not in self.names:
            raise ConfigError(f"unknown stage {stage!r}; there are {', '.join(self.names)}")
        self.only = stage
        self._bank: FeatureBank | None = None

    @property
    def files(self) -> Kinds:
        return stage_files.files(self.names)

    @staticmethod
    def debug_changes(settings: BuiltinTraining) -> dict[str, Any]:
        changes: dict[str, Any] = {**SMALL_DATA, "kept_frames": None}
        for number, stage in enumerate(settings.stages):
            vision = stage.kind == "vision"
            small: dict[str, Any] = {"steps": 2, "batch_size": 8 if vision else 2}
            small |= {"frames": None} if vision else {"num_questions": 2}
            changes |= {f"stages.{number}.{key}": value for key, value in small.items()}
        return changes

    def check(self, say: Say, *, given: Path | None, tell_all: bool) -> None:
        """Raises MissingPackage before anything heavy is loaded."""
        check_installed("peft", "training the built-in model")

    def check_output(self, output: Path, *, resume: bool, inputs: list[Any]) -> None:
        stage_files.check_folders(output, self.names, [*inputs, *self.inputs])
        finished = [stage_files.finished_file(output, name).is_file() for name in self.names]
        if not (resume and all(finished)):
            check_pictures(self.settings.backgrounds)

    def build(self, say: Say, *, dry_run: bool) -> None:
        tower = self.settings.tower
        self.model, self.processor = build_base(
            vision_config=trained_vision_config(tower) if tower else None
        )
        add_adapters(self.model, LORA_RANK)
        # on a CPU the plain form is the faster one to train with a packed mask
        self.model.language_model.set_attn_implementation("eager")
        for frozen in (self.model.vision_tower.stem, self.model.vision_tower.trunk):
            frozen.requires_grad_(False).to(inference_dtype())
        if tower is not None:
            load_tower_weights(self.model.vision_tower, tower)

    @cached_property
    def backgrounds(self) -> np.ndarray:
        """Training backgrounds, made once a run."""
        return draw_backgrounds(self.settings.backgrounds, self.settings.seed)

    def share(self, other: "BuiltinRecipe") -> None:
        """Use what another run drew: one of the same seed, backgrounds, bank and first tower."""
        if "backgrounds" in vars(other):
            self.backgrounds = other.backgrounds
        self._bank = other._bank

    def train(self, output: Path, *, resume: bool, say: Say) -> list[dict]:
        """Train the stages that are not finished; what is left is ``model.safetensors``."""
        history = []
        if not resume:  # what comes after a stage depends on it
            first = 0 if self.only is None else self.names.index(self.only)
            stage_files.forget(output, self.names[first:])
        for stage in self.settings.stages:
            finished = stage_files.finished_file(output, stage.name)
            if finished.is_file():
                self._load(finished, stage)
                say(f"{stage.name}: finished before, loaded from {finished}")
            elif self.only in (None, stage.name):
                history += self._train_and_save(stage, output, say)
            if stage.kind == "vision":
                self._bank = None  # its features are those of the tower before
            if self.only == stage.name:
                break
        target = output / stage_files.MODEL_FILE
        save_trained(self.model, target, nothing_bias=self.settings.nothing_bias)
        say(f"wrote {target}: measure it with `ntlbg evaluate OUT --weights {target}`")
        return history

    def _train_and_save(self, stage: Stage, output: Path, say: Say) -> list[dict]:
        restored = tuple(f"{part}." for part in getattr(stage, "restore", ()))
        share = getattr(stage, "blend", 1)
        before = {
            name: parameter.detach().clone()
            for name, parameter in self.model.named_parameters()
            if name.startswith(restored) or (share < 1 and name.startswith("vision_tower."))
        }
        objective, history = self.learn(stage, output, say)
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                if name.startswith(restored):
                    parameter.copy_(before[name])
                elif name in before:
                    # Between what was and what was learnt (Wortsman et al. 2021, arXiv:2109.01903)
                    parameter.lerp_(before[name], 1 - share)
        trained = {id(p) for p in objective.parameters() if p.requires_grad}
        tensors: dict[str, Tensor] = {  # in float32, by the model's own names
            name: parameter.detach().contiguous()
            for name, parameter in self.model.named_parameters()
            if id(parameter) in trained
        }
        fixed = stage_files.fixed_settings(self.settings, stage)
        stage_files.save_stage(stage_files.finished_file(output, stage.name), tensors, fixed)
        return history

    def learn(self, stage: Stage, output: Path, say: Say) -> tuple[nn.Module, list[dict]]:
        """Train one stage; returns its objective, whose parameters have changed, and the history.

        Raises:
            ConfigError: its checkpoints are of other settings, but for the number of steps.
        """
        folder = stage_files.checkpoint_folder(output, stage.name)
        file = folder / stage_files.SETTINGS_FILE
        fixed = stage_files.fixed_settings(self.settings, stage)
        check_same_run(file, fixed, self.free)
        plans: dict[str, Callable[..., Plan]] = {
            "vision": self._vision,
            "selection": self._selection,
        }
        plan = plans.get(stage.kind, self._answers)(stage, self._seed(stage.name, output))
        steps = stage.steps
        optimizer = torch.optim.AdamW(plan.groups, betas=(0.9, 0.98))
        schedule = get_cosine_with_min_lr_schedule_with_warmup(
            optimizer, min(WARMUP_STEPS, steps // 5), steps, min_lr_rate=MINIMAL_RATE
        )
        trainer = NtlbgTrainer(
            plan.objective,
            arguments(
                folder,
                self.settings,
                ("save_steps", "seed"),
                endless=True,
                use_cpu=True,  # where pictures are drawn and the tower looks at them
                max_steps=steps,
                per_device_train_batch_size=stage.batch_size,
                dataloader_num_workers=plan.workers,
                logging_steps=min(LOG_STEPS, max(1, steps // 4)),
                max_grad_norm=2.0 if stage.kind == "vision" else 1.0,
            ),
            train_dataset=plan.data,
            data_collator=plan.collator,
            optimizers=(optimizer, schedule),
        )
        settings = Written(file, stage_files.SETTINGS, fixed)
        log = output / stage_files.log_file(stage.name)
        return plan.objective, fit(trainer, settings, log, resume=True, say=say, name=stage.name)

    def _vision(self, stage: VisionStage, seed: int) -> Plan:
        projector, tower = self.model.multi_modal_projector, self.model.vision_tower
        words = projector.word_embeddings - projector.embedding_mean
        for part in (tower.tail, tower.head):
            part.requires_grad_(True)
        objective = NamingModel(tower, nn.functional.normalize(words, dim=-1), stage.smoothing)
        # the new head learns faster than the published blocks
        head = [*tower.head.parameters(), objective.log_scale]
        groups = [
            _group(head, stage.head_rate, 0.05),
            _group(tower.tail.parameters(), stage.tail_rate, 0.02),
        ]
        if self.settings.kept_frames is None:
            drawn = RenderedFrames(self.backgrounds, stage.negatives, seed)
            return Plan(objective, groups, drawn, workers=1)
        files = keep_frames(tower, self.settings.backgrounds, self.settings.kept_frames)
        return Plan(objective, groups, KeptFrames(files, stage.negatives, seed, stage.frames))

    def _selection(self, stage: SelectionStage, seed: int) -> Plan:
        objective = SelectionObjective(self.model)
        self.model.ntlbg_attention.requires_grad_(True)
        groups = [_group(objective.parameters(), stage.learning_rate, 0.01)]
        return Plan(objective, groups, *self._episodes(stage, seed))

    def _answers(self, stage: AnswerStage, seed: int) -> Plan:
        set_stage(self.model, stage.kind)
        tower = self.model.vision_tower
        tower.requires_grad_(False)  # its trunk has no gradient at all
        objective = AnswerObjective(self.model, without=stage.without)
        trained = [p for p in objective.parameters() if p.requires_grad]
        groups, renderer = [_group(trained, stage.learning_rate)], None
        if stage.vision_rate is not None:
            for part in (tower.tail, tower.head):
                part.requires_grad_(True)
                groups.append(_group(part.parameters(), stage.vision_rate))
            renderer = FrameRenderer(self.backgrounds, seed=seed)
        return Plan(objective, groups, *self._episodes(stage, seed, renderer))

    def _episodes(
        self, stage: SelectionStage | AnswerStage, seed: int, renderer: FrameRenderer | None = None
    ) -> tuple[SyntheticVideos, SyntheticVideoCollator]:
        episodes = SyntheticVideos(self._feature_bank(), stage, seed, renderer)
        return episodes, SyntheticVideoCollator(self.processor)

    def _feature_bank(self) -> FeatureBank:
        """Features by the tower as it is now; made once a run."""
        if self._bank is None:
            tower, chosen = self.model.vision_tower.eval(), self.settings.bank
            renderer = FrameRenderer(self.backgrounds, seed=self._seed("bank"))
            self._bank = build_feature_bank(tower, renderer, **chosen.model_dump())
        return self._bank

    def _seed(self, name: str, output: Path | None = None) -> int:
        """Its own stream for every stage and every restart."""
        last = output and last_complete(stage_files.checkpoint_folder(output, name))
        restart = int(last.name.rpartition("-")[2]) if last else 0
        return self.settings.seed * 1_000_003 + sum(name.encode()) * 1009 + restart

    def _load(self, path: Path, stage: Stage) -> None:
        fixed = stage_files.fixed_settings(self.settings, stage)
        tensors = stage_files.read_stage(path, fixed)
        strangers = self.model.load_state_dict(tensors, strict=False).unexpected_keys
        if strangers:
            raise OutputError(f"{path}: not a stage of this model ({strangers[0]}); remove it")


builtin = BuiltinRecipe  # as the group `ntlbg.recipes` of entry points names it


def _group(parameters: Iterable[nn.Parameter], rate: float, decay: float = 0.0) -> dict:
    return {"params": list(parameters), "lr": rate, "weight_decay": decay}
