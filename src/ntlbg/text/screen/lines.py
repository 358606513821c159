"""Lines on screen from the time that they appear until they vanish."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

import numpy as np

from ntlbg.text.screen.looks import Rectangle, is_same, is_there, look_at

# Boxes of one line in two pictures share this much of their area; below, the line moved or grew.
SAME_PLACE = 0.5
# A line whose ends moved by more of its height has a letter more or less.
UNMOVED = 0.5
# Two readings of one text differ by a letter in seven at most, in no digit, and little in length.
ALIKE = 0.85
LENGTH_ALIKE = 0.9
MUCH_ALIKE = 0.6  # texts of one author in a place have .2 to .45
# A line that grows letter by letter as it is typed has this many before it counts as the same.
TYPED = 4


@dataclass(eq=False)
class Line:
    """One line of text; times in seconds on the clock of ``pts_seconds``.

    Attributes:
        box: (4, 2) corners in pixels, x and y, from the top left on clockwise.
        end_seconds: first picture without it; None while it is there.
        look: of the box when it was read; None after a break, until it is read again.
    """

    text: str
    confidence: float
    box: np.ndarray
    start_seconds: float
    end_seconds: float | None = None
    look: np.ndarray | None = field(default=None, repr=False)

    @property
    def place(self) -> Rectangle:
        return Rectangle.around(self.box)

    def to_json(self) -> list:
        """Plain values; without the look."""
        corners = [[float(x), float(y)] for x, y in self.box]
        return [self.text, self.confidence, corners, self.start_seconds, self.end_seconds]

    @classmethod
    def from_json(cls, values: Sequence[Any]) -> "Line":
        text, confidence, box, start, end = values
        return cls(text, confidence, np.array(box, np.float64), start, end)


class OpenLines:
    """Those that are on screen, and those that vanished a moment ago.

    Args:
        blink_seconds: a line that is back after so long never went: a pointer passed over it. What
            is away for longer is a new line when it comes back.
    """

    def __init__(self, lines: Sequence[Line], blink_seconds: float):
        self.lines = list(lines)
        self._blink_seconds = blink_seconds

    @property
    def on_screen(self) -> list[Line]:
        return [line for line in self.lines if line.end_seconds is None]

    def watch(self, picture: np.ndarray, seconds: float) -> None:
        """See which vanished, and which of those that just did are back."""
        for line in self.lines:
            if line.look is None or not self._may_be_back(line, seconds):
                continue
            if is_there(line.look, look_at(picture, line.box)):
                line.end_seconds = None
            elif line.end_seconds is None:
                line.end_seconds = seconds

    def unchanged(self, picture: np.ndarray, box: np.ndarray) -> Line | None:
        """The line that is in a box as it was when it was read."""
        place = Rectangle.around(box)
        for line in self.on_screen:
            beside = max(abs(line.place.left - place.left), abs(line.place.right - place.right))
            if line.look is None or line.place.overlap(place) < SAME_PLACE:
                continue
            if beside > UNMOVED * place.height:
                continue
            if is_same(line.look, look_at(picture, line.box)):
                return line
        return None

    def same(
        self, text: str, box: np.ndarray, seconds: float, taken: Sequence[Line]
    ) -> Line | None:
        """The line whose text this is: in its place, else one that moved here."""
        place = Rectangle.around(box)
        free = [
            line
            for line in self.lines
            if line not in taken
            and self._may_be_back(line, seconds)
            and is_same_text(line.text, text)
        ]
        for line in free:
            if line.place.overlap(place) >= SAME_PLACE:
                return line
        # what vanished just now and came up elsewhere has moved
        moved = [line for line in free if line.end_seconds is not None or line.look is None]
        return moved[0] if moved else None

    def typed(self, text: str, box: np.ndarray, taken: Sequence[Line]) -> Line | None:
        """The line that this one was, before more was written to its end."""
        place = Rectangle.around(box)
        for line in self.on_screen:
            near = abs(line.place.left - place.left) < place.height and line.place.shares_row(place)
            if near and line not in taken and is_typed(line.text, text):
                return line
        return None

    def on_row(self, box: np.ndarray, taken: Sequence[Line]) -> list[Line]:
        """Lines of a row, the last to appear first."""
        place = Rectangle.around(box)
        row = [line for line in self.lines if line.place.shares_row(place) and line not in taken]
        return sorted(row, key=lambda line: -line.start_seconds)

    def take_old(self, before_seconds: float) -> list[Line]:
        """Those that vanished before a time; they are forgotten here."""
        old = [line for line in self.lines if _vanished_before(line, before_seconds)]
        self.lines = [line for line in self.lines if line not in old]
        return old

    def drop(self, line: Line) -> None:
        self.lines.remove(line)

    def _may_be_back(self, line: Line, seconds: float) -> bool:
        return line.end_seconds is None or seconds - line.end_seconds <= self._blink_seconds


def _vanished_before(line: Line, seconds: float) -> bool:
    return line.end_seconds is not None and line.end_seconds <= seconds


def plain(text: str) -> str:
    """Letters and digits alone, all small: what readings of one text agree in."""
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def is_same_text(one: str, other: str) -> bool:
    """Whether two readings are of one text.

    >>> is_same_text("Costs of the harbour", "Costs ofthe harhour")
    True
    >>> is_same_text("14 of 60", "15 of 60")
    False
    """
    if plain(one) == plain(other):
        return True
    if re.findall(r"\d+", one) != re.findall(r"\d+", other):
        return False
    short, long = sorted((len(plain(one)), len(plain(other))))
    if short < LENGTH_ALIKE * long:
        return False
    return SequenceMatcher(None, plain(one), plain(other), autojunk=False).ratio() >= ALIKE


def is_much_alike(one: str, other: str) -> bool:
    """Whether texts differ so little that their pictures are told apart letter by letter only."""
    return SequenceMatcher(None, plain(one), plain(other), autojunk=False).ratio() >= MUCH_ALIKE


def is_typed(before: str, now: str) -> bool:
    """Whether a text is another with more at its end.

    >>> is_typed("def total(", "def total(costs)")
    True
    >>> is_typed("Total: 1", "Total: 14")
    False
    """
    one, other = plain(before), plain(now)
    if len(one) < TYPED or len(other) <= len(one) or not other.startswith(one):
        return False
    return not (one[-1].isdigit() and other[len(one)].isdigit())


def began(line: Line, pictures: Sequence[tuple[float, np.ndarray]], *, exactly: bool) -> float:
    """When a line that was read now appeared, looking back.

    Args:
        pictures: seconds and picture, the newest last.
        exactly: something else was in its place, of which it may differ by a digit.
    """
    assert line.look is not None
    start = line.start_seconds
    for seconds, picture in reversed(pictures):
        now = look_at(picture, line.box)
        if not (is_same(line.look, now) if exactly else is_there(line.look, now)):
            break
        start = seconds
    return start
