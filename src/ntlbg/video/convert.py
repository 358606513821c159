"""Decoded pictures to RGB: one pass of scaling and colour conversion, then the way up."""

import math
from fractions import Fraction
from typing import NamedTuple

import av
import numpy as np
from av.sidedata.sidedata import SideData
from av.video.reformatter import Interpolation, VideoReformatter

# The default keeps colour at half the output's resolution: 33 dB against exact conversion followed
# by a bicubic resize; with these flags 51 dB, at the same total cost since decoding dominates.
SCALING = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT


class Layout(NamedTuple):
    """Where a picture goes: `height` x `width` pixels, at `top`, `left` in an array of `size`."""

    size: tuple[int, int]
    height: int
    width: int
    top: int = 0
    left: int = 0


def squash(shown: tuple[int, int], size: tuple[int, int]) -> Layout:
    """Exactly `size`, whatever becomes of the picture's shape."""
    return Layout(size, *size)


def shortest(shown: tuple[int, int], size: tuple[int, int]) -> Layout:
    """In its own shape, as small as covers `size`: the shortest side is that of a square size."""
    scale = max(size[0] / shown[0], size[1] / shown[1])
    scaled = max(size[0], round(scale * shown[0])), max(size[1], round(scale * shown[1]))
    return Layout(scaled, *scaled)


def letterbox(shown: tuple[int, int], size: tuple[int, int]) -> Layout:
    """In its own shape, as large as fits into `size`, black around it."""
    scale = min(size[0] / shown[0], size[1] / shown[1])
    height, width = (
        min(limit, max(1, round(scale * side))) for side, limit in zip(shown, size, strict=True)
    )
    return Layout(size, height, width, (size[0] - height) // 2, (size[1] - width) // 2)


FITS = {"squash": squash, "shortest": shortest, "letterbox": letterbox}


class Turn(NamedTuple):
    """What makes a stored picture upright: counter-clockwise quarter turns (0 to 3), then maybe a
    mirror that exchanges left and right."""

    quarters: int = 0
    is_mirrored: bool = False

    def of(self, picture: np.ndarray) -> np.ndarray:
        turned = np.rot90(picture, self.quarters)
        return turned[:, ::-1] if self.is_mirrored else turned


def upright(frame: av.VideoFrame) -> Turn:
    """By its display matrix, as FFmpeg's player does: front cameras mirror, phones turn.

    A matrix that leaves nothing to see is ignored; of other angles the nearest quarter is taken.
    """
    stored = frame.side_data.get("DISPLAYMATRIX")
    if not isinstance(stored, SideData):
        return Turn()
    # a point (x, y) is shown at (a x + c y, b x + d y); Python's numbers cannot overflow
    a, b, _, c, d = np.frombuffer(bytes(stored), np.int32)[:5].tolist()
    area = a * d - b * c
    if not area:
        return Turn()
    is_mirrored = area < 0
    angle = math.atan2(b, -a if is_mirrored else a)
    return Turn(round(-angle / (math.pi / 2)) % 4, is_mirrored)


def displayed_size(frame: av.VideoFrame, pixel_aspect: Fraction | None) -> tuple[int, int]:
    """(height, width) as shown: upright and with square pixels, no side made smaller."""
    height, width = frame.height, frame.width
    if pixel_aspect and pixel_aspect > 1:
        width = round(width * pixel_aspect)
    elif pixel_aspect:
        height = round(height / pixel_aspect)
    return (width, height) if upright(frame).quarters % 2 else (height, width)


class RgbConverter:
    """Turns decoded pictures into uint8 (H, W, 3) of one size, whatever size they are stored in."""

    def __init__(self, first: av.VideoFrame, layout: Layout):
        self.size = layout.size
        self._layout = layout
        self._turn = upright(first)
        self._reformatter = VideoReformatter()
        self._last: tuple[av.VideoFrame, np.ndarray] | None = None

    def __call__(self, frame: av.VideoFrame) -> np.ndarray:
        if self._last is None or self._last[0] is not frame:  # a picture that stays is kept
            self._last = frame, self._placed(self._to_rgb(frame))
        return self._last[1]

    def _to_rgb(self, frame: av.VideoFrame) -> np.ndarray:
        height, width = self._layout.height, self._layout.width
        if self._turn.quarters % 2:
            height, width = width, height
        rgb = self._reformatter.reformat(
            frame,
            width=width,
            height=height,
            format=_output_format(frame.format),
            interpolation=SCALING,
            threads=1,
        )
        return self._turn.of(rgb.to_ndarray())

    def _placed(self, rgb: np.ndarray) -> np.ndarray:
        size, height, width, top, left = self._layout
        if (height, width) == size:
            return rgb
        canvas = np.zeros((*size, 3), dtype=np.uint8)
        canvas[top : top + height, left : left + width] = rgb
        return canvas


def _output_format(stored: av.VideoFormat) -> str:
    """From YUV, swscale has vector code for RGB in planes but not for packed RGB: the same values
    in half the time. Of other pictures it may dither one and not the other."""
    return "rgb24" if stored.is_rgb or stored.has_palette else "gbrp"
