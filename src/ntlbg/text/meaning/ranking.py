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

# Half of what all passages of a film have in common is taken out. Of 54 paraphrases of made
# transcripts .59, .67, .69 were found first, in three, in five without, .61, .70, .72 with half,
# and .61, .78, .80 with all of it out; but those transcripts repeat themselves as people do not.
COMMON = 0.5
# How much the share of a question's words weighs beside a cosine. Names came first at any weight;
# of 108 paraphrases .60 did at .1 and .2, .58 at .3 and .5.
COVER = 0.2
# What is said beside the answer often says the same, and is no rival to it. Set by hand.
ELSEWHERE_SECONDS = 30.0
# Which of the best passages, the first among them, shows how many are about as good.
CROWD = 4
# Of scores: foreign questions that all find the same tell no deviation. Of made transcripts it is
# .03 to .08.
LEAST_DEVIATION = 0.01
# A recogniser mishears names, so what it wrote is compared letter by letter.
SCHEMES: dict[str, Scheme] = {"speech": "letters"}


@dataclass(frozen=True)
class Signs:
    """What tells whether the first passage answers the question; all of scores.

    A gap counts by its square root: from none to a little says more than from much to more.

    Attributes:
        largest: score of the first passage.
        distance: of that from the largest that foreign questions find, in their deviations; 0
            where they all find the same, as in a language that they are not written in.
        lead: root of the gap to the best passage elsewhere, see ELSEWHERE_SECONDS.
        gap: root of the gap to the fourth, of those elsewhere.
        lead_in_deviations, gap_in_deviations: the same of gaps in deviations of what foreign
            questions find, for encoders whose cosines lie closer, or less close, together.
    """

    largest: float
    distance: float
    lead: float
    gap: float
    lead_in_deviations: float
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
        numbers = {text: number for number, text in enumerate(texts)}
        self._texts = np.array([numbers[text] for text in texts])
        self._spans = np.array([(one.start_seconds, one.end_seconds) for one in passages])
        self._foreign: dict[str, tuple[float, float]] = {}

    def scores(self, question: str) -> np.ndarray:
        """float64 (N,): how well each passage fits, to order them by."""
        return self._scores([question])[0]

    def signs(self, question: str, language: str) -> Signs:
        """Whether the best passage stands out, also of what foreign questions find here."""
        scores = self.scores(question)
        usual, spread = self._usual(language)
        deviation = max(spread, LEAST_DEVIATION)
        first = int(scores.argmax())
        largest, others = float(scores[first]), self._elsewhere(scores, first)
        # where there are few, foreign questions say what a passage scores that is no answer
        others += [min(usual, others[-1] if others else largest)] * CROWD
        lead, gap = largest - others[0], largest - others[CROWD - 2]
        return Signs(
            largest,
            (largest - usual) / deviation if spread > LEAST_DEVIATION else 0.0,
            *(float(np.sqrt(max(one, 0.0))) for one in (lead, gap)),
            *(float(np.sqrt(max(one, 0.0) / deviation)) for one in (lead, gap)),
        )

    def _elsewhere(self, scores: np.ndarray, first: int) -> list[float]:
        """Best scores of other texts that are not beside the first passage, in order."""
        (start, end), (starts, ends) = self._spans[first], self._spans.T
        apart = (starts > end + ELSEWHERE_SECONDS) | (ends < start - ELSEWHERE_SECONDS)
        rows = np.flatnonzero(apart & (self._texts != self._texts[first]))
        best: dict[int, float] = {}
        for row in rows[np.argsort(-scores[rows], kind="stable")]:
            best.setdefault(self._texts[row], float(scores[row]))  # said again, it is no rival
            if len(best) == CROWD - 1:
                break
        return list(best.values())

    def _usual(self, language: str) -> tuple[float, float]:
        """Median and deviation of the largest scores that foreign questions find.

        Of the median, since a few of them may not be foreign to this film at all.
        """
        if language not in self._foreign:
            largest = self._scores(foreign_questions(language)).max(1)
            median = float(np.median(largest))
            spread = 1.4826 * float(np.median(abs(largest - median)))
            self._foreign[language] = median, spread
        return self._foreign[language]

    def _scores(self, questions: Sequence[str]) -> np.ndarray:
        """float64 (Q, N)."""
        cover = np.stack([self._cover.of(question) for question in questions])
        if self._vectors is None:
            return cover
        assert self.encoder is not None
        encoded = self.encoder.encode_questions(list(questions))
        queries = checked_vectors(self.encoder, encoded, len(questions))
        queries = _unit(queries - COMMON * self._vectors.mean(0))
        return (queries @ self._centred.T).astype(np.float64) + COVER * cover

    @cached_property
    def _centred(self) -> np.ndarray:
        assert self._vectors is not None
        return _unit(self._vectors - COMMON * self._vectors.mean(0))


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Of length 1; what is 0 stays 0."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
