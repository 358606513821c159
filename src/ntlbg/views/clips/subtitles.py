"""The subtitles of a stretch of a film, as a track of mp4 (3GPP timed text) holds them."""

import struct
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

import av
from av.container import OutputContainer
from av.subtitles.stream import SubtitleStream

from ntlbg.text.subtitles.cues import Cue

TIME_BASE = Fraction(1, 1000)  # as of most files of subtitles
MOST_BYTES = 2**16 - 1  # of a text: its length is stored in two bytes
# What the encoder reads its styles from, in the form of ASS. White with a dark edge, at the bottom.
STYLE = b"""[Script Info]
ScriptType: v4.00+
PlayResX: 384
PlayResY: 288

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, \
Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, \
Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


class Line(NamedTuple):
    """A text on screen, in milliseconds from the start of the clip."""

    start: int
    end: int
    text: str


def lines_of(cues: Sequence[Cue], start: float, end: float) -> list[Line]:
    """What is shown from ``start`` to ``end``, seconds of the film, one text after the other.

    Cues that are on screen together become one text, as the track has one at a time.
    """
    inside = [
        Line(_milliseconds(max(cue.start, start) - start), _milliseconds(min(cue.end, end) - start),
             cue.text.strip())
        for cue in cues
        if cue.end is not None and cue.start < end and cue.end > start
    ]  # fmt: skip
    times = sorted({time for line in inside for time in line[:2]})
    found: list[Line] = []
    for begin, stop in pairwise(times):
        texts = [line.text for line in inside if line.start <= begin and line.end >= stop]
        text = "\n".join(dict.fromkeys(texts))
        if found and found[-1].end == begin and found[-1].text == text:
            found[-1] = found[-1]._replace(end=stop)
        elif text:
            found.append(Line(begin, stop, text))
    return found


def add_track(container: OutputContainer) -> SubtitleStream:
    """An empty track of subtitles in a file that nothing was written into yet."""
    stream = container.add_stream("mov_text")
    assert isinstance(stream, SubtitleStream)
    stream.codec_context.subtitle_header = STYLE
    stream.codec_context.time_base = stream.time_base = TIME_BASE
    return stream


def packets(stream: SubtitleStream, lines: Sequence[Line]) -> Iterator[av.Packet]:
    """Each text with its length before it; the writer puts empty ones between them."""
    for line in lines:
        text = line.text.encode("utf-8", "replace")[:MOST_BYTES]
        text = text.decode("utf-8", "ignore").encode()  # not cut within a letter
        packet = av.Packet(struct.pack(">H", len(text)) + text)
        packet.stream, packet.time_base = stream, TIME_BASE
        packet.pts = packet.dts = line.start
        packet.duration = line.end - line.start
        yield packet


def _milliseconds(seconds: float) -> int:
    return round(seconds / TIME_BASE)
