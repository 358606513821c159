"""The named pictures that are planted as needles: 381 objects in seven emoji styles.

Further drawings hold some of the objects. They are for training only: LINE_STYLES, lines and
silhouettes, teach shapes, since they are coloured in another way every time; FURTHER_STYLES are
other hands' coloured art and are shown as they are.

The pictures ship inside the package; ``assets/pictures/ATTRIBUTION.md`` names their authors.
"""

import functools
import io
import json
import zipfile
from importlib import resources
from pathlib import Path

import numpy as np
from PIL import Image

from ntlbg.errors import ConfigError

STYLES = (
    "noto",
    "noto-v1",
    "twemoji",
    "fluent-emoji",
    "fluent-emoji-flat",
    "emojione",
    "fxemoji",
)
LINE_STYLES = (
    "emojione-monotone",
    "fluent-emoji-high-contrast",
    "streamline-emojis",
    "icon-park",
    "game-icons",
    "mdi",
    "streamline-lines",
)
FURTHER_STYLES = (
    "openclipart",
    "fluent-emoji-3d",
    "streamline-color",
)
_SHIPPED = STYLES + LINE_STYLES + FURTHER_STYLES


@functools.cache
def object_names() -> tuple[str, ...]:
    """The names of all objects, in a fixed order (a class number is a place in this tuple)."""
    text = resources.files("ntlbg").joinpath("assets/vocabulary.json").read_text(encoding="utf-8")
    return tuple(json.loads(text))


@functools.lru_cache(maxsize=32)
def load_style(style: str) -> dict[str, list[np.ndarray]]:
    """Pictures of one style by object name: uint8 (128, 128, 4) RGBA arrays.

    ``style`` is one of STYLES, LINE_STYLES or FURTHER_STYLES, or the path of a zip of
    ``NAME.VARIANT.webp`` (or png) pictures.
    """
    asset = resources.files("ntlbg").joinpath(f"assets/pictures/{style}.zip")
    file = asset if style in _SHIPPED else Path(style)
    if not file.is_file():
        accepted = ", ".join(_SHIPPED)
        raise ConfigError(f"style {style!r}: choose from {accepted}, or give a zip file")
    found: dict[str, list[np.ndarray]] = {}
    with zipfile.ZipFile(io.BytesIO(file.read_bytes())) as archive:
        for entry in archive.namelist():
            with Image.open(io.BytesIO(archive.read(entry))) as image:
                picture = np.asarray(image.convert("RGBA"))
            found.setdefault(entry.rsplit(".", 2)[0], []).append(picture)
    return found


def style_name(style: str) -> str:
    """A style for people: its name, or that of the zip.

    >>> style_name("art/openmoji.zip")
    'openmoji'
    """
    return style.replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".zip")


def paste(frame: np.ndarray, picture: np.ndarray, *, left: int, top: int, size: int) -> np.ndarray:
    """Draw an RGBA picture over a uint8 (H, W, 3) frame; what lies outside is cut off."""
    scaled = Image.fromarray(picture).resize((size, size), Image.Resampling.BILINEAR)
    canvas = Image.fromarray(frame)
    canvas.paste(scaled, (left, top), scaled)
    return np.asarray(canvas)
