"""What reading a video gives: pictures with their times, facts, counters."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np


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
    rotation: counter-clockwise turn in degrees, already applied to every picture that is read.
    """

    path: Path
    codec: str
    width: int
    height: int
    average_fps: float | None
    duration_seconds: float
    num_packets: int
    rotation: int


@dataclass
class ReadReport:
    """The work done and the damage met while reading; counts add up over several reads, also
    when part of a damaged video is read twice.

    packets: compressed pictures read from the file.
    decoded: pictures the decoder delivered.
    lost: packets that could not be read or gave no picture, pictures with impossible times.
    """

    packets: int = 0
    decoded: int = 0
    lost: int = 0
