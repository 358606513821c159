"""A decoder that is given some of the packets and must give every picture that is due."""

from bisect import insort
from collections.abc import Callable, Container

import av

from ntlbg.video.packet_queue import TimedPacket, Unexpected


class Decoder:
    """Pictures by their time in ticks, which is put on the packets that are fed.

    held: pictures decoded and still wanted, by time.
    on_picture: called with the time of every picture that comes out.
    """

    def __init__(self, codec: av.VideoCodecContext, origin: int, on_picture: Callable[[int], None]):
        self.held: dict[int, av.VideoFrame] = {}
        self.is_interlaced = False
        self._codec = codec
        self._on_picture = on_picture
        self._entered = origin  # pictures before this may lack what they are built on
        self._due: list[int] = []  # sorted
        self._is_used = False

    def promises(self, ticks: int) -> bool:
        """Whether a picture has come out, or will once more packets are fed."""
        return ticks in self.held or ticks in self._due

    def feed(self, item: TimedPacket, *, floor: int, wanted: Container[int]) -> None:
        """Decode one packet; keep what comes out from `floor` on, and what is `wanted`."""
        if item.packet.is_corrupt:  # pieces are missing, as transport streams can tell
            raise Unexpected
        item.packet.pts = item.shown
        if item.shows and item.shown >= self._entered:
            insort(self._due, item.shown)
        self._is_used = True
        self._decode(item.packet, floor, wanted)

    def drain(self, *, floor: int, wanted: Container[int]) -> None:
        """Everything that is still inside comes out; feed nothing before `enter`."""
        if self._is_used:
            self._decode(None, floor, wanted)
        if self._due:
            raise Unexpected
        self._is_used = False

    def enter(self, ticks: int) -> None:
        """Start again, at a keyframe shown at `ticks`. Call `drain` before."""
        self._codec.flush_buffers()
        self._entered = ticks

    def forget(self, floor: int, wanted: Container[int]) -> None:
        """Let go of pictures that no one will ask for."""
        for ticks in [t for t in self.held if t < floor and t not in wanted]:
            del self.held[ticks]

    def _decode(self, packet: av.Packet | None, floor: int, wanted: Container[int]) -> None:
        try:
            frames = self._codec.decode(packet)
        except av.FFmpegError as error:
            raise Unexpected from error
        for frame in frames:
            if frame.pts is None:
                raise Unexpected
            self._on_picture(frame.pts)
            if frame.pts >= self._entered:
                self._receive(frame, floor, wanted)

    def _receive(self, frame: av.VideoFrame, floor: int, wanted: Container[int]) -> None:
        # In order and none missing, or else something was damaged or misunderstood.
        if frame.is_corrupt or not self._due or self._due.pop(0) != frame.pts:
            raise Unexpected
        self.is_interlaced = self.is_interlaced or frame.interlaced_frame
        if frame.pts >= floor or frame.pts in wanted:
            self.held[frame.pts] = frame
