"""Sound of a video, streamed: mono, 16,000 samples a second, on the clock of its pictures.

>>> for sound in read_sound("film.mp4", start=7200.0):
...     sound.samples, sound.start_seconds

In many files sound and pictures begin at different times. 0 seconds is the first picture that is
shown, as everywhere. Where there is no sound, or it is damaged, there is silence.
"""

import math
import os
from collections.abc import Iterator
from contextlib import closing
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path

import av
import numpy as np
from av.stream import Discard

from ntlbg.errors import ConfigError, NoSoundError, NoVideoStreamError
from ntlbg.types import Sound
from ntlbg.video.clock import JOINABLE, MAX_HOLD_SECONDS, RESTART_SECONDS, Clock, Timeline
from ntlbg.video.frames import DamageLog, ReadReport
from ntlbg.video.joined_sound import shifted_as_pictures
from ntlbg.video.lone_times import LoneTimes, Order
from ntlbg.video.mixing import Mixer
from ntlbg.video.opening import film_in, open_sound
from ntlbg.video.packets import SEEKABLE, Source, read_packets
from ntlbg.video.start import file_start, is_still

RATE = 16_000  # samples a second, as every model of speech wants them
BLOCK = RATE  # samples given at a time; a second, so that progress can be told
# Stored times are rounded, to milliseconds in Matroska. Below what is promised, 50 ms; above one
# packet of AAC (21 ms at 48 kHz), the jitter of recorded broadcasts.
TOLERANCE_SECONDS = 0.03
# Decoded before `start` and thrown away: MP3 builds on up to 9 packets (.24 s), Opus wants .08 s.
PREROLL_SECONDS = 0.5
# Where to seek to: so long before. The second for files whose sound lies behind their pictures.
SEEK_BACK_SECONDS = (1.0, 30.0)


def read_sound(
    path: str | os.PathLike, *, start: float = 0.0, report: ReadReport | None = None
) -> Iterator[Sound]:
    """The sound from a time on without a gap, in blocks of a second, the last one shorter.

    Memory does not grow with the video. mp4, mov, mkv and webm are not read before ``start``; of
    other files what comes before is read, and not decoded.

    Args:
        start: seconds from the first picture. 0 begins with the sound where that comes earlier.
            A file without pictures begins with its sound.
        report: counters to add to: packets decoded from, ``lost``, and ``lost_seconds``.

    Raises:
        ConfigError: ``start`` is negative or not finite. VideoError: the file cannot be used.
        NoSoundError: it has no sound. UnsupportedCodecError: there is no decoder for it.
    """
    if not (math.isfinite(start) and start >= 0):
        raise ConfigError(f"start is {start}; give seconds from the first picture, 0 or more")
    report = ReadReport() if report is None else report
    return _read(Source(path, report, DamageLog(path, report), threads=1), start)


def _read(source: Source, start: float) -> Iterator[Sound]:
    if is_still(source.path):
        raise NoSoundError(f"{source.path}: is a picture, which has no sound.")
    open_sound(source.path)[0].close()  # says what is wrong with the sound before pictures are met
    reader = _reader_at(source, start, _origin_seconds(source))
    with closing(reader):
        laid = _resampled(reader.frames(start), source.damage)
        first = next(laid, None)
        if first is None:
            return
        tape = _Tape(round(start * RATE) if start else min(0, first[0]), source.report)
        for index, samples in chain([first], laid):
            yield from tape.lay(index, samples)
        yield from tape.rest()


def sound_form(path: str | os.PathLike) -> tuple[int, int]:
    """Samples a second and channels of the sound that ``sound_frames`` reads.

    Raises:
        As ``read_sound``.
    """
    container, stream = open_sound(path)
    container.close()
    return stream.codec_context.sample_rate, len(stream.codec_context.layout.channels)


def sound_frames(
    path: str | os.PathLike, start: float, report: ReadReport
) -> Iterator[tuple[float, av.AudioFrame]]:
    """Sound as it is stored, in pieces, and when each begins; from shortly before a time on.

    Args:
        start: seconds from the first picture, 0 or more.
        report: counters to add to.

    Raises:
        As ``read_sound``.
    """
    source = Source(path, report, DamageLog(path, report), threads=1)
    with closing(_reader_at(source, start, _origin_seconds(source))) as reader:
        yield from reader.frames(start)


def _origin_seconds(source: Source) -> float | None:
    """When the first picture is shown, on the clock of the file; None without pictures."""
    try:
        return file_start(source.path).first_picture
    except NoVideoStreamError:
        return None


def _reader_at(source: Source, start: float, origin: float | None) -> "_SoundReader":
    """A reader at a packet early enough for ``start``, or at the first one."""
    for back in SEEK_BACK_SECONDS:
        if origin is None or start <= back:
            break
        reader = _SoundReader(source, origin)
        if reader.seek(start - back, at_most=start - PREROLL_SECONDS):
            return reader
        reader.close()
    return _SoundReader(source, origin)


END = 0, 0.0, None  # of a run


class _SoundReader:
    """The sound of an open file; ``origin`` is 0 seconds, None makes it that of the first sound."""

    def __init__(self, source: Source, origin: float | None):
        self._source, self._origin = source, origin
        self._container, self._stream = open_sound(source.path)
        self._film = film_in(Path(source.path), self._container)
        self._codec = self._stream.codec_context
        assert self._stream.time_base is not None  # FFmpeg gives one to every stream of a file
        self._time_base = self._stream.time_base
        self._is_seekable = self._container.format.name in SEEKABLE
        self._is_joinable = self._container.format.name in JOINABLE
        self._packets = self._read()
        self._frame_seconds = 0.0  # of the last one that could be decoded

    def close(self) -> None:
        self._packets = iter(())
        self._container.close()

    def seek(self, seconds: float, *, at_most: float) -> bool:
        """Whether the next packet is now one at or before ``at_most``, near ``seconds``."""
        film = self._film
        if not self._is_seekable or self._origin is None or film is None or film.time_base is None:
            return False
        ticks = round((seconds + self._origin) / film.time_base)
        try:
            # Matroska has places of pictures only: for sound it would read all that is before.
            self._container.seek(ticks, stream=film)
        except av.FFmpegError:
            return False
        self._packets = self._read()
        first = next(self._packets, None)
        if first is None:
            return False
        self._packets = chain([first], self._packets)
        return self._seconds(first.pts or 0) <= at_most

    def frames(self, start: float) -> Iterator[tuple[float, av.AudioFrame]]:
        """Decoded sound and when it begins; of packets before ``start`` only the last few."""
        end = 0.0
        first = start - PREROLL_SECONDS if start else -math.inf
        for packet in chain(self._packets, [None]):
            if packet is not None and self._is_before(packet, first):
                continue
            for frame in self._decode(packet):
                if self._origin is None:  # priming comes before it
                    self._origin = float((frame.pts or 0) * self._time_base)
                begin = end if frame.pts is None else self._seconds(frame.pts)
                self._frame_seconds = frame.samples / frame.sample_rate
                end = begin + self._frame_seconds
                yield begin, frame

    def _read(self) -> Iterator[av.Packet]:
        """Packets with their times set, in ticks: end to end where recordings were joined."""
        timeline = self._timeline()
        for packet in self._stored():
            packet.pts = timeline.place(packet.dts if packet.pts is None else packet.pts)
            yield packet

    def _stored(self) -> Iterator[av.Packet]:
        """Packets with the times of the file, but for those of joined recordings."""
        film = self._film if self._is_joinable else None
        streams = [self._stream] if film is None else [self._stream, film]
        for stream in self._container.streams:
            stream.discard = Discard.default if stream in streams else Discard.all
        packets = read_packets(self._container, streams, self._source, self._is_seekable)
        orders = {self._stream.index: Order(1, round(RESTART_SECONDS / self._time_base))}
        if film is None:
            return LoneTimes(packets, orders).taken_away()
        clock = Clock(self._container, film)
        packets = LoneTimes(packets, orders | {film.index: clock.order}).taken_away()
        return shifted_as_pictures(packets, clock)

    def _timeline(self) -> Timeline:
        base = self._time_base
        step = round((self._codec.frame_size or 1024) / self._codec.sample_rate / base)
        restart = round(RESTART_SECONDS / base) if self._is_joinable else None
        return Timeline(max(1, step), round(MAX_HOLD_SECONDS / base), restart)

    def _decode(self, packet: av.Packet | None) -> list[av.AudioFrame]:
        self._source.report.packets += packet is not None
        try:
            return self._codec.decode(packet)
        except av.FFmpegError as error:
            self._source.damage.met(str(error.strerror))
            self._source.report.lost_seconds += self._frame_seconds
            return []

    def _is_before(self, packet: av.Packet, seconds: float) -> bool:
        return self._origin is not None and self._seconds(packet.pts or 0) < seconds

    def _seconds(self, ticks: int) -> float:
        assert self._origin is not None  # set by the first frame
        return float(ticks * self._time_base) - self._origin


def _resampled(
    frames: Iterator[tuple[float, av.AudioFrame]], damage: DamageLog
) -> Iterator[tuple[int, np.ndarray]]:
    """Samples (N,) at RATE, and the number of the first one counted from 0 seconds."""
    for _, run in groupby(in_runs(frames), key=itemgetter(0)):
        mixer, index = Mixer(RATE), None
        try:
            for _, seconds, frame in chain(run, [END]):
                index = round(seconds * RATE) if index is None else index
                for samples in mixer.mixed(frame):
                    yield index, samples
                    index += len(samples)
        except av.FFmpegError as error:
            damage.met(str(error.strerror))


def in_runs(
    frames: Iterator[tuple[float, av.AudioFrame]],
) -> Iterator[tuple[int, float, av.AudioFrame]]:
    """Each frame with the number of its run: frames of one form that follow without a gap."""
    number, due, form = 0, None, None
    for seconds, frame in frames:
        own = frame.format.name, frame.layout.name, frame.sample_rate
        if due is None or own != form or abs(seconds - due) > TOLERANCE_SECONDS:
            number, due, form = number + 1, seconds, own
        # counted on from the first frame, or rounded times would add up
        due += frame.samples / frame.sample_rate
        yield number, seconds, frame


class _Tape:
    """Sound in blocks without gaps: silence where none was laid, and what was laid first stays.

    position: number of the first sample, counted from 0 seconds.
    report: told of what finds no place, since there is sound already.
    """

    def __init__(self, position: int, report: ReadReport):
        self._position, self._report = position, report
        self._beginning = position
        self._block = np.zeros(BLOCK, np.float32)
        self._filled = 0

    def lay(self, index: int, samples: np.ndarray) -> Iterator[Sound]:
        """Blocks that are full, once these samples are at their place."""
        while self._position < index:
            yield from self._put(np.zeros(min(BLOCK, index - self._position), np.float32))
        # Not what is asked for from later on, and not what a rounded time costs.
        if index >= self._beginning and index + len(samples) <= self._position:
            self._report.lost_seconds += len(samples) / RATE
        yield from self._put(samples[self._position - index :])

    def rest(self) -> Iterator[Sound]:
        if self._filled:
            yield self._taken()

    def _put(self, samples: np.ndarray) -> Iterator[Sound]:
        while len(samples):
            fits = samples[: BLOCK - self._filled]
            self._block[self._filled : self._filled + len(fits)] = fits
            self._filled += len(fits)
            self._position += len(fits)
            samples = samples[len(fits) :]
            if self._filled == BLOCK:
                yield self._taken()

    def _taken(self) -> Sound:
        sound = Sound(self._block[: self._filled], (self._position - self._filled) / RATE)
        self._block, self._filled = np.zeros(BLOCK, np.float32), 0
        return sound
