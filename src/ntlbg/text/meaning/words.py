"""The words that a text and a question share, and how much that tells.

N texts.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import Literal

import numpy as np
import snowballstemmer

# How Latin words are compared. "stems" are exact; "letters" forgive what a recogniser misheard.
Scheme = Literal["stems", "letters"]

_RUN = re.compile(
    r"(?P<characters>[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]+)"
    r"|(?P<word>[^\W_\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]+(?:\.\d+)*)"
)
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}\b)")
# Say nothing of what a sentence is about: articles, pronouns, auxiliaries, words that ask, and what
# questions say of a film: that it is shown, said, discussed, and when. No negation among them.
_STOP_WORDS = frozenset([
    "a", "an", "the", "this", "that", "these", "those", "and", "or", "but", "if", "as", "of",
    "in", "on", "at", "to", "for", "from", "by", "with", "about", "into", "is", "are", "was",
    "were", "be", "been", "being", "am", "do", "does", "did", "done", "has", "have", "had",
    "having", "can", "could", "will", "would", "shall", "should", "may", "might", "must", "i",
    "me", "my", "we", "us", "our", "you", "your", "he", "him", "his", "she", "her", "it", "its",
    "they", "them", "their", "who", "whom", "whose", "what", "which", "when", "where", "why",
    "how", "there", "here", "so", "than", "then", "too", "very", "just", "also", "any", "some",
    "please", "tell", "say", "said", "s", "t", "ll", "ve", "re", "m", "d", "after", "before",
    "come", "comes", "happen", "happens", "happened", "show", "shows", "shown", "see", "seen",
    "mention", "mentions", "mentioned", "talk", "talks", "talked", "discuss", "discussed",
    "video", "film",
])  # fmt: skip
_STOP_CHARACTERS = frozenset(
    "的了吗呢吧啊是在有和就也都一个这那什么怎谁哪为几多少会可以把被得着过很请"
)
LETTERS = (3, 4)  # in a row; of tried 2 to 5 these found most names that were misheard


def tokens(text: str, scheme: Scheme, *, all_words: bool = False) -> list[str]:
    """What is compared of a text: stems or letters of words, one and two characters of Chinese.

    Args:
        all_words: also those that say nothing of what it is about.

    >>> tokens("The gardeners ordered 1,200 seeds.", "stems")
    ['garden', 'order', '1200', 'seed']
    """
    found: list[str] = []
    words: list[str] = []
    for run in _RUN.finditer(_THOUSANDS.sub("", unicodedata.normalize("NFKC", text).lower())):
        if run["characters"]:
            found += _characters(run["characters"], all_words)
        elif all_words or run["word"] not in _STOP_WORDS:
            words.append(run["word"])
    return (_letters(words) if scheme == "letters" else [_stem(word) for word in words]) + found


@cache
def _stem(word: str) -> str:
    return word if any(map(str.isdigit, word)) else _stemmer().stemWord(word)


@cache
def _stemmer():
    return snowballstemmer.stemmer("english")


def _letters(words: Sequence[str]) -> list[str]:
    """Numbers stay whole: one digit changed is another number."""
    found = []
    for word in words:
        if any(map(str.isdigit, word)):
            found.append(word)
            continue
        padded = f" {word} "
        found += [padded[i : i + n] for n in LETTERS for i in range(len(padded) - n + 1)]
    return found


def _characters(run: str, all_of_them: bool) -> list[str]:
    ones = [one for one in run if all_of_them or one not in _STOP_CHARACTERS]
    return ones + [run[i : i + 2] for i in range(len(run) - 1)]


class Cover:
    """How much of what a question asks for stands in each of N texts.

    Tokens weigh by how rare they are among the texts. Unlike BM25 the share is 0 where nothing is
    shared and 1 where all is, whatever the length of the question.
    """

    def __init__(self, texts: Sequence[str], tokenize: Callable[[str], list[str]]):
        self._tokenize, self._number = tokenize, len(texts)
        rows: dict[str, list[int]] = {}
        for row, text in enumerate(texts):
            for token in dict.fromkeys(tokenize(text)):
                rows.setdefault(token, []).append(row)
        self._rows = {token: np.array(found) for token, found in rows.items()}

    def of(self, question: str) -> np.ndarray:
        """float64 (N,), 0 to 1."""
        share, whole = np.zeros(self._number), 0.0
        for token in dict.fromkeys(self._tokenize(question)):
            weight = self._weight(token)
            whole += weight
            if token in self._rows:
                share[self._rows[token]] += weight
        return share / whole if whole else share

    def _weight(self, token: str) -> float:
        """As in BM25; a token of no text weighs most."""
        held = len(self._rows.get(token, ()))
        return math.log(1 + (self._number - held + 0.5) / (held + 0.5))


def likeness(one: str, other: str) -> float:
    """Cosine of the counts of all their words, 0 to 1, for texts that no encoder reads."""
    counts = [Counter(tokens(text, "stems", all_words=True)) for text in (one, other)]
    lengths = [math.sqrt(sum(n * n for n in count.values())) for count in counts]
    shared = sum(number * counts[1][token] for token, number in counts[0].items())
    return shared / (lengths[0] * lengths[1]) if shared else 0.0
