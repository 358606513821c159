"""One video: its first picture, its length, and the pictures for any times."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from fractions import Fraction
from itertools import chain

import av

from ntlbg.errors import NoFramesError
from ntlbg.video.bitstream import Bitstream
from ntlbg.video.frames import DamageLog, ReadReport
from ntlbg.video.full_reader import PlainReader
from ntlbg.video.packet_queue import Unexpected, can_skip
from ntlbg.video.packets import Packets, Source
from ntlbg.video.skipping import SkippingReader
from ntlbg.video.time_match import Mode, Picture, TickScale


class Video:
    """A video whose first picture has been decoded.

    Raises:
        VideoError: from opening, and NoFramesError when not one picture can be decoded.
    """

    def __init__(self, source: Source):
        self._source = source
        report = ReadReport()  # what is read twice is counted once
        damage = DamageLog(source.path, report)
        reader = PlainReader(Source(source.path, report, damage, max_pixels=source.max_pixels))
        try:
            first = reader.advance()
            if first is None or reader.origin is None:
                raise NoFramesError(
                    f"{source.path}: not one picture can be decoded ({damage.last})."
                )
            self.first = first.frame
            self.codec = reader.packets.codec.codec.canonical_name
            self.pixel_aspect = reader.packets.stream.sample_aspect_ratio
            self.time_base: Fraction = reader.packets.clock.time_base
            self._origin = reader.origin
            self._may_skip = can_skip(reader.packets)
        finally:
            reader.close()

    def pictures(self, times: Iterable[float], mode: Mode) -> Iterator[Picture | None]:
        """The picture for each time, in seconds from the first one on and not going back.

        None for a time without a keyframe in ``mode="keyframe"``.
        """
        times = iter(times)
        if not self._may_skip:
            yield from self._plain(None, times, mode)
            return
        reader = SkippingReader(
            self._source, self._origin, mode, is_interlaced=self.first.interlaced_frame
        )
        try:
            yield from reader.pictures(times)
            return
        except Unexpected:
            pass
        finally:
            reader.close()
        yield from self._plain(reader, chain(reader.unserved, times), mode)

    def measure(self) -> tuple[int, float, float]:
        """From the packets alone: the number of pictures, seconds from the first to the end of the
        last, and the longest time from one keyframe to the next, or to the end."""
        with closing(Packets(self._source, threads=1)) as packets:
            scale = TickScale(self._origin, packets.clock.time_base)
            count, last, hold, last_key, longest_gop = 0, self._origin, 0, self._origin, 0
            for packet, shown, is_keyframe in _shown(packets):
                count += 1
                if shown >= last:
                    last, hold = shown, packets.clock.hold(packet.duration)
                if is_keyframe:
                    longest_gop, last_key = max(longest_gop, shown - last_key), shown
        longest_gop = max(longest_gop, last + hold - last_key)
        return count, scale.seconds(last + hold), scale.seconds(self._origin + longest_gop)

    def shown_ticks(self) -> tuple[list[int], int]:
        """From the packets alone: when pictures are shown, ascending, and the end of the last one,
        in ticks of ``time_base`` from the first one on."""
        with closing(Packets(self._source, threads=1)) as packets:
            ends = {
                shown - self._origin: shown - self._origin + packets.clock.hold(packet.duration)
                for packet, shown, _ in _shown(packets)
                if shown >= self._origin
            }
        ticks = sorted(ends | {0: ends.get(0, 1)})
        return ticks, ends.get(ticks[-1], 1)

    def _plain(
        self, skipping: SkippingReader | None, times: Iterator[float], mode: Mode
    ) -> Iterator[Picture | None]:
        """Goes on where skipping was given up: from the last keyframe, else from the beginning."""
        reader = None if skipping is None else self._from_landmark(skipping)
        if reader is None:
            if skipping is not None:
                skipping.landmarks.take_back_all()
            reader = PlainReader(self._source, origin=self._origin)
        try:
            if reader.coming is None:
                reader.advance()
            yield from reader.pictures(times, mode)
        finally:
            reader.close()

    def _from_landmark(self, skipping: SkippingReader) -> PlainReader | None:
        """A reader at the last keyframe before what is due, if that comes out and is intact."""
        landmark = skipping.landmarks.last_before(skipping.restart_ticks())
        if landmark is None or not skipping.can_restart:
            return None
        skipping.landmarks.take_back(landmark)
        with ExitStack() as unless_all_is_well:
            reader = PlainReader(self._source, place=landmark.place, origin=self._origin)
            unless_all_is_well.callback(reader.close)
            first, clock = reader.advance(), reader.packets.clock
            seconds = TickScale(self._origin, clock.time_base).seconds(landmark.ticks)
            if first is None or first.seconds != seconds or first.frame.is_corrupt:
                return None
            if clock.is_joined:  # the decoder's times are not those of the packets any more
                return None
            unless_all_is_well.pop_all()
        return reader


def _shown(packets: Packets) -> Iterator[tuple[av.Packet, int, bool]]:
    """Packets whose picture is to be seen, when that is in ticks, and whether it is a keyframe."""
    bitstream = Bitstream(packets.codec)
    for packet in packets:
        times = packets.clock.read(packet)
        if times is not None and not packet.is_discard and not bitstream.is_hidden(packet):
            yield packet, times.shown, bitstream.is_keyframe(packet)
