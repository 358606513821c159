"""What passages are about, as vectors, and what is spoken of around each moment.

N passages, B moments, D numbers of a vector.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ntlbg.question import parse_question
from ntlbg.text.meaning import TextEncoder
from ntlbg.text.meaning.kept import kept_vectors
from ntlbg.text.meaning.words import tokens
from ntlbg.types import Passage
from ntlbg.video_chapters.bins import spoken

# Of the weight of a passage by its distance in time, as a bell curve: single sentences say little
# of the subject. Of 3, 5 and 8 the best, fitted with PICTURES_SHARE.
AROUND_SECONDS = 3.0
# Beyond that a passage says nothing of a moment.
FAR = 3 * AROUND_SECONDS
# Moments that are compared with all passages at a time: 8 MB for 10,000 passages.
AT_ONCE = 100
# As many words as are compared where no encoder reads them: those that most passages hold.
MOST_WORDS = 4096
# Letters by which the language is told.
ENOUGH_LETTERS = 4000


@dataclass(frozen=True, eq=False)
class Topics:
    """Passages and what they mean.

    Attributes:
        passages: N, in order of time.
        vectors: float64 (N, D), of unit length, or zeros where nothing can be compared.
        is_by_words: they were compared by shared words, not by what they mean.
    """

    passages: tuple[Passage, ...]
    vectors: np.ndarray
    is_by_words: bool = False

    def around(self, moments: np.ndarray) -> np.ndarray:
        """float64 (B, D + 1): the subject at each moment in seconds, of unit length, or zeros.

        The last number says whether somebody speaks, 0 to 1. So silence is as unlike any subject
        as two are that have nothing in common.
        """
        found = np.zeros((len(moments), self.vectors.shape[1] + 1))
        said = {id(one) for one in spoken(self.passages)}
        is_said = np.array([id(one) in said for one in self.passages], bool)
        for first in range(0, len(moments), AT_ONCE):
            near = self._near(moments[first : first + AT_ONCE])
            rows = found[first : first + AT_ONCE]
            rows[:, :-1] = unit(near @ self.vectors)
            rows[:, -1] = near[:, is_said].max(1, initial=0.0)
        return found

    def _near(self, moments: np.ndarray) -> np.ndarray:
        """(b, N): how much each passage says of each moment, 0 to 1."""
        starts, ends = spans_of(self.passages)
        away = np.maximum(np.maximum(starts - moments[:, None], moments[:, None] - ends), 0.0)
        near = np.exp(-0.5 * (away / AROUND_SECONDS) ** 2)
        near[away > FAR] = 0.0
        return near


def spans_of(passages: Sequence[Passage]) -> np.ndarray:
    """float64 (2, N): starts and ends in seconds."""
    spans = [(one.start_seconds, one.end_seconds) for one in passages]
    return np.array(spans, np.float64).reshape(-1, 2).T


def topics_of(
    passages: Sequence[Passage], load_text_encoder: Callable[[], TextEncoder | None]
) -> Topics:
    """What passages mean by an encoder that reads their language, else by the words they share.

    Args:
        load_text_encoder: called only where there is something to read.

    Raises:
        InvalidFeatures: the encoder returned something else. OutputError: vectors cannot be kept.
    """
    found = sorted(
        (one for one in passages if one.text.strip()),
        key=lambda one: (one.start_seconds, one.end_seconds),
    )
    texts = [one.text for one in found]
    encoder = load_text_encoder() if texts else None
    if encoder is not None and encoder.reads(language_of(texts)):
        vectors = kept_vectors(encoder, texts).astype(np.float64)
        return Topics(tuple(found), vectors)
    return Topics(tuple(found), word_vectors(texts), is_by_words=bool(texts))


def language_of(texts: Sequence[str]) -> str:
    """As ``Intent.language``, by texts all over a film."""
    step = max(1, sum(map(len, texts)) // ENOUGH_LETTERS)
    return parse_question(" ".join(texts[::step])[: 2 * ENOUGH_LETTERS]).intent.language


def word_vectors(texts: Sequence[str]) -> np.ndarray:
    """float64 (N, D): the words of each text that others hold too; rare ones weigh more."""
    found = [set(tokens(text, "stems")) for text in texts]
    held = Counter(word for words in found for word in words)
    shared = sorted(word for word in held if held[word] > 1)
    shared.sort(key=lambda word: -held[word])
    columns = {word: column for column, word in enumerate(shared[:MOST_WORDS])}
    vectors = np.zeros((len(texts), max(len(columns), 1)))
    for row, words in enumerate(found):
        for word in words & columns.keys():
            vectors[row, columns[word]] = math.log(1 + len(texts) / held[word])
    return unit(vectors)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Rows (N, D) of unit length; zeros stay zeros."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
