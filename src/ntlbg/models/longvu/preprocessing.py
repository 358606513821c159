"""Pictures to the pixels of LongVU's towers, as the published code makes them.

A picture is padded to a square with the tower's mean colour, at its own resolution, and then
resized by Pillow. T frames, H x W pixels, s pixels on a side of the result.
"""

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor


@dataclass(frozen=True)
class TowerPixels:
    """What one tower expects: s, and mean and deviation of each channel of 0..1."""

    side: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    @property
    def background(self) -> tuple[int, int, int]:
        """Colour of the padding."""
        red, green, blue = (int(channel * 255) for channel in self.mean)
        return red, green, blue


SIGLIP_PIXELS = TowerPixels(384, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
DINOV2_PIXELS = TowerPixels(378, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def square_pixels(frames: np.ndarray, tower: TowerPixels) -> Tensor:
    """uint8 (T, H, W, 3) -> float32 (T, 3, s, s), normalised."""
    squares = np.empty((len(frames), tower.side, tower.side, 3), np.uint8)
    for square, frame in zip(squares, frames, strict=True):
        square[:] = _square(frame, tower)
    return normalized(torch.from_numpy(squares), tower)


def normalized(squares: Tensor, tower: TowerPixels) -> Tensor:
    """uint8 (T, s, s, 3) -> float32 (T, 3, s, s)."""
    scale = 1 / (255 * torch.tensor(tower.std))
    shift = torch.tensor(tower.mean) / torch.tensor(tower.std)
    return (squares.float() * scale - shift).permute(0, 3, 1, 2).contiguous()


def _square(frame: np.ndarray, tower: TowerPixels) -> np.ndarray:
    height, width = frame.shape[:2]
    picture, longest = Image.fromarray(frame), max(height, width)
    if width > height:
        # Pillow resizes along rows first. The padded rows are of one colour and stay so: with
        # the picture alone the result is the same, bit for bit, for less work.
        picture = picture.resize((tower.side, height))
        canvas = Image.new("RGB", (tower.side, longest), tower.background)
    else:
        canvas = Image.new("RGB", (longest, longest), tower.background)
    canvas.paste(picture, ((canvas.width - picture.width) // 2, (longest - height) // 2))
    return np.asarray(canvas.resize((tower.side, tower.side)))


class FramePixels:
    """Pixels of frames uint8 (T, H, W, 3) in memory, made block by block; a `PixelSource`."""

    def __init__(
        self,
        frames: np.ndarray,
        siglip: TowerPixels = SIGLIP_PIXELS,
        dinov2: TowerPixels = DINOV2_PIXELS,
    ):
        self._frames, self._siglip, self._dinov2 = frames, siglip, dinov2

    def __len__(self) -> int:
        return len(self._frames)

    def dinov2(self, indices: Tensor) -> Tensor:
        return square_pixels(self._frames[indices.numpy()], self._dinov2)

    def siglip(self, indices: Tensor) -> Tensor:
        return square_pixels(self._frames[indices.numpy()], self._siglip)
