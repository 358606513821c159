"""Pictures and words together: the chance that at least one of them shows or says what is meant.

Chances are joined, never scores: sums of scores of two kinds let the louder one decide.

T frames.
"""

from dataclasses import dataclass, field

import numpy as np

from ntlbg.question import parse_question
from ntlbg.retrievers import Retriever
from ntlbg.retrievers.calibration import LEAST_SHARE, as_log_odds, tempered
from ntlbg.retrievers.passages import PassagesRetriever, has_words, union_odds
from ntlbg.text.meaning.decision import either
from ntlbg.text.meaning.sure import SAID, least_chance
from ntlbg.types import Question, Relevance, VideoIndex

PICTURES = "pictures"


@dataclass(frozen=True)
class Found:
    """Whether a video answers a question, by all that is known of it.

    Attributes:
        chances: by stream ("pictures", and sources of passages) that it does.
        chance: that any does.
        limit: below which nothing is said to be there, for this set of streams.
    """

    chances: dict[str, float]
    chance: float
    limit: float
    named: tuple[str, ...] = field(init=False)

    def __post_init__(self):
        named = tuple(stream for stream, chance in self.chances.items() if chance >= SAID)
        object.__setattr__(self, "named", named)

    @property
    def is_enough(self) -> bool:
        """Whether an answer is worth giving."""
        return self.chance >= self.limit


class FusedRetriever(Retriever):
    """A retriever of pictures, and what is said and written.

    Where a video has no passages its relevance is that of the pictures, number for number and unit
    and all; no text encoder is loaded for it.

    Args:
        pictures: any other retriever; frames are told apart as it does.
        words: its own encoders are not asked.
    """

    name = "fuse"
    unit = "log_odds"

    def __init__(self, pictures: Retriever, words: PassagesRetriever):
        self.pictures, self.words, self.encoders = pictures, words, pictures.encoders

    def score(self, index: VideoIndex, text: str) -> np.ndarray:
        """Log-odds (T,) in nats that a frame shows, or is at what says, what the text is about."""
        chances = self.words.chances(index, text)
        return union_odds(self._picture_odds(index, text), list(chances.values()))

    def relevance(self, index: VideoIndex, question: Question) -> list[Relevance]:
        """As every retriever; of pictures alone where nothing is said."""
        if not has_words(index):
            return self.pictures.relevance(index, question)
        return super().relevance(index, question)

    def found(self, index: VideoIndex, text: str) -> Found:
        """How likely the video answers the text, and which streams do."""
        chances: dict[str, float] = {}
        if self._pictures_tell(parse_question(text)):
            odds = float(self._picture_odds(index, text).max())
            chances[PICTURES] = float(np.exp(-np.logaddexp(0, -odds)))
        for source, stream in self.words.evidence(index, text).items():
            chances[source] = stream.chance
        limit = least_chance(chances) if chances else 1.0
        return Found(chances, either(chances.values()), limit)

    def features(self, index: VideoIndex) -> np.ndarray:
        """Those of the pictures."""
        return self.pictures.features(index)

    def event_odds(self, index: VideoIndex) -> np.ndarray | None:
        """Those of the pictures: a sentence is no event."""
        return self.pictures.event_odds(index)

    def covers(self, question: Question) -> bool:
        """Whether the pictures cannot tell; what is said may, see ``covers_video``."""
        return self.pictures.covers(question)

    def covers_video(self, index: VideoIndex, question: Question) -> bool:
        """Where something is said, only a question about all of it wants frames that cover it."""
        if not has_words(index):
            return self.pictures.covers_video(index, question)
        return not question.intent.has_timing and self.words.is_about_whole(index, question)

    def knows(self, question: Question) -> bool:
        """What is said may be about anything."""
        return True

    def notes(self, index: VideoIndex, question: Question) -> list[str]:
        """Those of the pictures, unless frames are chosen by words."""
        by_words = has_words(index) and not self.covers_video(index, question)
        return [] if by_words else self.pictures.notes(index, question)

    def _pictures_tell(self, question: Question) -> bool:
        """What is written while something is said the words tell alone."""
        can = self.pictures.knows(question) and not self.pictures.covers(question)
        return can and question.intent.meanwhile is None

    def _picture_odds(self, index: VideoIndex, text: str) -> np.ndarray:
        question = parse_question(text)
        if not self._pictures_tell(question):
            return np.full(len(index), np.log(LEAST_SHARE))
        values = np.asarray(self.pictures.score(index, text), np.float64)
        if self.pictures.unit == "log_odds":
            return values
        prior = question.intent.localized_prior
        return tempered(as_log_odds(values, self.features(index), index.pts_seconds, prior))
