"""Answers to the questions about one video, by every selector and budget."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from ntlbg.choosing import choose
from ntlbg.data import Sample
from ntlbg.question import parse_question
from ntlbg.retrievers import Retriever
from ntlbg.system import System
from ntlbg.types import AnswerInput, Reply, Selection, VideoIndex


@dataclass(frozen=True)
class VideoKey:
    """Which video, and what was asked about it.

    Attributes:
        weights: fingerprint of the model's weights.
        condition, kind, video: which video.
    """

    weights: str
    condition: str
    kind: str
    video: int


@dataclass(frozen=True)
class CellKey(VideoKey):
    """All questions about one video, by one selector and budget: answered and written at once."""

    selector: str
    num_frames: int


@dataclass(frozen=True)
class Outcome(CellKey):
    """One question, one selector, one budget.

    Attributes:
        place: number of the question.
        type: of the question.
        right: see :func:`is_right`.
        strict: the same within two seconds, for open questions about a time; else None.
        seen: all evidence among the chosen frames; None when there is none.
        seconds: processor time of choosing and answering.
        reused: the reader had been given the same frames before, so it was not asked again.
    """

    place: int
    type: str
    multiple_choice: bool
    question: str
    truth: str
    answer: str
    right: bool
    strict: bool | None
    seen: bool | None
    seconds: float
    reused: bool

    @property
    def cell_key(self) -> CellKey:
        """Where it belongs."""
        return CellKey(**{field.name: getattr(self, field.name) for field in fields(CellKey)})


class WrappedRetriever(Retriever):
    """Another retriever, as it is; a subclass changes something about it."""

    def __init__(self, inner: Retriever):
        self.inner, self.name, self.unit = inner, inner.name, inner.unit
        self.encoders = inner.encoders

    def features(self, index: VideoIndex) -> np.ndarray:
        """As the other one."""
        return self.inner.features(index)

    def score(self, index: VideoIndex, text: str) -> np.ndarray:
        """As the other one."""
        return self.inner.score(index, text)

    def event_odds(self, index: VideoIndex) -> np.ndarray | None:
        """As the other one."""
        return self.inner.event_odds(index)


class MemoizedRetriever(WrappedRetriever):
    """Computes nothing twice about one video."""

    def __init__(self, inner: Retriever):
        super().__init__(inner)
        self._made: dict[str | None, np.ndarray | None] = {}

    def score(self, index: VideoIndex, text: str) -> np.ndarray:
        """As the other one, once."""
        return self._once(text, self.inner.score, index, text)

    def event_odds(self, index: VideoIndex) -> np.ndarray | None:
        """As the other one, once."""
        return self._once(None, self.inner.event_odds, index)

    def _once(self, key: str | None, make: Callable, *arguments: Any) -> Any:
        if key not in self._made:
            self._made[key] = make(*arguments)
        return self._made[key]


class MemoizedVideo:
    """One video, and a system that computes nothing about it twice."""

    def __init__(self, system: System, index: VideoIndex):
        self.system, self.index = system, index
        self.retriever: Retriever = MemoizedRetriever(system.retriever)
        self._replies: dict[tuple, Reply] = {}

    def choose(self, sample: Sample, selector: str, num_frames: int, **options: Any) -> Selection:
        """As ``ask`` does."""
        question = parse_question(sample.question, sample.options)
        return choose(self.retriever, self.index, question, selector, num_frames, **options)

    def answer(
        self, sample: Sample, selector: str, num_frames: int
    ) -> tuple[Selection, Reply, bool]:
        """The frames, what is said about them, and whether that had been said before."""
        selection = self.choose(sample, selector, num_frames)
        return selection, *self.read(sample, selection)

    def read(self, sample: Sample, selection: Selection, *state: Any) -> tuple[Reply, bool]:
        """The reply, and whether it is an old one: what reads the same is read once.

        ``state`` is what else the reply depends on.
        """
        key = (*state, *_what_is_read(sample, selection))
        reused = key in self._replies
        if not reused:
            given = AnswerInput(self.index, self.retriever.features(self.index), selection)
            question = parse_question(sample.question, sample.options)
            self._replies[key] = self.system.answerer.answer(question, given)
        return self._replies[key], reused


def _what_is_read(sample: Sample, selection: Selection) -> tuple:
    """All of a selection that an answerer may read: frames, their weights, every frame's score."""
    scores = None if selection.scores is None else selection.scores.tobytes()
    return (
        sample.question, *(sample.options or ()),
        selection.indices.tobytes(), selection.weights.tobytes(), scores,
    )  # fmt: skip
