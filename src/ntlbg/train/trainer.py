"""Hugging Face Trainer, with the loss terms and their logging added, and one run of it."""

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from pydantic import BaseModel
from transformers import Trainer, TrainerCallback, TrainerState, TrainingArguments

from ntlbg.disk_space import check_space
from ntlbg.errors import ConfigError
from ntlbg.files import staged_file
from ntlbg.marks import Kind
from ntlbg.scratch import ELSEWHERE
from ntlbg.train import processes
from ntlbg.train.checkpoints import last_complete, remove_checkpoints
from ntlbg.train.recipe import HISTORY, Say

# Of a trained number in a checkpoint: itself and the two that AdamW keeps of it, in float32 or half
# of that.
LEAST_BYTES_A_PARAMETER = 3 * 2
NEED_GPU = ("fp16", "bf16", "dataloader_pin_memory")


class LastStepLogged(TrainerCallback):
    """The last step is logged too, so that a run shorter than ``logging_steps`` leaves losses."""

    def on_step_end(self, args, state, control, **kwargs):
        """Called after every update; comes after transformers' own rule."""
        if state.global_step >= state.max_steps:
            control.should_log = True


class NtlbgTrainer(Trainer):
    """Trains an objective: ``objective(**batch, progress=p)`` returns ``loss`` and ``terms``.

    Only ``compute_loss`` and ``log`` differ from the Hugging Face class, so resuming, accumulation,
    mixed precision and distributed training are its own.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self._terms: dict[str, list[float]] = defaultdict(list)

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        """The objective's loss at the share of steps done; its terms are kept for the log."""
        progress = self.state.global_step / max(1, self.state.max_steps)
        outputs = model(**inputs, progress=min(1.0, progress))
        for name, value in outputs["terms"].items():
            self._terms[name].append(float(value))
        return (outputs["loss"], outputs) if return_outputs else outputs["loss"]

    def log(self, logs: dict[str, float], *args, **kwargs) -> None:
        """Adds the mean of each term since the last log, over all processes."""
        own = {name: sum(values) / len(values) for name, values in self._terms.items()}
        self._terms.clear()
        all_means = processes.of_all(own)
        means = {name: sum(one[name] for one in all_means) / len(all_means) for name in own}
        rounded = {name: round(value, 7) for name, value in means.items()}  # float32 has no more
        super().log({**logs, **rounded}, *args, **kwargs)


class _OnCpuUntilDivided(TrainingArguments):
    """A model that is divided among GPUs need not fit one of them."""

    @property
    def place_model_on_device(self) -> bool:
        return False


class Written(NamedTuple):
    """A file of JSON, and what it must be if there is one already."""

    path: Path
    kind: Kind
    content: Any


def arguments(
    folder: Path,
    settings: BaseModel,
    same: Sequence[str],
    *,
    endless: bool,
    divided: bool = False,
    **own: Any,
) -> TrainingArguments:
    """What a recipe tells the Trainer, and what all do: the device, and what needs a GPU.

    Args:
        folder: of the checkpoints, of which the last two are kept.
        settings: what has the keys of ``same``, which are called as the Trainer calls them.
        endless: the data has no end, so that a run that goes on skips nothing of it.
        divided: the model is divided among the processes.

    Raises:
        ConfigError: one process sees several GPUs.
    """
    gpu = torch.cuda.is_available()
    told = {key: getattr(settings, key) for key in same}
    told = {"dataloader_pin_memory": True} | told
    told |= {key: told.get(key, False) and gpu for key in NEED_GPU}
    common: dict[str, Any] = {
        "save_total_limit": 2,
        "remove_unused_columns": False,
        "use_cpu": not gpu,
        "ignore_data_skip": endless,
        "label_names": [],
        "report_to": list(getattr(settings, "report_to", ())),
        "ddp_broadcast_buffers": False,  # what changes in training is kept equal by who changes it
    }
    kind = _OnCpuUntilDivided if divided else TrainingArguments
    made = kind(str(folder), **common | told | own)
    if made.n_gpu > 1:
        raise ConfigError(
            f"{made.n_gpu} GPUs for one process; start one for each, `torchrun "
            f"--nproc-per-node {made.n_gpu} -m ntlbg.cli train ...`, or show it one with "
            "CUDA_VISIBLE_DEVICES"
        )
    return made


def fit(
    trainer: Trainer,
    settings: Written,
    history: Path,
    *,
    resume: bool,
    say: Say,
    name: str = "",
) -> list[dict]:
    """One run of a Trainer, from the last checkpoint in its folder to the end.

    The loss of its last step is logged, however seldom others are.

    Args:
        settings: whose checkpoints these are, kept before the first step.
        history: file of what was logged.
        resume: otherwise checkpoints that are there are removed.
        name: of the stage, where there are several.

    Returns:
        what was logged: losses, and what was measured on validation questions.
    """
    assert trainer.args.output_dir is not None  # `arguments` has named it
    folder, main = Path(trainer.args.output_dir), trainer.is_world_process_zero()
    if main:
        check_space(folder, LEAST_BYTES_A_PARAMETER * _trained_numbers(trainer), ELSEWHERE)
    trainer.add_callback(LastStepLogged)
    last = last_complete(folder) if resume else None
    if last is not None:
        say(f"{name and f'{name}: '}continuing from {last.name}")
    if main:
        if not resume:
            remove_checkpoints(folder)
        write(settings)
    _train_from(trainer, last)
    logged = [entry for entry in trainer.state.log_history if {"loss", "eval_task"} & set(entry)]
    if main:
        write(Written(history, HISTORY, logged))
    return logged


def _trained_numbers(trainer: Trainer) -> int:
    assert trainer.model is not None  # every recipe gives one
    sizes = [one.numel() for one in trainer.model.parameters() if one.requires_grad]
    return sum(sizes)


def write(file: Written) -> None:
    """As JSON, whole or not at all."""
    with staged_file(file.path, file.kind) as stage:
        stage.write_text(json.dumps(file.content, indent=2) + "\n", "utf-8")


def _train_from(trainer: Trainer, last: Path | None) -> None:
    """Train from a checkpoint to the end; one that is the end is loaded, and not trained on.

    (The Trainer of Hugging Face makes a step more each time it is started there.)
    """
    if last is not None:
        state = TrainerState.load_from_json(str(last / "trainer_state.json"))
        steps = trainer.args.max_steps
        if state.global_step >= (steps if steps > 0 else state.max_steps):
            trainer._load_from_checkpoint(str(last))
            trainer.state = state
            return
    trainer.train(resume_from_checkpoint=None if last is None else str(last))
