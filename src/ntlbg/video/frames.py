"""What reading a video gives: pictures with their times, facts, counters."""

import os
from dataclasses import dataclass
from pathlib import Path

from ntlbg.errors import VideoDamagedError


@dataclass(frozen=True)
class VideoInfo:
    """Facts about a video, measured rather than read from its header.

    width, height: as displayed, after rotation and with square pixels.
    duration_seconds: from the first shown picture to the end of the last one.
    average_fps: pictures per second over the whole duration; None when that is zero.
    num_packets: stored pictures that are shown.
    rotation: counter-clockwise turn in degrees, already applied to every picture that is read, and
        so is a mirror, which is not told; 0 for a picture file, whose turn is not told.
    longest_gop_seconds: the longest time between two keyframes; with ``mode="keyframe"`` a lower
        fps than one picture in that time finds a keyframe for every picture asked for.
    """

    path: Path
    codec: str
    width: int
    height: int
    average_fps: float | None
    duration_seconds: float
    num_packets: int
    rotation: int
    longest_gop_seconds: float


@dataclass
class ReadReport:
    """The work done and the damage met while reading; counts add up over several reads.

    packets: compressed pictures read from the file.
    decoded: pictures the decoder delivered.
    lost: packets that could not be read or gave no picture, pictures with impossible times.
    skipped: packets left out because no picture that was asked for is built on them.
    lost_seconds: of sound that could not be decoded, or had the times of other sound.
    """

    packets: int = 0
    decoded: int = 0
    lost: int = 0
    skipped: int = 0
    lost_seconds: float = 0.0


class DamageLog:
    """What to do about a packet or picture that cannot be used: count it, or refuse the video.

    last: the decoder's latest complaint.
    """

    def __init__(self, path: str | os.PathLike, report: ReadReport, on_damage: str = "skip"):
        self.last = "its video stream is empty"
        self._path = path
        self._report = report
        self._refuse = on_damage == "raise"

    def met(self, reason: str, *, pictures: int = 1) -> None:
        """Raises VideoDamagedError with ``on_damage="raise"``."""
        if not pictures:
            return
        self._report.lost += pictures
        self.last = f"last error: {reason}"
        if self._refuse:
            raise VideoDamagedError(
                f"{self._path}: is damaged ({reason}). Give an intact copy, or "
                'on_damage="skip" to read what is left.'
            )
