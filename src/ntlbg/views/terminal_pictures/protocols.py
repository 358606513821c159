"""Protocols by which terminals show pictures; ``PROTOCOLS`` is the whole menu.

All pictures of a row are one to the terminal, so that no cursor has to be moved between them, which
goes wrong where the screen scrolls.
"""

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image
from rich.console import Console

# Pixels of a cell that are sent, width and height; the terminal scales them to its own. Most fonts
# have fewer.
CELL_PIXELS = (12, 24)
# Of base64 in one piece: what the protocol of kitty allows.
KITTY_CHUNK = 4096
# https://sw.kovidgoyal.net/kitty/graphics-protocol: T shows what is sent, f=100 is PNG, and q=2
# asks for no reply, which nobody would read.
KITTY_HEAD = "a=T,f=100,q=2"


@dataclass(frozen=True)
class Cells:
    """The room of a picture on screen."""

    columns: int
    rows: int


def kitty(images: Sequence[Image.Image], cells: Cells, gap: int) -> str:
    """As kitty, Ghostty and Konsole show pictures."""
    whole, data = _whole(images, cells, gap), _as_base64(_row(images, cells, gap))
    pieces = [data[start : start + KITTY_CHUNK] for start in range(0, len(data), KITTY_CHUNK)]
    keys = [f"{KITTY_HEAD},c={whole.columns},r={whole.rows},"] + [""] * (len(pieces) - 1)
    more = [1] * (len(pieces) - 1) + [0]
    drawn = (
        f"\x1b_G{key}m={goes_on};{piece}\x1b\\"
        for key, goes_on, piece in zip(keys, more, pieces, strict=True)
    )
    return "".join(drawn) + "\n"


def iterm(images: Sequence[Image.Image], cells: Cells, gap: int) -> str:
    """As iTerm2 shows pictures, and WezTerm, VS Code and mintty after it."""
    whole, png = _whole(images, cells, gap), _png(_row(images, cells, gap))
    room = f"width={whole.columns};height={whole.rows};preserveAspectRatio=0"
    data = base64.b64encode(png).decode("ascii")
    return f"\x1b]1337;File=inline=1;size={len(png)};{room}:{data}\x07\n"


def sixel(images: Sequence[Image.Image], cells: Cells, gap: int) -> str:
    """As foot and mlterm show pictures; by textual-image, which knows the size of their cells."""
    from textual_image.renderable.sixel import Image as SixelImage

    whole = _whole(images, cells, gap)
    row = _row(images, cells, gap).convert("RGB")
    console = Console(force_terminal=True, width=whole.columns, height=whole.rows + 1)
    with console.capture() as drawn:
        console.print(SixelImage(row, width=whole.columns, height=whole.rows), end="")
    return drawn.get()


# By name: from pictures, the cells of each and the columns between two to what is written, after
# which the cursor is at the start of the line below.
PROTOCOLS: dict[str, Callable[[Sequence[Image.Image], Cells, int], str]] = {
    "kitty": kitty,
    "iterm": iterm,
    "sixel": sixel,
}


def _whole(images: Sequence[Image.Image], cells: Cells, gap: int) -> Cells:
    return Cells(len(images) * (cells.columns + gap) - gap, cells.rows)


def _row(images: Sequence[Image.Image], cells: Cells, gap: int) -> Image.Image:
    """RGBA: side by side, nothing between them."""
    wide, high = CELL_PIXELS
    whole = _whole(images, cells, gap)
    row = Image.new("RGBA", (whole.columns * wide, whole.rows * high))
    size = cells.columns * wide, cells.rows * high
    for number, image in enumerate(images):
        left = number * (cells.columns + gap) * wide
        row.paste(image.resize(size, Image.Resampling.LANCZOS), (left, 0))
    return row


def _png(image: Image.Image) -> bytes:
    made = io.BytesIO()
    image.save(made, "PNG")
    return made.getvalue()


def _as_base64(image: Image.Image) -> str:
    return base64.b64encode(_png(image)).decode("ascii")
