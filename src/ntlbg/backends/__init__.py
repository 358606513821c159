"""What answers: a model behind two methods. ``BACKENDS`` is the whole menu."""

import gc
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from ntlbg.backends.generation import GREEDY, Generation
from ntlbg.errors import ConfigError
from ntlbg.selectors import Selection
from ntlbg.video import Frames

if TYPE_CHECKING:
    from ntlbg.backends.inspection import Attention, Losses
    from ntlbg.encoders import Encoder


# A page of sixteen pictures is looked through at a glance, and is read in a second.
DEFAULT_FRAMES = 16


@dataclass(frozen=True)
class VideoContext:
    """A video as a backend sees it: T sampled frames, k of them selected.

    Attributes:
        features: (T, D) float32.
        pts_seconds: (T,) float64, seconds from the first picture.
        selection: which k frames, with scores and weights.
        frames: the k selected pictures, or None when nothing asked for pictures.
    """

    features: np.ndarray
    pts_seconds: np.ndarray
    selection: Selection
    frames: Frames | None = None

    def with_frames(self, frames: Frames) -> "VideoContext":
        """The same context, now with the selected pictures."""
        return replace(self, frames=frames)


@dataclass(frozen=True)
class Reply:
    """What a backend says.

    Attributes:
        text: the answer.
        option_scores: probability of each option, in the order given; None without options.
        visual_tokens: tokens of the language model spent on the video.
        found: chance that the chosen frames show what the question is about; None: cannot tell.
        supports: (K,) which of the chosen frames show it; None: cannot tell.
        notes: why the answer may be worth less than it seems, a sentence each.
        written: whether a language model wrote the text, as ``generation`` says.
    """

    text: str
    option_scores: list[float] | None
    visual_tokens: int
    found: float | None = None
    supports: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    written: bool = False


@dataclass(frozen=True)
class RichPoints:
    """The k rich representative points R = [r; c; w; t] of one question.

    Attributes:
        question: what was asked.
        pts_seconds: t (k,).
        feature_norms: norm of r (k,).
        context: c (k, C), the temporal context around each frame.
        weights: w (k, 2), relevance among the selected frames and share of the video.
    """

    question: str
    pts_seconds: np.ndarray
    feature_norms: np.ndarray
    context: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class Habits:
    """What a backend looks at and chooses where nobody says.

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


class Backend(Protocol):
    """Scores frames for a question and answers it from the selected ones.

    Attributes:
        name: for people.
        fingerprint: changes when its answers would.
        score_unit: what its scores are, of :data:`ntlbg.selectors.SCORE_UNITS`.
        habits: what it looks at and chooses where nobody says.
    """

    name: str
    fingerprint: str
    needs_frames: bool
    encoder: "Encoder"
    score_unit: str
    habits: Habits

    def express(
        self, features: np.ndarray, notes: dict[str, np.ndarray], pts_seconds: np.ndarray
    ) -> np.ndarray:
        """Features (T, D) as the other methods want them, from those and the notes of the index.

        Frames are at times (T,).
        """

    def score_frames(self, features: np.ndarray, question: str) -> np.ndarray:
        """Relevance (T,) of features (T, D) for the question; higher is more relevant."""

    def event_odds(self, features: np.ndarray, pts_seconds: np.ndarray) -> np.ndarray | None:
        """Log-odds (T,) that a frame shows an event, whatever the question; None: cannot tell."""

    def answer(
        self,
        question: str,
        *,
        video: VideoContext,
        options: list[str] | None,
        generation: Generation = GREEDY,
    ) -> Reply:
        """Answer in free text, or choose one of the options.

        ``generation`` is given where somebody asks for it, never with options.
        """


@runtime_checkable
class Inspectable(Protocol):
    """A backend with NTLBG attention can show what it makes of a question and of frames."""

    def rich_points(self, question: str, *, video: VideoContext) -> RichPoints:
        """R = [r; c; w; t] of the selected frames."""

    def attention(
        self, question: str, answer: str, *, video: VideoContext, losses: "Losses"
    ) -> "Attention":
        """How all frames were judged, and the parts of the loss for the true answer."""


def load_builtin_backend(weights: Path | None = None, *, enrolled: bool = True) -> Backend:
    """The model that comes with the package, or the same with other trained weights.

    Args:
        weights: a file of trained weights.
        enrolled: let it know what ``ntlbg enrol`` was taught. Where the model itself is measured
            it must not: what somebody enrolled would change the figures.

    Raises:
        WeightsError: its parts are missing and cannot be fetched.
    """
    # here, so that bad input is refused before seconds of imports
    from ntlbg.backends.further_words import FurtherWords
    from ntlbg.backends.ntlbg import NtlbgBackend
    from ntlbg.encoders.builtin import BuiltinEncoder
    from ntlbg.models.builtin.enrolment import current_objects
    from ntlbg.models.builtin.imagenet_expert import load_imagenet_expert
    from ntlbg.models.builtin.loading import load_builtin, weights_fingerprint

    model, processor = load_builtin(weights)
    expert = load_imagenet_expert(model.vision_tower.config)
    encoder = BuiltinEncoder(model.vision_tower, weights_fingerprint(weights), expert)
    things = []
    if enrolled:
        things = current_objects(
            encoder.encode_frames, image_size=encoder.image_size, fingerprint=encoder.weights
        )
    further = FurtherWords(model, processor, expert.words, things)
    return NtlbgBackend(model, processor, encoder, name="builtin", further_words=further)


def load_longvu_folder(folder: Path) -> Backend:
    """A folder that ``ntlbg convert longvu`` wrote.

    Raises:
        WeightsError: it cannot be loaded.
    """
    from ntlbg.backends.longvu import load_longvu_backend

    return load_longvu_backend(folder)


def load_ntlbg_folder(folder: Path) -> Backend:
    """A folder that ``scripts/train_ntlbg.py`` left.

    Raises:
        WeightsError, ConfigError: it cannot be loaded.
    """
    from ntlbg.backends.trained import load_trained_backend

    return load_trained_backend(folder)


# Called with enrolled=False where the model itself is measured, otherwise without arguments.
BACKENDS: dict[str, Callable[..., Backend]] = {"builtin": load_builtin_backend}
# Models in a folder, by the model_type of its config.json.
FOLDERS: dict[str, Callable[[Path], Backend]] = {
    "longvu": load_longvu_folder,
    "ntlbg": load_ntlbg_folder,
}


def load_backend(model: str | Backend, *, enrolled: bool = True) -> Backend:
    """The backend of this name or in this folder, loaded once per process.

    A backend is returned as it is. ``enrolled`` as in :func:`load_builtin_backend`.

    Raises:
        ConfigError: no such name, or a folder without a known model.
    """
    if not isinstance(model, str):
        return model
    if model not in BACKENDS and (not model or not Path(model).is_dir()):
        raise ConfigError(
            f"no model {model!r} here, and names of the hub are not taken; there are: "
            f"{', '.join(BACKENDS)}, and folders of models on this "
            "machine: scripts/train_ntlbg.py leaves one, `ntlbg convert longvu` makes one of a "
            "downloaded LongVU checkpoint"
        )
    return _loaded(model, enrolled)


@cache
def _loaded(name: str, enrolled: bool) -> Backend:
    with _collector_paused():
        return _load(name, enrolled)


def _load(name: str, enrolled: bool) -> Backend:
    if name in BACKENDS:
        return BACKENDS[name]() if enrolled else BACKENDS[name](enrolled=False)
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
