"""What was asked, and what its words ask for."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Meanwhile:
    """What one stream tells, at the time that another one tells.

    Attributes:
        wanted: what is asked for: what is "written" on screen, or what is "said".
        text: what is said, or written, at that time.
    """

    wanted: Literal["written", "said"]
    text: str


@dataclass(frozen=True)
class Intent:
    """What the words of a question ask for, in any language; read by ``ntlbg.question``.

    An order is 1 for forwards (after, first, earlier), -1 for backwards (before, last, later), and
    0 where the question says nothing about it, or both.

    Attributes:
        language: "en" for Latin letters, whose words are read as English: no other language in them
            is told apart; "zh" for Chinese; "other" for all else, of which only times are read.
        times_seconds: moments it names, in seconds from the first picture.
        ranges_seconds: from when to when, of the stretches that it names: "from 0:20 to 1:20".
        beside_time: its ``direction`` is from the one moment that it names: "before 0:30".
        direction: 1 if it asks about what comes after something, -1 before.
        side: 1 if it says first of all, -1 last of all.
        earlier_or_later: 1 if it has a word for the sooner one, -1 for the later one.
        names_pair: it is about two things, each for itself.
        counts: it asks for a number of times, or of things.
        mentions_when: it has a word for a time that it does not name.
        asks_for_time: the answer it asks for is a time, whatever else it says.
        asks_for_thing: it asks neither when, where, why, how nor who.
        asks_yes_or_no: it has the form of a question for yes or no.
        offers_choice: it has an "or".
        asks_what_is_shown: all it asks is what the picture shows, at the times it names if any.
        localized_prior: P(it is about a few moments, not the whole video), 0.1 to 0.9.
        meanwhile: it asks what is written while something is said, or the other way round.
        parts: one text for each thing that it or its options name; the question alone if that is
            one thing.
        refers_back: it names nothing of its own, as "and what colour is it?": after another
            question it is about what that one named.
    """

    language: str = "en"
    times_seconds: tuple[float, ...] = ()
    direction: int = 0
    side: int = 0
    earlier_or_later: int = 0
    names_pair: bool = False
    counts: bool = False
    mentions_when: bool = False
    asks_for_time: bool = False
    asks_for_thing: bool = True
    asks_yes_or_no: bool = False
    offers_choice: bool = False
    asks_what_is_shown: bool = False
    localized_prior: float = 0.6  # what a question gets whose words tell nothing
    parts: tuple[str, ...] = ()
    ranges_seconds: tuple[tuple[float, float], ...] = ()
    beside_time: bool = False
    meanwhile: Meanwhile | None = None
    refers_back: bool = False

    @property
    def names_time(self) -> bool:
        """Whether it names a moment or a stretch of time."""
        return bool(self.times_seconds or self.ranges_seconds)

    @property
    def starts_seconds(self) -> tuple[float, ...]:
        """Where the times that it names begin."""
        return (*self.times_seconds, *(start for start, _ in self.ranges_seconds))

    @property
    def has_timing(self) -> bool:
        """Whether it names a time or an order, which no part of it says alone."""
        return self.names_time or (self._in_order and not self.names_pair)

    @property
    def is_yes_no_or_count(self) -> bool:
        """Whether "No" or "0" tells that something is not there."""
        return self.counts or (self.asks_yes_or_no and not self.offers_choice)

    @property
    def asks_about_one(self) -> bool:
        """Whether it is about one thing it names: when, whether, how often, or next to what."""
        return self.mentions_when or self.direction != 0 or self.counts or self.asks_yes_or_no

    @property
    def asks_about_events(self) -> bool:
        """Whether it asks what comes first or last of everything."""
        return self.side != 0 and not (self.counts or self.names_pair)

    @property
    def asks_when(self) -> bool:
        """Whether the answer is the time of one thing it names."""
        return self.asks_for_time and not (self.direction or self.names_pair or self.counts)

    @property
    def asks_what_in_order(self) -> bool:
        """Whether the answer is what comes first or last of all, or next to something."""
        other = self.is_yes_no_or_count or self.names_pair or self.names_time
        return self._in_order and self.asks_for_thing and not other

    @property
    def first_of_two(self) -> int:
        """1 if it asks which of two things comes first, -1 if which comes last."""
        asked = self.names_pair and not self.is_yes_no_or_count
        return self.earlier_or_later if asked else 0

    @property
    def _in_order(self) -> bool:
        return self.direction != 0 or self.side != 0


@dataclass(frozen=True)
class Question:
    """A question, read once.

    Attributes:
        text: as it was asked.
        options: the choices of a multiple-choice question; None for a free answer.
        intent: what its words ask for.
    """

    text: str
    options: tuple[str, ...] | None
    intent: Intent


@dataclass(frozen=True)
class Turn:
    """A question that was asked before about the same film, and what was answered.

    Attributes:
        question: as it was asked; with options, as it was put with them if that is to be known.
        answer: as it was given.
    """

    question: str
    answer: str
