"""What is the answer, and what did it cost? ``ANSWERERS`` and ``FOLDERS`` are the whole menu."""

import gc
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ntlbg.encoders import Encoder
from ntlbg.errors import ConfigError
from ntlbg.retrievers import Retriever
from ntlbg.types import AnswerInput, Question, Reply

# A page of sixteen pictures is looked through at a glance, and is read in a second.
DEFAULT_FRAMES = 16


@dataclass(frozen=True)
class Wants:
    """What an answerer wants to be given.

    Attributes:
        pictures: the chosen frames as pictures; else it reads features.
        longest_side: of those pictures, in pixels at most.
    """

    pictures: bool = False
    longest_side: int = 1280


@dataclass(frozen=True)
class Habits:
    """What a system looks at and chooses where nobody says.

    Attributes:
        fps: frames looked at per second.
        max_frames: looked at in all; None for no limit.
        selector: a name in SELECTORS.
        num_frames: chosen at most.
        frames_of: how many to choose of so many that are looked at; None for ``num_frames``.
    """

    fps: float = 1.0
    max_frames: int | None = None
    selector: str = "ntlbg"
    num_frames: int = DEFAULT_FRAMES
    frames_of: Callable[[int], int] | None = None

    def budget(self, sampled: int) -> int:
        """How many to choose of ``sampled`` frames."""
        return self.num_frames if self.frames_of is None else self.frames_of(sampled)


class Answerer(ABC):
    """A model that answers. Two methods have to be written: ``cost`` and ``answer``.

    Attributes:
        name: for people.
        fingerprint: changes when its answers would.
        wants: what it is to be given.
        encoders: whose features it reads, whatever chose the frames.
        habits: what is looked at and chosen where nobody says.
        context_length: tokens that it reads at once, of which ``cost`` and the question are part;
            None where there is no limit, or none is known.
        stamp_tokens: that the time before each frame takes of those.
    """

    name: str
    fingerprint: str
    wants: Wants = Wants()
    encoders: tuple[Encoder, ...] = ()
    habits: Habits = Habits()
    context_length: int | None = None
    stamp_tokens: int = 0

    @abstractmethod
    def cost(self, num_frames: int, height: int, width: int) -> int:
        """Tokens that stand for so many pictures of this size."""

    @abstractmethod
    def answer(self, question: Question, given: AnswerInput) -> Reply:
        """Answer in free text, or choose one of the question's options."""

    def own_retriever(self) -> Retriever | None:
        """What chooses frames for it where nobody says; None: it has no opinion of its own."""
        return None

    def peak_bytes(self, num_frames: int, sampled_frames: int) -> int | None:
        """Memory that reading k of T frames takes, weights included; None where it is not known."""
        return None


def _builtin(pristine: bool) -> Answerer:
    from ntlbg.answerers.builtin import load_builtin_answerer

    return load_builtin_answerer(pristine=pristine)


def _longvu(folder: Path) -> Answerer:
    from ntlbg.answerers.longvu import load_longvu_answerer

    return load_longvu_answerer(folder)


def _ntlbg(folder: Path) -> Answerer:
    from ntlbg.answerers.ntlbg_folder import load_ntlbg_answerer

    return load_ntlbg_answerer(folder)


# Called with whether it must be as it was shipped, without what somebody taught it.
ANSWERERS: dict[str, Callable[[bool], Answerer]] = {"builtin": _builtin}
# Models in a folder, by the model_type of its config.json.
FOLDERS: dict[str, Callable[[Path], Answerer]] = {"longvu": _longvu, "ntlbg": _ntlbg}


def load_answerer(model: str, *, pristine: bool = False) -> Answerer:
    """The answerer of this name or in this folder, loaded once per process.

    Args:
        pristine: without what ``ntlbg enrol`` taught it: where a model itself is measured, what
            somebody enrolled would change the figures.

    Raises:
        ConfigError: no such name, or a folder without a known model.
        WeightsError: its parts are missing or damaged.
    """
    if model not in ANSWERERS and (not model or not Path(model).is_dir()):
        raise ConfigError(
            f"no model {model!r} here, and names of the hub are not taken; there are: "
            f"{', '.join(ANSWERERS)}, and folders of models on this "
            "machine: scripts/train_ntlbg.py leaves one, `ntlbg convert longvu` makes one of a "
            "downloaded LongVU checkpoint"
        )
    return _loaded(model, pristine)


@cache
def _loaded(name: str, pristine: bool) -> Answerer:
    with _collector_paused():
        return _load(name, pristine)


def _load(name: str, pristine: bool) -> Answerer:
    if name in ANSWERERS:
        return ANSWERERS[name](pristine)
    kind = _model_type(Path(name))
    if kind not in FOLDERS:
        raise ConfigError(f"{name}: a model of type {kind!r}; known are {', '.join(FOLDERS)}")
    return FOLDERS[kind](Path(name))


def _model_type(folder: Path) -> str:
    """What the folder's config.json says."""
    try:
        text = (folder / "config.json").read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"{folder}: no model in this folder, it has no config.json; a training that has not "
            "finished leaves checkpoints only: start it again, and take its own folder then"
        ) from error
    try:
        return json.loads(text)["model_type"]
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{folder}: no model in this folder: config.json is damaged, or of something else "
            f"({error!r})"
        ) from error


@contextmanager
def _collector_paused() -> Iterator[None]:
    """No garbage collection meanwhile.

    Imports make a million objects that stay; going through them again and again takes a quarter of
    the time until the first answer.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
