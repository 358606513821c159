"""What there is to know of a language: one table for each, all of the same form."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Language:
    """The words of one language that tell what a question asks for.

    All patterns but those of parts are searched in the text that ``plain`` returns.

    Attributes:
        spelling: characters that are written in two ways, for ``str.translate``; the patterns have
            one of them.
        clocked: the text with all times written as h:mm:ss.
        plain: the same without phrases that only look like an order.
        names_pair: whether a plain text is about two things, each for itself.
        after, before: what comes next to something.
        first, last: what comes first or last of all.
        earlier, later: which of two comes first or last.
        counts: a number of times or things is asked for.
        when: a time that is not named, asked for or not.
        asks_for_time: the answer is a time.
        asks_for_other: the answer is a time, a place, a person, a reason or a manner.
        yes_or_no: the form of a question that yes or no answers.
        choice: "or".
        time_range: two named times, and all between them is meant.
        beside_time: a named time, and what is meant comes before or after it.
        at_a_time: a named time with the words around it.
        what_is_shown: all of a question about the picture, without its time.
        meanwhile: a whole question, of a ``clause`` that goes on while, and the ``rest``; either
            comes first: ``clause_first`` and ``rest_after``.
        said, written: that something is said, or is on screen, with the words around.
        cues: what tells that a question is about a few moments, in log-odds.
        unit: looks like several things and is one.
        one_unless_pair: words between two things that do something together, or are one anchor.
        joined: words between two things.
        edge_start, edge_end: words of the question itself, at the start or end of a phrase.
        nameless: all of a word, or of a run of characters, that names nothing.
        number: a number among other words.
        colour: all of a phrase that is a colour.
        no_thing: an option that names nothing, as "none of these".
        bare: all of a word, or of a run of characters, of which a question is made that names
            nothing: what ``nameless`` has, more such words, and what is asked of things: colour.
        pronoun: what stands for a thing that was named before.
        film: the film itself, or its picture.
    """

    spelling: Mapping[int, int]
    clocked: Callable[[str], str]
    plain: Callable[[str], str]
    names_pair: Callable[[str], bool]
    after: re.Pattern
    before: re.Pattern
    first: re.Pattern
    last: re.Pattern
    earlier: re.Pattern
    later: re.Pattern
    counts: re.Pattern
    when: re.Pattern
    asks_for_time: re.Pattern
    asks_for_other: re.Pattern
    yes_or_no: re.Pattern
    choice: re.Pattern
    time_range: re.Pattern
    beside_time: re.Pattern
    at_a_time: re.Pattern
    what_is_shown: re.Pattern
    meanwhile: re.Pattern
    said: re.Pattern
    written: re.Pattern
    cues: tuple[tuple[re.Pattern, float], ...]
    unit: re.Pattern
    one_unless_pair: re.Pattern
    joined: re.Pattern
    edge_start: re.Pattern
    edge_end: re.Pattern
    nameless: re.Pattern
    number: re.Pattern
    colour: re.Pattern
    no_thing: re.Pattern
    bare: re.Pattern
    pronoun: re.Pattern
    film: re.Pattern


def words(*patterns: str) -> re.Pattern:
    """One pattern of several, in upper or lower case."""
    return re.compile("|".join(patterns), re.IGNORECASE)


def weighted(cues: dict[str, float]) -> tuple[tuple[re.Pattern, float], ...]:
    """Cues as the table keeps them."""
    return tuple((words(pattern), weight) for pattern, weight in cues.items())
