"""A question that names several things, taken apart: each part is a query of its own.

One query for several things is their mean, and frames that show one of them fit it badly. This goes
by words: there is no grammar here. Where the words leave a doubt the question stays whole, which
costs what one query costs.
"""

import re
from collections.abc import Sequence

from ntlbg.question.language import Language

# NFKC has made ASCII of the Chinese ones, but for two; they stand without a space.
_PUNCTUATION = r"[,;:?!.]+(?:\s|$|(?=[\u4e00-\u9fff]))|[。、]+"
_QUOTES = "\"“”'「」"
WORD = re.compile(r"[\w:.,%']+")


def question_parts(
    language: Language, question: str, options: Sequence[str] | None = None, *, names_pair: bool
) -> tuple[str, ...]:
    """What a question asks about, one text for each thing; the question alone if that is one.

    Two things joined by "and" are parts where each is asked about by itself, ``names_pair``.
    Options are parts where each names a thing of its own: not times, numbers, colours, yes and no.
    """
    named = _things(language, question, names_pair)
    parts = named if len(named) > 1 else [question]
    parts += _named_options(language, options)
    return tuple({part.casefold(): part for part in parts}.values())


def _things(language: Language, question: str, names_pair: bool) -> list[str]:
    """Phrases between what joins them."""
    kept: list[str] = []

    def keep(found: re.Match) -> str:
        kept.append(found.group())
        return f"ʘ{len(kept) - 1}ʘ"  # one word, and no question has it

    text = language.unit.sub(keep, question)
    if not names_pair:
        text = language.one_unless_pair.sub(keep, text)
    if not language.joined.search(text):  # a comma alone joins nothing: "the man, in a hat, ..."
        return []
    pieces = re.split(f"{_PUNCTUATION}|{language.joined.pattern}", text, flags=re.IGNORECASE)
    phrases = [_trimmed(language, piece) for piece in pieces]
    return [
        re.sub("ʘ(\\d+)ʘ", lambda m: kept[int(m.group(1))].strip(_QUOTES), phrase)
        for phrase in phrases
        if _names_something(language, phrase)
    ]


def _trimmed(language: Language, phrase: str) -> str:
    """Without the question's own words at both ends."""
    phrase = language.edge_start.sub("", " ".join(phrase.split()))
    return language.edge_end.sub("", phrase).strip()


def _names_something(language: Language, phrase: str) -> bool:
    return not all(language.nameless.fullmatch(word) for word in WORD.findall(phrase))


def _named_options(language: Language, options: Sequence[str] | None) -> list[str]:
    named = [option for option in options or () if not language.no_thing.search(option)]
    phrases = [_trimmed(language, option.strip(" .。")) for option in named]
    told_apart = {_without_numbers(language, phrase) for phrase in phrases}
    several = len(phrases) > 1 and len(told_apart) == len(phrases)
    return phrases if several and all(_is_thing(language, phrase) for phrase in phrases) else []


def _is_thing(language: Language, phrase: str) -> bool:
    return _names_something(language, phrase) and not language.colour.fullmatch(phrase)


def _without_numbers(language: Language, phrase: str) -> str:
    return " ".join(language.number.sub(" ", phrase.casefold()).split())
