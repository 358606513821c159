"""Words and cues with times, joined and parted into passages of one sentence.

A cue that ends in the middle of a sentence goes on in the next one, and a cue that holds two
sentences is parted. Where the times of words are not known, each letter of a cue takes as long as
any other. What is not cut by punctuation, as automatic captions, is cut where it pauses.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import regex

from ntlbg.text.sentence_ends import UNSPACED, is_clause_end, is_sentence_end, is_tight
from ntlbg.types import Passage

# As long as a passage may be: 40 words as they are spoken, and no more than a viewer searches
# through. Of the design.
MAX_SECONDS = 15.0
# Nobody stops for longer within a sentence; the pieces of speech are cut at the same pause.
PAUSE_SECONDS = 2.0
# Slower than anybody speaks (60 words a minute are 5 letters a second); set by hand. What stays on
# for longer than that is shown, not said, and counts from its beginning.
SLOWEST_LETTERS = 4.0
# Letters that a character of a script without spaces stands for: Chinese is read aloud at 4 to 5
# characters a second, English at 13 to 15 letters.
LETTERS_PER_CHARACTER = 3
# A line that begins so is another speaker's.
SPEAKER = regex.compile(r"(?:-|‐|–|>>)\s*\S|(?:-|‐|–|>>)$")
OPENING, CLOSING = r"[\p{Ps}\p{Pi}]", r"[\p{M}\p{Pe}\p{Pf}\p{Po}]"
WIDE_END = "。！？｡"  # no space follows them
# A character of a script without spaces and its punctuation; or letters up to a full stop of such
# a script; or letters up to a space. Every character but spaces is in one of them.
TOKEN = regex.compile(
    rf"{OPENING}*{UNSPACED}{CLOSING}*"
    rf"|(?:(?!{OPENING}{UNSPACED})(?!{UNSPACED})[^\s{WIDE_END}])*+[{WIDE_END}]+[\p{{Pe}}\p{{Pf}}]*"
    rf"|(?:(?!{OPENING}{UNSPACED})(?!{UNSPACED})\S)+"
)


@dataclass(frozen=True)
class Fragment:
    """A cue, or a word, and when it is said.

    Attributes:
        text: its lines are parted by newlines.
        voice: sentences are joined of fragments of one voice only.
        is_glued: goes on in the word of the fragment before, with no space between.
    """

    text: str
    start_seconds: float
    end_seconds: float
    voice: str = ""
    is_glued: bool = False


@dataclass(frozen=True)
class Token:
    """A word, or a character of a script that has no spaces; times in seconds.

    Attributes:
        is_spaced: a space comes before it.
        begins: "sentence" where one must begin here, "fragment" for the first of one, else "".
    """

    text: str
    start: float
    end: float
    is_spaced: bool
    begins: str = ""


def sentences(
    fragments: Iterable[Fragment], source: str, *, max_seconds: float = MAX_SECONDS
) -> list[Passage]:
    """Passages of one sentence, in order of their start.

    Each letter of the fragments is in one passage. A sentence longer than ``max_seconds`` is cut
    at the best place near its middle: after a comma, between fragments, else between words. Of a
    fragment that stays much longer than it takes to say it, the first ``max_seconds`` count.

    Args:
        fragments: in any order; their ends are not before their starts.
    """
    voices: dict[str, list[Fragment]] = {}
    for fragment in fragments:
        voices.setdefault(fragment.voice, []).append(fragment)
    found = []
    for said in voices.values():
        said.sort(key=lambda fragment: (fragment.start_seconds, fragment.end_seconds))
        tokens = _tokens(_spoken(said, max_seconds))
        for sentence in _cut_sentences(tokens):
            found += [_passage(piece, source, max_seconds) for piece in _cut(sentence, max_seconds)]
    return sorted(found, key=lambda passage: (passage.start_seconds, passage.end_seconds))


def _spoken(fragments: list[Fragment], max_seconds: float) -> list[Fragment]:
    """Until when each is said, which may be before it vanishes from the screen."""
    ends = [min(f.end_seconds, f.start_seconds + _longest(f.text, max_seconds)) for f in fragments]
    for number, (one, following) in enumerate(pairwise(fragments)):
        # As live captions: the next line is said while this one is still there.
        if one.start_seconds < following.start_seconds and one.end_seconds < following.end_seconds:
            ends[number] = min(ends[number], following.start_seconds)
    return [replace(fragment, end_seconds=end) for fragment, end in zip(fragments, ends)]


def _longest(text: str, max_seconds: float) -> float:
    return max(max_seconds, _letters(text) / SLOWEST_LETTERS)


def _letters(text: str) -> int:
    unspaced = len(regex.findall(UNSPACED, text))
    return len(text) + (LETTERS_PER_CHARACTER - 1) * unspaced


def _tokens(fragments: Iterable[Fragment]) -> list[Token]:
    found: list[Token] = []
    latest = -float("inf")
    for fragment in fragments:
        tokens = _timed(fragment)
        if not tokens:
            continue
        if fragment.is_glued and found and tokens[0].begins != "sentence":
            tokens[0] = _glued(found, tokens[0])
        elif found and is_tight(found[-1].text, tokens[0].text):
            tokens[0] = replace(tokens[0], is_spaced=False)
        if fragment.start_seconds - latest > PAUSE_SECONDS:
            tokens[0] = replace(tokens[0], begins="sentence")
        found += tokens
        latest = max(latest, fragment.end_seconds)
    return found


def _glued(found: list[Token], token: Token) -> Token:
    """A token that goes on in the last one; a word in two parts is one token."""
    if regex.search(UNSPACED, found[-1].text[-1] + token.text[0]):
        return replace(token, is_spaced=False)
    last = found.pop()
    return replace(last, text=last.text + token.text, end=max(last.end, token.end))


def _timed(fragment: Fragment) -> list[Token]:
    """The tokens of a fragment; each letter takes as long as any other."""
    parts = list(_parts(fragment.text))
    letters = [_letters(part.text) for part in parts]
    duration, total, before = fragment.end_seconds - fragment.start_seconds, sum(letters), 0
    found = []
    for part, count in zip(parts, letters):
        start = fragment.start_seconds + duration * (before / total)
        before += count
        # the last one ends with the fragment, and not a rounding later
        end = fragment.start_seconds + duration * (before / total)
        found.append(replace(part, start=start, end=min(end, fragment.end_seconds)))
    return found


def _parts(text: str) -> Iterator[Token]:
    """Tokens of a text, without times."""
    last, begins = "", "fragment"
    for line in text.split("\n"):
        if SPEAKER.match(line.strip()):
            begins = "sentence"
        is_first = True
        for match in TOKEN.finditer(line):
            word, at = match.group(), match.start()
            spaced = not is_tight(last, word) if is_first else line[at - 1].isspace()
            yield Token(word, 0.0, 0.0, spaced, begins)
            last, begins, is_first = word, "", False


def _cut_sentences(tokens: Sequence[Token]) -> Iterator[Sequence[Token]]:
    first = 0
    for number in range(1, len(tokens)):
        before, token = tokens[number - 1].text, tokens[number]
        ends = is_sentence_end(before, token.text, is_first=number - 1 == first)
        if ends or token.begins == "sentence":
            yield tokens[first:number]
            first = number
    if tokens:
        yield tokens[first:]


def _cut(sentence: Sequence[Token], max_seconds: float) -> Iterator[Sequence[Token]]:
    """Halved until each piece is short enough, or one word."""
    waiting = [sentence]
    while waiting:
        piece = waiting.pop()
        start, end = _span(piece)
        if end - start <= max_seconds or len(piece) == 1:
            yield piece
        else:
            number = _best_cut(piece, start, end)
            waiting += [piece[number:], piece[:number]]


def _best_cut(piece: Sequence[Token], start: float, end: float) -> int:
    """The token before which to cut: in the middle third if there is one, at the best joint."""
    middle, reach = (start + end) / 2, (end - start) / 6

    def worth(number: int) -> tuple[bool, int, float, int]:
        before, token = piece[number - 1], piece[number]
        joint = 2 * is_clause_end(before.text) or int(token.begins == "fragment")
        away = abs(token.start - middle)
        is_near = away <= reach
        # of those that are alike the one in the middle: pieces halve in number, too
        return is_near, joint if is_near else 0, -away, -abs(number - len(piece) // 2)

    return max(range(1, len(piece)), key=worth)


def _span(piece: Sequence[Token]) -> tuple[float, float]:
    return min(token.start for token in piece), max(token.end for token in piece)


def _passage(piece: Sequence[Token], source: str, max_seconds: float) -> Passage:
    start, end = _span(piece)
    text = "".join(" " * token.is_spaced + token.text for token in piece).strip()
    return Passage(text, start, min(end, start + max_seconds), source)
