"""Where a sentence ends, by the word before and the word after.

Any script, by the Unicode property of its full stops. A dot after "Dr" or "U.S" is doubtful: it
ends a sentence only where a word follows that often begins one.
"""

import unicodedata

import regex

# Scripts that are written without spaces between words.
UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}々〇ー]"
CLOSERS = r"[\p{Pe}\p{Pf}\p{Pi}\"'*_♪♫]*"
END = regex.compile(rf"(?:\p{{STerm}}|…)(?={CLOSERS}$)")
CLAUSE_END = regex.compile(rf"[,;:，；：、،؛—–]{CLOSERS}$")


def words(text: str) -> frozenset[str]:
    """Those of a list that is parted by spaces."""
    return frozenset(text.split())


# A person follows, never a new sentence.
TITLES = words(
    "dr mr mrs ms mx prof st gen sen rep gov capt lt col sgt maj rev hon pres sr sra srta "
    "mme mlle dra hr fr"
)
# A number follows; else they are words: "No. Never."
NUMBERED = words("no nr nos fig figs vol p pp ch sec art op eq")
ABBREVIATIONS = words(
    "jr vs etc inc ltd co corp approx est dept al cf ca bzw usw ave blvd jan feb mar apr jun jul "
    "aug sep sept oct nov dec"
)
SHORT = regex.compile(r"(?:\p{L}\.)+\Z")  # "J.", "U.S.", "p.m.", "z.B."
ORDINAL = regex.compile(r"\d{1,2}\.\Z")  # "3. Mai"; first in a sentence a step of a list
MONTHS = words(
    "januar jänner februar märz april mai juni juli august september oktober november dezember"
)
# Words that begin sentences more often than names: after "in the U.S." they tell that it ended.
STARTERS = words(
    "the a an this that these those he she it we they i you there here and but so or if when then "
    "in on at for as what why how who where not now yes no my your his her its our their "
    "however because after before with"
)
OPENERS = regex.compile(r"^[\p{Ps}\p{Pi}\p{Pf}\"'¿¡♪♫\-–]+")
QUOTES = "\"'“”‘’()[]«»"


def is_sentence_end(word: str, following: str, *, is_first: bool = False) -> bool:
    """Whether a sentence ends between two words of a text.

    Args:
        is_first: the word is the first of its sentence.

    >>> is_sentence_end("Dr.", "Smith"), is_sentence_end("door.", "He"), is_sentence_end("3.5", "")
    (False, True, False)
    """
    found = END.search(word)
    if found is None:
        return False
    if found.group() not in ".…":
        return True
    word, following = word[: found.end()].lstrip(QUOTES), OPENERS.sub("", following)
    if ORDINAL.match(word):
        return not is_first and _first_letters(following) not in MONTHS
    return _ends_at_dot(word, following)


def _first_letters(word: str) -> str:
    return regex.split(r"[^\p{L}]", word.lower())[0]


def _ends_at_dot(word: str, following: str) -> bool:
    """Of a word, no number, whose last character is a dot."""
    if following[:1].islower():
        return False
    name = word.rstrip(".…").lower()
    if name in TITLES:
        return False
    if name in NUMBERED and following[:1].isdigit():
        return False
    if name in ABBREVIATIONS or SHORT.match(word):
        return _first_letters(following) in STARTERS
    return True


def is_clause_end(word: str) -> bool:
    """Whether a comma, colon or dash is the last of a word."""
    return CLAUSE_END.search(word) is not None


def is_tight(word: str, following: str) -> bool:
    """Whether two words that stand in two lines are written without a space in one."""
    return bool(word and following) and _is_wide(word[-1]) and _is_wide(following[0])


def _is_wide(character: str) -> bool:
    if regex.match(UNSPACED, character):
        return True
    # Hangul is wide, and has spaces
    wide = unicodedata.east_asian_width(character) in "WF"
    return wide and not character.isalpha() and not unicodedata.category(character).startswith("S")
