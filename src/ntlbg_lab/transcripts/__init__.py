"""Made transcripts: some thirty to fifty minutes of sentences, and questions with their sentences.

Every sentence that answers a question was written by hand, in other words than the question; what
is said between them is made of patterns. ``texts/`` holds both, a file for each transcript.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

from ntlbg.types import Passage

TEXTS = Path(__file__).parent / "texts"
PATTERNS = "sentences.txt"
# Half for fitting, of every style; what is measured is told of the other half.
FITTED = ("choir", "ward", "bees", "bread", "harbour_news", "bicycle")
HELD_OUT = ("allotment", "roads", "stars", "dumplings", "mountain_news", "pottery")
FITTED_CHINESE, HELD_OUT_CHINESE = ("school_zh", "train_zh"), ("garden_zh", "clinic_zh")

MINUTES = (30, 50)
# Of a letter, or a Chinese character, as read aloud; and pauses between sentences.
LETTER_SECONDS, CHARACTER_SECONDS, PAUSES = 0.06, 0.22, (0.2, 0.5, 1.0, 2.5)
# Share of words that a small recogniser gets wrong, on clear speech; names and rare words fail
# more often. Together about .12 of all words, as whisper-base does.
MISHEARD, MISHEARD_NAME = 0.09, 0.4
_NAME = re.compile(r"(?<=[a-z] )[A-Z][\w-]+(?: [A-Z][\w-]+)*")
_LEFT_OUT = "\0"
_ALIKE = ("aeo", "iey", "ou", "bp", "dt", "gkc", "vf", "mn", "sz", "lr")

# Paraphrase, a name or number, never said, about the whole.
QuestionKind = Literal["P", "N", "X", "W"]


@dataclass(frozen=True)
class Asked:
    """A question and the passage that answers it; None where none does."""

    kind: QuestionKind
    text: str
    row: int | None


@dataclass(frozen=True)
class Transcript:
    """Passages in order of time, and questions about them."""

    name: str
    passages: tuple[Passage, ...]
    questions: tuple[Asked, ...]


def make_transcript(name: str, *, seed: int = 0, source: str = "subtitles") -> Transcript:
    """A transcript of ``texts/``; the same for the same seed, whatever its source.

    Args:
        source: of "speech" some words are misheard, names more often than others.
    """
    written, draw = _written(name), random.Random(f"{name} {seed}")
    sentences = _between(written, draw)
    for sentence in draw.sample(written.answers, len(written.answers)):
        sentences.insert(draw.randint(0, len(sentences)), sentence)
    rows = {sentence: row for row, sentence in enumerate(sentences)}
    questions = tuple(
        Asked(kind, text, None if answer is None else rows[answer])
        for kind, text, answer in written.questions
    )
    passages = _timed(sentences, written, source, draw)
    if source == "speech":
        ears = random.Random(f"{name} {seed} heard")
        passages = [replace(one, text=misheard(one.text, ears)) for one in passages]
    return Transcript(name, tuple(passages), questions)


def subjects_of(name: str) -> list[str]:
    """What a transcript of ``texts/`` is about, some twenty words."""
    return list(_written(name).subjects)


@dataclass(frozen=True)
class _Written:
    style: str
    subjects: list[str]
    questions: list[tuple[QuestionKind, str, str | None]]

    @property
    def answers(self) -> list[str]:
        return [answer for _, _, answer in self.questions if answer is not None]


@cache
def _written(name: str) -> _Written:
    lines = (TEXTS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    about = dict(line.split(" ", 1) for line in lines[:2])
    questions: list = []
    for line in lines[2:]:
        kind, rest = line.split(" ", 1)
        answer, _, question = rest.rpartition("|")
        questions.append((kind, question, answer or None))
    return _Written(about["style"], about["subjects"].split("; "), questions)


@cache
def _patterns(style: str) -> list[str]:
    lines = (TEXTS / PATTERNS).read_text(encoding="utf-8").splitlines()
    return [line.split(" ", 1)[1] for line in lines if line.startswith(f"{style} ")]


def _between(written: _Written, draw: random.Random) -> list[str]:
    """Sentences that answer nothing; a sentence and its pause take about five seconds."""
    number = int(draw.uniform(*MINUTES) * 60 / 5)
    patterns = _patterns(written.style)
    named = [pattern for pattern in patterns if "{a}" in pattern]
    subjects = [draw.sample(written.subjects, 2) for _ in range(number)]
    found = [draw.choice(patterns).format(a=one, b=other) for one, other in subjects]
    found += [draw.choice(named).format(a=name, b=draw.choice(written.subjects))
              for name in _mentioned_again(written, draw)]  # fmt: skip
    draw.shuffle(found)
    return [sentence[0].upper() + sentence[1:] for sentence in found]


def _mentioned_again(written: _Written, draw: random.Random) -> list[str]:
    """Names of answers, half of them, once to four times: who is named once is named again."""
    found = []
    for answer in written.answers:
        for name in _NAME.findall(answer):
            if draw.random() < 0.5:
                found += [name] * draw.randint(1, 4)
    return found


def _timed(
    sentences: Sequence[str], written: _Written, source: str, draw: random.Random
) -> list[Passage]:
    each = CHARACTER_SECONDS if written.style == "chinese" else LETTER_SECONDS
    time, passages = 0.0, []
    for sentence in sentences:
        end = time + each * len(sentence) + 0.6
        passages.append(Passage(sentence, round(time, 2), round(end, 2), source))
        time = end + draw.choice(PAUSES)
    return passages


def misheard(sentence: str, draw: random.Random) -> str:
    """As a recogniser might write it: letters of some words are replaced or left out."""
    words = sentence.split(" ")
    for place, word in enumerate(words):
        is_name = place > 0 and word[:1].isupper()
        if draw.random() < (MISHEARD_NAME if is_name else MISHEARD):
            words[place] = _garbled(word, draw)
    return " ".join(words)


def _garbled(word: str, draw: random.Random) -> str:
    """One or two letters become like-sounding ones, or are left out."""
    letters = [place for place in range(len(word)) if re.match("[A-Za-z]", word[place])]
    most = len(letters) - 1  # a word of one letter stays
    for place in draw.sample(letters, max(0, min(most, draw.choice((1, 1, 2))))):
        letter = word[place].lower()
        alike = "".join(group for group in _ALIKE if letter in group).replace(letter, "")
        word = f"{word[:place]}{draw.choice([*alike, _LEFT_OUT])}{word[place + 1 :]}"
    return word.replace(_LEFT_OUT, "")
