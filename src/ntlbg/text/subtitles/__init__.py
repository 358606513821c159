"""Subtitles of a video: files beside it, files that are named, tracks inside it.

>>> passages, description, notes = load_subtitles("film.mp4")

Reading order: `choices` (which there are), `formats` and `tracks` (their cues), `cues` (what is
mended), `ntlbg.text.sentences` (cues to sentences), `listeners` (the pictures' clock), `content`
(encodings), `markup` (tags).
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from ntlbg.errors import DataError
from ntlbg.text import Listener, Piece
from ntlbg.text.subtitles.choices import SubtitleChoice, find_subtitles
from ntlbg.text.subtitles.cues import Cue
from ntlbg.text.subtitles.listeners import SubtitleFile, SubtitleTrack, listener
from ntlbg.types import Passage

__all__ = [
    "SubtitleChoice",
    "SubtitleFile",
    "SubtitleTrack",
    "Subtitles",
    "film_cues",
    "find_subtitles",
    "listener",
    "load_subtitles",
]

Listen = Callable[[Listener], Piece]
NONE = "none"  # a file of that name is ./none


class Subtitles(NamedTuple):
    """What `load_subtitles` gives.

    Attributes:
        passages: in order of their start.
        description: which subtitles these are, such as "film.en.srt"; None without any.
        notes: what is to be said about them, a line each.
    """

    passages: tuple[Passage, ...]
    description: str | None
    notes: list[str]


def load_subtitles(
    video: str | os.PathLike,
    given: str | Path | None = None,
    *,
    language: str | None = None,
    starts_at_seconds: float = 0.0,
    listen: Listen | None = None,
) -> Subtitles:
    """The subtitles of a video, as ``--subtitles FILE|none`` says.

    Args:
        given: a file; the video itself for a track inside it, though a file lies beside it;
            "none" for no subtitles; None for the first of `find_subtitles` that can be read.
        language: as for `find_subtitles`.
        starts_at_seconds: as for `SubtitleFile`.
        listen: what a listener finds in the video, for somebody who keeps it; None: it is read.

    Raises:
        DataError: the file that is given cannot be read. VideoError: the video cannot be opened.
    """
    if given is not None and str(given) == NONE:
        return Subtitles((), None, [])
    if given is None:
        choices = find_subtitles(video, language=language)
        return _first(video, choices, starts_at_seconds, listen)
    if os.path.exists(given) and os.path.samefile(given, video):
        choices = [one for one in find_subtitles(video, language=language) if one.path is None]
        found = _first(video, choices, starts_at_seconds, listen)
        if found.description is None:
            raise DataError("; ".join(found.notes) or f"{video}: holds no subtitles; give a file")
        return found
    file = SubtitleFile(given, starts_at_seconds=starts_at_seconds)
    return _read(file, video, Path(given).name, listen)


def film_cues(
    video: str | os.PathLike, given: str | Path | None = None
) -> tuple[list[Cue], list[str]]:
    """The subtitles of a video as they are shown, from its first picture, and what is to be said.

    Args:
        given: as for `load_subtitles`, which reads the same ones as passages.

    Raises:
        As `load_subtitles`.
    """
    cues: list[Cue] = []

    def read(reader: Listener) -> Piece:
        assert isinstance(reader, SubtitleFile | SubtitleTrack)
        cues[:] = reader.cues(video)
        return Piece((), 0.0, {})

    found = load_subtitles(video, given, listen=read)
    return cues, found.notes


def _first(
    video: str | os.PathLike,
    choices: Sequence[SubtitleChoice],
    starts_at_seconds: float,
    listen: Listen | None,
) -> Subtitles:
    """Of the first choice that can be read; why others cannot, and which are left, is said."""
    notes = []
    for number, choice in enumerate(choices):
        if choice.unreadable:
            notes.append(f"{Path(video).name}: {choice.name} is {choice.unreadable}")
            continue
        try:
            reader = listener(choice, starts_at_seconds=starts_at_seconds)
            found = _read(reader, video, choice.name, listen)
        except DataError as error:
            notes.append(str(error))
            continue
        if choice.is_forced:
            notes.append(f"{choice.name}: is named as holding only what is foreign in the film")
        others = ", ".join(one.name for one in choices[number + 1 :])
        if others:
            notes.append(f"{choice.name} is read; also there: {others} (--subtitles FILE chooses)")
        return found._replace(notes=notes + found.notes)
    return Subtitles((), None, notes)


def _read(
    reader: Listener, video: str | os.PathLike, name: str, listen: Listen | None
) -> Subtitles:
    [piece] = reader.listen(video, 0.0, {}) if listen is None else [listen(reader)]
    return Subtitles(
        piece.passages, name, [f"{name}: {note}" for note in piece.state.get("notes", [])]
    )
