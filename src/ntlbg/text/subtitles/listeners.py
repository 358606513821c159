"""Subtitle files and tracks as listeners: passages on the clock of a video's pictures."""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ntlbg.text import Listener, Piece
from ntlbg.text.sentences import MAX_SECONDS, sentences
from ntlbg.text.subtitles.choices import SubtitleChoice
from ntlbg.text.subtitles.content import WANTED
from ntlbg.text.subtitles.cues import Cue, mended, shown_cues
from ntlbg.text.subtitles.formats import read_cues
from ntlbg.text.subtitles.tracks import read_track
from ntlbg.text_files import read_bytes
from ntlbg.types import Passage
from ntlbg.video.start import file_start

RULES = 1  # raise it when the same subtitles would give other passages


class SubtitleFile(Listener):
    """A file of subtitles. Its times are counted from the video's first sound or picture.

    Args:
        starts_at_seconds: when the video begins, on the clock of the file: of a clip, where it was
            cut from the film that the file is for (LongVideoBench calls it
            ``starting_timestamp_for_subtitles``).

    Raises:
        DataError: the file cannot be read.
    """

    name = "subtitles"
    source = "subtitles"
    wants = "file"

    def __init__(self, path: str | os.PathLike, *, starts_at_seconds: float = 0.0):
        self._path, self._starts_at_seconds = Path(path), starts_at_seconds
        digest = hashlib.sha256(read_bytes(self._path, WANTED)).hexdigest()
        self.fingerprint = f"file {digest} from {starts_at_seconds} rules {RULES}"

    def listen(
        self, stream: str | os.PathLike, after_seconds: float, state: Mapping[str, Any]
    ) -> Iterator[Piece]:
        """One piece; its state holds ``notes``: what is to be said about the file.

        Raises:
            DataError: it cannot be read as subtitles. VideoError: the video cannot be opened.
        """
        cues, notes = read_cues(self._path)
        yield _piece(cues, notes, self._shift(stream), after_seconds)

    def cues(self, stream: str | os.PathLike) -> list[Cue]:
        """As they are shown, from the first picture; raises as ``listen``."""
        return shown_cues(read_cues(self._path)[0], self._shift(stream))

    def _shift(self, stream: str | os.PathLike) -> float:
        start = file_start(stream)
        return start.first_stream - start.first_picture - self._starts_at_seconds


class SubtitleTrack(Listener):
    """A track of text inside a video.

    Args:
        number: among the subtitle tracks of the video, from 0 on.
    """

    name = "subtitles"
    source = "subtitles"
    wants = "file"

    def __init__(self, number: int):
        self._number = number
        self.fingerprint = f"track {number} rules {RULES}"

    def listen(
        self, stream: str | os.PathLike, after_seconds: float, state: Mapping[str, Any]
    ) -> Iterator[Piece]:
        """As that of a file.

        Raises:
            DataError: there is no such track of text. VideoError: the video cannot be opened.
        """
        cues, notes = read_track(stream, self._number)
        yield _piece(cues, notes, -file_start(stream).first_picture, after_seconds)

    def cues(self, stream: str | os.PathLike) -> list[Cue]:
        """As they are shown, from the first picture; raises as ``listen``."""
        found, _ = read_track(stream, self._number)
        return shown_cues(found, -file_start(stream).first_picture)


def listener(
    choice: SubtitleChoice, *, starts_at_seconds: float = 0.0
) -> SubtitleFile | SubtitleTrack:
    """What reads subtitles that were found.

    Raises:
        DataError: the file cannot be read.
    """
    if choice.path is not None:
        return SubtitleFile(choice.path, starts_at_seconds=starts_at_seconds)
    assert choice.track is not None
    return SubtitleTrack(choice.track)


def _piece(cues: Sequence[Cue], notes: list[str], shift: float, after_seconds: float) -> Piece:
    fragments, mends = mended(cues)
    passages = [_moved(one, shift) for one in sentences(fragments, "subtitles")]
    heard = [
        one for one in passages if one.end_seconds > 0.0 and one.start_seconds >= after_seconds
    ]
    until = max([after_seconds, *(one.end_seconds for one in heard)])
    return Piece(tuple(heard), until, {"notes": [*notes, *mends]})


def _moved(passage: Passage, seconds: float) -> Passage:
    """On another clock; what is on screen before the first picture is on screen with it."""
    # in microseconds: 2.8 - 2 is not .8 in floats
    start = round(max(passage.start_seconds + seconds, 0.0), 6)
    end = round(passage.end_seconds + seconds, 6)
    return replace(passage, start_seconds=start, end_seconds=min(end, start + MAX_SECONDS))
