"""Cues as files have them, mended: ends that are missing, wrong order, texts that are repeated."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import regex

from ntlbg.text.sentence_ends import UNSPACED
from ntlbg.text.sentences import Fragment

# A cue without an end stays until the next one, but not for longer: most cues are shorter. By hand.
LONGEST_UNENDED_SECONDS = 5.0
# Between cues that follow each other at once: two pictures at 24 a second, which editors leave.
# Crossing by less is rounding.
GAP_SECONDS = 0.1
# Live captions repeat a line in nearly every cue, other files in none; set by hand.
MIN_ROLLING, MIN_ROLLING_SHARE = 3, 0.5
EMPTY_SECONDS = 1.0  # a line that comes back after that is said again; set by hand
# Subtitles in two languages have both in nearly every cue; set by hand.
MIN_BILINGUAL_SHARE = 0.5


@dataclass(frozen=True)
class Cue:
    """What a file says is on screen at a time; seconds on the clock of the file.

    Attributes:
        end: None where the file does not say.
        text: without tags, its lines parted by newlines.
        stamps: (position in the text, seconds): from there on it is said at that time.
        voice: style or track; sentences do not go from one voice to another.
    """

    start: float
    end: float | None
    text: str
    stamps: tuple[tuple[int, float], ...] = ()
    voice: str = ""


def mended(cues: Sequence[Cue]) -> tuple[list[Fragment], list[str]]:
    """Fragments of text in order of time, each text once, and what had to be mended."""
    shown = [cue for cue in cues if cue.text.strip()]
    ended, notes = _ended(shown)
    notes += _disorder(ended)
    ended.sort(key=lambda cue: (cue.start, cue.end))
    once = _unrolled(_undoubled(ended))
    return [fragment for cue in _by_language(once) for fragment in _fragments(cue)], notes


def shown_cues(cues: Sequence[Cue], shift: float) -> list[Cue]:
    """Cues with text and an end, in order of time, moved by so many seconds."""
    ended, _ = _ended([cue for cue in cues if cue.text.strip()])
    moved = (replace(cue, start=cue.start + shift, end=_end(cue) + shift) for cue in ended)
    return sorted(moved, key=lambda cue: (cue.start, cue.end))


def _ended(cues: list[Cue]) -> tuple[list[Cue], list[str]]:
    """Cues with an end that is not before their start."""
    starts = sorted({cue.start for cue in cues})
    following = dict(pairwise([*starts, float("inf")]))
    found, mends = [], 0
    for cue in cues:
        if cue.end is None or cue.end < cue.start:
            mends += 1
            end = min(following[cue.start], cue.start + LONGEST_UNENDED_SECONDS)
            cue = replace(cue, end=end)
        found.append(cue)
    note = (
        f"{_count(mends, 'cue')} without an end, or with one before the start: until the next cue, "
        f"{LONGEST_UNENDED_SECONDS:g} s at most"
    )
    return found, [note] if mends else []


def _disorder(cues: Sequence[Cue]) -> list[str]:
    """A note where cues of one voice cross or go back."""
    latest: dict[str, tuple[float, float]] = {}
    number = 0
    for cue in cues:
        start, end = latest.get(cue.voice, (cue.start, cue.start))
        is_same = (cue.start, cue.end) == (start, end)  # lines of one text, or two languages
        number += not is_same and (cue.start < start or cue.start < end - GAP_SECONDS)
        latest[cue.voice] = cue.start, _end(cue)
    note = f"cues that cross the one before or go back: {number}, sorted"
    return [note] if number else []


def _undoubled(cues: Sequence[Cue]) -> list[Cue]:
    """The same text again, at the same time or at once after: one cue that lasts as long as all."""
    found: list[Cue] = []
    last: dict[tuple[str, str], int] = {}
    for cue in cues:
        key = cue.voice, cue.text.strip()
        number = last.get(key)
        if number is not None and cue.start <= _end(found[number]) + GAP_SECONDS:
            end = max(_end(found[number]), _end(cue))
            found[number] = replace(found[number], end=end)
            continue
        last[key] = len(found)
        found.append(cue)
    return found


def _unrolled(cues: list[Cue]) -> list[Cue]:
    """Live captions, whose lines stay while the next words come, without what was there before."""
    texts = [_lines(cue.text) for cue in cues]
    known = [_known(one, two) for one, two in pairwise([[], *texts])]
    rolling, is_timed = sum(map(bool, known)), any(cue.stamps for cue in cues)
    if not is_timed and rolling < max(MIN_ROLLING, MIN_ROLLING_SHARE * (len(cues) - 1)):
        return cues
    found, until = [], -float("inf")
    for cue, beginning in zip(cues, known):
        # said again where the screen was empty in between
        rest = cue if cue.start > until + EMPTY_SECONDS else _after(cue, beginning)
        until = _end(cue)
        if rest.text.strip():
            found.append(rest)
    return found


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


def _known(before: list[str], lines: list[str]) -> list[str]:
    """With what the lines begin that the cue before ends with; of the last line a part will do."""
    for number in range(min(len(before), len(lines)), 0, -1):
        *whole, last = before[-number:]
        if whole == lines[: number - 1] and _goes_on(last, lines[number - 1]):
            return [*whole, last]
    return []


def _goes_on(beginning: str, line: str) -> bool:
    """Whether a line is the same, or has more words."""
    more = line[len(beginning) :]
    is_word = more[:1].isalnum() and not regex.match(UNSPACED, more)
    return line.startswith(beginning) and not is_word


def _after(cue: Cue, known: list[str]) -> Cue:
    """A cue without the lines that it begins with."""
    at = 0
    for line in known:
        at = cue.text.index(line, at) + len(line)
    stamps = tuple((place - at, seconds) for place, seconds in cue.stamps if place >= at)
    return replace(cue, text=cue.text[at:], stamps=stamps)


def _by_language(cues: list[Cue]) -> Iterator[Cue]:
    """Subtitles in two scripts: the lines of each are a voice of their own."""
    scripts: dict[tuple[float, float], set[bool]] = {}
    for cue in cues:
        both = scripts.setdefault((cue.start, _end(cue)), set())
        both |= {_is_unspaced(line) for line in _lines(cue.text)}
    bilingual = sum(len(both) > 1 for both in scripts.values())
    if bilingual <= MIN_BILINGUAL_SHARE * len(scripts):
        yield from cues
        return
    for cue in cues:
        lines = _lines(cue.text)
        for unspaced in sorted({_is_unspaced(line) for line in lines}):
            text = "\n".join(line for line in lines if _is_unspaced(line) == unspaced)
            yield replace(cue, text=text, stamps=(), voice=f"{cue.voice}/{unspaced}")


def _is_unspaced(line: str) -> bool:
    """Whether a line is in a script without spaces, such as Chinese; names in it may be in ours."""
    return regex.search(UNSPACED, line) is not None


def _fragments(cue: Cue) -> Iterator[Fragment]:
    """The cue, or its words where the file says when each is said."""
    places = [(0, cue.start), *cue.stamps, (len(cue.text), _end(cue))]
    for (at, start), (until, end) in pairwise(places):
        text = cue.text[at:until]
        if text.strip():
            is_glued = at > 0 and not (text[0].isspace() or cue.text[at - 1].isspace())
            start = min(max(start, cue.start), _end(cue))
            end = min(max(start, end), _end(cue))
            yield Fragment(text, start, end, cue.voice, is_glued)


def _end(cue: Cue) -> float:
    assert cue.end is not None  # since `_ended`
    return cue.end


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
