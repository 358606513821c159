"""How well each passage answers a question: by what it means and by the words that it shares.

N passages, D feature size, Q questions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from ntlbg.text.meaning import TextEncoder
from ntlbg.text.meaning.kept import checked_vectors, kept_vectors
from ntlbg.text.meaning.questions import foreign_questions
from ntlbg.text.meaning.words import Cover, Scheme, tokens
from ntlbg.types import Passage

# Half of what all passages of a film have in common is taken out: all of it helps only where most
# sentences are alike, and none leaves "we", "today" and the subject in. scripts/calibrate_words.py.
COMMON = 0.5
# How much the share of a question's words weighs beside a cosine: more and words drown meaning.
COVER = 0.2
# The same, where it is told whether a passage answers at all.
SURE_COVER = 0.3
# Which of the best passages the first one must stand out from.
RIVAL = 4
# A recogniser mishears names, so what it wrote is compared letter by letter.
SCHEMES: dict[str, Scheme] = {"speech": "letters"}


@dataclass(frozen=True)
class Signs:
    """What tells whether the first passage answers the question.

    Attributes:
        largest: of cosine + .3 cover, over the passages; without an encoder of the cover alone.
        distance: of that from foreign questions' largest, in their standard deviations.
        gap: from the first passage's to that of the fourth, or to a foreign question's largest
            where there are fewer.
        gap_in_deviations: the same in standard deviations of the foreign questions' largest.
    """

    largest: float
    distance: float
    gap: float
    gap_in_deviations: float


class Ranking:
    """The passages of one source, ready for questions.

    Args:
        passages: all of one source, at least one.
        encoder: None: by shared words alone.
        folder: where vectors are kept; by default in the user's index.
    """

    def __init__(
        self,
        passages: Sequence[Passage],
        encoder: TextEncoder | None,
        folder: Path | None = None,
    ):
        self.passages, self.encoder = tuple(passages), encoder
        texts = [passage.text for passage in passages]
        self.scheme: Scheme = SCHEMES.get(passages[0].source, "stems")
        self._cover = Cover(texts, partial(tokens, scheme=self.scheme))
        self._vectors = None if encoder is None else kept_vectors(encoder, texts, folder)
        self._first = {text: row for row, text in reversed(list(enumerate(texts)))}
        self._foreign: dict[str, tuple[float, float]] = {}

    def scores(self, question: str) -> np.ndarray:
        """float64 (N,): how well each passage fits, to order them by."""
        cover = self._cover.of(question)
        if self._vectors is None:
            return cover
        common = COMMON * self._vectors.mean(0)
        query = _unit(self._queries([question])[0] - common)
        return (self._centred @ query).astype(np.float64) + COVER * cover

    def signs(self, question: str, language: str) -> Signs:
        """Whether the best passage stands out of what foreign questions find here."""
        [sure] = self._sure([question])
        usual, deviation = self._usual(language)
        best = np.sort(sure[list(self._first.values())])[::-1]  # the same words are no rival
        rival = best[RIVAL - 1] if len(best) >= RIVAL else min(usual, best[0])
        gap = float(best[0] - rival)
        return Signs(float(best[0]), float(best[0] - usual) / deviation, gap, gap / deviation)

    def _usual(self, language: str) -> tuple[float, float]:
        """Median and deviation of what foreign questions find at best.

        Of the median, since a few of them may not be foreign to this film at all.
        """
        if language not in self._foreign:
            largest = self._sure(foreign_questions(language)).max(1)
            median = float(np.median(largest))
            spread = 1.4826 * float(np.median(abs(largest - median)))
            self._foreign[language] = median, max(spread, LEAST_DEVIATION)
        return self._foreign[language]

    def _sure(self, questions: Sequence[str]) -> np.ndarray:
        """float64 (Q, N): cosine + .3 cover, of what was not centred."""
        cover = np.stack([self._cover.of(question) for question in questions])
        if self._vectors is None:
            return cover
        return (self._queries(questions) @ self._vectors.T).astype(np.float64) + SURE_COVER * cover

    def _queries(self, questions: Sequence[str]) -> np.ndarray:
        assert self.encoder is not None
        encoded = self.encoder.encode_questions(list(questions))
        return checked_vectors(self.encoder, encoded, len(questions))

    @cached_property
    def _centred(self) -> np.ndarray:
        assert self._vectors is not None
        return _unit(self._vectors - COMMON * self._vectors.mean(0))


# Cosines and shares; foreign questions that all find the same tell no deviation. Of made
# transcripts it is .03 to .08.
LEAST_DEVIATION = 0.01


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Of length 1; what is 0 stays 0."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
