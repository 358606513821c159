"""The Trainer of Hugging Face on a stream of questions, with a model that may be divided.

The questions of a run go on where it was, in any number of processes; see ``stream.py``.
"""

import os
from typing import Any

import torch
from torch.utils.data import DataLoader
from transformers import Trainer, TrainerCallback, TrainerState, TrainingArguments
from transformers.trainer import (
    OPTIMIZER_NAME,
    SCHEDULER_NAME,
    TRAINER_STATE_NAME,
    ExportableState,
)

from ntlbg.train import processes
from ntlbg.train.recipe import Say
from ntlbg.train.sharding import (
    Sharding,
    ShardingAccelerator,
    load_optimizer_state,
    optimizer_state,
)
from ntlbg.train.stream import QuestionStream, Unread


class Drawn(TrainerCallback, ExportableState):
    """How many questions of the stream were used, kept in checkpoints.

    Steps do not tell it: an update sees another number of questions in another number of processes.
    """

    def __init__(self) -> None:
        self.count = 0

    def on_train_begin(self, args, state, control, **kwargs):
        """Called with the state of the checkpoint, where a run goes on."""
        state.stateful_callbacks["Drawn"] = self.state()

    def on_step_end(self, args, state, control, **kwargs):
        self.count += questions_per_update(args)

    def state(self) -> dict:
        """As transformers keeps it in ``trainer_state.json``."""
        return {"args": {}, "attributes": {"count": self.count}}


def questions_per_update(args: TrainingArguments) -> int:
    """Of all processes."""
    each = args.per_device_train_batch_size * args.gradient_accumulation_steps
    return each * args.world_size


class StreamTrainer(Trainer):
    """Trains on a `QuestionStream`, in one process or several.

    Args:
        model, args, stream: what is trained, how, and on what.
        divided: each process holds a part of the model.
        say: told of videos that cannot be read.
        epoch: questions in an epoch, for the log; None where it is the whole run.
        more: as for the Trainer.

    Attributes:
        unread: the videos that could not be read.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        args: TrainingArguments,
        stream: QuestionStream,
        *,
        divided: bool = False,
        say: Say = print,
        epoch: int | None = None,
        **more: Any,
    ):
        self.sharding = Sharding(model) if divided else None
        self.stream, self.drawn, self.unread, self.epoch = stream, Drawn(), Unread(say), epoch
        super().__init__(model, args, train_dataset=stream, **more)
        self.add_callback(self.drawn)

    def train(self, resume_from_checkpoint=None, **more):
        """As of the Trainer, from the first question that a checkpoint's run has not used."""
        if resume_from_checkpoint is not None:
            path = os.path.join(resume_from_checkpoint, TRAINER_STATE_NAME)
            state = TrainerState.load_from_json(path)
            kept = state.stateful_callbacks.get("Drawn")  # not in checkpoints of before
            steps = state.global_step * questions_per_update(self.args)
            self.drawn.count = kept["attributes"]["count"] if kept else steps
        self.stream.start = self.drawn.count
        if processes.rank():  # else dropout would be alike; a checkpoint brings its own
            torch.manual_seed(self.args.seed + processes.rank())
        return super().train(resume_from_checkpoint, **more)

    def create_accelerator_and_postprocess(self) -> None:
        """The accelerator divides the model where it otherwise wraps it for DDP."""
        super().create_accelerator_and_postprocess()
        if self.sharding is not None:
            self.accelerator.__class__ = ShardingAccelerator
            self.accelerator.sharding = self.sharding

    def get_train_dataloader(self) -> DataLoader:
        """Of this process; accelerate would let the first one read for all."""
        return DataLoader(
            self.stream,
            batch_size=None,
            num_workers=self.args.dataloader_num_workers,
            pin_memory=self.args.dataloader_pin_memory,
            generator=torch.Generator(),  # leaves dropout's random numbers alone
        )

    def get_batch_samples(self, epoch_iterator, num_batches, device):
        """Batches of one update.

        Raises:
            DataError: no video can be read.
        """
        processes.stop_without_torchrun()
        batches = [next(epoch_iterator) for _ in range(num_batches)]
        self.unread.take(batches)
        return super().get_batch_samples(iter(batches), num_batches, device)

    def log(self, logs: dict[str, float], *args, **kwargs) -> None:
        """Adds how many videos could not be read, if any, and the epoch."""
        done = self.state.global_step / max(1, self.state.max_steps)  # also where a run goes on
        self.state.epoch = self.drawn.count / self.epoch if self.epoch else done
        unread = {"unread_videos": len(self.unread)} if len(self.unread) else {}
        super().log({**logs, **unread}, *args, **kwargs)

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """The same files, whether the model is divided or not."""
        if self.sharding is None:
            super().save_model(output_dir, _internal_call)
            return
        # of adapters transformers writes nothing else
        state = self.sharding.state(trained=hasattr(self.model, "peft_config"))
        if self.args.should_save:
            self._save(output_dir, state_dict=state)

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        if self.sharding is None:
            super()._save_optimizer_and_scheduler(output_dir)
            return
        assert self.optimizer is not None  # there is one when training has begun
        assert self.lr_scheduler is not None
        state = optimizer_state(self.optimizer)
        if self.args.should_save:
            torch.save(state, os.path.join(output_dir, OPTIMIZER_NAME))
            torch.save(self.lr_scheduler.state_dict(), os.path.join(output_dir, SCHEDULER_NAME))

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if self.sharding is None or checkpoint is None:
            super()._load_optimizer_and_scheduler(checkpoint)
            return
        assert self.optimizer is not None
        assert self.lr_scheduler is not None
        state = torch.load(os.path.join(checkpoint, OPTIMIZER_NAME), "cpu", weights_only=True)
        load_optimizer_state(self.optimizer, state)
        schedule = torch.load(os.path.join(checkpoint, SCHEDULER_NAME), weights_only=True)
        self.lr_scheduler.load_state_dict(schedule)

    def _save_rng_state(self, output_dir: str) -> None:
        """Each process its own; what makes a checkpoint whole is written after all of them."""
        super()._save_rng_state(output_dir)
        processes.wait_for_all()

    def finish(self) -> None:
        """The whole model in the first process, to be saved; all must come here."""
        if self.sharding is not None:
            self.sharding.join()
