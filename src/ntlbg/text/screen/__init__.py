"""What is written on screen, read by RapidOCR: only pictures that changed, each text once.

Reading order: `changes` (is a picture worth looking at?), `reading` (RapidOCR), `looks` and `lines`
(what is on screen, from when to when), `ticker` (text that runs through), `blocks` (lines of one
paragraph), `watching` (all of it, picture by picture).

>>> track = hear("lecture.mp4", ScreenListener())
>>> track.passages()
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ntlbg.errors import ConfigError
from ntlbg.packages import check_loads
from ntlbg.text import Listener, Piece
from ntlbg.text.screen.allowance import PICTURES_PER_HOUR
from ntlbg.text.screen.reading import RapidReader, Reader
from ntlbg.text.screen.watching import Watch
from ntlbg.types import Frames

__all__ = ["PICTURES_PER_HOUR", "ScreenListener"]

RULES = 2  # raise it when the same pictures would give other passages
# A piece ends with the first look after so long, since the next one begins by reading the whole
# screen again, which costs as much as one slide; else where nothing changes, after longer; and at
# last anywhere. A run that is killed loses no more than that.
PIECE_SECONDS, QUIET_PIECE_SECONDS, LONGEST_PIECE_SECONDS = 180.0, 240.0, 300.0


class ScreenListener(Listener):
    """Text on screen as passages of one line or paragraph, with the time in which it stays.

    Start and end are at most one picture beside the truth where text appears and holds; over
    pictures that move, a line is found up to four seconds after it appeared, and dated back.

    Args:
        pictures_per_hour: so many are read at most, evenly, and saved up for ten minutes. What has
            to wait is counted in the notes of the state.
        reader: what finds and reads text; RapidOCR with the models of its wheel (Latin, Chinese).

    Raises:
        ConfigError: ``pictures_per_hour`` is below 1.
    """

    name = "screen"
    source = "screen"
    wants = "frames"
    fps = 1.0

    def __init__(
        self, *, pictures_per_hour: float = PICTURES_PER_HOUR, reader: Reader | None = None
    ):
        if not pictures_per_hour >= 1:
            raise ConfigError(
                f"pictures_per_hour is {pictures_per_hour}; give 1 or more, "
                f"{PICTURES_PER_HOUR} by default"
            )
        self._per_hour = pictures_per_hour
        self._reader = reader or RapidReader()
        self.fingerprint = f"rules {RULES} {self._reader.fingerprint} {pictures_per_hour:g}"

    def listen(
        self, stream: Iterator[Frames], after_seconds: float, state: Mapping[str, Any]
    ) -> Iterator[Piece]:
        """As every listener. Text that is still on screen at the end of a piece is in its state.

        A piece knows nothing else of the one before: so a run that goes on after it was killed
        finds what it would have found.

        Raises:
            MissingPackage: rapidocr, or what it brings, is not installed.
            ConfigError, WeightsError: its models cannot be used.
        """
        check_loads("cv2", "reading text on screen", "opencv-python-headless")
        step = 1 / self.fps
        begin, count, watch = after_seconds, 0, self._watch(state)
        for frames in stream:
            for seconds, picture in zip(frames.pts_seconds, frames.data):
                watch.see(float(seconds), picture)
                count += 1
                if _is_piece(watch, count * step):
                    until = begin + count * step
                    piece = Piece(tuple(watch.take()), until, _plain(watch.state))
                    yield piece
                    begin, count, watch = piece.until_seconds, 0, self._watch(piece.state)
        until = begin + count * step
        last = watch.finish(max(0.0, until - step))
        notes = {"notes": watch.notes} if watch.notes else {}
        yield Piece(tuple(last), until, notes)

    def _watch(self, state: Mapping[str, Any]) -> Watch:
        return Watch(self._reader, 1 / self.fps, self._per_hour, state)


def _is_piece(watch: Watch, seconds: float) -> bool:
    if watch.has_just_read:
        return seconds >= PIECE_SECONDS
    return seconds >= (QUIET_PIECE_SECONDS if watch.is_quiet else LONGEST_PIECE_SECONDS)


def _plain(state: Mapping[str, Any]) -> dict[str, Any]:
    """As it is when it was kept and read again: the next piece is given no more than that."""
    return json.loads(json.dumps(state))
