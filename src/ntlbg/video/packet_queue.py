"""Packets that were read and not yet decoded, and the times of the pictures they hold."""

import heapq
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import av

from ntlbg.video.bitstream import Bitstream, mpeg4_type
from ntlbg.video.clock import MOST_REORDERED, PacketTimes
from ntlbg.video.packets import PacketPosition, Packets
from ntlbg.video.restart_points import Landmarks
from ntlbg.video.time_match import Mode, TimeWindow

# Times are forgotten in steps of so many.
TRIM = 64


class Unexpected(Exception):
    """Something in the file on which leaving out pictures would be a guess."""


@dataclass(slots=True)
class TimedPacket:
    """A packet with its times in ticks.

    decoding: no later packet is shown before this; None when unknown.
    shows: a picture comes of it that is to be seen.
    place: where it is in the file. order: its number in this read.
    """

    packet: av.Packet
    shown: int
    decoding: int | None
    shows: bool
    is_entry: bool
    place: PacketPosition
    order: int


def read_items(packets: Packets, bitstream: Bitstream, mode: Mode) -> Iterator[TimedPacket]:
    """Raises Unexpected where the times of packets are missing or contradict each other."""
    is_entry = bitstream.is_keyframe if mode.keyframes_only else bitstream.is_entry
    make = _stored if packets.clock.by_pts else _derived
    return make(packets, bitstream, is_entry)


def can_skip(packets: Packets) -> bool:
    """Whether the order of pictures is stored or can be told from their types, and each can be
    decoded without what is left out."""
    codec = packets.codec
    derives = packets.container.format.name == "avi" and (
        codec.name == "mpeg4" or codec.codec.intra_only
    )
    return (packets.clock.by_pts or derives) and not packets.has_lasting


def _stored(
    packets: Packets, bitstream: Bitstream, is_entry: Callable[[av.Packet], bool]
) -> Iterator[TimedPacket]:
    latest = None if packets.clock.stores_decoding else _Latest()
    for packet, times in _timed(packets):
        if packet.pts is None or times.shown < times.decoding:
            raise Unexpected
        shows = not packet.is_discard and not bitstream.is_hidden(packet)
        if latest is not None:
            decoding = latest.bound(times.shown, shows)
        else:
            decoding = None if packet.dts is None else times.decoding
        yield TimedPacket(
            packet,
            times.shown,
            decoding,
            shows,
            is_entry(packet),
            packets.place,
            packets.order,
        )


def _timed(packets: Packets) -> Iterator[tuple[av.Packet, PacketTimes]]:
    for packet in packets:
        times = packets.clock.read(packet)
        # places in a file are sought by times that were not moved
        if times is None or packets.clock.has_jumped or packets.has_lasting:
            raise Unexpected
        yield packet, times


class _Latest:
    """Of pictures in decoding order: before which time none can come any more."""

    def __init__(self) -> None:
        self._latest: list[int] = []  # a heap

    def bound(self, shown: int, shows: bool) -> int | None:
        """Once one more picture is known; None where nothing can be said."""
        if shows:
            heapq.heappush(self._latest, shown)
        if len(self._latest) > MOST_REORDERED:
            heapq.heappop(self._latest)
        return self._latest[0] if len(self._latest) == MOST_REORDERED else None


def _derived(
    packets: Packets, bitstream: Bitstream, is_entry: Callable[[av.Packet], bool]
) -> Iterator[TimedPacket]:
    """MPEG-4 in AVI: the n-th picture shown takes the n-th decoding time.

    A picture that others are built on is shown after the B pictures that follow it in the file.
    """
    intra_only = packets.codec.codec.intra_only
    waiting: list[TimedPacket] = []  # one such picture and the B pictures after it
    last = before = None
    for packet, times in _timed(packets):
        kind = 0 if intra_only else mpeg4_type(bytes(packet))
        if kind is None or len(waiting) > MOST_REORDERED:
            raise Unexpected
        before, last = last if last is not None else times.decoding, times.decoding
        shows = not packet.is_discard
        item = TimedPacket(
            packet, before, before, shows, is_entry(packet), packets.place, packets.order
        )
        if kind != 2 and waiting:
            waiting[0].shown = before
            yield from waiting
            waiting = []
        waiting.append(item)
    if waiting and last is not None:
        waiting[0].shown = last
        yield from waiting


class Ahead:
    """The queue of packets in decoding order, and the sorted times of candidates for a slot."""

    def __init__(self, mode: Mode, origin: int, landmarks: Landmarks):
        self.queue: deque[TimedPacket] = deque()
        self.size = 0  # bytes
        self.at_end = False
        self.position = origin  # the latest decoding time
        self.last: TimedPacket | None = None  # shown last of all so far
        self.floor = origin  # no picture before this will be taken any more
        self.has_gap = False  # packets before the queue were left out
        self._mode = mode
        self._origin = origin
        self._landmarks = landmarks
        self._shown: list[int] = []
        self._keys: set[int] = set()
        self._resolved = origin - 1

    def clear(self) -> None:
        """Forget all packets: reading goes on elsewhere."""
        self.skip(len(self.queue))
        self._shown.clear()
        self._keys.clear()
        self._resolved = self._origin - 1
        self.has_gap = True
        self.at_end = False

    def is_resolved(self, slot: TimeWindow) -> bool:
        """Whether all packets are known that may be taken for a slot."""
        later = len(self._shown) - bisect_right(self._shown, slot.last)
        return self.at_end or self.position > slot.last or later >= MOST_REORDERED

    def admit(self, item: TimedPacket, slot: TimeWindow) -> None:
        """Take in the next packet while looking for a slot's picture."""
        if item.decoding is not None:
            self.position = max(self.position, item.decoding)
        if item.shows and item.shown >= self._origin:
            self._note(item)
        if self._mode.keyframes_only and not item.is_entry:
            self._landmarks.count_skipped(item.order)
            return
        self.queue.append(item)
        self.size += item.packet.size
        if item.is_entry and item.shown <= slot.first:
            self._start_at(len(self.queue) - 1)
        self._trim(slot)

    def pick(self, slot: TimeWindow) -> int | None:
        """The time of the picture for a resolved slot; None when no keyframe starts there."""
        picked = self._mode.pick(slot, self._shown, self._keys)
        self._resolved = slot.last
        if picked is None:
            if not self._mode.keyframes_only:
                raise Unexpected
            return None
        self.floor = max(self.floor, picked)
        return self.floor

    def has_key_from(self, ticks: int) -> bool:
        return any(key >= ticks for key in self._keys)

    def start_for(self, picked: int) -> None:
        """Leave out what comes before the last keyframe from which a picture can be decoded."""
        for index in range(len(self.queue) - 1, 0, -1):
            if self.queue[index].is_entry and self.queue[index].shown <= picked:
                self._start_at(index)
                return

    def take(self) -> TimedPacket:
        item = self.queue.popleft()
        self.size -= item.packet.size
        return item

    def skip(self, count: int) -> None:
        for _ in range(count):
            self._landmarks.count_skipped(self.take().order)

    def _note(self, item: TimedPacket) -> None:
        place = bisect_left(self._shown, item.shown)
        taken = place < len(self._shown) and self._shown[place] == item.shown
        if taken or item.shown <= self._resolved:
            raise Unexpected
        self._shown.insert(place, item.shown)
        if item.is_entry:
            self._keys.add(item.shown)
        if self.last is None or item.shown > self.last.shown:
            self.last = item

    def _start_at(self, index: int) -> None:
        entry = self.queue[index]
        if all(self.queue[before].shown < entry.shown for before in range(index)):
            self.skip(index)
            self.has_gap = self.has_gap or index > 0

    def _trim(self, slot: TimeWindow) -> None:
        before = bisect_right(self._shown, slot.first) - 1
        if before >= 0:
            self.floor = max(self.floor, self._shown[before])
        if before > TRIM:
            self._keys.difference_update(self._shown[:before])
            del self._shown[:before]
