"""What a recipe is: all that one kind of training has of its own."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel

from ntlbg.files import Kinds, check_folder
from ntlbg.marks import json_rows
from ntlbg.packages import check_installed
from ntlbg.train.checkpoints import check_own, check_same_run

if TYPE_CHECKING:
    from ntlbg.train.stream_trainer import StreamTrainer

Say = Callable[[str], None]
Settings = TypeVar("Settings", bound=BaseModel)
SETTINGS_FILE, HISTORY_FILE = "training.json", "history.json"
HISTORY = json_rows("a history of training", "step")


class Recipe(ABC, Generic[Settings]):
    """What one kind of model is trained by; :func:`ntlbg.train.run.run` does all else.

    It calls ``check``, ``check_output``, ``build`` and ``train``, in this order.

    Attributes:
        schema: of the settings, which have the keys ``recipe`` and ``output_dir``.
        seed_key: path of the key that ``--seed`` replaces.
        options: further arguments of the constructor that ``run`` may be given.
        free: dotted keys, of values or of blocks, that a run which goes on from a checkpoint may
            change; all else decides what it learns.
        settings: as asked for.
        inputs: files and folders that are read, and must not be replaced.
        divided: each process that trains holds a part of the model, not all of it.
    """

    schema: ClassVar[type[BaseModel]]
    seed_key: ClassVar[str] = "seed"
    options: ClassVar[tuple[str, ...]] = ()
    free: ClassVar[tuple[str, ...]] = ()
    divided: bool = False

    def __init__(self, settings: Settings, inputs: Sequence[Any] = ()):
        self.settings, self.inputs = settings, inputs

    @staticmethod
    def debug_changes(settings: Settings) -> dict[str, Any]:
        """Other values, by ``path.to.key``, for a run of a few steps of a few samples."""
        return {}

    @property
    @abstractmethod
    def files(self) -> Kinds:
        """What is left in the output folder, beside checkpoints."""

    @property
    def seed(self) -> int:
        """Of new weights, order and dropout."""
        return attrgetter(self.seed_key)(self.settings)

    def asked(self) -> dict[str, Any]:
        """The settings as JSON holds them: what a run that goes on is compared with."""
        return self.settings.model_dump(by_alias=True, mode="json")

    def check(self, say: Say, *, given: Path | None, tell_all: bool) -> None:
        """Look at data and machine before anything heavy is loaded.

        Raises:
            NotReadyError: one line that names everything that is missing.
        """
        return

    def check_output(self, output: Path, *, resume: bool, inputs: list[Any]) -> None:
        """Nothing in the folder is another's, and its checkpoints are of a run like this one.

        Raises:
            ConfigError: they were made with other settings. OutputError: something is another's.
        """
        if resume:
            check_same_run(output / SETTINGS_FILE, self.asked(), self.free)
        check_folder(output, self.files, inputs=[*inputs, *self.inputs])
        check_own(output)

    @abstractmethod
    def build(self, say: Say, *, dry_run: bool) -> None:
        """Data and model into memory; with ``dry_run``, also see that they go together."""

    @abstractmethod
    def train(self, output: Path, *, resume: bool, say: Say) -> list[dict]:
        """Train and save what is left; returns the history."""


def check_trackers(names: Sequence[str]) -> None:
    """Whether the packages that losses are sent to are here.

    Raises:
        MissingPackage: one is not.
    """
    for name in names:
        check_installed(name, f"report_to {name}", "or leave it out")


class OneStage(Recipe[Settings]):
    """A recipe of one run of the Trainer, with its checkpoints in the output folder itself."""

    @abstractmethod
    def trainer(self, output: Path, say: Say) -> "StreamTrainer":
        """Objective, data, arguments and callbacks."""

    @abstractmethod
    def save(self, output: Path) -> None:
        """The trained model."""

    def write_card(self, output: Path, history: list[dict], *, skipped: int, say: Say) -> None:
        """What the model is, for people; nothing where a recipe has no card."""

    def train(self, output: Path, *, resume: bool, say: Say) -> list[dict]:
        from ntlbg.train.trainer import Written, fit

        trainer, kind = self.trainer(output, say), self.files[SETTINGS_FILE]
        settings = Written(output / SETTINGS_FILE, kind, self.asked())
        history = fit(trainer, settings, output / HISTORY_FILE, resume=resume, say=say)
        trainer.finish()
        if skipped := len(trainer.unread):
            say(f"{skipped} videos could not be read, and were skipped")
        if trainer.is_world_process_zero():
            self.save(output)
            self.write_card(output, history, skipped=skipped, say=say)
            say(f"wrote {output}: ask it with `ntlbg ask VIDEO QUESTION --model {output}`")
        return history
