"""Pictures and sound of a video, with their times."""

from dataclasses import dataclass

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


@dataclass(frozen=True, eq=False)
class Sound:
    """A stretch of sound, mono, 16,000 samples a second.

    samples: float32 (N,), -1 to 1.
    start_seconds: of the first sample, on the clock of ``pts_seconds``; below 0 where sound comes
        before the first picture.
    """

    samples: np.ndarray
    start_seconds: float
