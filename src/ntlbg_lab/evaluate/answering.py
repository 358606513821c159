"""Answers to the questions about one video, by every selector and budget."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ntlbg.choosing import choose
from ntlbg.data import Sample
from ntlbg.question import parse_question
from ntlbg.retrievers import Retriever
from ntlbg.system import System
from ntlbg.time_text import all_seen
from ntlbg.types import AnswerInput, Reply, Selection, VideoIndex
from ntlbg_lab.evaluate.judging import STRICT_TOLERANCE, is_open_time, is_right


@dataclass(frozen=True)
class Outcome:
    """One question, one selector, one budget.

    Attributes:
        weights: fingerprint of the model's weights.
        condition, kind, video: which video.
        place: number of the question.
        type: of the question.
        right: see :func:`is_right`.
        strict: the same within two seconds, for open questions about a time; else None.
        seen: all evidence among the chosen frames; None when there is none.
        seconds: processor time of choosing and answering.
        reused: the reader had been given the same frames before, so it was not asked again.
    """

    weights: str
    condition: str
    kind: str
    video: int
    selector: str
    num_frames: int
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
    def block(self) -> tuple:
        """What is done at once: all questions about a video, for one selector and budget."""
        return (
            self.weights, self.condition, self.kind, self.video, self.selector, self.num_frames,
        )  # fmt: skip


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
        self._scores: dict[str, np.ndarray] = {}
        self._odds: list[np.ndarray | None] = []

    def score(self, index: VideoIndex, text: str) -> np.ndarray:
        """As the other one, once."""
        if text not in self._scores:
            self._scores[text] = self.inner.score(index, text)
        return self._scores[text]

    def event_odds(self, index: VideoIndex) -> np.ndarray | None:
        """As the other one, once."""
        if not self._odds:
            self._odds.append(self.inner.event_odds(index))
        return self._odds[0]


class KnownVideo:
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


def answer_block(
    video: KnownVideo, samples: Sequence[Sample], block: tuple[str, str, str, int, str, int]
) -> Iterable[Outcome]:
    """Outcomes of all questions about a video, for one selector and budget."""
    *_, selector, num_frames = block
    for place, sample in enumerate(samples):
        began = time.process_time()  # other work on the machine does not count
        answered = video.answer(sample, selector, num_frames)
        seconds = time.process_time() - began
        yield outcome(block, place, sample, video.index.pts_seconds, *answered, seconds)


def outcome(
    block: tuple[str, str, str, int, str, int],
    place: int,
    sample: Sample,
    pts_seconds: np.ndarray,
    selection: Selection,
    reply: Reply,
    reused: bool,
    seconds: float,
) -> Outcome:
    """Judge an answer given from frames at some of the times (T,)."""
    chosen = pts_seconds[selection.indices]
    strict = is_right(sample, reply.text, tolerance=STRICT_TOLERANCE)
    return Outcome(
        *block, place, sample.answer_type or "none", sample.options is not None, sample.question,
        sample.answer, reply.text, is_right(sample, reply.text),
        strict if is_open_time(sample) else None, all_seen(chosen, sample.evidence),
        round(seconds, 4), reused,
    )  # fmt: skip
