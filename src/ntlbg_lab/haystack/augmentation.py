"""Training frames of the built-in encoder, drawn in memory: needles on backgrounds, and negatives.

A frame shows one named picture, or nothing. Negatives matter most: an hour at one frame a second
holds 3,600 chances for an object that is not there. The same picture comes in other colours and
lines, so that its shape is what is learnt. Pictures are uint8 (S, S, 4) RGBA.
"""

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter
from scipy import ndimage

from ntlbg.models.builtin.vocabulary import object_names
from ntlbg_lab.haystack import backgrounds
from ntlbg_lab.haystack.games import stop_engine, walk
from ntlbg_lab.haystack.pictures import FURTHER_STYLES, LINE_STYLES, STYLES, load_style

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


LINE_SHARE = 0.3  # of the needles that have a line drawing
FURTHER_SHARE = 0.35  # of the others that have a further drawing
FRAME_SIZE = (128, 224)  # height, width the built-in encoder sees


def background_bank(
    split: str,
    rng: np.random.Generator,
    *,
    shots: int,
    frames: int,
    walks: int = 0,
    photos: Path | None = None,
) -> np.ndarray:
    """uint8 (N, H, W, 3): frames of random shots, one second apart.

    ``walks`` further shots lead through the levels of a game; ``photos`` is a folder of pictures
    that are shown as often as others.

    Raises:
        ConfigError: no pictures in the folder.
    """
    sources = backgrounds.sources(split)
    if photos is not None:
        sources += backgrounds.folder(photos) * 2
    taken = [walk(rng, frames, FRAME_SIZE, 1.0) for _ in range(walks)]
    stop_engine()
    for shot in range(shots):
        source = sources[shot % len(sources)]
        taken.append(source(rng, frames, FRAME_SIZE, 1.0))
    return np.concatenate(taken)


class FrameRenderer:
    """Draws augmented frames; ``label`` is a place in ``object_names()``, or their number.

    Pictures of ``line_styles`` are coloured in at random, those of ``further_styles`` are drawn as
    they are; only unnamed variants are drawn of both.
    """

    def __init__(
        self,
        bank: np.ndarray,
        *,
        styles: tuple[str, ...] = STYLES,
        line_styles: tuple[str, ...] = LINE_STYLES,
        further_styles: tuple[str, ...] = FURTHER_STYLES,
        seed: int | tuple[int, int] = 0,
    ):
        self.bank = bank
        self.rng = np.random.default_rng(seed)
        self.variants, self.line_drawings, self.further = map(
            _pictures_by_label, (styles, line_styles, further_styles)
        )
        self.drawable = [label for label, found in enumerate(self.variants) if found]

    def needle(
        self, label: int | None = None, variant: int | None = None
    ) -> tuple[np.ndarray, int]:
        """A frame with one object (random unless named), and its label."""
        rng = self.rng
        if label is None:
            label = self.drawable[rng.integers(len(self.drawable))]
        picture = self._picture(label) if variant is None else self.variants[label][variant]
        frame = self._draw(self.background(), _jitter_picture(rng, picture))
        return self._finish(frame), label

    def negative(self) -> tuple[np.ndarray, int]:
        """A frame without an object: a background, sometimes with torn scraps of pictures."""
        frame = self.background()
        if self.rng.random() < 0.3:
            for _ in range(int(self.rng.integers(1, 4))):
                label = self.drawable[self.rng.integers(len(self.drawable))]
                frame = self._draw(frame, _shred(self.rng, self._picture(label)))
        return self._finish(frame), len(self.variants)

    def background(self) -> np.ndarray:
        """A frame of the bank, or a blend or collage of two."""
        rng = self.rng
        frame = self._varied()
        kind = rng.random()
        if kind < 0.2:
            mix = rng.uniform(0.2, 0.8)
            frame = frame * mix + self._varied() * (1 - mix)
        elif kind < 0.45:
            height, width = frame.shape[:2]
            top, left = int(rng.integers(0, height - 30)), int(rng.integers(0, width - 30))
            bottom, right = int(rng.integers(top + 20, height)), int(rng.integers(left + 20, width))
            frame[top:bottom, left:right] = self._varied()[top:bottom, left:right]
        return frame.clip(0, 255).astype(np.uint8)

    def _picture(self, label: int) -> np.ndarray:
        drawings = self.line_drawings[label]
        if drawings and self.rng.random() < LINE_SHARE:
            return color_in(self.rng, drawings[self.rng.integers(len(drawings))])
        found = self.variants[label]
        if self.further[label] and self.rng.random() < FURTHER_SHARE:
            found = self.further[label]
        return found[self.rng.integers(len(found))]

    def _varied(self) -> np.ndarray:
        rng = self.rng
        frame = self.bank[rng.integers(len(self.bank))]
        height, width = frame.shape[:2]
        scale = rng.uniform(0.3, 1)
        left, top = rng.uniform(0, width * (1 - scale)), rng.uniform(0, height * (1 - scale))
        box = (left, top, left + width * scale, top + height * scale)
        image = Image.fromarray(frame).resize((width, height), Image.Resampling.BILINEAR, box=box)
        if rng.random() < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        frame = np.asarray(image).astype(np.float32)
        if rng.random() < 0.4:
            frame = frame[..., rng.permutation(3)]
        if rng.random() < 0.4:
            frame = (frame - 128) * rng.uniform(0.5, 1.5) + 128 + rng.uniform(-40, 40)
        return frame

    def _draw(self, frame: np.ndarray, picture: np.ndarray) -> np.ndarray:
        rng = self.rng
        height, width = frame.shape[:2]
        # squashed and stretched: other aspect ratios are squashed into the encoder's
        size = int(rng.uniform(0.25, 0.97) * height)
        image = Image.fromarray(picture)
        if rng.random() < 0.5:
            image = image.rotate(rng.uniform(-18, 18), Image.Resampling.BILINEAR)
        wide = int(np.clip(size * np.exp(rng.uniform(-0.3, 0.3) * (rng.random() < 0.5)), 16, width))
        image = image.resize((wide, size), Image.Resampling.BILINEAR)
        left, top = int(rng.integers(0, width - wide + 1)), int(rng.integers(0, height - size + 1))
        canvas = Image.fromarray(frame)
        if rng.random() < 0.2:
            rim = int(size * 0.06)
            shade = tuple(rng.integers(0, 256, 3).tolist()) if rng.random() < 0.5 else (245,) * 3
            canvas.paste(shade, (left - rim, top - rim, left + wide + rim, top + size + rim))
        canvas.paste(image, (left, top), image)
        return np.asarray(canvas)

    def _finish(self, frame: np.ndarray) -> np.ndarray:
        rng = self.rng
        if rng.random() < 0.5:
            frame = frame * rng.uniform(0.75, 1.2) + rng.uniform(-15, 15)
            frame = frame.clip(0, 255).astype(np.uint8)
        if rng.random() < 0.4:
            buffer = io.BytesIO()
            Image.fromarray(frame).save(buffer, "JPEG", quality=int(rng.integers(25, 85)))
            frame = np.asarray(Image.open(buffer))
        return frame


def _pictures_by_label(styles: tuple[str, ...]) -> list[list[np.ndarray]]:
    pictures = [load_style(style) for style in styles]
    return [
        [picture for style in pictures for picture in style.get(name, [])]
        for name in object_names()
    ]


def _jitter_picture(rng, picture: np.ndarray) -> np.ndarray:
    """Mirror, tint, grey, flatten or fade a picture, so that its style matters less."""
    if rng.random() < 0.5:
        picture = picture[:, ::-1]
    if rng.random() < 0.15:
        picture = outline(rng, picture)
    picture = picture.astype(np.float32)
    color = picture[..., :3]
    if rng.random() < 0.4:
        color = (color - 128) * rng.uniform(0.6, 1.3) + 128 + rng.uniform(-30, 30, 3)
    kind = rng.random()
    if kind < 0.06:
        color = color.mean(-1, keepdims=True).repeat(3, -1)
    elif kind < 0.12:
        color = np.round(color / 64) * 64
    elif kind < 0.18:
        color = color * 0.6 + rng.uniform(0, 255, 3) * 0.4
    alpha = picture[..., 3:] * (rng.uniform(0.7, 1) if rng.random() < 0.15 else 1)
    return np.concatenate([color, alpha], -1).clip(0, 255).astype(np.uint8)


def _shred(rng, picture: np.ndarray) -> np.ndarray:
    """Shuffle the tiles of a picture: its colours and edges without the object."""
    grid = int(rng.choice([4, 8]))
    tile = picture.shape[0] // grid
    tiles = picture.reshape(grid, tile, grid, tile, 4).swapaxes(1, 2).reshape(-1, tile, tile, 4)
    tiles = tiles[rng.permutation(len(tiles))]
    return tiles.reshape(grid, grid, tile, tile, 4).swapaxes(1, 2).reshape(picture.shape)
