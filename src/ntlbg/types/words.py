"""What is said and written, and what of it answers a question."""

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
