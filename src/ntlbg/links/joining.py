"""Pictures and sound that a site keeps in two files, put into one; nothing is encoded anew."""

import heapq
from collections.abc import Iterator
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream

from ntlbg.errors import LinkError

# It takes what sites send, H.264 with AAC and VP9 with Opus, and it is read here.
CONTAINER = "matroska"
SUFFIX = ".mkv"


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


_LOCAL = {"protocol_whitelist": "file"}


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
    seconds = 0.0
    for packet in source.demux(stream):
        if packet.dts is None:  # the end
            continue
        if packet.time_base is not None:
            seconds = float(packet.dts * packet.time_base)
        packet.stream = target
        yield seconds, number, packet
