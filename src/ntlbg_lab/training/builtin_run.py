"""``ntlbg train``: the built-in model, stage by stage, resumable.

Stage one is of the kinds "vision" (name what a frame shows) and "selection" (find the frames a
question asks about); stage two is "joint" (language-model adapters, projector, rich points and
selection together); stage three is "full" (the vision tower as well). The configuration lists them
in order. Every finished stage leaves ``NAME.safetensors`` in the output folder; a killed run
continues from its last checkpoint.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import IterableDataset
from transformers import TrainingArguments, get_cosine_with_min_lr_schedule_with_warmup
from transformers.trainer_utils import set_seed

from ntlbg.errors import ConfigError, OutputError
from ntlbg.files import staged_file
from ntlbg.models.builtin.loading import (
    LORA_RANK,
    build_base,
    load_tower_weights,
    save_trained,
    trained_vision_config,
)
from ntlbg.models.lora import add_adapters
from ntlbg.models.precision import inference_dtype
from ntlbg.train.stages import set_stage
from ntlbg.train.trainer import NtlbgTrainer, train_from
from ntlbg_lab.haystack.augmentation import FrameRenderer
from ntlbg_lab.training.collate import EpisodeCollator
from ntlbg_lab.training.episodes import EpisodeOptions, Episodes
from ntlbg_lab.training.feature_bank import FeatureBank, build_feature_bank
from ntlbg_lab.training.kept_frames import KeptFrames, keep_frames
from ntlbg_lab.training.objectives import AnswerObjective, SelectionObjective
from ntlbg_lab.training.representation import NamingModel, RenderedFrames, draw_backgrounds
from ntlbg_lab.training.settings import (
    AnswerStage,
    BackgroundSettings,
    BuiltinTraining,
    SelectionStage,
    Stage,
    VisionStage,
    load_settings,
)
from ntlbg_lab.training.stage_files import (
    LOG,
    MODEL_FILE,
    check_checkpoints,
    check_folders,
    checkpoint_folder,
    finished_file,
    fixed_settings,
    forget,
    last_checkpoint,
    read_stage,
    save_stage,
)

WARMUP_STEPS = 30
LOG_STEPS = 25
MINIMAL_RATE = 0.03  # of the learning rate, at the end of the cosine


class BuiltinRun:
    """One training run: its settings, its model, and the folder it writes to."""

    def __init__(self, settings: BuiltinTraining, output: Path, *, resume: bool):
        self.settings, self.output, self.resume = settings, output, resume
        check_folders(output, [stage.name for stage in settings.stages], [settings.tower])
        set_seed(settings.seed)
        start = trained_vision_config(settings.tower) if settings.tower else None
        self.model, self.processor = build_base(vision_config=start)
        add_adapters(self.model, LORA_RANK)
        # on a CPU the plain form is the faster one to train with a packed mask
        self.model.language_model.set_attn_implementation("eager")
        for frozen in (self.model.vision_tower.stem, self.model.vision_tower.trunk):
            frozen.requires_grad_(False).to(inference_dtype())
        if settings.tower is not None:
            load_tower_weights(self.model.vision_tower, settings.tower)
        self._backgrounds: np.ndarray | None = None
        self._bank: FeatureBank | None = None

    def share(self, other: "BuiltinRun") -> None:
        """Use what another run drew: one of the same seed, backgrounds, bank and first tower."""
        self._backgrounds, self._bank = other._backgrounds, other._bank

    def run(self, only: str | None) -> Path:
        """Train the stages that are not finished; returns the trained weights."""
        names = [stage.name for stage in self.settings.stages]
        if only is not None and only not in names:
            raise ConfigError(f"unknown stage {only!r}; there are {', '.join(names)}")
        if not self.resume:  # what comes after a stage depends on it
            forget(self.output, names[names.index(only) if only else 0 :])
        for stage in self.settings.stages:
            finished = finished_file(self.output, stage.name)
            if finished.is_file():
                self._load(finished, stage)
                print(f"{stage.name}: finished before, loaded from {finished}", flush=True)
            elif only in (None, stage.name):
                self._train_and_save(stage, finished)
            if stage.kind == "vision":
                self._bank = None  # its features are those of the tower before
            if only == stage.name:
                break
        target = self.output / MODEL_FILE
        save_trained(self.model, target, nothing_bias=self.settings.nothing_bias)
        return target

    def _train_and_save(self, stage: Stage, finished: Path) -> None:
        restored = tuple(f"{part}." for part in getattr(stage, "restore", ()))
        before = {
            name: parameter.detach().clone()
            for name, parameter in self.model.named_parameters()
            if name.startswith(restored)
        }
        blended = {} if stage.kind != "vision" or stage.blend == 1 else self._tower_weights()
        objective = self.train(stage)
        self.model.load_state_dict(before, strict=False)
        if stage.kind == "vision" and blended:
            self._blend(blended, stage.blend)
        self._save(objective, stage, finished)

    def _tower_weights(self) -> dict[str, Tensor]:
        tower = self.model.vision_tower.named_parameters(prefix="vision_tower")
        return {name: parameter.detach().clone() for name, parameter in tower}

    @torch.no_grad()
    def _blend(self, before: dict[str, Tensor], share: float) -> None:
        """Between what was and what was learnt (Wortsman et al. 2021, arXiv:2109.01903)."""
        for name, parameter in self.model.named_parameters():
            if name in before:
                parameter.lerp_(before[name], 1 - share)

    def train(self, stage: Stage) -> nn.Module:
        """Train one stage; returns its objective, whose parameters have changed."""
        if stage.kind == "vision":
            return self._train_vision(stage)
        if stage.kind == "selection":
            return self._train_selection(stage)
        return self._train_answers(stage)

    def _train_vision(self, stage: VisionStage) -> nn.Module:
        projector = self.model.multi_modal_projector
        words = projector.word_embeddings - projector.embedding_mean
        tower = self.model.vision_tower
        for part in (tower.tail, tower.head):
            part.requires_grad_(True)
        objective = NamingModel(tower, nn.functional.normalize(words, dim=-1), stage.smoothing)
        groups = objective.parameter_groups(stage.head_rate, stage.tail_rate)
        seed = self._seed(stage.name)
        if self.settings.kept_frames is None:
            frames = RenderedFrames(self.backgrounds, stage.negatives, seed)
            self._fit(stage, objective, groups, frames, workers=1)
        else:
            files = keep_frames(tower, self.settings.backgrounds, self.settings.kept_frames)
            kept = KeptFrames(files, stage.negatives, seed, stage.frames)
            self._fit(stage, objective, groups, kept)
        return objective

    def _train_selection(self, stage: SelectionStage) -> nn.Module:
        objective = SelectionObjective(self.model)
        self.model.ntlbg_attention.requires_grad_(True)
        groups = [_group(objective.parameters(), stage.learning_rate, 0.01)]
        self._fit_episodes(stage, objective, groups, renderer=None)
        return objective

    def _train_answers(self, stage: AnswerStage) -> nn.Module:
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
            renderer = FrameRenderer(self.backgrounds, seed=self._seed(stage.name))
        self._fit_episodes(stage, objective, groups, renderer)
        return objective

    @property
    def backgrounds(self) -> np.ndarray:
        """Training backgrounds, made once a run."""
        if self._backgrounds is None:
            self._backgrounds = draw_backgrounds(self.settings.backgrounds, self.settings.seed)
        return self._backgrounds

    @property
    def bank(self) -> FeatureBank:
        """Features by the tower as it is now; made once a run."""
        if self._bank is None:
            tower, chosen = self.model.vision_tower.eval(), self.settings.bank
            renderer = FrameRenderer(self.backgrounds, seed=self._seed("bank"))
            self._bank = build_feature_bank(tower, renderer, **chosen.model_dump())
        return self._bank

    def _fit_episodes(self, stage, objective, groups, renderer: FrameRenderer | None) -> None:
        options = EpisodeOptions(
            num_frames=tuple(stage.num_frames),
            num_questions=stage.num_questions,
            doubtful=stage.doubtful,
            distractors=stage.distractors,
            question_types=tuple(stage.question_types),
        )
        episodes = Episodes(self.bank, options, self._seed(stage.name), renderer)
        self._fit(stage, objective, groups, episodes, collator=EpisodeCollator(self.processor))

    def _fit(
        self,
        stage: Stage,
        objective: nn.Module,
        groups: list[dict],
        data: IterableDataset,
        *,
        workers: int = 0,
        collator: Callable | None = None,
    ) -> None:
        name, steps = stage.name, stage.steps
        folder = checkpoint_folder(self.output, name)
        check_checkpoints(folder, fixed_settings(self.settings, stage))
        optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98))
        schedule = get_cosine_with_min_lr_schedule_with_warmup(
            optimizer, min(WARMUP_STEPS, steps // 5), steps, min_lr_rate=MINIMAL_RATE
        )
        arguments = TrainingArguments(
            str(folder),
            max_steps=steps,
            per_device_train_batch_size=stage.batch_size,
            dataloader_num_workers=workers,
            logging_steps=min(LOG_STEPS, max(1, steps // 4)),
            save_steps=self.settings.save_steps,
            save_total_limit=2,
            report_to=[],
            use_cpu=True,
            remove_unused_columns=False,
            max_grad_norm=2.0 if stage.kind == "vision" else 1.0,
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
        last = last_checkpoint(self.output, name)
        if last:
            print(f"{name}: continuing from {Path(last).name}", flush=True)
        train_from(trainer, Path(last) if last else None)
        history = [entry for entry in trainer.state.log_history if "loss" in entry]
        with staged_file(self.output / f"{name}.log.json", LOG) as staged:
            staged.write_text(json.dumps(history, indent=1), "utf-8")

    def _seed(self, name: str) -> int:
        """Its own stream for every stage and every restart."""
        last = last_checkpoint(self.output, name)
        restart = int(last.rsplit("-", 1)[1]) if last else 0
        return self.settings.seed * 1_000_003 + sum(name.encode()) * 1009 + restart

    def _save(self, objective: nn.Module, stage: Stage, path: Path) -> None:
        """What the stage trained, in float32, by the model's own names."""
        trained = {id(p) for p in objective.parameters() if p.requires_grad}
        tensors = {
            name: parameter.detach().contiguous()
            for name, parameter in self.model.named_parameters()
            if id(parameter) in trained
        }
        save_stage(path, tensors, fixed_settings(self.settings, stage))

    def _load(self, path: Path, stage: Stage) -> None:
        tensors = read_stage(path, fixed_settings(self.settings, stage))
        strangers = self.model.load_state_dict(tensors, strict=False).unexpected_keys
        if strangers:
            raise OutputError(f"{path}: not a stage of this model ({strangers[0]}); remove it")


def _group(parameters: Iterable[nn.Parameter], rate: float, decay: float = 0.0) -> dict:
    return {"params": list(parameters), "lr": rate, "weight_decay": decay}


def run(
    config_path: str | Path,
    output_dir: str | Path | None = None,
    *,
    stage: str | None = None,
    seed: int | None = None,
    debug: bool = False,
    dry_run: bool = False,
    resume: bool = True,
) -> Path | None:
    """Train the built-in model as the configuration says.

    Args:
        config_path: see ``configs/builtin.json``.
        output_dir: where stages, checkpoints and logs go; the configuration's by default.
        stage: only this one; earlier ones must be finished or are left at their start values.
        seed: instead of the configuration's.
        debug: a handful of steps of everything, to see that it runs.
        dry_run: check the configuration and build the model, but do not train.
        resume: continue after finished stages and from checkpoints, of the same settings; otherwise
            remove what this stage and those after it left, and start over.

    Returns:
        the trained weights, or None for a dry run.

    Raises:
        ConfigError, WeightsError, OutputError.
    """
    settings = load_settings(config_path)
    if seed is not None:
        settings.seed = seed
    if debug:
        settings = _shrunk(settings)
    output = Path(output_dir or settings.output_dir)
    training = BuiltinRun(settings, output, resume=resume)
    return None if dry_run else training.run(stage)


def _shrunk(settings: BuiltinTraining) -> BuiltinTraining:
    """The same run with a few steps of a few samples."""
    small = settings.model_copy(deep=True)
    small.output_dir = small.output_dir.with_name(small.output_dir.name + "-debug")
    small.backgrounds = BackgroundSettings(shots=42, frames=2)
    small.kept_frames = None
    small.bank.repeats, small.bank.empty, small.bank.names = 1, 16, 24
    for stage in small.stages:
        stage.steps, stage.batch_size = 2, 8 if stage.kind == "vision" else 2
        if stage.kind != "vision":
            stage.num_questions = 2
    return small
