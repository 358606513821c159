"""What ranking and signs make of questions about made transcripts.

N passages.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ntlbg.text.meaning import TextEncoder
from ntlbg.text.meaning.ranking import Ranking, Signs
from ntlbg.types import Passage
from ntlbg_lab.transcripts import Asked, Transcript, make_transcript


class Remembering(TextEncoder):
    """The same encoder, which encodes no text twice: transcripts share most of their sentences."""

    def __init__(self, encoder: TextEncoder):
        self.encoder = encoder
        self._known: dict[tuple[str, str], np.ndarray] = {}
        self.name, self.fingerprint = encoder.name, encoder.fingerprint
        self.feature_size, self.languages = encoder.feature_size, encoder.languages

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        return self._vectors("passages", self.encoder.encode, texts)

    def encode_questions(self, texts: Sequence[str]) -> np.ndarray:
        return self._vectors("questions", self.encoder.encode_questions, texts)

    def _vectors(self, kind: str, encode, texts: Sequence[str]) -> np.ndarray:
        new = list(dict.fromkeys(text for text in texts if (kind, text) not in self._known))
        if new:
            self._known.update(zip([(kind, text) for text in new], encode(new), strict=True))
        return np.stack([self._known[kind, text] for text in texts])


@dataclass(frozen=True, eq=False)
class Case:
    """One question to one transcript.

    Attributes:
        asked: what was asked; its row is None where nothing answers.
        transcript: its name.
        scores: float64 (N,), by which passages are ordered.
        signs: whether the first one answers.
    """

    asked: Asked
    transcript: str
    scores: np.ndarray
    signs: Signs

    @property
    def place(self) -> float:
        """Of the passage that answers, 0 for the first; infinite where none does."""
        if self.asked.row is None:
            return np.inf
        order = np.argsort(-self.scores, kind="stable")  # of equals the earlier one
        return float((order == self.asked.row).argmax())

    @property
    def is_right(self) -> bool:
        """Whether the first passage answers."""
        return self.place == 0


def cases_of(
    names: Sequence[str],
    encoder: TextEncoder | None,
    *,
    source: str = "subtitles",
    seeds: Sequence[int] = (0,),
) -> list[Case]:
    """Every question that is not about the whole, and those with an answer once more without it."""
    with tempfile.TemporaryDirectory() as folder:
        return [
            case
            for name in names
            for seed in seeds
            for case in _cases(make_transcript(name, seed=seed, source=source), encoder,
                               Path(folder))
        ]  # fmt: skip


def _cases(made: Transcript, encoder: TextEncoder | None, folder: Path) -> Iterator[Case]:
    language = "zh" if made.name.endswith("_zh") else "en"
    whole = Ranking(made.passages, encoder, folder)
    for asked in made.questions:
        if asked.kind == "W":
            continue
        yield _case(whole, asked, made, language)
        if asked.row is not None:
            others = _without(made.passages, asked.row)
            less = Ranking(others, encoder, folder)
            yield _case(less, Asked(asked.kind, asked.text, None), made, language)


def _without(passages: Sequence[Passage], row: int) -> list[Passage]:
    return [passage for number, passage in enumerate(passages) if number != row]


def _case(ranking: Ranking, asked: Asked, made: Transcript, language: str) -> Case:
    scores = ranking.scores(asked.text)
    return Case(asked, made.name, scores, ranking.signs(asked.text, language))


def found_within(cases: Sequence[Case], kind: str, number: int) -> float:
    """Share of the answered questions of a kind whose passage is among the first ones."""
    places = [
        case.place for case in cases if case.asked.kind == kind and case.asked.row is not None
    ]
    return float(np.mean(np.array(places) < number))


def area(positive: Sequence[float], negative: Sequence[float]) -> float:
    """Under the ROC curve: the chance that one of the first is larger than one of the others."""
    above = np.subtract.outer(np.asarray(positive), np.asarray(negative))
    return float((above > 0).mean() + 0.5 * (above == 0).mean())
