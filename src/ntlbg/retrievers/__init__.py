"""How likely does each frame matter for a question? ``RETRIEVERS`` is the whole menu.

T frames, D feature size.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cache, partial

import numpy as np

from ntlbg.encoders import Encoder, check_encoders
from ntlbg.errors import ConfigError, InvalidFeatures
from ntlbg.question.timing import apply_question_timing
from ntlbg.retrievers.calibration import as_log_odds
from ntlbg.roles import check_part
from ntlbg.selectors import SCORE_UNITS
from ntlbg.selectors.inputs import finite_array
from ntlbg.types import Question, Relevance, ScoreUnit, VideoIndex


class Retriever(ABC):
    """Relevance of frames to texts. One method has to be written: ``score``.

    Attributes:
        name: as in RETRIEVERS.
        unit: what its scores are.
        encoders: whose features it reads; frames are told apart by those of the first one.
        cuts_texts: whether the end of a text that is too long is left out.
    """

    name: str
    unit: ScoreUnit
    encoders: tuple[Encoder, ...]
    cuts_texts: bool = False

    @abstractmethod
    def score(self, index: VideoIndex, text: str) -> np.ndarray:
        """float64 (T,), finite, higher is more relevant to the text; it knows no time or order."""

    def features(self, index: VideoIndex) -> np.ndarray:
        """float32 (T, D), in which frames are told apart."""
        if not self.encoders:
            raise ConfigError(
                f"retriever {self.name!r} has no encoders; give it one, or write features() for it"
            )
        return index.features[self.encoders[0].name]

    def event_odds(self, index: VideoIndex) -> np.ndarray | None:
        """Log-odds (T,) that a frame shows an event, whatever the question; None: cannot tell."""
        return None

    def covers(self, question: Question) -> bool:
        """Whether it cannot tell which frames a question is about.

        Then they are chosen to cover the video, as without a question.
        """
        return False

    def covers_video(self, index: VideoIndex, question: Question) -> bool:
        """The same of one video, whose passages may tell more."""
        return self.covers(question)

    def knows(self, question: Question) -> bool:
        """Whether its scores say anything about the question.

        Where something is said or written, pictures that do not know are not asked.
        """
        return True

    def text_tokens(self, text: str) -> tuple[int, int] | None:
        """Of a text, and of how many it can tell what they are about; None: of any number."""
        return None

    def notes(self, index: VideoIndex, question: Question) -> list[str]:
        """What is to be said of frames chosen by this question, a sentence each."""
        return []

    def relevance(self, index: VideoIndex, question: Question) -> list[Relevance]:
        """Of the question as a whole, then of what frames are chosen by, if that is more.

        A question that names several things has a part for each. What is at a time, or comes
        before or after something, is no part but what its timing makes of the whole. Timing needs
        log-odds, so similarities are turned into them first; they cannot tell what comes next as
        surely, so there the things that are named are parts beside the whole.

        Raises:
            InvalidFeatures: ``score`` or ``event_odds`` gave no finite number for every frame.
        """
        text, intent = question.text, question.intent
        whole = self._relevance_in_time(index, question, text)
        others = [part for part in intent.parts if part != text]
        if not intent.has_timing:
            parts = [whole if part == text else self._relevance_in_time(index, question, part)
                     for part in intent.parts]  # fmt: skip
            return [whole, *parts] if others else [whole]
        if not others or self.unit == "log_odds" or intent.names_time:
            return [whole]
        return [whole, whole, *(self._relevance_of(index, question, part) for part in others)]

    def _relevance_in_time(self, index: VideoIndex, question: Question, text: str) -> Relevance:
        relevance = self._relevance_of(index, question, text)
        if relevance.unit != "log_odds":
            return relevance
        event_odds = partial(self._checked_event_odds, index)
        values = apply_question_timing(
            relevance.values, index.pts_seconds, question.intent, event_odds
        )
        return Relevance(values, "log_odds", self.name)

    def _relevance_of(self, index: VideoIndex, question: Question, text: str) -> Relevance:
        values = self._checked("score", self.score(index, text), index)
        if self.unit == "log_odds" or not question.intent.has_timing:
            return Relevance(values, self.unit, self.name)
        odds = as_log_odds(
            values, self.features(index), index.pts_seconds, question.intent.localized_prior
        )
        return Relevance(odds, "log_odds", self.name)

    def _checked_event_odds(self, index: VideoIndex) -> np.ndarray | None:
        odds = self.event_odds(index)
        return None if odds is None else self._checked("event_odds", odds, index)

    def _checked(self, method: str, value: object, index: VideoIndex) -> np.ndarray:
        """A number for every frame: float64 (T,)."""
        what = f"retriever {self.name!r}: what {method} returns"
        values = finite_array(what, value, np.float64)
        if values.shape != (len(index),):
            raise InvalidFeatures(
                f"{what} must have shape ({len(index)},), a number for each frame; "
                f"got shape {values.shape}"
            )
        return values


@cache  # a second or two, and a gigabyte
def _builtin() -> Retriever:
    from ntlbg.retrievers.builtin import load_builtin_retriever

    return load_builtin_retriever()


RETRIEVERS: dict[str, Callable[[], Retriever]] = {"builtin": _builtin}


def load_retriever(retriever: str | Retriever) -> Retriever:
    """The retriever of this name; one of your own is returned as it is.

    Raises:
        ConfigError: no such name. WeightsError: its weights are missing or damaged.
    """
    if not isinstance(retriever, str):
        return retriever
    if retriever not in RETRIEVERS:
        raise ConfigError(f"no retriever {retriever!r}; there are: {', '.join(RETRIEVERS)}")
    return RETRIEVERS[retriever]()


def check_retriever(retriever: object) -> None:
    """Check that this is a retriever that says what it is.

    Raises:
        ConfigError: it is none, or its ``encoders`` or ``unit`` are missing or something else.
    """
    check_part(retriever, Retriever, f"a name ({', '.join(RETRIEVERS)}) or an object of Retriever")
    assert isinstance(retriever, Retriever)
    check_encoders(f"retriever {retriever.name!r}", retriever.encoders)
    if retriever.unit not in SCORE_UNITS:
        raise ConfigError(
            f"retriever {retriever.name!r}: unit must be {' or '.join(SCORE_UNITS)}; "
            f"got {retriever.unit!r}"
        )
