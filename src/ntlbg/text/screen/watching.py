"""Pictures one after another, and the text in them: when to look, what to read, what is over.

Read `changes` (whether to look), `lines` (what is on screen) and `ticker` first.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ntlbg.text.screen import blocks
from ntlbg.text.screen.allowance import Allowance
from ntlbg.text.screen.changes import Changes
from ntlbg.text.screen.lines import Line, OpenLines, began, is_much_alike, is_typed
from ntlbg.text.screen.looks import Rectangle, look_at
from ntlbg.text.screen.reading import GLANCE_SIDE, LOOK_SIDE, Reader, Reading
from ntlbg.text.screen.ticker import OVER_SECONDS, Ticker, runs_on, shift, uncut
from ntlbg.types import Passage

# Least confidence of a reading. On photographs and blurred shapes false finds are read with .16 to
# .51, one letter with up to .98; lines of slides, code and subtitles with .93 and more.
LEAST_CONFIDENCE = 0.6
# One letter is what any shape may look like, and nobody searches for it. Two have to be surer.
FEWEST, LEAST_OF_FEWEST = 2, 0.9
# Pictures in which one looks back for the beginning of a line: as many as go by between two looks
# at what never holds, at one a second.
LOOK_BACK = 4
# A line that vanished is kept so long, in case it is a window of a ticker: looks at it are two to
# four seconds apart, and one that has just begun to run is known by the fourth or fifth.
KEPT_SECONDS = 16.0
BLINK_STEPS = 1  # pictures for which something may lie over a line
EDGE = 0.015  # of the width: text nearer to the edge is cut off by it
# Boxes that share more than this cannot both be read: the new line is in the place of the other.
REPLACED = 0.2


class Watch:
    """What is known of the screen; all of it that outlives a piece is in ``state``.

    Args:
        step_seconds: between two pictures.
        state: of the watch before; empty at the beginning.
    """

    def __init__(
        self, reader: Reader, step_seconds: float, per_hour: float, state: Mapping[str, Any]
    ):
        self._reader, self._step = reader, step_seconds
        lines = [Line.from_json(values) for values in state.get("lines", [])]
        self._lines = OpenLines(lines, BLINK_STEPS * step_seconds * 1.01)
        self._tickers = [Ticker.from_json(values) for values in state.get("tickers", [])]
        self._allowance = Allowance(per_hour, state.get("allowance"), state.get("refused", 0))
        self._per_hour = per_hour
        self._changes = Changes()
        self._pictures: deque[tuple[float, np.ndarray]] = deque(maxlen=LOOK_BACK)
        self._over: list[Passage] = []
        self._has_looked = self.has_just_read = False

    def see(self, seconds: float, picture: np.ndarray) -> None:
        """The next picture, uint8 (H, W, 3)."""
        self._allowance.wait_until(seconds)
        self._changes.see(picture, seconds)
        if not self._changes.is_as_it_was:
            self._lines.watch(picture, seconds)
        self.has_just_read = False
        settled = self._changes.is_settled
        # in a film that has shown no text yet, what holds does so by chance
        is_film = self._changes.is_partly_restless and not self._lines.on_screen
        if not self._has_looked or (settled and not is_film):
            self._look(seconds, picture)
        elif settled or self._changes.is_restless:
            self._look_if_worth_it(seconds, picture)
        self._pictures.append((seconds, picture))
        self._finish_what_is_over(seconds)

    def take(self) -> list[Passage]:
        """Passages that are over; each is given once."""
        over, self._over = self._over, []
        return sorted(over, key=lambda one: (one.start_seconds, one.end_seconds))

    def finish(self, seconds: float) -> list[Passage]:
        """All that is left, at the end of the film."""
        for line in self._lines.on_screen:
            line.end_seconds = max(seconds, line.start_seconds)
        self._finish_lines(np.inf)
        for ticker in self._tickers:
            self._finish_ticker(ticker, seconds)
        return self.take()

    @property
    def state(self) -> dict[str, Any]:
        """Plain JSON values; of a passage that was taken nothing is in it."""
        for ticker in self._tickers:
            ticker.fold()
        known = {
            "lines": [line.to_json() for line in self._lines.lines],
            "tickers": [ticker.to_json() for ticker in self._tickers],
            "allowance": self._allowance.left,
            "refused": self._allowance.refused,
        }
        return known | ({"notes": self.notes} if self.notes else {})

    @property
    def is_quiet(self) -> bool:
        """Nothing has changed that was not looked at."""
        return self._changes.is_as_it_was

    @property
    def notes(self) -> list[str]:
        """What is to be said about the reading."""
        if not self._allowance.refused:
            return []
        return [
            f"{self._allowance.refused} pictures with text that changed were not read at once: at "
            f"most {self._per_hour:g} of an hour are; pictures_per_hour raises it"
        ]

    def _look_if_worth_it(self, seconds: float, picture: np.ndarray) -> None:
        shape, worth_it = picture.shape, self._changes.was_fruitful
        if not worth_it:
            boxes = self._reader.find(picture, GLANCE_SIDE)
            worth_it = any(self._changes.is_changed(box, shape) for box in boxes)
            if not boxes:
                self._changes.looked(shape, [])
                return
        if worth_it:
            self._look(seconds, picture)
        else:
            self._changes.passed_over()

    def _look(self, seconds: float, picture: np.ndarray) -> None:
        if not self._allowance.allows():
            return
        boxes = self._reader.find(picture, LOOK_SIDE)
        before = [self._lines.unchanged(picture, box) for box in boxes]
        taken = [line for line in before if line is not None]
        new = [box for box, line in zip(boxes, before) if line is None]
        fruitful = []
        for box in new:
            reading = self._reader.read(picture, box)
            if is_believed(reading) and self._put(reading, box, seconds, picture, taken):
                fruitful.append(box)
        if new:
            self._allowance.spend()
        self._end_unseen(seconds, taken)
        self._changes.looked(picture.shape, fruitful)
        self._has_looked = self.has_just_read = True

    def _put(
        self,
        reading: Reading,
        box: np.ndarray,
        seconds: float,
        picture: np.ndarray,
        taken: list[Line],
    ) -> bool:
        """Put a reading to the line or ticker that it is of; whether it says something new."""
        same = self._lines.same(reading.text, box, seconds, taken)
        if same is None and (ticker := self._ticker(reading, box, picture, taken)):
            text = self._uncut(reading.text, Rectangle.around(box), picture.shape[1])
            is_new = not ticker.knows(text)
            ticker.add(seconds, text)
            return is_new
        line = same or self._lines.typed(reading.text, box, taken)
        look = look_at(picture, box)
        if line is None:
            line = Line(reading.text, reading.confidence, box, seconds, look=look)
            self._begin(line, taken)
        elif is_typed(line.text, reading.text) or reading.confidence > line.confidence:
            line.text, line.confidence = reading.text, reading.confidence
        line.box, line.look, line.end_seconds = box, look, None
        taken.append(line)
        return same is None

    def _begin(self, line: Line, taken: Sequence[Line]) -> None:
        """A new line; what was in its place is over."""
        there = [
            other
            for other in self._lines.lines
            if other not in taken and other.place.overlap(line.place) > REPLACED
        ]
        exactly = any(is_much_alike(other.text, line.text) for other in there)
        line.start_seconds = began(line, self._pictures, exactly=exactly)
        for other in there:
            other.look = None  # in a fade it may be like both
            if other.end_seconds is None:
                other.end_seconds = max(line.start_seconds, other.start_seconds)
        self._lines.lines.append(line)

    def _ticker(
        self, reading: Reading, box: np.ndarray, picture: np.ndarray, taken: Sequence[Line]
    ) -> Ticker | None:
        """The ticker that a reading is a window of."""
        place = Rectangle.around(box)
        moves = self._changes.is_moving(box, picture.shape)
        ticker = next((one for one in self._tickers if one.place.shares_row(place)), None)
        if ticker is None:
            width = picture.shape[1]
            return self._new_ticker(reading.text, box, width, taken) if moves else None
        # after a break nothing is seen to move: the text has to go on
        goes_on = moves or shift(ticker.readings[-1][1], reading.text) is not None
        return ticker if goes_on else None

    def _new_ticker(
        self, text: str, box: np.ndarray, width: int, taken: Sequence[Line]
    ) -> Ticker | None:
        row, later = [], text
        for line in self._lines.on_row(box, taken):  # each window overlaps the one after it
            if shift(line.text, later) is not None:
                row.append(line)
                later = line.text
        if not any(runs_on(line.text, text) for line in row):
            return None
        for line in row:
            self._lines.drop(line)
        first = [(one.start_seconds, self._uncut(one.text, one.place, width)) for one in row]
        self._tickers.append(Ticker(Rectangle.around(box), sorted(first)))
        return self._tickers[-1]

    def _uncut(self, text: str, place: Rectangle, width: int) -> str:
        """What stands beside it, as the name of the channel, cuts a text as the edges do."""
        beside = any(
            line.place.shares_row(place) and 0 <= place.left - line.place.right < place.height
            for line in self._lines.on_screen
        )
        left = place.left < EDGE * width or beside
        return uncut(text, left=left, right=place.right > (1 - EDGE) * width)

    def _end_unseen(self, seconds: float, taken: Sequence[Line]) -> None:
        """Lines of before a break that are not in the first picture after it."""
        for line in self._lines.on_screen:
            if line.look is None and line not in taken:
                line.end_seconds = seconds

    def _finish_what_is_over(self, seconds: float) -> None:
        self._finish_lines(seconds - KEPT_SECONDS)
        for ticker in list(self._tickers):
            last = ticker.readings[-1][0]
            if seconds - last > OVER_SECONDS:
                self._finish_ticker(ticker, last + self._step)
                self._tickers.remove(ticker)

    def _finish_lines(self, before_seconds: float) -> None:
        old = self._lines.take_old(before_seconds)
        self._over += blocks.passages(old, self._step) if old else []

    def _finish_ticker(self, ticker: Ticker, seconds: float) -> None:
        self._over += [
            Passage(one.text, one.start_seconds, one.end_seconds, blocks.SOURCE)
            for one in ticker.finished(seconds)
        ]


def is_believed(reading: Reading) -> bool:
    """Whether a reading is text, and not a shape that looks a little like it."""
    letters = sum(letter.isalnum() for letter in reading.text)
    least = LEAST_OF_FEWEST if letters == FEWEST else LEAST_CONFIDENCE
    return letters >= FEWEST and reading.confidence >= least
