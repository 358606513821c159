"""The fast way: decode only what the pictures that are asked for are built on.

Packets are read ahead until it is certain which of them holds the picture for a time. Then
everything before the last clean keyframe is left out, and so is every picture that no other picture
is built on. What is decoded is decoded as always, so the pictures are the same to the last bit;
whatever contradicts that expectation raises Unexpected, and the file is decoded plainly instead.
"""

from collections import deque
from collections.abc import Iterator

from ntlbg.video.bitstream import Bitstream
from ntlbg.video.decoder import Decoder
from ntlbg.video.packet_queue import Ahead, TimedPacket, Unexpected, read_items
from ntlbg.video.packets import Packets, Source
from ntlbg.video.restart_points import Landmark, Landmarks
from ntlbg.video.time_match import Mode, Picture, TickScale, TimeWindow, is_over

# Very long stretches between keyframes are decoded as they are read, to bound the memory.
MAX_WAITING_BYTES = 2**25
# A time is sought in the file when it is farther away than any two keyframes were so far.
SHORTEST_JUMP_SECONDS = 2.0


class SkippingReader:
    """Pictures for times that do not go back.

    unserved: times that were taken from the iterator and whose picture was not given yet.
    """

    def __init__(self, source: Source, origin: int, mode: Mode, *, is_interlaced: bool):
        self.unserved: deque[float] = deque()
        self._source = source
        self._origin = origin
        self._mode = mode
        self._may_jump = not mode.keyframes_only
        self.landmarks = Landmarks(source.report)
        self._pending: deque[list] = deque()  # [time picked or None, how often]
        self._open()
        self._bitstream.has_fields = is_interlaced

    def _open(self) -> None:
        self._packets = Packets(
            self._source, threads=1 if self._mode.keyframes_only else self._source.threads
        )
        self._scale = TickScale(self._origin, self._packets.clock.time_base)
        self._bitstream = Bitstream(self._packets.codec)
        self._items = read_items(self._packets, self._bitstream, self._mode)
        self._ahead = Ahead(self._mode, self._origin, self.landmarks)
        self._decoder = Decoder(self._packets.codec, self._origin, self.landmarks.count_decoded)
        self._longest_gop = self._scale.last_by(SHORTEST_JUMP_SECONDS) - self._origin
        self._last_entry = self._origin

    def close(self) -> None:
        self._decoder.held.clear()
        self._packets.close()

    def pictures(self, times: Iterator[float]) -> Iterator[Picture | None]:
        """The picture for each time, or None for a time without a keyframe; up to the end."""
        for seconds in times:
            self.unserved.append(seconds)
            slot = self._mode.slot(seconds, self._scale)
            self._read_until(slot)
            if self._is_over(seconds, slot):
                self.unserved.pop()
                break
            self._ask(self._ahead.pick(slot))
            yield from self._ready()
        self._drain()
        yield from self._ready()
        if self._pending:
            raise Unexpected

    @property
    def can_restart(self) -> bool:
        """Whether plain decoding may start at a landmark; derived times begin at the beginning."""
        return self._packets.clock.by_pts

    def restart_ticks(self) -> int:
        """The picture due next is not before this."""
        return next((ticks for ticks, _ in self._pending if ticks is not None), self._ahead.floor)

    # Reading ahead

    def _read_until(self, slot: TimeWindow) -> None:
        if self._jump_pays(slot):
            self._jump(slot)
        while not self._ahead.is_resolved(slot):
            item = next(self._items, None)
            if item is None:
                self._ahead.at_end = True
            else:
                self._admit(item, slot)

    def _admit(self, item: TimedPacket, slot: TimeWindow) -> None:
        if item.is_entry:
            mark = Landmark(item.place, item.shown, item.order)
            self.landmarks.add(mark, oldest=self.restart_ticks())
            self._last_entry = item.shown
        self._longest_gop = max(self._longest_gop, item.shown - self._last_entry)
        self._ahead.admit(item, slot)
        if self._ahead.size > MAX_WAITING_BYTES:
            self._relieve()

    def _relieve(self) -> None:
        """Decode the older half of the queue now: no keyframe has come that makes it needless."""
        floor = self._ahead.floor
        while self._ahead.size > MAX_WAITING_BYTES // 2 and self._ahead.queue[0].shown < floor:
            self._feed_or_skip(floor)

    def _is_over(self, seconds: float, slot: TimeWindow) -> bool:
        ahead = self._ahead
        if not ahead.at_end:
            return False
        if self._mode.keyframes_only:
            return not ahead.has_key_from(slot.first)
        if ahead.last is None:
            raise Unexpected
        hold = self._packets.clock.hold(ahead.last.packet.duration) * self._scale.time_base
        last = Picture(self._scale.seconds(ahead.last.shown), float(hold), None)
        return self._mode.stops_at_end and is_over(seconds, last)

    # Jumping ahead

    def _jump_pays(self, slot: TimeWindow) -> bool:
        if not (self._may_jump and self._packets.is_seekable and self._bitstream.has_entries):
            return False
        far = slot.first - self._ahead.position > self._longest_gop
        return far and not self._ahead.at_end

    def _jump(self, slot: TimeWindow) -> None:
        """Go on reading at a clean keyframe before a slot, at the beginning if there is none."""
        self._drain()  # seeking empties the decoder
        back, step = 0, self._scale.last_by(SHORTEST_JUMP_SECONDS) - self._origin
        while slot.first - back > self._origin:
            self._packets.seek(slot.first - back)
            self._items = read_items(self._packets, self._bitstream, self._mode)
            self._ahead.clear()
            entry = self._find_entry(slot.first)
            if entry is not None:
                self._last_entry = entry.shown
                self._admit(entry, slot)
                return
            back = 4 * back + step
        self._may_jump = False
        held = self._decoder.held
        self._packets.close()
        self._open()
        self._decoder.held = held

    def _find_entry(self, limit: int) -> TimedPacket | None:
        for item in self._items:
            if item.decoding is not None and item.decoding > limit:
                return None
            if item.is_entry:
                return item if item.shown <= limit else None
            self.landmarks.count_skipped(item.order)
        return None

    # Decoding

    def _ask(self, picked: int | None) -> None:
        if self._pending and self._pending[-1][0] == picked:
            self._pending[-1][1] += 1
            return
        self._pending.append([picked, 1])
        if picked is not None and not self._decoder.promises(picked):
            self._decode_up_to(picked)

    def _decode_up_to(self, picked: int) -> None:
        self._ahead.start_for(picked)
        while not self._decoder.promises(picked):
            if not self._ahead.queue:
                raise Unexpected
            self._feed_or_skip(picked)

    def _feed_or_skip(self, needed: int) -> None:
        """One packet, left out when it only holds a picture before the one that is needed."""
        ahead = self._ahead
        if ahead.has_gap or self._mode.keyframes_only:
            self._drain()
            self._decoder.enter(ahead.queue[0].shown)
            ahead.has_gap = False
        item = ahead.take()
        if item.shown < needed and self._bitstream.is_unreferenced(item.packet):
            self.landmarks.count_skipped(item.order)
            return
        self._decoder.feed(item, floor=ahead.floor, wanted=self._wanted())
        self._bitstream.has_fields = self._bitstream.has_fields or self._decoder.is_interlaced

    def _drain(self) -> None:
        self._decoder.drain(floor=self._ahead.floor, wanted=self._wanted())

    def _wanted(self) -> set[int]:
        return {ticks for ticks, _ in self._pending}

    def _ready(self) -> Iterator[Picture | None]:
        """The pictures that are there, in the order of their times."""
        self._decoder.forget(self._ahead.floor, self._wanted())
        while self._pending:
            ticks, count = self._pending[0]
            if ticks is not None and ticks not in self._decoder.held:
                return
            frame = None if ticks is None else self._decoder.held[ticks]
            picture = None if ticks is None else Picture(self._scale.seconds(ticks), 0.0, frame)
            self._pending.popleft()
            for _ in range(count):
                self.unserved.popleft()
                yield picture
