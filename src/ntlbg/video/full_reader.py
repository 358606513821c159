"""Every packet decoded, in order, by one thread: for files of which too little is known to skip.

Those are formats without presentation times, damaged files (what threads make of damage depends on
their timing), and anything the skipping reader did not expect.
"""

from collections.abc import Iterator
from itertools import chain

import av

from ntlbg.video.packets import PacketPosition, Packets, Source
from ntlbg.video.time_match import TOLERANCE, Mode, Picture, is_over


class PlainReader:
    """Pictures from a place in the file on.

    origin: ticks of the first shown picture of the video; None makes it this reader's first one.
    """

    def __init__(
        self, source: Source, *, place: PacketPosition | None = None, origin: int | None = None
    ):
        self._source = source
        self.origin = origin
        self.packets = Packets(source, threads=1)
        self.packets.go_to(place or PacketPosition())
        self._pictures = self._decoded()
        self.coming: Picture | None = None
        self._current: Picture | None = None

    def close(self) -> None:
        self._pictures = iter(())
        self.packets.close()

    def advance(self) -> Picture | None:
        """Decode the coming picture; None at the end."""
        self._current, self.coming = self.coming, next(self._pictures, None)
        return self.coming

    def pictures(self, times: Iterator[float], mode: Mode) -> Iterator[Picture | None]:
        """The picture for each time, or None for a time without a keyframe; up to the end."""
        if mode.keyframes_only:
            yield from self._keyframes(times, mode)
            return
        for seconds in times:
            while self.coming is not None and self.coming.seconds <= seconds + TOLERANCE:
                self.advance()
            if mode.stops_at_end and self._is_over(seconds):
                return
            yield self._current

    def _is_over(self, seconds: float) -> bool:
        return self.coming is None and is_over(seconds, self._current)

    def _keyframes(self, times: Iterator[float], mode: Mode) -> Iterator[Picture | None]:
        for seconds in times:
            before = seconds - TOLERANCE
            while self.coming and (self.coming.seconds < before or not self.coming.frame.key_frame):
                self.advance()
            if self.coming is None:
                return
            inside = self.coming.seconds < seconds + mode.reach_seconds - TOLERANCE
            yield self.coming if inside else None

    def _decoded(self) -> Iterator[Picture]:
        clock, damage = self.packets.clock, self._source.damage
        for packet in chain(self.packets, [None]):
            if packet is not None:
                clock.expect(packet, clock.read(packet))
            for frame in self._decode(packet):
                damage.met("pictures are missing", pictures=clock.overdue(frame))
                ticks = clock.show(frame)
                if ticks is None:
                    damage.met("a picture has an impossible time")
                else:
                    yield self._picture(frame, ticks)

    def _decode(self, packet: av.Packet | None) -> list[av.VideoFrame]:
        try:
            frames = self.packets.codec.decode(packet)
        except av.FFmpegError as error:
            self.packets.clock.refused()
            self._source.damage.met(error.strerror)
            return []
        self._source.report.decoded += len(frames)
        return frames

    def _picture(self, frame: av.VideoFrame, ticks: int) -> Picture:
        if self.origin is None:
            self.origin = ticks
        clock = self.packets.clock
        return Picture(
            float((ticks - self.origin) * clock.time_base),
            float(clock.hold(frame.duration) * clock.time_base),
            frame,
        )
