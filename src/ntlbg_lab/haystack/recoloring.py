"""The same picture in other colours and lines, so that its shape is what is learnt.

Pictures are uint8 (S, S, 4) RGBA.
"""

import numpy as np
from PIL import Image, ImageFilter
from scipy import ndimage

INK_BRIGHTNESS = 96  # darker pixels are lines, or the body of a silhouette
BLACK_INK = 0.6  # share of drawings with dark lines
UNFILLED = 0.2  # share left as lines alone
ONE_COLOR = 0.5  # share with all areas in one colour
AS_DRAWN = 0.5  # share of drawings that have colours and keep them
COLORFUL = 20  # mean distance between the largest and the smallest channel


def color_in(rng: np.random.Generator, drawing: np.ndarray) -> np.ndarray:
    """Give lines and the areas that they enclose random colours.

    An area is a connected part without ink that does not reach the border, or that was painted
    in the drawing.
    """
    opacity = drawing[..., 3:].astype(np.float32) / 255
    if _colorfulness(drawing, opacity) > COLORFUL and rng.random() < AS_DRAWN:
        return drawing
    shade = drawing[..., :3].mean(-1)
    ink = np.where(shade < INK_BRIGHTNESS, opacity[..., 0], 0)
    areas = _areas(ink, opacity[..., 0])
    palette = rng.integers(0, 256, (areas.max() + 1, 3))
    if rng.random() < ONE_COLOR:
        palette[:] = palette[0]
    filled = (areas > 0) & (rng.random() >= UNFILLED)
    line = rng.integers(0, 60 if rng.random() < BLACK_INK else 256, 3)
    color = palette[areas] * (1 - ink[..., None]) + line * ink[..., None]
    alpha = np.maximum(ink, filled)[..., None] * 255
    return np.concatenate([color, alpha], -1).clip(0, 255).astype(np.uint8)


def _colorfulness(drawing: np.ndarray, opacity: np.ndarray) -> float:
    spread = np.ptp(drawing[..., :3], axis=-1)
    return float((spread * opacity[..., 0]).sum() / max(opacity.sum(), 1))


def _areas(ink: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    """Numbers (S, S) of the areas within the drawing, 0 outside; ink belongs to what it is near."""
    bare = np.pad(ink < 0.5, 1, constant_values=True)
    numbers, _ = ndimage.label(bare)
    outside = (numbers == numbers[0, 0])[1:-1, 1:-1] & (opacity < 0.5)
    numbers = np.where(outside | (ink >= 0.5), 0, numbers[1:-1, 1:-1])
    grown = ndimage.maximum_filter(numbers, 3)  # under the soft edge of the lines
    return np.where((numbers == 0) & (ink > 0.02), grown, numbers)


def outline(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """Flatten a picture to a few colours, with dark lines around it and its larger areas."""
    image = Image.fromarray(picture)
    flat = (
        image.convert("RGB")
        .filter(ImageFilter.MedianFilter(5))
        .quantize(int(rng.integers(3, 8)), dither=Image.Dither.NONE)
    )
    solid = picture[..., 3] > 127
    parts = np.where(solid, np.asarray(flat).astype(np.int16) + 1, 0)
    width = int(rng.integers(1, 3))
    reach = 2 * width + 1
    edges = ndimage.maximum_filter(parts, reach) != ndimage.minimum_filter(parts, reach)
    color = np.where(edges[..., None], rng.integers(0, 60, 3), np.asarray(flat.convert("RGB")))
    alpha = np.where(solid | edges, 255, 0)[..., None]
    return np.concatenate([color, alpha], -1).astype(np.uint8)
