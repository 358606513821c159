"""Which picture is taken for a time: the one on screen, one nearby that costs less, a keyframe."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import av

# A picture this much after T counts as on screen at T: containers round times to milliseconds,
# and 30000/1001 pictures a second put the 30th at 1.001 s. The millionth is for float rounding.
# It is absolute: half a tick would be too much where ticks are whole pictures, as in AVI.
TOLERANCE = 1e-3 + 1e-6
ROUNDING_SECONDS = 1e-6


class Picture(NamedTuple):
    """A decoded picture, shown `seconds` after the first one, and for how long at least."""

    seconds: float
    hold_seconds: float
    frame: av.VideoFrame


class TimeWindow(NamedTuple):
    """What is accepted for one time, in ticks: on screen `at`, else `first` to `last`.

    No picture before the one on screen at `first` is taken, none after `last` needs to be known.
    """

    first: int
    at: int
    last: int


@dataclass(frozen=True)
class TickScale:
    """Seconds from the first shown picture to ticks of the stream and back."""

    origin: int
    time_base: Fraction

    def seconds(self, ticks: int) -> float:
        return float((ticks - self.origin) * self.time_base)

    def last_by(self, seconds: float) -> int:
        """The last tick at or before a time."""
        return self.origin + math.floor(seconds / float(self.time_base))

    def first_from(self, seconds: float) -> int:
        """The first tick at or after a time."""
        return self.origin + math.ceil(seconds / float(self.time_base))


@dataclass(frozen=True)
class Mode:
    """How the picture for a time is chosen; a name in MODES.

    reach_seconds: "auto" may take a picture this much earlier or later, "keyframe" one that
        starts this much later.
    stops_at_end: no picture for times after the end, else the last one.
    """

    name: str = "exact"
    reach_seconds: float = 0.0
    stops_at_end: bool = True

    @property
    def keyframes_only(self) -> bool:
        return self.name == "keyframe"

    def slot(self, seconds: float, scale: TickScale) -> TimeWindow:
        at = scale.last_by(seconds + TOLERANCE)
        if self.keyframes_only:
            first, end = seconds - TOLERANCE, seconds + self.reach_seconds - TOLERANCE
            first = scale.first_from(first)
            return TimeWindow(first, first, scale.first_from(end) - 1)
        # Half open, so that the windows of neighbours do not share a picture.
        first = scale.first_from(seconds - self.reach_seconds)
        last = scale.first_from(seconds + self.reach_seconds) - 1
        return (
            TimeWindow(min(first, at), at, max(last, at))
            if self.reach_seconds
            else TimeWindow(at, at, at)
        )

    def pick(self, slot: TimeWindow, shown: Sequence[int], keys: Container[int]) -> int | None:
        """One of the times `shown` (sorted), or None when there is none to take."""
        return MODES[self.name](slot, shown, keys)


def is_over(seconds: float, last: Picture) -> bool:
    """Whether the time of the last picture is over."""
    end = last.seconds + last.hold_seconds - ROUNDING_SECONDS
    return seconds > max(end, last.seconds + TOLERANCE)


def _on_screen(slot: TimeWindow, shown: Sequence[int], keys: Container[int]) -> int | None:
    count = bisect_right(shown, slot.at)
    return shown[count - 1] if count else None


def _nearby(slot: TimeWindow, shown: Sequence[int], keys: Container[int]) -> int | None:
    """The nearest keyframe within reach, else the earliest picture within reach."""
    inside = shown[bisect_left(shown, slot.first) : bisect_right(shown, slot.last)]
    near = [ticks for ticks in inside if ticks in keys]
    if near:
        return min(near, key=lambda ticks: abs(ticks - slot.at))
    # Of a picture that stays for longer than the reach, the beginning is out of reach.
    return inside[0] if inside and inside[0] <= slot.at else _on_screen(slot, shown, keys)


def _keyframe(slot: TimeWindow, shown: Sequence[int], keys: Container[int]) -> int | None:
    inside = shown[bisect_left(shown, slot.first) : bisect_right(shown, slot.last)]
    return next((ticks for ticks in inside if ticks in keys), None)


Picker = Callable[[TimeWindow, Sequence[int], Container[int]], int | None]
MODES: dict[str, Picker] = {"exact": _on_screen, "auto": _nearby, "keyframe": _keyframe}
