"""Hugging Face Trainer, with the loss terms and their logging added."""

from collections import defaultdict
from pathlib import Path

from torch import nn
from transformers import Trainer, TrainerCallback, TrainerState


class LastStepLogged(TrainerCallback):
    """The last step is logged too, so that a run shorter than ``logging_steps`` leaves losses."""

    def on_step_end(self, args, state, control, **kwargs):
        """Called after every update; comes after transformers' own rule."""
        if state.global_step >= state.max_steps:
            control.should_log = True


class NtlbgTrainer(Trainer):
    """Trains an objective: ``objective(**batch, progress=p)`` returns ``loss`` and ``terms``.

    Only ``compute_loss`` and ``log`` differ from the Hugging Face class, and that the last step is
    always logged, so resuming, accumulation, mixed precision and distributed training are its own.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.add_callback(LastStepLogged)
        self._terms: dict[str, list[float]] = defaultdict(list)

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        """The objective's loss at the share of steps done; its terms are kept for the log."""
        progress = self.state.global_step / max(1, self.state.max_steps)
        outputs = model(**inputs, progress=min(1.0, progress))
        for name, value in outputs["terms"].items():
            self._terms[name].append(float(value))
        return (outputs["loss"], outputs) if return_outputs else outputs["loss"]

    def log(self, logs: dict[str, float], *args, **kwargs) -> None:
        """Adds the mean of each term since the last log."""
        means = {name: sum(values) / len(values) for name, values in self._terms.items()}
        self._terms.clear()
        rounded = {name: round(value, 4) for name, value in means.items()}
        super().log({**logs, **rounded}, *args, **kwargs)


def load_saved_part(module: nn.Module, state_dict: dict, assign: bool = False):
    """Load what the module's own ``state_dict`` holds; what it leaves out is not missing."""
    found = nn.Module.load_state_dict(module, state_dict, strict=False, assign=assign)
    expected = set(module.state_dict())
    found.missing_keys[:] = [name for name in found.missing_keys if name in expected]
    return found


def train_from(trainer: Trainer, last: Path | None) -> None:
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
