"""Subtitles inside a video file: which tracks there are, and the cues of one."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import av
from av.container import InputContainer
from av.stream import Discard, Disposition
from av.subtitles.stream import SubtitleStream
from av.subtitles.subtitle import AssSubtitle

from ntlbg.errors import DataError
from ntlbg.text.subtitles.cues import Cue
from ntlbg.text.subtitles.markup import ass_text
from ntlbg.video.clock import MAX_HOLD_SECONDS
from ntlbg.video.opening import open_video

# Fields of an event as FFmpeg gives it: number, layer, style, name, three margins, effect, text.
STYLE, NUM_FIELDS = 2, 9
PICTURE_TRACK = "a picture track; --read-screen reads burned-in text"
NO_DECODER = "a track in a form that is not known"


@dataclass(frozen=True)
class Track:
    """One subtitle track of a video.

    Attributes:
        number: among the subtitle tracks, from 0 on.
        language: as the file says, such as "eng"; "" where it does not.
        title: as the file says, or "".
        is_default, is_forced: what the file says; a forced track holds only some of the text.
        unreadable: why its text cannot be read, or "".
    """

    number: int
    language: str = ""
    title: str = ""
    is_default: bool = False
    is_forced: bool = False
    unreadable: str = ""


def subtitle_tracks(video: str | os.PathLike) -> list[Track]:
    """All of them, in the order of the file.

    Raises:
        VideoError: it cannot be opened as a video.
    """
    with _opened(video) as container:
        return [_track(number, one) for number, one in enumerate(container.streams.subtitles)]


def read_track(video: str | os.PathLike, number: int) -> tuple[list[Cue], list[str]]:
    """Cues on the clock that the streams of the file share, and what could not be read.

    Raises:
        VideoError: the file cannot be opened. DataError: there is no such track of text.
    """
    with _opened(video) as container:
        stream = _stream(video, container, number)
        for other in container.streams:
            if other.index != stream.index:
                other.discard = Discard.all
        return _read(container, stream)


def _read(container: InputContainer, stream: SubtitleStream) -> tuple[list[Cue], list[str]]:
    found: list[Cue] = []
    notes, lost = [], 0
    try:
        for packet in container.demux(stream):
            if packet.size and packet.pts is not None:
                cues = _decoded(stream, packet)
                found += cues or []
                lost += cues is None
    except (av.FFmpegError, IndexError) as error:  # IndexError: where a stream shows up late
        notes.append(f"the file is damaged ({error}): read up to there")
    placed = _believable(found)
    if len(placed) < len(found):
        notes.append(f"{len(found) - len(placed)} cues a day or more after the one before left out")
    return placed, notes + ([f"{lost} damaged packets left out"] if lost else [])


def _believable(cues: list[Cue]) -> list[Cue]:
    """Without those that a damaged time puts where no film is any more."""
    placed: list[Cue] = []
    for cue in cues:
        if cue.start - (placed[-1].start if placed else cue.start) < MAX_HOLD_SECONDS:
            placed.append(cue)
    return placed


def _decoded(stream: SubtitleStream, packet: av.Packet) -> list[Cue] | None:
    """None where a packet is damaged."""
    try:
        return list(_cues(stream, packet))
    except (av.FFmpegError, LookupError):  # LookupError: an event that is cut off
        return None


@contextmanager
def _opened(video: str | os.PathLike) -> Iterator[InputContainer]:
    with closing(open_video(video)[0]) as container:
        yield container


def _stream(video: Any, container: InputContainer, number: int) -> SubtitleStream:
    streams = container.streams.subtitles
    if not 0 <= number < len(streams):
        raise DataError(
            f"{video}: has {len(streams)} subtitle tracks; number {number} is not there"
        )
    unreadable = _unreadable(streams[number])
    if unreadable:
        raise DataError(f"{video}: subtitle track {number + 1} is {unreadable}")
    return streams[number]


def _track(number: int, stream: SubtitleStream) -> Track:
    language = stream.metadata.get("language", "")
    return Track(
        number,
        "" if language == "und" else language,
        stream.metadata.get("title", ""),
        bool(stream.disposition & Disposition.default),
        bool(stream.disposition & Disposition.forced),
        _unreadable(stream),
    )


def _unreadable(stream: SubtitleStream) -> str:
    if stream.codec_context is None:
        return NO_DECODER
    return PICTURE_TRACK if stream.codec_context.codec.bitmap_sub else ""


def _cues(stream: SubtitleStream, packet: av.Packet) -> Iterator[Cue]:
    shown = stream.codec_context.decode2(packet)
    if shown is None:  # the track says that nothing is on screen
        return
    assert packet.pts is not None
    assert packet.time_base is not None
    start = float(packet.pts * packet.time_base)
    # 0: recorded as it was sent, when nobody knew the end
    end = start + float(packet.duration * packet.time_base) if packet.duration else None
    for event in shown:
        assert isinstance(event, AssSubtitle)  # what FFmpeg makes of every form of text
        fields = event.ass.decode("utf-8", "replace").split(",", NUM_FIELDS - 1)
        yield Cue(start, end, ass_text(fields[NUM_FIELDS - 1]), voice=fields[STYLE])
