"""Where the two clocks of a file begin: that of its pictures, and that of its streams together."""

import os
from dataclasses import dataclass
from fractions import Fraction

from ntlbg.errors import NoFramesError
from ntlbg.video.film_stream import COVERS
from ntlbg.video.frames import DamageLog, ReadReport
from ntlbg.video.full_reader import PlainReader
from ntlbg.video.packets import Source
from ntlbg.video.stills import read_still

SOUND_AND_PICTURES = ("audio", "video")


@dataclass(frozen=True)
class FileStart:
    """Seconds on the clock that the streams of a file share; either may be below 0.

    Attributes:
        first_picture: ``pts_seconds`` are counted from here.
        first_stream: the earliest sound or picture, from where players count.
    """

    first_picture: float
    first_stream: float


def is_still(path: str | os.PathLike) -> bool:
    """Whether a file is a picture that is read as a video of one frame.

    Raises:
        VideoError: not a file, or a damaged picture.
    """
    return read_still(path, ReadReport()) is not None


def file_start(path: str | os.PathLike) -> FileStart:
    """Decodes one picture of a video; of a picture file both are 0.

    Raises:
        VideoError: the file is no video, or not one picture can be decoded.
    """
    if is_still(path):
        return FileStart(0.0, 0.0)
    report = ReadReport()
    damage = DamageLog(path, report)
    reader = PlainReader(Source(path, report, damage))
    try:
        reader.advance()
        if reader.origin is None:
            raise NoFramesError(f"{path}: not one picture can be decoded ({damage.last}).")
        picture = reader.origin * reader.packets.clock.time_base
        streams = reader.packets.container.streams
        starts = [
            stream.start_time * (stream.time_base or Fraction(0))
            for stream in streams
            if stream.type in SOUND_AND_PICTURES
            and stream.start_time is not None
            and not stream.disposition & COVERS
        ]
        return FileStart(float(picture), float(min([picture, *starts])))
    finally:
        reader.close()
