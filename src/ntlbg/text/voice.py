"""Where somebody speaks, and sound cut there into pieces that a model of speech hears at once.

Speech is found window by window in a stream, by the network that faster-whisper ships (Silero VAD,
MIT). Pieces keep their own place in time: nothing is cut out of their middle, so no text can be
stretched over a silence.

Measured on 775 s of made speech, silence and music: speech is found in .91 of its windows, in 0 of
120 s of music, for 10 CPU s an hour. By loudness alone all music is speech.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, Protocol

import numpy as np

from ntlbg.types import Sound

RATE = 16_000  # samples a second
WINDOW = 512  # samples; the network was trained on these, 32 ms
CONTEXT = 64  # samples of the window before, which it wants to see too
STATE = (1, 1, 128)  # of its memory
WINDOW_SECONDS = WINDOW / RATE
# The network's own limits for where speech begins and ends.
BEGINS, ENDS = 0.5, 0.35
PAUSE_SECONDS = 0.3  # a shorter one is part of speech: stops of consonants take up to .2 s
# A model of speech hears 30 s: this and the margins at both ends fit into it.
LONGEST_SECONDS = 28.0
# A piece of this length is cut at the longest pause that follows, where a sentence ends most often.
ENOUGH_SECONDS = 20.0
# Over a longer pause text would be stretched (text.md: 125 s segments with vad_filter).
LONGEST_PAUSE_SECONDS = 2.0
SHORTEST_SECONDS = 0.1  # a click or a cough; "no" takes .2 s
MARGIN_WINDOWS = 6  # .2 s kept around speech: soft first and last sounds are found late
# So often it is said how far silence or music has come, and so much of it is held in memory.
QUIET_SECONDS = 60.0


@dataclass(frozen=True, eq=False)
class Heard:
    """A piece of sound in which somebody speaks, or a stretch in which nobody does.

    Attributes:
        sound: with a margin at both ends; None where nobody speaks.
        until_seconds: all before it is done: the end of speech, without the margin.
        goes_on: speech that was cut, since it would have been too long.
    """

    sound: Sound | None
    until_seconds: float
    goes_on: bool = False


class Detector(Protocol):
    """Tells speech from all else."""

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """Chance of speech in each window: (N * WINDOW,) -> (N,); goes on from the last call."""


class SileroDetector:
    """The network of faster-whisper, which remembers what it heard before."""

    def __init__(self):
        from faster_whisper.vad import get_vad_model

        self._network = get_vad_model().session
        self._memory = np.zeros(STATE, np.float32), np.zeros(STATE, np.float32)
        self._before = np.zeros(CONTEXT, np.float32)

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        joined = np.concatenate([self._before, samples])
        rows = np.lib.stride_tricks.sliding_window_view(joined, CONTEXT + WINDOW)[::WINDOW]
        given = {"input": np.ascontiguousarray(rows), "h": self._memory[0], "c": self._memory[1]}
        chances, *memory = self._network.run(None, given)
        self._memory, self._before = tuple(memory), joined[-CONTEXT:]
        return chances.reshape(-1)


def spoken_pieces(sounds: Iterable[Sound], detector: Detector) -> Iterator[Heard]:
    """Pieces of speech of at most LONGEST_SECONDS, in order, and how far all else has come.

    Two minutes of sound are in memory at most. The last one ends with the sound.

    Args:
        sounds: one after the other, without gaps.
    """
    waiting: _Waiting | None = None
    for sound in sounds:
        waiting = waiting or _Waiting(sound.start_seconds, detector)
        waiting.add(sound.samples)
        yield from waiting.take(at_end=False)
    if waiting is not None:
        waiting.close()
        yield from waiting.take(at_end=True)


class _Waiting:
    """Sound that is not done yet, and the chance of speech in each of its windows."""

    def __init__(self, begin_seconds: float, detector: Detector):
        self._begin = begin_seconds
        self._detector = detector
        self._samples = np.zeros(0, np.float32)
        self._chances = np.zeros(0, np.float32)
        self._margin = np.zeros(0, np.float32)  # what came just before
        self._length: int | None = None  # samples, once the end is known

    def add(self, samples: np.ndarray) -> None:
        self._samples = np.concatenate([self._samples, samples])
        new = len(self._samples) // WINDOW - len(self._chances)
        if new:
            first = len(self._chances) * WINDOW
            found = self._detector(self._samples[first : first + new * WINDOW])
            self._chances = np.concatenate([self._chances, found])

    def close(self) -> None:
        """No more will come; silence fills the last window."""
        self._length = len(self._samples)
        self.add(np.zeros(-self._length % WINDOW, np.float32))

    def take(self, *, at_end: bool) -> Iterator[Heard]:
        while (cut := next_cut(self._chances, at_end=at_end)) is not None:
            yield self._heard(cut)
            self._drop(cut.until)

    def _heard(self, cut: "Cut") -> Heard:
        end = self._begin + cut.until * WINDOW_SECONDS
        if self._length is not None:
            end = min(end, self._begin + self._length / RATE)
        return Heard(None if cut.spoken is None else self._sound(*cut.spoken), end, cut.goes_on)

    def _sound(self, first: int, last: int) -> Sound:
        begin = (first - _quiet(self._chances[:first][::-1])) * WINDOW
        end = (last + _quiet(self._chances[last:])) * WINDOW
        before = self._margin if begin == 0 else self._margin[:0]
        start_seconds = self._begin + (begin - len(before)) / RATE
        return Sound(np.concatenate([before, self._samples[begin:end]]), start_seconds)

    def _drop(self, windows: int) -> None:
        size, quiet = windows * WINDOW, _quiet(self._chances[:windows][::-1])
        self._margin = self._samples[size - quiet * WINDOW : size]
        self._samples, self._chances = self._samples[size:], self._chances[windows:]
        self._begin += windows * WINDOW_SECONDS
        if self._length is not None:
            self._length = max(0, self._length - size)


def _quiet(chances: np.ndarray) -> int:
    """How many windows of a margin hold no speech, from the first on."""
    spoken = np.flatnonzero(chances[:MARGIN_WINDOWS] >= BEGINS)
    return int(spoken[0]) if len(spoken) else min(len(chances), MARGIN_WINDOWS)


class Cut(NamedTuple):
    """Where the next piece is, in windows: [first, last) of its speech, or None without."""

    spoken: tuple[int, int] | None
    until: int  # so many are done then
    goes_on: bool = False


def next_cut(chances: np.ndarray, *, at_end: bool) -> Cut | None:
    """The next piece of speech, or a long quiet; None as long as more has to be heard.

    Args:
        chances: of speech in each window (N,), from what is not done on.
        at_end: no more windows will come.
    """
    stretches = speech_stretches(chances, at_end=at_end)
    if not stretches:
        quiet = len(chances) >= _windows(QUIET_SECONDS) or (at_end and len(chances) > 0)
        return Cut(None, len(chances)) if quiet else None
    begin = stretches[0][0]
    end = _end_before_pause(stretches, len(chances), at_end)
    if end is not None and end - begin <= _windows(LONGEST_SECONDS):
        is_last = at_end and end == stretches[-1][1]
        return Cut((begin, end), len(chances) if is_last else end)
    if len(chances) - begin < _windows(LONGEST_SECONDS):
        return None
    cut = _cut_within(stretches, chances)
    return Cut((begin, cut), cut, goes_on=True)


def speech_stretches(chances: np.ndarray, *, at_end: bool) -> list[tuple[int, int]]:
    """Windows [first, last) of speech, between pauses; the last may go on after all windows."""
    pause, found = _windows(PAUSE_SECONDS), []
    begin, quiet_since = None, None
    for number, chance in enumerate(chances.tolist()):
        if chance >= BEGINS:
            begin, quiet_since = number if begin is None else begin, None
        elif begin is not None and chance < ENDS:
            quiet_since = number if quiet_since is None else quiet_since
            if number + 1 - quiet_since >= pause:
                found.append((begin, quiet_since))
                begin, quiet_since = None, None
    if at_end and begin is not None:
        found.append((begin, len(chances) if quiet_since is None else quiet_since))
    found = [(first, last) for first, last in found if last - first >= _windows(SHORTEST_SECONDS)]
    return found if begin is None or at_end else [*found, (begin, len(chances))]


def _end_before_pause(stretches: list[tuple[int, int]], count: int, at_end: bool) -> int | None:
    """Where speech ends before the first pause that is too long; None: it may go on."""
    longest = _windows(LONGEST_PAUSE_SECONDS)
    for (_, end), (following, _) in pairwise(stretches):
        if following - end > longest:
            return end
    last = stretches[-1][1]
    return last if at_end or count - last > longest else None


def _cut_within(stretches: list[tuple[int, int]], chances: np.ndarray) -> int:
    """Where a piece ends that would be too long: in the longest pause, or where it is quietest."""
    begin = stretches[0][0]
    earliest, latest = begin + _windows(ENOUGH_SECONDS), begin + _windows(LONGEST_SECONDS)
    pauses = [(following - end, end) for (_, end), (following, _) in pairwise(stretches)]
    pauses.append((len(chances) - stretches[-1][1], stretches[-1][1]))
    pauses = [(pause, end) for pause, end in pauses if pause and earliest <= end <= latest]
    if pauses:
        return max(pauses)[1]
    return earliest + int(np.argmin(chances[earliest:latest]))


def _windows(seconds: float) -> int:
    return round(seconds / WINDOW_SECONDS)
