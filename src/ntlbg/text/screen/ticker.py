"""Text that runs through a row: many readings, each a window of it, into one passage a sentence.

Readings are put together where they overlap, and cut at the marks that the ticker itself has
between its sentences, or after full stops. A sentence that comes again is the same passage: from
its first letters until it was last seen.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

from ntlbg.text.screen.looks import Rectangle

# Put between boxes of a row that have a wide space between them.
MARK = " • "
# What tickers have between sentences; a full stop counts where a sentence begins after it.
BETWEEN = re.compile(
    r"\s*(?:[•●·◆■►▶▪♦|]+|\+{2,}|\*{2,}|/{2,})\s*|\s+—\s+|(?<=[.!?])\s+(?=\w)|(?<=[。！？])"
)
# Letters that two readings have in common, at least: blocks of 4 that lie at one shift, 8 in all,
# and a third of what they should share. Chance gives 5 to 6 between sentences of one language.
BLOCK, SHARED, PART_SHARED = 4, 8, 0.35
SHIFT_TOLERANCE = 4
# To be taken for a ticker, two readings have to share this much of what they should: a slide's next
# line may begin with the last words of the one before.
RUNNING = 0.8
# A ticker moves by 3 letters between two looks, else it is a line that trembles.
LEAST_SHIFT = 3
# Readings before the last that may show the same letters still, not again.
NEIGHBOURS = 6
SHORTEST = 6  # letters of a sentence; shorter is the rest of one that was cut off
ALIKE = 0.8  # two readings of one sentence
# Readings that stay after the others were put together, since their sentences may go on.
KEPT_READINGS = 12
# No new reading for so long: the ticker is over. They are two to four seconds apart.
OVER_SECONDS = 12.0


@dataclass
class Sentence:
    """What ran through, from its first letters until it was last seen.

    Attributes:
        is_whole: it was seen from one mark to the next.
    """

    text: str
    start_seconds: float
    end_seconds: float
    is_whole: bool = False


@dataclass
class Ticker:
    """One row through which text runs.

    Attributes:
        place: of the row in pixels.
        readings: seconds and text, words that the edge of the picture cuts taken off.
        sentences: of older readings.
    """

    place: Rectangle
    readings: list[tuple[float, str]]
    sentences: list[Sentence] = field(default_factory=list)

    def add(self, seconds: float, text: str) -> None:
        """A reading; of one picture those that are further right come later."""
        if self.readings and self.readings[-1][0] == seconds:
            text = self.readings.pop()[1] + MARK + text
        self.readings.append((seconds, text))

    def knows(self, text: str) -> bool:
        """Whether a reading says nothing new: the ticker has come to its beginning again."""
        middle = text[len(text) // 3 : -len(text) // 3]
        before = [old for _, old in self.readings[:-NEIGHBOURS]]
        before += [sentence.text for sentence in self.sentences]
        return len(middle) >= SHARED and any(middle in old for old in before)

    def fold(self) -> None:
        """Put the readings so far together and keep only the last of them."""
        self.sentences = merged(self.sentences + found_in(self.readings))
        self.readings = self.readings[-KEPT_READINGS:]

    def finished(self, end_seconds: float) -> list[Sentence]:
        """All its sentences; a last reading is taken to stay until the end given."""
        self.fold()
        last = self.readings[-1][0]
        for sentence in self.sentences:
            if sentence.end_seconds >= last:
                sentence.end_seconds = max(end_seconds, sentence.end_seconds)
        return sorted(self.sentences, key=lambda sentence: sentence.start_seconds)

    def to_json(self) -> list:
        place = [self.place.left, self.place.top, self.place.right, self.place.bottom]
        said = [
            [one.text, one.start_seconds, one.end_seconds, one.is_whole] for one in self.sentences
        ]
        return [place, [list(reading) for reading in self.readings], said]

    @classmethod
    def from_json(cls, values: Sequence[Any]) -> "Ticker":
        place, readings, said = values
        read = [(seconds, text) for seconds, text in readings]
        return cls(Rectangle(*place), read, [Sentence(*one) for one in said])


def shift(before: str, now: str, least: float = PART_SHARED) -> int | None:
    """Where the first letter of a reading lies in the text before it; None if too little is shared.

    Args:
        least: share of the letters that both should have.

    >>> shift("votes tonight on the tram", "on the tram line")
    14
    """
    votes: Counter[int] = Counter()
    blocks = SequenceMatcher(None, before, now, autojunk=False).get_matching_blocks()
    for block in blocks:
        if block.size >= BLOCK:
            votes[block.a - block.b] += block.size
    if not votes:
        return None
    best = max(votes, key=lambda at: (votes[at], -at))
    shared = sum(size for at, size in votes.items() if abs(at - best) <= SHIFT_TOLERANCE)
    expected = min(len(before) - max(best, 0), len(now))
    return best if shared >= max(SHARED, least * expected) else None


def runs_on(before: str, now: str) -> bool:
    """Whether a reading is what the one before became by running to the left."""
    at = shift(before, now, RUNNING)
    return at is not None and at >= LEAST_SHIFT


def uncut(text: str, *, left: bool, right: bool) -> str:
    """A reading without the word that an edge of the picture cuts.

    >>> uncut("ncil votes tonight on the tr", left=True, right=True)
    'votes tonight on the'
    """
    if left:
        text = text.partition(" ")[2] or text[1:]
    if right:
        text = text.rpartition(" ")[0] or text[:-1]
    return text.strip()


class _Run:
    """Overlapping readings put together; each letter knows when it was first and last seen."""

    def __init__(self, seconds: float, text: str):
        self.text = text
        self.first, self.last = [seconds] * len(text), [seconds] * len(text)
        # of the last reading: the next one begins no earlier, even where the ticker says it again
        self._tail = 0

    def takes(self, seconds: float, text: str) -> bool:
        """Put a reading to the end of the run, if it overlaps it."""
        tail = self._tail
        at = shift(self.text[tail:], text)
        if at is None or at < 0:
            return False
        matcher = SequenceMatcher(None, self.text[tail + at :], text, autojunk=False)
        joint = max(matcher.get_matching_blocks(), key=lambda block: (block.size > 2, block.a))
        keep, new = tail + at + joint.a + joint.size, joint.b + joint.size
        if keep + len(text) - new < len(self.text):
            keep, new = len(self.text), len(text)
        self.text, self._tail = self.text[:keep] + text[new:], tail + at
        added = len(text) - new
        self.first = self.first[:keep] + [seconds] * added
        self.last = self.last[: tail + at] + [seconds] * (len(self.text) - tail - at)
        return True


def found_in(readings: Sequence[tuple[float, str]]) -> list[Sentence]:
    """Sentences of readings in order of time, in the words that most whole readings have."""
    runs: list[_Run] = []
    for seconds, text in readings:
        if len(text) >= SHORTEST and not (runs and runs[-1].takes(seconds, text)):
            runs.append(_Run(seconds, text))
    found = merged([sentence for run in runs for sentence in _sentences(run)])
    whole = Counter(part for _, text in readings for part in BETWEEN.split(text)[1:-1] if part)
    for sentence in found:
        sentence.text = _most_read(_voted(sentence.text, readings), whole)
    return merged(found)


def _sentences(run: _Run) -> list[Sentence]:
    marks = [match.span() for match in BETWEEN.finditer(run.text)]
    starts, ends = [0, *(end for _, end in marks)], [*(start for start, _ in marks), len(run.text)]
    found = []
    for number, (start, end) in enumerate(zip(starts, ends)):
        if end - start >= SHORTEST:
            first, last = min(run.first[start:end]), max(run.last[start:end])
            is_whole = 0 < number < len(marks)
            found.append(Sentence(run.text[start:end].strip(), first, last, is_whole))
    return found


def _voted(text: str, readings: Sequence[tuple[float, str]]) -> str:
    """Each letter as most of the readings have it that show it."""
    votes = [Counter(letter) for letter in text]
    pieces = [text[at : at + BLOCK + 2] for at in range(0, len(text), BLOCK + 2)]
    for _, reading in readings:
        if not any(piece in reading for piece in pieces):
            continue
        matcher = SequenceMatcher(None, text, reading, autojunk=False)
        for kind, start, end, other, other_end in matcher.get_opcodes():
            # a letter too many or too few has no place to vote for
            if kind == "equal" or (kind == "replace" and end - start == other_end - other):
                for vote, letter in zip(votes[start:end], reading[other:other_end]):
                    vote[letter] += 1
    return "".join(vote.most_common(1)[0][0] for vote in votes)


def _most_read(text: str, whole: Counter[str]) -> str:
    """Letters that are read wrong are read wrong in few of the readings."""
    like = {one: times for one, times in whole.items() if _likeness(one, text) > ALIKE}
    most = max(like.values(), default=0)
    return next(one for one, times in like.items() if times == most) if most > 1 else text


def merged(sentences: Sequence[Sentence]) -> list[Sentence]:
    """Each sentence once: what is like another, or a part of it, is that one seen again."""
    kept: list[Sentence] = []
    ordered = sorted(sentences, key=lambda one: (not one.is_whole, -len(one.text)))
    for sentence in ordered:
        for other in kept:
            if _is_part(sentence.text, other.text):
                other.start_seconds = min(other.start_seconds, sentence.start_seconds)
                other.end_seconds = max(other.end_seconds, sentence.end_seconds)
                break
        else:
            kept.append(sentence)
    return sorted(kept, key=lambda one: one.start_seconds)


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other, autojunk=False).ratio()


def _is_part(part: str, text: str) -> bool:
    blocks = SequenceMatcher(None, text, part, autojunk=False).get_matching_blocks()
    shared = sum(block.size for block in blocks if block.size >= min(BLOCK, len(part)))
    return part in text or _likeness(part, text) > ALIKE or shared >= 0.9 * len(part)
