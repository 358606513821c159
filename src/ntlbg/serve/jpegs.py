"""Pictures in a reply, which may be so large and no larger."""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from ntlbg.pictures import JPEG_QUALITY, fit_within

# Agents are shown no more pictures well.
MOST_PICTURES = 12
# In pixels: clients show larger ones blank.
MOST_SIDE = 1999
# Of a side, in pixels, where nobody says: text on slides can be read, and twelve of them are about
# 7,000 tokens for those who count a token for 750 pixels.
USUAL_SIDE = 896
# Below this nothing can be told; twelve such pictures of noise take 150 kB.
LEAST_SIDE = 64
# As base64, together: a reply of 1,000,000 bytes is taken by all clients, and the rest is for text.
MOST_BYTES = 900_000
# Of the sides at once, where they have to become smaller: below the root of what is too much,
# since smaller pictures have more bytes for each pixel.
STEP = 0.9


def jpegs(pictures: Sequence[np.ndarray], most_bytes: int = MOST_BYTES) -> list[bytes]:
    """Pictures, uint8 (H, W, 3), as JPEG; all become smaller until they fit together.

    None becomes smaller than ``LEAST_SIDE``.
    """
    longest = max(max(picture.shape[:2]) for picture in pictures)
    while True:
        files = [_jpeg(picture, longest) for picture in pictures]
        needed = sum(map(encoded_bytes, map(len, files)))
        if needed <= most_bytes or longest == LEAST_SIDE:
            return files
        longest = max(LEAST_SIDE, int(longest * STEP * min(1.0, (most_bytes / needed) ** 0.5)))


def encoded_bytes(size: int) -> int:
    """Of so many bytes as base64."""
    return -(-size // 3) * 4


def _jpeg(picture: np.ndarray, longest: int) -> bytes:
    image, file = Image.fromarray(picture), io.BytesIO()
    height, width = fit_within(image.height, image.width, longest_side=longest)
    if (width, height) != image.size:
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    image.save(file, "JPEG", quality=JPEG_QUALITY)
    return file.getvalue()
