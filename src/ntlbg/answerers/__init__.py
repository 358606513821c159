"""What is the answer, and what did it cost? ``ANSWERERS`` is the whole menu."""

import gc
import json
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from ntlbg.encoders import Encoder
from ntlbg.errors import ConfigError
from ntlbg.hub import model_type
from ntlbg.memory.devices import Device
from ntlbg.pictures import fit_within
from ntlbg.retrievers import Retriever
from ntlbg.selectors.inputs import check_budget
from ntlbg.types import AnswerInput, Plan, Question, Reply, Turn

# A page of sixteen pictures is looked through at a glance, and is read in a second.
DEFAULT_FRAMES = 16
# Of question and answer, where a model does not count them: as in the memory planner.
TEXT_TOKENS = 96
# Of the marks around an earlier question and its answer, where a model does not count them: chat
# forms have 4 to 10.
TURN_TOKENS = 16


@dataclass(frozen=True)
class Wants:
    """What an answerer wants to be given.

    Attributes:
        pictures: the chosen frames as pictures; else it reads features.
        longest_side: of those pictures, in pixels at most.
        keeps: a folder of the film to keep things in for later questions.
        passages: some of what is said and written, to read before the pictures.
        talk: earlier questions about the same film and their answers, to read before this one.
    """

    pictures: bool = False
    longest_side: int = 1280
    keeps: bool = False
    passages: bool = False
    talk: bool = False


@dataclass(frozen=True)
class Habits:
    """What a system looks at and chooses where nobody says.

    Attributes:
        fps: frames looked at per second.
        max_frames: looked at in all; None for no limit.
        selector: a name in SELECTORS.
        num_frames: chosen at most.
        frames_of: how many to choose of so many that are looked at; None for ``num_frames``.
        max_visual_tokens: that the chosen frames may take; None for no limit.
    """

    fps: float = 1.0
    max_frames: int | None = None
    selector: str = "ntlbg"
    num_frames: int = DEFAULT_FRAMES
    frames_of: Callable[[int], int] | None = None
    max_visual_tokens: int | None = None

    def budget(self, sampled: int) -> int:
        """How many to choose of ``sampled`` frames.

        Raises:
            InvalidBudget: the answerer's author wrote no whole number of at least 1.
        """
        return check_budget(self.num_frames if self.frames_of is None else self.frames_of(sampled))


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
        stamp_tokens: that the time before each frame takes of those; an upper bound.
        tokens_are_exact: whether ``cost`` is what is used, not more.
        counting_is_slow: whether ``cost`` of a size that it was not asked for before takes a while.
        is_of_the_hub: whether somebody named it as on a hub, so that one may be asked.
    """

    name: str
    fingerprint: str
    wants: Wants = Wants()
    encoders: tuple[Encoder, ...] = ()
    habits: Habits = Habits()
    context_length: int | None = None
    stamp_tokens: int = 0
    tokens_are_exact: bool = True
    counting_is_slow: bool = False
    is_of_the_hub: bool = False

    @property
    def counts_tokens(self) -> bool:
        """Whether ``cost`` is known; else it says 0."""
        return True

    @abstractmethod
    def cost(self, num_frames: int, height: int, width: int) -> int:
        """Tokens that stand for so many pictures of this size."""

    def check_question(self, question: Question) -> None:
        """Refuse what it cannot read whatever the video, before one is opened.

        Raises:
            QuestionError: too many options, or too long.
        """
        return

    def picture_sizes(self, height: int, width: int) -> list[tuple[int, int]]:
        """(height, width) in which it can be shown a picture of this size, the largest first."""
        return [fit_within(height, width, longest_side=self.wants.longest_side)]

    def text_tokens(self, question: Question, num_frames: int, last_seconds: float) -> int:
        """At most, of what stands beside so many pictures up to a time: question, answer, times.

        Those of ``cost`` are not among them.
        """
        return num_frames * self.stamp_tokens + TEXT_TOKENS

    def count_text(self, text: str) -> int:
        """Tokens of a text that is read beside the question, at most."""
        return len(text.encode())  # no token is less than a byte

    def talk_tokens(self, talk: Sequence[Turn]) -> int:
        """Tokens that earlier turns add to a prompt, at most; asked where it ``wants.talk``."""
        return sum(
            self.count_text(turn.question) + self.count_text(turn.answer) + TURN_TOKENS
            for turn in talk
        )

    @abstractmethod
    def answer(self, question: Question, given: AnswerInput) -> Reply:
        """Answer in free text, or choose one of the question's options."""

    def slack(self, plan: Plan) -> int:
        """Tokens that may be used beyond a plan without any doubt of the answer."""
        return 0

    def recount(self) -> bool:
        """Forget what ``cost`` knows, where that may have changed; False: it cannot.

        Asked for before an error that rests on it.
        """
        return False

    def own_retriever(self) -> Retriever | None:
        """What chooses frames for it where nobody says; None: it has no opinion of its own."""
        return None

    def peak_bytes(
        self, num_frames: int, sampled_frames: int, size: tuple[int, int], text_tokens: int
    ) -> int | None:
        """Memory that reading k of T frames takes, weights included; None where it is not known.

        It is that of the device which ``device`` names.

        Args:
            size: (height, width) of the pictures.
            text_tokens: beside them, of question and answer.
        """
        return None

    def device(self) -> Device | None:
        """Where it computes, with the memory that there is for it.

        None: it has nothing in the memory of this machine that would have to be planned.
        """
        return None


@dataclass(frozen=True)
class ModelChoice:
    """What somebody wants to be answered by.

    Attributes:
        name: a folder, a hub id, a file, or the name that a server gives to its model.
        endpoint: address of a server, as in ``http://localhost:8000/v1``.
        options: of the answerer, by name.
        pristine: as it was shipped, without what somebody taught it.
    """

    name: str
    endpoint: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    pristine: bool = False


def _builtin(choice: ModelChoice) -> Answerer:
    from ntlbg.answerers.builtin import load_builtin_answerer

    return load_builtin_answerer(pristine=choice.pristine)


def _longvu(choice: ModelChoice) -> Answerer:
    from ntlbg.answerers.longvu import load_longvu_answerer

    return load_longvu_answerer(Path(choice.name))


def _ntlbg(choice: ModelChoice) -> Answerer:
    from ntlbg.answerers.ntlbg_folder import load_ntlbg_answerer

    return load_ntlbg_answerer(Path(choice.name))


def _transformers(choice: ModelChoice) -> Answerer:
    from ntlbg.answerers.transformers import load_transformers_answerer

    return load_transformers_answerer(choice.name, choice.options)


def _openai(choice: ModelChoice) -> Answerer:
    from ntlbg.answerers.openai import load_openai_answerer

    return load_openai_answerer(choice.name, choice.endpoint, choice.options)


def _gguf(choice: ModelChoice) -> Answerer:
    from ntlbg.answerers.gguf import load_gguf_answerer

    return load_gguf_answerer(Path(choice.name), choice.options)


ANSWERERS: dict[str, Callable[[ModelChoice], Answerer]] = {
    "builtin": _builtin,
    "transformers": _transformers,
    "openai": _openai,
    "gguf": _gguf,
    "longvu": _longvu,
    "ntlbg": _ntlbg,
}
# Those that are a folder of their own kind, by the model_type of its config.json; a folder of any
# other type is one for transformers.
FOLDERS = {"longvu": "longvu", "ntlbg": "ntlbg", "ntlbg_vl": "ntlbg"}
# Those that take options by name; the others have none.
WITH_OPTIONS = ("transformers", "openai", "gguf")
# As a hub writes them: an owner and a name, perhaps a revision.
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+(@[\w./-]+)?")


def load_answerer(
    model: str,
    *,
    endpoint: str | None = None,
    options: Mapping[str, Any] | None = None,
    pristine: bool = False,
) -> Answerer:
    """The answerer of this name, loaded once per process; that of a server is asked for anew.

    Args:
        model: ``builtin``; a folder with a model, or its hub id; a ``.gguf`` file; or
            ``openai:NAME`` for a model that a server has. Any name in ANSWERERS may stand before
            a colon, to say what the rest is.
        endpoint: address of that server.
        options: of the answerer, by name.
        pristine: without what ``ntlbg enrol`` taught it: where a model itself is measured, what
            somebody enrolled would change the figures.

    Raises:
        ConfigError: no such name, a folder without a known model, or options that it has not.
        WeightsError: its parts are missing or damaged. EndpointError: no such server.
    """
    kind, name = kind_of(model)
    if endpoint is not None and kind != "openai":
        raise ConfigError(
            f"an endpoint was given ({endpoint}), but {model} is no model of a server; "
            "name the server's model as in openai:NAME"
        )
    if options and kind not in WITH_OPTIONS:
        raise ConfigError(
            f"model {model} has no options, got {', '.join(options)}; those that have some are "
            f"{', '.join(WITH_OPTIONS)}"
        )
    written = json.dumps(dict(options or {}), sort_keys=True, default=os.fspath)
    # a server may have changed meanwhile, and so may its address and its key
    load = _load if kind == "openai" else _loaded
    return load(kind, name, endpoint, written, pristine)


def kind_of(model: str) -> tuple[str, str]:
    """A name in ANSWERERS, and what it is to load.

    Raises:
        ConfigError: no such name, or a folder without a model.
    """
    kind, colon, name = model.partition(":")
    if model in ANSWERERS or (colon and kind in ANSWERERS and name):
        return kind, name
    if model and Path(model).is_dir():
        return FOLDERS.get(model_type(Path(model)), "transformers"), model
    if Path(model).suffix.lower() == ".gguf":
        return "gguf", model
    # what begins with a folder of this machine is a path that somebody mistyped
    if HUB_ID.fullmatch(model) and not Path(model).exists() and not Path(model).parent.is_dir():
        return "transformers", model
    raise ConfigError(
        f"no model {model!r}; give builtin, the folder of a model (trained here, converted, or "
        "downloaded), the hub id of one as in Qwen/Qwen2.5-VL-7B-Instruct, a .gguf file, or "
        "openai:NAME for a model of a server"
    )


def _load(kind: str, name: str, endpoint: str | None, options: str, pristine: bool) -> Answerer:
    with _collector_paused():
        return ANSWERERS[kind](ModelChoice(name, endpoint, json.loads(options), pristine))


_loaded = cache(_load)


def forget_loaded() -> None:
    """Answerers that nobody uses any more give their memory back; the next call loads anew."""
    _loaded.cache_clear()


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
