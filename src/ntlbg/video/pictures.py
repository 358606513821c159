"""The pictures of one video in the order they are shown; forwards, skipping ahead by keyframe."""

import math
import os
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from typing import NamedTuple

import av

from ntlbg.errors import NoFramesError
from ntlbg.video.clock import Clock
from ntlbg.video.frames import ReadReport
from ntlbg.video.keyframes import is_clean_entry
from ntlbg.video.opening import open_video

# A picture this much after T counts as on screen at T: containers round times to milliseconds,
# and 30000/1001 pictures a second put the 30th at 1.001 s. The millionth is for float rounding.
TOLERANCE = 1e-3 + 1e-6
# Frame threads give the same pictures as one thread at the same cost in total; slices do not help.
# What they make of damage depends on their timing, so from the first damage on there is only one.
DECODER_THREADS = 2
# Formats whose seeking was compared with decoding everything. The others start at the beginning.
SEEKABLE = {"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"}
SHORTEST_JUMP_SECONDS = 2.0
# Reading goes on after an unreadable spot, but not for ever.
MAX_READ_FAILURES = 16


class Picture(NamedTuple):
    """A decoded picture, shown `seconds` after the first one, and for how long at least."""

    seconds: float
    hold_seconds: float
    frame: av.VideoFrame


class _DamageMet(Exception):
    """The decoder met damage while it used several threads."""


class PictureStream:
    """One open video. `at` gives the picture on screen at a time; times must not go back.

    Raises:
        VideoError: from opening, and NoFramesError when not one picture can be decoded.
    """

    def __init__(self, path: str | os.PathLike, report: ReadReport | None = None):
        self.path = path
        self._report = ReadReport() if report is None else report
        self._origin: int | None = None
        self._refusal = "its video stream is empty"
        self._container = None
        self._longest_gop = SHORTEST_JUMP_SECONDS
        self._may_jump = True
        self._threads = DECODER_THREADS
        self._coming: Picture | None = None
        with ExitStack() as unless_all_is_well:
            unless_all_is_well.callback(self.close)
            self._restart()
            if self._coming is None:
                raise NoFramesError(f"{path}: not one picture can be decoded ({self._refusal}).")
            unless_all_is_well.pop_all()
        self.first = self._coming
        self.codec = self._stream.codec_context.name
        self.pixel_aspect = self._stream.sample_aspect_ratio

    def __enter__(self) -> "PictureStream":
        return self

    def __exit__(self, *_):
        self.close()

    def close(self) -> None:
        self._pictures = iter(())
        if self._container is not None:
            self._container.close()

    def at(self, seconds: float) -> Picture:
        """The last picture shown at or before `seconds`."""
        if self._jump_pays(seconds) and not self._jump(seconds):
            self._start_over()
        while self._shown_by(seconds):
            self._current, self._coming = self._coming, self._next()
        return self._current

    def ended(self, seconds: float) -> bool:
        """Whether the last picture's time is over; call after ``at(seconds)``."""
        if self._coming is not None or seconds <= self._current.seconds + TOLERANCE:
            return False
        return seconds > self._current.seconds + self._current.hold_seconds - 1e-6

    def measure(self) -> tuple[int, float]:
        """Number of pictures and seconds from the first to the end of the last, from the packets
        alone. Ends the reading of pictures."""
        self._open()
        count, last, hold = 0, self._origin, 0
        for packet in self._packets():
            ticks = self._clock.read(packet)
            if ticks is not None and not packet.is_discard:
                count += 1
                if ticks >= last:
                    last, hold = ticks, self._clock.hold(packet.duration)
        self.close()
        return count, self._seconds(last + hold)

    def _shown_by(self, seconds: float) -> bool:
        return self._coming is not None and self._coming.seconds <= seconds + TOLERANCE

    # Where to read

    def _open(self) -> None:
        self.close()
        self._container, self._stream = open_video(self.path)
        self._stream.codec_context.thread_type = "FRAME"
        self._stream.codec_context.thread_count = self._threads
        self._enter(self._packets())

    def _restart(self) -> None:
        self._open()
        self._coming = None
        self._coming = self._next()

    def _next(self) -> Picture | None:
        """The picture after the coming one."""
        try:
            return next(self._pictures, None)
        except _DamageMet:
            return self._next_without_threads()

    def _next_without_threads(self) -> Picture | None:
        last = self._coming
        self._threads = 1
        self._restart()
        if last is not None:
            self.at(last.seconds)
        return self._coming

    def _enter(self, packets: Iterator[av.Packet]) -> None:
        self._clock = Clock(self._container, self._stream)
        self._last_key: int | None = None
        self._current: Picture | None = None
        self._pictures = self._decoded(packets)

    def _jump_pays(self, seconds: float) -> bool:
        """Whether a keyframe is likely between here and there, and can be found."""
        if self._coming is None or not self._may_jump or not self._is_seekable():
            return False
        return seconds - self._coming.seconds > self._longest_gop

    def _is_seekable(self) -> bool:
        return self._clock.by_pts and self._container.format.name in SEEKABLE

    def _jump(self, seconds: float) -> bool:
        """Go on from the clean keyframe before `seconds`; False when there is none."""
        target = self._origin + math.floor((seconds + TOLERANCE) / self._clock.time_base)
        back_seconds = 0.0
        while (position := target - round(back_seconds / self._clock.time_base)) > self._origin:
            packets = self._packets_from(position)
            entry = self._entry(packets, target)
            if entry is not None:
                self._enter(chain([entry], packets))
                if self._landed(entry):
                    return True
            back_seconds = 4 * back_seconds + SHORTEST_JUMP_SECONDS
        return False

    def _landed(self, entry: av.Packet) -> bool:
        """Whether the keyframe is what the decoder gives next, and is intact."""
        try:
            self._coming = next(self._pictures, None)
        except _DamageMet:
            self._threads = 1
            self._open()
            return False
        if self._coming is None or self._coming.seconds != self._seconds(entry.pts):
            return False
        return not self._coming.frame.is_corrupt

    def _start_over(self) -> None:
        """From the beginning, and without jumps from now on: that is one pass at most."""
        self._may_jump = False
        self._restart()

    def _entry(self, packets: Iterator[av.Packet], target: int) -> av.Packet | None:
        for packet in packets:
            if packet.pts is None or (packet.dts is not None and packet.dts > target):
                return None
            if is_clean_entry(packet, self._stream.codec_context):
                return packet if packet.pts <= target else None
        return None

    # Reading

    def _packets_from(self, position: int) -> Iterator[av.Packet]:
        try:
            self._container.seek(position, stream=self._stream)
        except av.FFmpegError:
            return iter(())
        return self._packets()

    def _packets(self) -> Iterator[av.Packet]:
        failures = 0
        while failures < MAX_READ_FAILURES:
            try:
                for packet in self._container.demux(self._stream):
                    failures = 0
                    if not packet.size:  # marks the end or, in AVI, a repeated picture
                        continue
                    self._report.packets += 1
                    if packet.is_corrupt and self._is_seekable():
                        # Cut off by the end of the file. Its error would come up while the decoder
                        # is emptied, and take the last good pictures along.
                        self._report.lost += 1
                        continue
                    yield packet
                return
            except IndexError:  # PyAV, at the end of a file in which a stream has shown up late
                return
            except av.FFmpegError as error:
                failures += 1
                self._lose(error)

    def _decoded(self, packets: Iterator[av.Packet]) -> Iterator[Picture]:
        for packet in chain(packets, [None]):
            if packet is not None:
                self._clock.read(packet)
                self._measure_gop(packet)
            for frame in self._decode(packet):
                self._report.lost += self._clock.overdue(frame)
                ticks = self._clock.show(frame)
                if ticks is None:
                    self._report.lost += 1
                else:
                    yield self._picture(frame, ticks)

    def _decode(self, packet: av.Packet | None) -> list[av.VideoFrame]:
        try:
            frames = self._stream.codec_context.decode(packet)
        except av.FFmpegError as error:
            if self._threads > 1:
                raise _DamageMet from error
            self._clock.refused()
            self._lose(error)
            return []
        if self._threads > 1 and any(frame.is_corrupt for frame in frames):
            raise _DamageMet
        self._report.decoded += len(frames)
        return frames

    def _lose(self, error: av.FFmpegError) -> None:
        self._report.lost += 1
        self._refusal = f"last error: {error.strerror}"

    def _picture(self, frame: av.VideoFrame, ticks: int) -> Picture:
        if self._origin is None:
            self._origin = ticks
        hold = self._clock.hold(frame.duration)
        return Picture(self._seconds(ticks), float(hold * self._clock.time_base), frame)

    def _seconds(self, ticks: int) -> float:
        return float((ticks - self._origin) * self._clock.time_base)

    def _measure_gop(self, packet: av.Packet) -> None:
        """Keep the longest time seen without a keyframe: over less, a jump is rarely worth it."""
        if packet.dts is None:
            return
        if packet.is_keyframe or self._last_key is None:
            self._last_key = packet.dts
        gop_seconds = float((packet.dts - self._last_key) * self._clock.time_base)
        self._longest_gop = max(self._longest_gop, gop_seconds)
