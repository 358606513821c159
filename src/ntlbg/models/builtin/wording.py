"""Does the built-in model understand a question, every word of it and what they make together?

It was trained on a few dozen wordings about objects it has names for. A question with one word more
asks something else: "What does the sign at 03:20 say?" is no question about what is shown at 03:20.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from ntlbg.data import NOT_SEEN
from ntlbg.question import parse_question
from ntlbg.question.english import (
    A_NUMBER,
    CLOCK_TIME,
    COUNTED,
    ENDING,
    KNOWN_OPTION,
    NO_ORDER,
    NUMBER,
    POSSESSIVE,
    RIGHT_NEXT,
    THE_TWO,
    TRAINED_WORDS,
    UNTRAINED_WORDS,
    WORD,
    YES_OR_NO,
    with_clock_times,
)
from ntlbg.types import Intent, Question

KNOWS = (
    "it knows: what appears first, last, before or after something, or at a time; when, whether "
    "and how often"
)
UNTRAINED = (
    f"the model was not trained for this kind of question, so the answer is a guess; {KNOWS}"
)
UNNAMED = (
    "the question names nothing that the model has a word for, so the answer tells little; "
    "ntlbg enrol NAME IMAGE teaches it a word"
)
NOT_ENGLISH = "the built-in model reads English only, so the answer is a guess; ask it in English"


def unknown_words(text: str, names: "ObjectNames") -> list[str]:
    """Words of a text that are neither names of objects nor part of a question, in its order.

    Names that follow each other without a word between them are one thing, which is not known. A
    word of a phrase that only looks like an order stands for all of it: "look after".
    """
    text = with_clock_times(text)
    for pattern in (CLOCK_TIME, THE_TWO, RIGHT_NEXT, POSSESSIVE):
        text = pattern.sub(" ", text)
    spans = names.spans(text)
    phrases = [phrase for phrase in NO_ORDER.finditer(text) if not phrase["meant"]]
    found = [
        (start, text[start:end])
        for (start, before), (after, end) in pairwise(spans)
        if not text[before:after].strip(" -")
    ]
    for start, end in spans:
        text = text[:start] + " " * (end - start) + text[end:]
    words = ((word.start(), word[0]) for word in WORD.finditer(text))
    for at, word in words:
        if ENDING.sub("", word.lower()) not in TRAINED_WORDS:
            around = (phrase[0] for phrase in phrases if phrase.start() <= at < phrase.end())
            found.append((at, next(around, word)))
    return list(dict.fromkeys(word.lower() for _, word in sorted(found)))


def as_counted(intent: Intent, options: Sequence[str]) -> list[str]:
    """Options of a question about a number, those that are one in digits, as the model was taught.

    >>> as_counted(Intent(counts=True), ["Two times.", "never", "two or three"])
    ['2', '0', 'two or three']
    """
    return [_digits(option) for option in options] if intent.counts else list(options)


def _digits(option: str) -> str:
    found = A_NUMBER.fullmatch(option.strip())
    if found is None or NUMBER.search(found[2]):
        return option
    return str(COUNTED.get(found[1].lower(), found[1]))


class ObjectNames:
    """Names of objects, found in questions.

    Of names that contain one another the longest counts; a plural "s" or "es" may follow. What is
    "on screen" is no screen.
    """

    def __init__(self, names: Iterable[str]):
        self._names = {name.lower(): name for name in names}
        longest_first = sorted(self._names, key=lambda name: (-len(name), name))
        choices = "|".join(re.escape(name) for name in longest_first)
        pattern = rf"(?<!\bon )\b({choices})(?:e?s)?\b"
        self._pattern = re.compile(pattern, re.IGNORECASE) if choices else None

    def is_name(self, text: str) -> bool:
        """Whether a text is one of the names, or its plural."""
        return bool(self._pattern and self._pattern.fullmatch(text))

    def find(self, question: str) -> list[str]:
        """In the order of the question, each once."""
        if self._pattern is None:
            return []
        found = dict.fromkeys(name.lower() for name in self._pattern.findall(question))
        return [self._names[name] for name in found]

    def spans(self, question: str) -> list[tuple[int, int]]:
        """Where they stand, plural included, in the order of the question."""
        if self._pattern is None:
            return []
        return [found.span() for found in self._pattern.finditer(question)]


def read_in_english(text: str, options: Sequence[str] | None = None) -> Question:
    """What the built-in model understands of a question: of Chinese only times, and no word."""
    question = parse_question(text, options)
    if question.intent.language != "zh":
        return question
    read = question.intent
    known = Intent("zh", read.times_seconds, ranges_seconds=read.ranges_seconds)
    return replace(question, intent=known)


def answer_caveats(question: Question, names: ObjectNames) -> tuple[str, ...]:
    """Why a model that knows these names cannot be trusted with a question, if so."""
    if not _is_latin(question.text):
        return (NOT_ENGLISH,)
    unknown = unknown_words(question.text, names)
    for option in (YES_OR_NO.sub("", option, count=1) for option in question.options or ()):
        if not KNOWN_OPTION.fullmatch(option.strip()) and option != NOT_SEEN:
            found = unknown_words(option, names)
            unknown += [word for word in found if not NUMBER.fullmatch(word)]
    if things := [word for word in unknown if ENDING.sub("", word) not in UNTRAINED_WORDS]:
        return (_without_words(things),)
    found = names.find(question.text)
    if unknown or not _is_trained(question.intent, len(found)):
        return (UNTRAINED,)
    return () if found or _is_about_no_name(question.intent) else (UNNAMED,)


def _is_latin(question: str) -> bool:
    letters = [letter for letter in question if letter.isalpha()]
    return all(ord(letter) < 0x250 for letter in letters)  # Latin with its accents


def _without_words(unknown: Sequence[str]) -> str:
    listed = ", ".join(f'"{word}"' for word in dict.fromkeys(unknown))
    return (
        f"the model has no word for {listed}, so the answer is a guess; it knows objects by name "
        "(ntlbg enrol NAME IMAGE teaches it one), and what appears when, first, last or how often"
    )


def _is_about_no_name(intent: Intent) -> bool:
    return intent.names_time or intent.asks_what_in_order


def _is_trained(intent: Intent, num_names: int) -> bool:
    """Whether questions of this form, about so many names, were trained."""
    timed, side, near = map(bool, (intent.names_time, intent.side, intent.direction))
    placed = timed or side or near
    if intent.names_pair:  # which of two comes first, or whether both are there
        both = intent.is_yes_no_or_count and not intent.counts and not placed
        return num_names == 2 and not timed and (both or intent.first_of_two != 0)
    if num_names > 1 or timed + near > 1:
        return False
    if intent.is_yes_no_or_count:  # whether and how often
        return not placed
    if intent.asks_when:
        return not (near or timed)
    if num_names and not near:
        return False
    return (timed and intent.asks_for_thing) or intent.asks_what_in_order
