"""Which option a model chose, of what it wrote. Where that is not clear, nothing is guessed."""

import math
import re
from collections.abc import Sequence

from ntlbg.answerers.content import LETTERS

_THOUGHT = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL)
_EMPHASIS = str.maketrans("", "", "*_`")
# A capital that is no part of a word. Chinese characters may stand beside it.
_CAPITAL = r"(?<![A-Za-z0-9])([A-Z])(?![A-Za-z0-9'’])"
_FILLING = r"(?i:\s|[:：是为為(（\"'“]|\b(?:is|are|would|be|should|option|choice|letter)\b)*"
# In this order: what comes first is clearer than what comes after it.
_PLACES = (
    # "B", "(B)", "B.", "B) red", "B: red"; not "A red car"
    re.compile(r"^[(（]?([A-Z])(?:[)）.,:：。、]|\s*$|\s*[-–—\n])"),
    re.compile(rf"(?i:\banswer\b|答案){_FILLING}{_CAPITAL}"),
    re.compile(rf"(?i:\b(?:option|choice|choose)\b|选项|選項|选择|選擇|选|選){_FILLING}{_CAPITAL}"),
    re.compile(r"[(（]([A-Z])[)）]"),
    # not "I" and not "A man": these are words
    re.compile(rf"(?!I\b)(?!A\s+[a-z]){_CAPITAL}"),
)
# "A and C", "A, B": no one letter
_SEVERAL = re.compile(r"^[(（]?[A-Z][)）]?\s*(?:,|/|&|and|or|和|或)\s*[(（]?[A-Z](?![A-Za-z'’])")


def read_choice(text: str, options: Sequence[str]) -> int | None:
    """Position of the option that a text names, by its letter or by its own words.

    Args:
        options: in the order in which they were shown; the first is A.

    Returns:
        None where it names none, or several.
    """
    plain = _THOUGHT.sub("", text).translate(_EMPHASIS).strip()
    named = _letters(plain, len(options))
    if not named:
        words = _words(plain, options)
        return words.pop() if len(words) == 1 else None
    if len(named) > 1:
        return None
    [(place, rest)] = named.items()
    # "A. blue", where blue is B, is no answer; nor is "A", where a text of the options is "A"
    said = [number for number, option in enumerate(options)
            if _norm(plain) == _norm(option) or _begins(rest, option)]  # fmt: skip
    return place if not said or place in said else None


def letter_chances(first_token: Sequence[tuple[str, float]], number: int) -> list[float] | None:
    """Chance of each of the first letters, of (token, log probability) that may come first.

    Those that are not listed are less likely than all that are, and have none. None where no
    letter is listed.
    """
    mass = dict.fromkeys(LETTERS[:number], 0.0)
    for token, logprob in first_token:
        letter = token.strip(" (\n\t▁Ġ")
        if letter in mass:
            mass[letter] += math.exp(logprob)
    total = sum(mass.values())
    return [chance / total for chance in mass.values()] if total > 0 else None


def _letters(text: str, number: int) -> dict[int, str]:
    """Positions of the letters that are named, with what follows each."""
    if _SEVERAL.match(text):
        return dict.fromkeys(range(number), "")
    for place in _PLACES:
        found = {
            LETTERS.index(match[1]): text[match.end() :]
            for match in place.finditer(text)
            if match[1] in LETTERS[:number]
        }
        if found:
            return found
    return {}


def _words(text: str, options: Sequence[str]) -> set[int]:
    """Positions of the options whose words occur; "red" does not in "dark red" if that is one."""
    found, rest = set(), _norm(text)
    for place in sorted(range(len(options)), key=lambda place: -len(options[place])):
        wanted = re.escape(_norm(options[place]))
        if wanted and re.search(whole := rf"(?<![a-z0-9]){wanted}(?![a-z0-9])", rest):
            found.add(place)
            rest = re.sub(whole, " | ", rest)
    return found


def _begins(rest: str, option: str) -> bool:
    wanted = _norm(option)
    return bool(wanted) and re.match(rf"{re.escape(wanted)}(?![a-z0-9])", _norm(rest)) is not None


def _norm(text: str) -> str:
    """Without capitals, and without marks at its ends."""
    return " ".join(text.casefold().split()).strip(" .,:;!?\"'()。，：！？“”、-")
