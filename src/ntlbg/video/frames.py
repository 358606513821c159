"""What reading a video gives: pictures with their times, facts, counters."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ntlbg.errors import VideoDamagedError


@dataclass(frozen=True, eq=False)
class Frames:
    """T pictures of H x W pixels and when each is shown.

    data: uint8 (T, H, W, 3), RGB, the way up a viewer sees it.
    pts_seconds: float64 (T,), true presentation times from the first shown picture.
    """

    data: np.ndarray
    pts_seconds: np.ndarray

    def __post_init__(self):
        data, pts_seconds = self.data, self.pts_seconds
        if data.dtype != np.uint8 or data.ndim != 4 or data.shape[3] != 3:
            raise ValueError(f"data must be uint8 (T, H, W, 3), got {data.dtype} {data.shape}")
        if pts_seconds.dtype != np.float64 or pts_seconds.shape != data.shape[:1]:
            raise ValueError(
                f"pts_seconds must be float64 ({len(data)},), one time per picture, "
                f"got {pts_seconds.dtype} {pts_seconds.shape}"
            )
        if not np.isfinite(pts_seconds).all():
            raise ValueError("pts_seconds must be finite")

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, key: slice | np.ndarray) -> "Frames":
        """Some of the pictures, by a slice or an array of indices."""
        if not isinstance(key, slice):
            key = np.asarray(key)
            if key.ndim != 1:
                raise TypeError("Frames takes a slice or a one-dimensional array of indices")
        return Frames(self.data[key], self.pts_seconds[key])


@dataclass(frozen=True)
class VideoInfo:
    """Facts about a video, measured rather than read from its header.

    width, height: as displayed, after rotation and with square pixels.
    duration_seconds: from the first shown picture to the end of the last one.
    average_fps: pictures per second over the whole duration; None when that is zero.
    num_packets: stored pictures that are shown.
    rotation: counter-clockwise turn in degrees, already applied to every picture that is read; 0
        for a picture file, whose turn may be mirrored and is not told.
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
    """

    packets: int = 0
    decoded: int = 0
    lost: int = 0
    skipped: int = 0


class Damage:
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
