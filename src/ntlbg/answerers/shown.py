"""How a model is shown the chosen frames: as pictures with times, or as a video."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ntlbg.answerers.compression import Compression
from ntlbg.memory import PictureInputs
from ntlbg.types import AnswerInput


@dataclass(frozen=True)
class Prompt:
    """What a model reads.

    Attributes:
        tokens: of all of it.
        visual_tokens: of those, the ones that stand for frames.
        seen_tokens: that a vision tower makes of the frames; more where some are left out.
        reading: gives what ``model(...)`` and ``model.generate(...)`` take, within its block. Only
            then is anything seen, so that a prompt that is too long costs nothing.
    """

    tokens: int
    visual_tokens: int
    seen_tokens: int
    reading: Callable[[], AbstractContextManager[dict[str, Any]]]


class Shown(ABC):
    """One way to show frames. Counts are exact, and known before a picture is read.

    Attributes:
        step: sizes of pictures go in such steps of pixels.
        counts_are_exact: whether ``count`` is what is used, not more.
        compression: what leaves tokens out; None: all are read.
    """

    step: int
    counts_are_exact: bool = True
    compression: Compression | None = None

    def __init__(self) -> None:
        self._beside = lru_cache(maxsize=64)(self.tokens_beside)

    @abstractmethod
    def count(self, pictures: int, height: int, width: int) -> int:
        """Tokens that stand for so many pictures of this size."""

    @abstractmethod
    def inputs(self, pictures: int, height: int, width: int) -> PictureInputs:
        """What so many pictures of this size are to the model, to plan memory by."""

    @abstractmethod
    def tokens_beside(self, pictures: int, text: str, last_seconds: float) -> int:
        """Tokens of a prompt beside those of ``count``: text, times up to this one, marks."""

    @abstractmethod
    def prompts(self, given: AnswerInput, texts: Sequence[str]) -> Iterator[Prompt]:
        """One for each text, which comes after the frames; the frames are looked at once."""

    def text_tokens(self, pictures: int, text: str, last_seconds: float) -> int:
        """At most, beside so many pictures: each further one brings as much as the second."""
        first, second = (self._beside(number, text, last_seconds) for number in (1, 2))
        return first + (second - first) * max(pictures - 1, 0)
