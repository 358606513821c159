"""Does the built-in model understand a question, every word of it and what they make together?

It was trained on a few dozen wordings about objects it has names for. A question with one word more
asks something else: "What does the sign at 03:20 say?" is no question about what is shown at 03:20.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from ntlbg.data import NOT_SEEN
from ntlbg.grounding import (
    CLOCK_TIME,
    NOT_WHAT,
    asks_count,
    asks_what_in_order,
    asks_when,
    can_be_denied,
    first_or_last,
    first_or_last_of_two,
    mentioned_seconds,
    names_pair,
    neighbour_direction,
)

# Words of the questions the model was trained for, and what people say in their place without
# asking for anything else. Whatever is missing here makes a note, so a word is added only if a
# question means the same with it.
_WORDS = """
a an the this that these those it its they them their there here
i you we one me us
am is are was were be been being do does did done can could will would shall should may might
has have had
what which when whether if how
and or both either as well of out in into on at to from by with for during within not
any anywhere anything something some all other others ever also only each very true
object objects thing things item items
video videos film films movie movies clip clips footage recording screen
appear appears appeared appearing appearance appearances show shows showed shown showing
see sees saw seen seeing visible present find finds found spot spotted notice noticed
display displays displayed come comes came coming up exist exists contain contains include
includes feature features featured
time times moment moments point points many often count number separate separately total
altogether
first last next before after follow follows followed following precede precedes preceded
preceding prior earlier later sooner start starts started begin begins beginning began end ends
ended ending finish finishes finished final finally near immediately just directly shortly
name tell please exactly
"""
WORDS = frozenset(_WORDS.split())
# Words that ask for something the model was not trained for, but name nothing that could be taught:
# a note about them says so, and does not list them. Number words are among them.
_GRAMMAR = """
who whom whose why where wherever whatever whichever while because since until unless although
though whereas so but nor then than he him his himself she her hers herself itself themselves my
mine your yours our ours such same more most less least few fewer several much no not only just
again too still already yet never always together alone instead about above across against along
among around behind below beneath beside besides between beyond down inside like off onto opposite
outside over past per through throughout toward towards under underneath up upon via without
happen happens happened happening occur occurs occurred do doing done
"""
_NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve"
COUNTED = {word: number for number, word in enumerate(_NUMBERS.split())}
COUNTED |= {"never": 0, "once": 1, "twice": 2, "thrice": 3}
GRAMMAR = frozenset((*_GRAMMAR.split(), *COUNTED))
NUMBER = re.compile(rf"\b(?:\d+|{'|'.join(COUNTED)})\b", re.IGNORECASE)
# Of a whole option: one number, and up to two words of what is counted.
A_NUMBER = re.compile(
    rf"(?:(?:exactly|only|just) )?({NUMBER.pattern})((?: [^\W\d]+){{0,2}})\.?", re.IGNORECASE
)
WORD = re.compile(r"\w+(?:['’]\w+)*")
POSSESSIVE = re.compile(r"['’]s\b")
ENDING = re.compile(r"['’](?:re|ve|ll|d)$|n['’]t$")
# Words that are known in one place only.
RIGHT_NEXT = re.compile(r"\bright (?=before|after)\b", re.IGNORECASE)
THE_TWO = re.compile(r"\bof the two\b", re.IGNORECASE)
KNOWN_OPTION = re.compile(rf"(?:{CLOCK_TIME.pattern}|\d+|nothing|none)?\.?", re.IGNORECASE)
YES_OR_NO = re.compile(r"\s*(?:yes|no)\b,?\s*", re.IGNORECASE)

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

    Names that follow each other without a word between them are one thing, which is not known.
    """
    for pattern in (CLOCK_TIME, THE_TWO, RIGHT_NEXT, POSSESSIVE):
        text = pattern.sub(" ", text)
    spans = names.spans(text)
    found = [
        (start, text[start:end])
        for (start, before), (after, end) in pairwise(spans)
        if not text[before:after].strip(" -")
    ]
    for start, end in spans:
        text = text[:start] + " " * (end - start) + text[end:]
    words = ((word.start(), word[0]) for word in WORD.finditer(text))
    found += [(at, word) for at, word in words if ENDING.sub("", word.lower()) not in WORDS]
    return list(dict.fromkeys(word.lower() for _, word in sorted(found)))


def as_counted(question: str, options: Sequence[str]) -> list[str]:
    """Options of a question about a number, those that are one in digits, as the model was taught.

    >>> as_counted("How often does the owl appear?", ["Two times.", "never", "two or three"])
    ['2', '0', 'two or three']
    """
    return [_digits(option) for option in options] if asks_count(question) else list(options)


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


def reservations(
    question: str, names: ObjectNames, options: Sequence[str] | None = None
) -> tuple[str, ...]:
    """Why a model that knows these names cannot be trusted with a question, if so."""
    if not _is_latin(question):
        return (NOT_ENGLISH,)
    unknown = unknown_words(question, names)
    for option in (YES_OR_NO.sub("", option, count=1) for option in options or ()):
        if not KNOWN_OPTION.fullmatch(option.strip()) and option != NOT_SEEN:
            found = unknown_words(option, names)
            unknown += [word for word in found if not NUMBER.fullmatch(word)]
    if things := [word for word in unknown if ENDING.sub("", word) not in GRAMMAR]:
        return (_without_words(things),)
    found = names.find(question)
    if unknown or not _is_trained(question, len(found)):
        return (UNTRAINED,)
    return () if found or _is_about_no_name(question) else (UNNAMED,)


def _is_latin(question: str) -> bool:
    letters = [letter for letter in question if letter.isalpha()]
    return all(ord(letter) < 0x250 for letter in letters)  # Latin with its accents


def _without_words(unknown: Sequence[str]) -> str:
    listed = ", ".join(f'"{word}"' for word in dict.fromkeys(unknown))
    return (
        f"the model has no word for {listed}, so the answer is a guess; it knows objects by name "
        "(ntlbg enrol NAME IMAGE teaches it one), and what appears when, first, last or how often"
    )


def _is_about_no_name(question: str) -> bool:
    return bool(mentioned_seconds(question)) or asks_what_in_order(question)


def _is_trained(question: str, num_names: int) -> bool:
    """Whether questions of this form, about so many names, were trained."""
    timed = bool(mentioned_seconds(question))
    side, near = bool(first_or_last(question)), bool(neighbour_direction(question))
    placed = timed or side or near
    if names_pair(question):  # which of two comes first, or whether both are there
        both = can_be_denied(question) and not asks_count(question) and not placed
        return num_names == 2 and not timed and (both or first_or_last_of_two(question) != 0)
    if num_names > 1 or timed + near > 1:
        return False
    if can_be_denied(question):  # whether and how often
        return not placed
    if asks_when(question):
        return not (near or timed)
    if num_names and not near:
        return False
    return (timed and not NOT_WHAT.match(question)) or asks_what_in_order(question)
