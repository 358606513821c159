"""What is said and written, what of it answers a question, and the chapters of it all."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

DecisionKind = Literal["said", "nearest", "not said", "whole"]


@dataclass(frozen=True)
class Passage:
    """Text with a span of time.

    Attributes:
        text: what is said or written.
        start_seconds, end_seconds: on the clock of ``pts_seconds``.
        source: "subtitles", "speech" or "screen".
    """

    text: str
    start_seconds: float
    end_seconds: float
    source: str


@dataclass(frozen=True)
class Decision:
    """What a model that only quotes may say.

    Attributes:
        kind: "said": the first passage is the answer. "nearest": nothing says so directly, these
            come nearest. "not said": nothing comes near. "whole": the question is about all of it,
            and these are spread over it.
        passages: to quote, best first, with times and source; of "whole" in order of time; none
            where nothing is said.
        chance: that any source answers the question.
        sources: those that do, each with a chance of a half or more.
    """

    kind: DecisionKind
    passages: tuple[Passage, ...]
    chance: float
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chapter:
    """A stretch of a video that has a subject of its own.

    Attributes:
        start_seconds, end_seconds: on the clock of ``pts_seconds``; the next one begins where it
            ends.
        title: one line.
        title_source: "screen", "subtitles" or "speech": it is a passage of that; "model": a model
            wrote it; "number": nothing was known to name it by.
    """

    start_seconds: float
    end_seconds: float
    title: str
    title_source: str


@dataclass(frozen=True)
class Chapters:
    """All chapters of a video, in order of time and without gaps.

    Attributes:
        chapters: at least one.
        notes: what is to be said of them, a sentence each.
    """

    chapters: tuple[Chapter, ...]
    notes: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Chapter]:
        return iter(self.chapters)

    def __len__(self) -> int:
        return len(self.chapters)
