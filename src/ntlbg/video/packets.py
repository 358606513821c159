"""The packets of one video in decoding order, with unreadable spots stepped over."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import av
from av.container import InputContainer
from av.stream import Discard, Stream

from ntlbg.video.clock import Clock
from ntlbg.video.frames import DamageLog, ReadReport
from ntlbg.video.lone_times import LoneTimes
from ntlbg.video.opening import MAX_PIXELS, open_video

# Formats whose seeking was compared with decoding everything. The others are read through.
SEEKABLE = {"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"}
# Comes with one packet and holds for all after it, which cannot do without: colours, headers.
LASTING = frozenset({"palette", "new_extradata"})
# Reading goes on after an unreadable spot, but not for ever.
MAX_READ_FAILURES = 16

# What a file can say, and FFmpeg takes; no picture is later.
MOST_TICKS = 2**63 - 1


@dataclass(frozen=True)
class Source:
    """A video and how to read it; the same for every opening of the file during one read."""

    path: str | os.PathLike
    report: ReadReport
    damage: DamageLog
    threads: int = 2
    max_pixels: int = MAX_PIXELS


@dataclass(frozen=True)
class PacketPosition:
    """A packet to go to: the number of packets before it, from the beginning or from a seek."""

    number: int = 0
    seek: int | None = None


class Packets:
    """One open video. Iterate for its packets; `place` is that of the packet read last."""

    def __init__(self, source: Source, *, threads: int):
        self._source = source
        self.container, self.stream = open_video(
            source.path, threads=threads, max_pixels=source.max_pixels
        )
        self.codec = self.stream.codec_context
        for other in self.container.streams:
            if other.index != self.stream.index:
                other.discard = Discard.all
        self.clock = Clock(self.container, self.stream)
        self.is_seekable = self.clock.by_pts and self.container.format.name in SEEKABLE
        self.has_lasting = False  # whether a packet brought something of LASTING
        self._seek: int | None = None
        self._number = -1
        self._iterator = self._read()

    def __iter__(self) -> Iterator[av.Packet]:
        return self

    def __next__(self) -> av.Packet:
        packet = next(self._iterator)
        self._number += 1
        return packet

    def close(self) -> None:
        self._iterator = iter(())
        self.container.close()

    @property
    def place(self) -> PacketPosition:
        return PacketPosition(self._number, self._seek)

    @property
    def order(self) -> int:
        """The number of the packet read last, among all that were read from this video."""
        return self._source.report.packets

    def seek(self, ticks: int) -> None:
        """The next packet is the keyframe before a time, or none when the file cannot say."""
        self._seek, self._number = ticks, -1
        try:
            self.container.seek(min(ticks, MOST_TICKS), stream=self.stream)
        except av.FFmpegError:
            self._iterator = iter(())
        else:
            self._iterator = self._read()

    def go_to(self, place: PacketPosition) -> None:
        """The next packet is that of `place`; those before it are read again, and not counted."""
        if place.seek is not None:
            self.seek(place.seek)
        before = self._source.report.packets
        for _ in range(place.number):
            packet = next(self, None)
            if packet is None:
                break
            self.clock.read(packet)
        self._source.report.packets = before

    def _read(self) -> Iterator[av.Packet]:
        packets = read_packets(self.container, self.stream, self._source, self.is_seekable)
        if self.clock.by_pts:
            packets = LoneTimes(packets, {self.stream.index: self.clock.order}).taken_away()
        for packet in packets:
            self._source.report.packets += 1
            brought = (data.data_type for data in packet.iter_sidedata())
            self.has_lasting = self.has_lasting or not LASTING.isdisjoint(brought)
            yield packet


def read_packets(
    container: InputContainer, streams: Stream | Sequence[Stream], source: Source, is_seekable: bool
) -> Iterator[av.Packet]:
    """Packets that hold something, of one stream or several; unreadable spots count as damage."""
    failures = 0
    while failures < MAX_READ_FAILURES:
        try:
            for packet in container.demux(streams):
                failures = 0
                if not packet.size:  # marks the end or, in AVI, a repeated picture
                    continue
                if packet.is_corrupt and is_seekable:
                    # Cut off by the end of the file. Its error would come up while the decoder
                    # is emptied, and take the last good pictures along.
                    source.damage.met("a packet is cut off")
                    continue
                yield packet
            return
        except IndexError:  # PyAV, at the end of a file in which a stream has shown up late
            return
        except av.FFmpegError as error:
            failures += 1
            source.damage.met(str(error.strerror))
