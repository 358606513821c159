"""Pictures as the upper halves of blocks: two points of colour in each cell."""

from collections.abc import Sequence

import numpy as np
from PIL import Image
from rich.color import Color, ColorSystem

from ntlbg.views.terminal_pictures.protocols import Cells

UPPER_HALF, RESET = "\u2580", "\x1b[0m"


def half_blocks(
    images: Sequence[Image.Image], cells: Cells, gap: int, *, true_colours: bool
) -> str:
    """Lines of cells, each the mean colour of its two halves of the picture.

    Args:
        cells: of each picture.
        gap: columns between two.
        true_colours: 24 bit; else the nearest of 256 colours.
    """
    size = cells.columns, 2 * cells.rows
    points = [np.asarray(one.resize(size, Image.Resampling.BOX)) for one in images]
    code = _true_colour if true_colours else _one_of_256
    lines = []
    for row in range(0, 2 * cells.rows, 2):
        drawn = [_line(picture[row], picture[row + 1], code) for picture in points]
        lines.append((" " * gap).join(drawn))
    return "".join(f"{line}\n" for line in lines)


def _line(upper: np.ndarray, lower: np.ndarray, code) -> str:
    """Colours (columns, 3) of both halves."""
    halves = zip(upper.tolist(), lower.tolist(), strict=True)
    drawn = (f"\x1b[38;{code(*top)};48;{code(*bottom)}m{UPPER_HALF}" for top, bottom in halves)
    return "".join(drawn) + RESET


def _true_colour(red: int, green: int, blue: int) -> str:
    return f"2;{red};{green};{blue}"


def _one_of_256(red: int, green: int, blue: int) -> str:
    return f"5;{Color.from_rgb(red, green, blue).downgrade(ColorSystem.EIGHT_BIT).number}"
