"""Pictures and sound that a site keeps in two files, put into one; nothing is encoded anew."""

import heapq
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream

from ntlbg.errors import LinkError
from ntlbg.video.opening import FORMATS

# It takes what sites send, H.264 with AAC and VP9 with Opus, and it is read here.
CONTAINER = "matroska"
SUFFIX = ".mkv"
# A playlist would name other files of this machine.
_LOCAL = {"protocol_whitelist": "file", "format_whitelist": FORMATS}


def join(pictures: Path, sound: Path, joined: Path) -> None:
    """Write one file of the best stream of each.

    Raises:
        LinkError: one of them is not what it should be. OSError: the file cannot be written.
    """
    try:
        with (
            av.open(f"file:{pictures}", options=_LOCAL) as seen,
            av.open(f"file:{sound}", options=_LOCAL) as heard,
            av.open(f"file:{joined}", "w", format=CONTAINER) as out,
        ):
            sources = [
                _packets(seen, seen.streams.best("video"), out, 0),
                _packets(heard, heard.streams.best("audio"), out, 1),
            ]
            for _, _, packet in heapq.merge(*sources, key=lambda one: one[:2]):
                out.mux(packet)
    except (av.FFmpegError, LookupError) as error:
        raise LinkError(
            f"{pictures.name} and {sound.name}: cannot be put together ({error}); fetch the film "
            "with another program, and give the file"
        ) from error


def _packets(
    source: InputContainer, stream: Stream | None, out: OutputContainer, number: int
) -> Iterator[tuple[float, int, Packet]]:
    """Packets for the joined file in their order, with their times in seconds."""
    if stream is None:
        raise LookupError("one of them is empty")
    return _timed(source, stream, out.add_stream_from_template(stream), number)


def _timed(
    source: InputContainer, stream: Stream, target: Stream, number: int
) -> Iterator[tuple[float, int, Packet]]:
    """From 0 on, in each file: segments begin at any time, and not at the same one in both."""
    ticks, seconds = 0, 0.0
    if source.start_time is not None and stream.time_base is not None:
        ticks = round(Fraction(source.start_time, av.time_base) / stream.time_base)
    for packet in source.demux(stream):
        if packet.dts is None:  # the end
            continue
        packet.dts -= ticks
        packet.pts = None if packet.pts is None else packet.pts - ticks
        if packet.time_base is not None:
            seconds = float(packet.dts * packet.time_base)
        packet.stream = target
        yield seconds, number, packet
