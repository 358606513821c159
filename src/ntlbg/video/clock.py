"""When each picture is shown, for files that say so, say so wrongly, or do not say at all."""

import heapq
from collections import deque
from typing import NamedTuple

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from ntlbg.video.lone_times import Order

# AVI and raw streams store no presentation times; what is reported for B-frames there is a guess.
# Pictures leave the decoder in the order they are shown, so they take the decoding times in order.
WITHOUT_PTS = {"avi", "h264", "hevc", "vvc", "m4v", "mpegvideo", "h261", "h263", "vc1", "mjpeg"}
# These store when each picture is decoded. For others FFmpeg guesses it from what it saw at
# opening, and is wrong where pictures begin seconds after the sound.
STORES_DECODING = {"mov,mp4,m4a,3gp,3g2,mj2", "mpegts", "mpeg", "flv"}
# A decoder holds back 16 pictures at most (ITU-T H.264 A.3.1): after so many later ones a picture
# for an earlier time cannot come any more.
MOST_REORDERED = 17
# More than any codec reorders (16) and the decoder's threads delay together.
MAX_WAITING = 20
# Decoders that drop a damaged packet without a word, and give one picture for every other packet.
SILENT_CODECS = {"hevc"}
# Several recordings may have been joined in one such file, each with times of its own.
JOINABLE = {"mpegts", "mpeg"}
RESTART_SECONDS = 1.0  # set by hand
# No picture stays on screen for longer: such a time is damage, and would be sampled for years. Not
# that it were lost: it follows the last one at once, and so does what goes on from there.
MAX_HOLD_SECONDS = 24 * 3600.0


class PacketTimes(NamedTuple):
    """Of one packet, in ticks; both are the same where the file stores only one of them."""

    shown: int
    decoding: int


class Clock:
    """Presentation times, in ticks of the stream, of the packets read and the pictures decoded."""

    def __init__(self, container: InputContainer, stream: VideoStream):
        assert stream.time_base is not None  # FFmpeg gives one to every stream of a file
        self.time_base = stream.time_base
        self.by_pts = container.format.name not in WITHOUT_PTS
        self.stores_decoding = container.format.name in STORES_DECODING
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
        if self.by_pts and not self.stores_decoding and packet.pts is not None:
            shown = self._reading.place(packet.pts)
            return PacketTimes(shown, shown)
        decoding = self._reading.place(packet.pts if packet.dts is None else packet.dts)
        if not self.by_pts or packet.pts is None:
            return PacketTimes(decoding, decoding)
        shown = packet.pts + self._reading.shift
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
    def order(self) -> Order:
        """Which times of packets belong together."""
        second = round(RESTART_SECONDS / self.time_base)
        return Order(MOST_REORDERED, max(second, MOST_REORDERED * self._step))

    @property
    def is_joined(self) -> bool:
        """Whether times have been moved to put several recordings end to end."""
        return self._reading.shift != 0

    @property
    def has_jumped(self) -> bool:
        """Whether times have been moved in a file that should have one clock."""
        return self.is_joined and not self._joinable

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
        """When a decoded picture is shown; None when that is not after the last one."""
        last = self._showing.last
        ticks = self._showing.place(frame.pts if self.by_pts else self._next_waiting(frame))
        return ticks if last is None or ticks > last else None

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
    """Ticks in the order they arrive: missing ones filled in, and joined recordings put end to end.

    So is what comes after an impossible jump; where times come back from it, they are as before.
    """

    def __init__(self, step: int, longest: int, restart: int | None):
        self.last: int | None = None
        self.shift = 0
        self._before = 0  # the shift before the last jump
        self._step = step
        # between the last ones: a jump spoils the average that `step` is. Of two, for pauses
        self._gaps = deque([step], maxlen=2)
        self._longest = longest
        self._restart = longest if restart is None else restart

    def place(self, ticks: int | None) -> int:
        if self.last is None:
            self.last = ticks or 0
            return self.last
        if ticks is None:
            ticks = self.last + min(self._gaps) - self.shift
        elif not self._follows(ticks + self.shift):
            due = self.last + min(self._gaps) - ticks
            is_back = self._follows(ticks + self._before)
            self.shift, self._before = self._before if is_back else due, self.shift
        elif self._restart == self._longest and ticks + self.shift > self.last:
            self._gaps.append(ticks + self.shift - self.last)
        self.last = max(self.last, ticks + self.shift)
        return ticks + self.shift

    def _follows(self, ticks: int) -> bool:
        assert self.last is not None  # since the first one
        return -self._restart <= ticks - self.last <= self._longest
