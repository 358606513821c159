"""A text becomes a :class:`Question`, by the table of its language."""

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from ntlbg.errors import QuestionError
from ntlbg.question.chinese import CHINESE
from ntlbg.question.english import CLOCK_TIME, ENGLISH
from ntlbg.question.language import Language
from ntlbg.question.meanwhile import meanwhile
from ntlbg.question.parts import WORD, question_parts
from ntlbg.types import Intent, Question

# Log-odds that a question is about a few moments. Most questions about long videos are, but not so
# many that words cannot tell otherwise. Set by hand.
_PRIOR_WITHOUT_CUES = 0.4
# Log-odds; words alone never make it certain: 0.1 to 0.9. Set by hand.
_PRIOR_LIMIT = 2.2
# A question that is less likely than this about a few moments is about the whole film, which is its
# own subject: likelier so than not.
ABOUT_MOMENTS = 0.5
_CHINESE_CHARACTER = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_KANA_OR_HANGUL = re.compile(r"[\u3040-\u30ff\uac00-\ud7af]")
_LATIN_WORD = re.compile(r"[^\W\d_\u0250-\U0003ffff]+")
_QUOTED = re.compile(r"\"[^\"]*\"|“[^“”]*”|「[^「」]*」|《[^《》]*》")
_LAST_LATIN = 0x24F  # Latin with its accents ends here


def parse_question(text: str, options: Sequence[str] | None = None) -> Question:
    """Read a question once; whoever needs to know what it asks takes the result.

    Letters and punctuation of full width count as the usual ones. The same question is not read
    twice.

    Args:
        text: the question, in any language.
        options: the choices of a multiple-choice question.

    >>> intent = parse_question("What is shown right after 02:05?").intent
    >>> intent.direction, intent.times_seconds
    (1, (125.0,))
    >>> parse_question("猫什么时候第一次出现？").intent.asks_when
    True
    >>> parse_question("What is he holding?", ["A cup", "An umbrella"]).intent.parts
    ('What is he holding?', 'cup', 'umbrella')
    """
    return _parsed(text, None if options is None else tuple(options))


def checked_question(text: str, options: Sequence[str] | None = None) -> Question:
    """The same of what somebody typed: without spaces around it.

    Raises:
        QuestionError: no words, or options that are too few, empty or alike; or bytes that are no
            letters, as a terminal hands them on that does not use UTF-8.
    """
    if not isinstance(text, str) or not text.strip():
        raise QuestionError(f"the question is empty ({text!r}); ask something in words")
    check_letters("the question", text)
    if isinstance(options, str):
        raise QuestionError(f"the options are the text {options!r}; give a list of texts")
    if options is not None:
        options = [option.strip() for option in options]
        if len(options) < 2 or "" in options or len(set(options)) < len(options):
            raise QuestionError(
                f"the options are {options}; give at least two, all different, none empty"
            )
        for option in options:
            check_letters("an option", option)
    return parse_question(text.strip(), options)


def check_letters(what: str, text: str) -> None:
    """Refuse bytes that are no letters.

    Raises:
        QuestionError: there are some.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise QuestionError(
            f"{what} holds a byte that is no letter ({text!r:.80}); type it in UTF-8"
        ) from error


@lru_cache(maxsize=512)  # a question is asked for several times in a row, with parts and options
def _parsed(text: str, options: tuple[str, ...] | None) -> Question:
    normal = unicodedata.normalize("NFKC", text)
    code = _language_of(normal)
    language = CHINESE if code == "zh" else ENGLISH
    normal = normal.translate(language.spelling)
    clocked = language.clocked(normal)
    plain = language.plain(clocked)
    times, ranges, rest = _named_times(language, plain)
    names_pair = language.names_pair(rest)  # "between 0:50 and 1:10" joins no things
    at_once = meanwhile(language, plain)
    parts = (
        (normal,) if at_once else question_parts(language, normal, options, names_pair=names_pair)
    )
    direction = _sign(language.after, language.before, plain)
    beside = direction != 0 and len(times) == 1 and bool(language.beside_time.search(plain))
    intent = Intent(
        language=code,
        times_seconds=times,
        ranges_seconds=ranges,
        beside_time=beside,
        direction=direction,
        side=_sign(language.first, language.last, plain),
        earlier_or_later=_sign(language.earlier, language.later, plain),
        names_pair=names_pair,
        counts=bool(language.counts.search(plain)),
        mentions_when=bool(language.when.search(plain)),
        asks_for_time=bool(language.asks_for_time.search(plain)),
        asks_for_thing=not language.asks_for_other.search(plain),
        asks_yes_or_no=bool(language.yes_or_no.search(plain)),
        offers_choice=bool(language.choice.search(plain)),
        asks_what_is_shown=_asks_what_is_shown(language, plain),
        localized_prior=_localized_prior(language, clocked),
        meanwhile=at_once,
        parts=tuple(text if part == normal else part for part in parts),
    )
    return Question(
        text, options, replace(intent, refers_back=_refers_back(language, normal, intent))
    )


def _language_of(text: str) -> str:
    """By most of its letters: it may name a thing or quote a sign in another script.

    A Chinese word has about two characters, so they are compared with two for each Latin word.
    """
    if _KANA_OR_HANGUL.search(text):
        return "other"
    own = _QUOTED.sub(" ", text)
    if len(_CHINESE_CHARACTER.findall(own)) > 2 * len(_LATIN_WORD.findall(own)):
        return "zh"
    letters = [letter for letter in own if letter.isalpha()]
    return "en" if 2 * sum(ord(c) <= _LAST_LATIN for c in letters) >= len(letters) else "other"


def _named_times(
    language: Language, plain: str
) -> tuple[tuple[float, ...], tuple[tuple[float, float], ...], str]:
    """Moments, stretches of time with the earlier end first, and the text without the latter."""
    ranges = []

    def keep(found: re.Match) -> str:
        bounds = _times(found.group())
        if len(bounds) != 2:  # one of them is no time, as 99:99
            return found.group()
        ranges.append((min(bounds), max(bounds)))
        return " "

    rest = language.time_range.sub(keep, plain)
    return _times(rest), tuple(ranges), rest


def _times(plain: str) -> tuple[float, ...]:
    return tuple(
        float(hours or 0) * 3600 + float(minutes) * 60 + float(seconds)
        for hours, minutes, seconds in CLOCK_TIME.findall(plain)
    )


def _sign(forwards: re.Pattern, backwards: re.Pattern, plain: str) -> int:
    return bool(forwards.search(plain)) - bool(backwards.search(plain))


def _asks_what_is_shown(language: Language, plain: str) -> bool:
    without_time = language.at_a_time.sub("", plain).strip(" ,.?!。")
    return bool(language.what_is_shown.fullmatch(without_time))


def _refers_back(language: Language, normal: str, intent: Intent) -> bool:
    """Whether none of its words names a thing, a time, or the film.

    With a pronoun it may speak of the film, too ("what else does he do in the video?").
    """
    words = WORD.findall(normal.replace("\u2019", "'"))
    if not words or not all(language.bare.fullmatch(word) for word in words):
        return False
    if intent.names_time or intent.localized_prior < ABOUT_MOMENTS:
        return False
    if language.pronoun.search(normal):
        return True
    return not (intent.side or intent.asks_what_is_shown or language.film.search(normal))


def _localized_prior(language: Language, text: str) -> float:
    """By hand-set weights of cues, each counted once."""
    odds = _PRIOR_WITHOUT_CUES + sum(weight for cue, weight in language.cues if cue.search(text))
    return 1 / (1 + math.exp(-max(-_PRIOR_LIMIT, min(_PRIOR_LIMIT, odds))))
