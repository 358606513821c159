"""Which passages a model is told, beside the frames that it is shown.

N passages, k chosen frames.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ntlbg.answerers import Answerer
from ntlbg.answerers.content import told_line, told_text
from ntlbg.errors import BudgetError
from ntlbg.retrievers import Retriever
from ntlbg.retrievers.passages import PassagesRetriever, has_words
from ntlbg.system import System
from ntlbg.text.meaning.decision import StreamEvidence, decide, reader_note
from ntlbg.types import Decision, Passage, Question, VideoIndex

# Of the prompt, at most: about 60 sentences, a quarter of what frames may take where nobody says.
MOST_TOKENS = 2048
# Of what a model reads at once, at most: the rest is for frames.
MOST_SHARE = 0.25
# A passage that begins or ends so near to a chosen frame is about what is seen there.
NEAR_SECONDS = 5.0
# Passages that come before those near the frames: the answer is seldom further down.
BEST_FIRST = 8


@dataclass(frozen=True)
class Telling:
    """What there is to tell of a film, and how much of it there is room for.

    Attributes:
        answerer: that reads it.
        passages: all of them, N, in order of time; none where nothing is told.
        order: their rows, the best one first.
        needed: tokens that all of them take, as the answerer counts.
        tokens: that there is room for.
    """

    answerer: Answerer
    passages: tuple[Passage, ...] = ()
    order: tuple[int, ...] = ()
    needed: int = 0
    tokens: int = 0

    def beside(self, times: np.ndarray) -> tuple[Passage, ...]:
        """The best passages, then those near frames at times (k,), then others, while they fit.

        In order of time.
        """
        if self.tokens == self.needed:
            return self.passages
        near = [row for row in self.order if _distance(self.passages[row], times) <= NEAR_SECONDS]
        ranked = dict.fromkeys((*self.order[:BEST_FIRST], *near, *self.order))
        rows = self._first(list(ranked))
        while rows and self.answerer.count_text(told_text(self._of(rows))) > self.tokens:
            rows = rows[: len(rows) * 9 // 10]
        return self._of(rows)

    def _of(self, rows: Sequence[int]) -> tuple[Passage, ...]:
        return tuple(self.passages[row] for row in sorted(rows))

    def _first(self, ranked: Sequence[int]) -> Sequence[int]:
        """As many as have so many letters as there is room for: to count each would be slow."""
        most = len(told_text(self.passages)) * self.tokens / self.needed
        lengths = np.cumsum([len(told_line(self.passages[row])) + 1 for row in ranked])
        return ranked[: int(np.searchsorted(lengths, most, side="right"))]


@dataclass(frozen=True)
class Said:
    """What is said and written about a question.

    Attributes:
        retriever: that finds frames by it, too.
        telling: what a model is told of it.
        decision: what may be quoted; None where nothing is known to be said.
        notes: what is to be said of it, a sentence each.
    """

    retriever: Retriever
    telling: Telling
    decision: Decision | None = None
    notes: tuple[str, ...] = ()

    @property
    def quoted(self) -> tuple[Passage, ...]:
        """What answers the question, or comes nearest; not what stands for the whole."""
        decision = self.decision
        return decision.passages if decision and decision.kind in ("said", "nearest") else ()


def what_is_said(
    system: System, index: VideoIndex, question: Question | None, transcript: str
) -> Said:
    """Of a video, about a question; nothing about a video as a whole.

    Args:
        transcript: as of ``Words``.

    Raises:
        BudgetError: as :func:`plan_telling`. InvalidFeatures, OutputError: as
        :func:`ntlbg.text.meaning.decision.decide`.
    """
    if question is None:
        return Said(system.retriever, Telling(system.answerer))
    retriever = system.retriever_of(index)
    notes = retriever.notes(index, question)
    if not has_words(index):
        return Said(retriever, Telling(system.answerer), notes=tuple(notes))
    words = system.words
    telling = plan_telling(
        system.answerer, index.passages, words.evidence(index, question.text), transcript
    )
    decision = decide(index.passages, question, words.text_encoder)
    notes = [*notes, *_about_reader(words, question)]
    return Said(retriever, telling, decision, tuple(notes))


def _about_reader(words: PassagesRetriever, question: Question) -> Iterator[str]:
    """What passages are not looked for by."""
    if not words.reads(question):
        yield reader_note(question, words.text_encoder)
    elif (encoder := words.text_encoder) and not encoder.reads_all_of(question.text):
        yield (
            f"the question is longer than {encoder.name} reads; passages are looked for by its "
            "beginning"
        )


def plan_telling(
    answerer: Answerer,
    passages: Sequence[Passage],
    evidence: Mapping[str, StreamEvidence],
    transcript: str,
) -> Telling:
    """How many tokens of a prompt passages are to take.

    Args:
        transcript: as of ``Words``.

    Raises:
        BudgetError: all are to be told, and the model does not read so much.
    """
    passages = tuple(sorted(passages, key=lambda one: one.start_seconds))
    if not passages or transcript == "none" or not answerer.wants.passages:
        return Telling(answerer)
    needed, length = answerer.count_text(told_text(passages)), answerer.context_length
    if transcript == "all":
        if length is not None and needed > length:
            raise BudgetError(
                f"all that is said and written is {needed} tokens, {answerer.name} reads {length}; "
                "leave --transcript at best, or take a model that reads more"
            )
        return Telling(answerer, passages, tuple(range(len(passages))), needed, needed)
    most = MOST_TOKENS if length is None else min(MOST_TOKENS, int(length * MOST_SHARE))
    return Telling(answerer, passages, ranked(passages, evidence), needed, min(needed, most))


def ranked(passages: Sequence[Passage], evidence: Mapping[str, StreamEvidence]) -> tuple[int, ...]:
    """Rows of passages, those first that most likely answer the question."""
    chances = {
        passage: stream.chance * share
        for stream in evidence.values()
        for passage, share in zip(stream.passages, stream.shares, strict=True)
    }
    return tuple(sorted(range(len(passages)), key=lambda row: -chances.get(passages[row], 0.0)))


def _distance(passage: Passage, times: np.ndarray) -> float:
    """Seconds from a passage to the nearest of times (k,); 0 within it."""
    before, after = passage.start_seconds - times, times - passage.end_seconds
    return float(np.maximum(np.maximum(before, after), 0.0).min())
