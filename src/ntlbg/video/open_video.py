"""One video: its first picture, its length, and the pictures for any times."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import chain

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
        packets = Packets(self._source, threads=1)
        bitstream, scale = (
            Bitstream(packets.codec),
            TickScale(self._origin, packets.clock.time_base),
        )
        count, last, hold, last_key, longest_gop = 0, self._origin, 0, self._origin, 0
        for packet in packets:
            times = packets.clock.read(packet)
            if times is None or packet.is_discard or bitstream.is_hidden(packet):
                continue
            count += 1
            if times.shown >= last:
                last, hold = times.shown, packets.clock.hold(packet.duration)
            if bitstream.is_keyframe(packet):
                longest_gop, last_key = max(longest_gop, times.shown - last_key), times.shown
        packets.close()
        longest_gop = max(longest_gop, last + hold - last_key)
        return count, scale.seconds(last + hold), scale.seconds(self._origin + longest_gop)

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
