"""Pictures as files, as a contact sheet and as text inside HTML."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ntlbg.marks import MARK

# How pictures look: set by hand.
JPEG_QUALITY = 90
_TILE_WIDTH = 320
_CAPTION_HEIGHT = 26
_GAP = 10
_PAPER, _INK = (250, 249, 246), (38, 38, 42)


def save_jpeg(picture: np.ndarray | Image.Image, path: Path) -> None:
    """Write one uint8 (H, W, 3) picture, marked as ours."""
    if isinstance(picture, np.ndarray):
        picture = Image.fromarray(picture)
    picture.save(path, "JPEG", quality=JPEG_QUALITY, comment=MARK)


def fit_within(height: int, width: int, *, longest_side: int) -> tuple[int, int]:
    """(height, width) scaled down, never up, so that the longer side fits."""
    scale = min(1.0, longest_side / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def thumbnail_uri(picture: np.ndarray, *, width: int = 320, quality: int = 78) -> str:
    """``data:image/jpeg;base64,...`` of a picture at most ``width`` pixels wide."""
    height, actual = picture.shape[:2]
    image = Image.fromarray(picture)
    if actual > width:
        image = image.resize(
            (width, max(1, round(height * width / actual))), Image.Resampling.LANCZOS
        )
    return "data:image/jpeg;base64," + jpeg_base64(image, quality, optimize=True)


def jpeg_base64(image: Image.Image, quality: int, *, optimize: bool = False) -> str:
    """A picture as JPEG, as base64 text; ``optimize`` makes it a little smaller, in more time."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, optimize=optimize)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def contact_sheet(
    pictures: Sequence[np.ndarray], captions: Sequence[str], *, columns: int | None = None
) -> Image.Image:
    """All pictures in one grid, each with its caption below; about as wide as 4:3.

    Args:
        pictures: k arrays, uint8 (H, W, 3), at least one.
        captions: k lines of text.
    """
    columns = min(len(pictures), columns or max(1, round(len(pictures) ** 0.5 * 1.1)))
    rows = -(-len(pictures) // columns)
    height, width = pictures[0].shape[:2]
    tile = (_TILE_WIDTH, max(1, round(height * _TILE_WIDTH / width)))
    cell = (tile[0] + _GAP, tile[1] + _CAPTION_HEIGHT + _GAP)
    sheet = Image.new("RGB", (columns * cell[0] + _GAP, rows * cell[1] + _GAP), _PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=16)
    for position, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        left = _GAP + position % columns * cell[0]
        top = _GAP + position // columns * cell[1]
        sheet.paste(Image.fromarray(picture).resize(tile, Image.Resampling.LANCZOS), (left, top))
        draw.text((left + 2, top + tile[1] + 4), caption, fill=_INK, font=font)
    return sheet
