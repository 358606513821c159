"""The named pictures that are planted as needles: 381 objects in seven emoji styles.

Further drawings hold some of the objects. They are for training only: LINE_STYLES, lines and
silhouettes, teach shapes, since they are coloured in another way every time; FURTHER_STYLES are
other hands' coloured art and are shown as they are.

The pictures ship inside the laboratory; ``assets/pictures/ATTRIBUTION.md`` names their authors.
"""

import functools
import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from ntlbg.errors import ConfigError
from ntlbg.models.builtin.vocabulary import object_names

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
SUFFIXES = (".webp", ".png")
FEWEST_OBJECTS = 11  # eight in a video, and three wrong options that are not in it
_SHIPPED = STYLES + LINE_STYLES + FURTHER_STYLES
# what zipfile and Pillow raise over damaged, encrypted or monstrous contents
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    Image.DecompressionBombError,
    OSError,
    RuntimeError,
    ValueError,
    SyntaxError,
    EOFError,
)


@functools.lru_cache(maxsize=32)
def load_style(style: str) -> dict[str, list[np.ndarray]]:
    """Pictures of one style by object name: uint8 (128, 128, 4) RGBA arrays.

    ``style`` is one of STYLES, LINE_STYLES or FURTHER_STYLES, or the path of a zip of
    ``NAME.VARIANT.webp`` (or png) pictures, in folders or not; other files in it are left out.

    Raises:
        ConfigError: no such style, no such zip, or none of its pictures is of a known object.
    """
    asset = resources.files("ntlbg_lab").joinpath(f"assets/pictures/{style}.zip")
    file = asset if style in _SHIPPED else Path(style)
    if not file.is_file():
        accepted = ", ".join(_SHIPPED)
        raise ConfigError(f"style {style!r}: choose from {accepted}, or give a zip file")
    found: dict[str, list[np.ndarray]] = {}
    try:
        for name, picture in _pictures(file.read_bytes()):
            found.setdefault(name, []).append(picture)
    except _UNREADABLE as error:
        raise ConfigError(f"style {style!r}: not a zip of pictures ({error})") from error
    if not found.keys() & set(object_names()):
        example = f"{object_names()[0]}.0.png"
        raise ConfigError(f"style {style!r}: no picture of a known object, such as {example}")
    return found


def _pictures(content: bytes) -> Iterator[tuple[str, np.ndarray]]:
    """Object name and RGBA picture of every picture in a zip, in its order."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for entry in archive.namelist():
            name = PurePosixPath(entry).name
            if name.startswith(".") or not name.lower().endswith(SUFFIXES):
                continue
            with archive.open(entry) as file, Image.open(file) as image:
                yield name.rsplit(".", 2)[0], np.asarray(image.convert("RGBA"))


def drawable_names(styles: Sequence[str]) -> list[str]:
    """The objects that at least one of the styles draws, in the order of ``object_names``.

    Raises:
        ConfigError: a style cannot be used, or too few objects for a video and its questions.
    """
    drawable = set().union(*(load_style(style) for style in styles))
    names = [name for name in object_names() if name in drawable]
    if len(names) < FEWEST_OBJECTS:
        raise ConfigError(
            f"style {', '.join(styles)}: {len(names)} known objects ({', '.join(names)}); a video "
            f"and its questions need at least {FEWEST_OBJECTS}"
        )
    return names


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
