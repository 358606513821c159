"""When each picture is shown, for files that say so, say so wrongly, or do not say at all."""

import heapq
from collections import deque
from typing import NamedTuple

import av
from av.container import InputContainer
from av.video.stream import VideoStream

# AVI and raw streams store no presentation times; what is reported for B-frames there is a guess.
# Pictures leave the decoder in the order they are shown, so they take the decoding times in order.
WITHOUT_PTS = {"avi", "h264", "hevc", "vvc", "m4v", "mpegvideo", "h261", "h263", "vc1", "mjpeg"}
# More than any codec reorders (16) and the decoder's threads delay together.
MAX_WAITING = 20
# Decoders that drop a damaged packet without a word, and give one picture for every other packet.
SILENT_CODECS = {"hevc"}
# Several recordings may have been joined in one such file, each with times of its own.
JOINABLE = {"mpegts", "mpeg"}
RESTART_SECONDS = 1.0  # set by hand
# No picture stays on screen for longer: such a time is damage, and would be sampled for years.
MAX_HOLD_SECONDS = 24 * 3600.0


class PacketTimes(NamedTuple):
    """Of one packet, in ticks. Without presentation times in the file `shown` is `decoding`."""

    shown: int
    decoding: int


class Clock:
    """Presentation times, in ticks of the stream, of the packets read and the pictures decoded."""

    def __init__(self, container: InputContainer, stream: VideoStream):
        assert stream.time_base is not None  # FFmpeg gives one to every stream of a file
        self.time_base = stream.time_base
        self.by_pts = container.format.name not in WITHOUT_PTS
        rate = stream.average_rate or stream.guessed_rate
        self._longest = round(MAX_HOLD_SECONDS / self.time_base)
        step = round(1 / (rate * self.time_base)) if rate else 1
        self._step = step if 1 <= step <= self._longest else 1
        self._joinable = container.format.name in JOINABLE
        self._reading = self._timeline()
        self._showing = self._timeline()
        self._codec = stream.codec_context
        self._waiting: deque[int] = deque()  # decoding times that no picture has taken yet
        self._own: dict[
            int | None, int
        ] = {}  # the decoding time of each packet, by its guessed pts
        self._due: list[int] = []  # presentation times of packets whose picture is to come
        self._silent = self.by_pts and stream.codec_context.name in SILENT_CODECS

    def read(self, packet: av.Packet) -> PacketTimes | None:
        """When a packet is shown and decoded; None when that is impossible."""
        decoding = self._reading.place(packet.pts if packet.dts is None else packet.dts)
        if decoding is None or not self.by_pts:
            return None if decoding is None else PacketTimes(decoding, decoding)
        shown = decoding if packet.pts is None else packet.pts + self._reading.shift
        return PacketTimes(shown, decoding) if shown - decoding <= self._longest else None

    def expect(self, packet: av.Packet, times: PacketTimes | None) -> None:
        """Note a packet that is decoded next, for `overdue` and `show`."""
        if self._silent and packet.pts is not None and not packet.is_discard:
            heapq.heappush(self._due, packet.pts)
        if self.by_pts or times is None:
            return
        self._waiting.append(times.decoding)
        if packet.pts is not None:
            self._own[packet.pts] = times.decoding
        if len(self._waiting) > MAX_WAITING:
            self._waiting.popleft()
        if len(self._own) > 2 * MAX_WAITING:
            del self._own[next(iter(self._own))]

    @property
    def is_joined(self) -> bool:
        """Whether times have been moved to put several recordings end to end."""
        return self._reading.shift != 0

    @property
    def shift_seconds(self) -> float:
        """By how much the times of the last packet read were moved for that."""
        return float(self._reading.shift * self.time_base)

    def refused(self) -> None:
        """The decoder refused what it was last given: no picture will come for that."""
        if self._waiting and not self._own:
            self._waiting.pop()

    def overdue(self, frame: av.VideoFrame) -> int:
        """How many pictures should have come before this one; call before `show`."""
        missing = 0
        while frame.pts is not None and self._due and self._due[0] <= frame.pts:
            missing += heapq.heappop(self._due) < frame.pts
        # Before the first picture some cannot be decoded, since they build on earlier ones.
        return 0 if self._showing.last is None else missing

    def show(self, frame: av.VideoFrame) -> int | None:
        """When a decoded picture is shown; None when that is before the last one or impossible."""
        last = self._showing.last
        ticks = self._showing.place(frame.pts if self.by_pts else self._next_waiting(frame))
        return ticks if last is None or (ticks is not None and ticks > last) else None

    def _next_waiting(self, frame: av.VideoFrame) -> int | None:
        own = self._own.pop(frame.pts, None)
        if own is not None:
            # A picture is shown earlier than it is decoded by the reordering at most. Older times
            # are left by packets that gave no picture: they said "as before", or were refused.
            earliest = own - self._codec.reorder_depth * self._step
            while self._waiting and self._waiting[0] < earliest:
                self._waiting.popleft()
        return self._waiting.popleft() if self._waiting else None

    def hold(self, duration: int | None) -> int:
        """How long the last picture stays: its stored duration, or that of an average picture."""
        return duration if duration and 0 < duration <= self._longest else self._step

    def _timeline(self) -> "Timeline":
        restart = round(RESTART_SECONDS / self.time_base) if self._joinable else None
        return Timeline(self._step, self._longest, restart)


class Timeline:
    """Ticks in the order they arrive: missing ones filled in, joined recordings put end to end."""

    def __init__(self, step: int, longest: int, restart: int | None):
        self.last: int | None = None
        self.shift = 0
        self._step = step
        self._longest = longest
        self._restart = restart

    def place(self, ticks: int | None) -> int | None:
        """None, and as if it had not been, when the time jumps ahead impossibly far."""
        if self.last is None:
            self.last = ticks or 0
            return self.last
        ticks = self.last + self._step if ticks is None else ticks + self.shift
        if self._restart is not None and self.last - ticks > self._restart:
            self.shift += self.last + self._step - ticks
            ticks = self.last + self._step
        if ticks - self.last > self._longest:
            return None
        self.last = max(self.last, ticks)
        return ticks
