"""A video file as the source of LongVU's pixels: streamed, one block of frames in memory.

n frames of a block, H x W pixels.
"""

import math
import os

import numpy as np
from torch import Tensor

from ntlbg.models.longvu.preprocessing import (
    DINOV2_PIXELS,
    SIGLIP_PIXELS,
    TowerPixels,
    square_pixels,
)
from ntlbg.models.longvu.vision import BLOCK_FRAMES
from ntlbg.pictures import fit_within
from ntlbg.video import probe, read_frames_at, sample_frames

LONGEST_SIDE = 1280  # of frames in memory; the towers' squares have 384


class VideoPixels:
    """Frames of a file at ``fps``, as a `PixelSource`.

    The first pass decodes the file once, from beginning to end. Frames asked for again are found
    by their times.

    Args:
        path: the video.
        fps: frames per second.
        towers: what SigLIP and DINOv2 expect, `LongVUProcessor.towers`.
        longest_side: frames are read no larger; None reads them as they are.

    Attributes:
        height, width: of the frames that are read.
        pts_seconds: times of the frames read so far.

    Raises:
        VideoError: the file cannot be used.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        *,
        fps: float = 1.0,
        towers: tuple[TowerPixels, TowerPixels] = (SIGLIP_PIXELS, DINOV2_PIXELS),
        longest_side: int | None = LONGEST_SIDE,
    ):
        info = probe(path)
        longest_side = longest_side or max(info.height, info.width)
        self.height, self.width = fit_within(info.height, info.width, longest_side=longest_side)
        self.pts_seconds = np.empty(0)
        self._path, self._towers = path, towers
        self._count = max(1, math.ceil(info.duration_seconds * fps - 1e-6))
        size = (self.height, self.width)
        self._batches = sample_frames(path, fps=fps, size=size, batch_size=BLOCK_FRAMES)
        self._ahead = np.empty((0, *size, 3), np.uint8)
        self._block, self._indices = self._ahead, np.empty(0, np.int64)

    def __len__(self) -> int:
        return self._count

    def dinov2(self, indices: Tensor) -> Tensor:
        wanted = indices.numpy()
        if wanted[0] == len(self.pts_seconds) - len(self._ahead):
            self._block = self._read_on(len(wanted))
        else:
            self._block = self._read_again(wanted)
        self._indices = wanted[: len(self._block)]
        return square_pixels(self._block, self._towers[1])

    def siglip(self, indices: Tensor) -> Tensor:
        rows = np.searchsorted(self._indices, indices.numpy())
        return square_pixels(self._block[rows], self._towers[0])

    def _read_on(self, count: int) -> np.ndarray:
        """The next frames (n, H, W, 3), fewer at the end of the video."""
        parts = [self._ahead]
        while sum(map(len, parts)) < count and (frames := next(self._batches, None)) is not None:
            self.pts_seconds = np.concatenate([self.pts_seconds, frames.pts_seconds])
            parts.append(frames.data)
        block = np.concatenate(parts)
        self._ahead = block[count:].copy()
        return block[:count]

    def _read_again(self, wanted: np.ndarray) -> np.ndarray:
        assert wanted[-1] < len(self.pts_seconds), "frames are read from the first one on"
        times = self.pts_seconds[wanted]
        return read_frames_at(self._path, times, size=(self.height, self.width)).data
