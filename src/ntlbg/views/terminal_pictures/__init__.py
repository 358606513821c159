"""The best moments of an answer as pictures in a terminal, in rows, a time below each.

By a protocol of the terminal where it is known to speak one, else by half blocks in colours. What
a terminal speaks is told by its environment alone: nothing is asked of it that it might not answer.
Only textual-image, for sixel, may ask how large a cell is, and waits a tenth of a second.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
from PIL import Image

from ntlbg.pictures import fit_within
from ntlbg.types import Answer, Evidence, SelectedFrames
from ntlbg.video import read_frames_at
from ntlbg.views.terminal_pictures.half_blocks import half_blocks
from ntlbg.views.terminal_pictures.protocols import PROTOCOLS, Cells
from ntlbg.views.terminal_pictures.terminal import HALF_BLOCKS, Terminal, way_to_show

__all__ = ["Terminal", "best_moments", "show_moments", "way_to_show"]

# A glance: four fit side by side in a terminal of 80 columns, and a scene can be recognised.
MOST_PICTURES = 4
# Columns of a picture: fewer show nothing that could be recognised, more take a screen full.
LEAST_COLUMNS, MOST_COLUMNS = 16, 40
MOST_ROWS = 14  # of a picture, so that an upright one leaves room for the answer
GAP = 1  # columns between two
# Pixels that are read of a film for a picture: as wide as the widest on a usual screen.
LONGEST_SIDE = 480


@dataclass(frozen=True)
class _Strip:
    """Pictures side by side, each in as many cells, the same of all."""

    moments: Sequence[Evidence]
    pictures: Sequence[np.ndarray]
    cells: Cells

    def captions(self) -> str:
        """Times below the pictures; a time that is wider than its picture is cut."""
        wide = self.cells.columns
        times = [f"{item.timestamp}{' *' * bool(item.supports)}" for item in self.moments]
        return (" " * GAP).join(time[:wide].ljust(wide) for time in times).rstrip()


def show_moments(
    result: Answer | SelectedFrames, terminal: Terminal, out: TextIO | None = None
) -> None:
    """Write the best moments; nothing where none was chosen.

    Args:
        terminal: how, and how wide.
        out: where to; None is standard output.

    Raises:
        VideoError: the film cannot be read any more.
    """
    moments = best_moments(result.evidence)
    if not moments:
        return
    out = out or sys.stdout
    pictures = _pictures(result, moments)
    cells, number = _layout(pictures.shape[1:3], len(moments), terminal.columns)
    for first in range(0, len(moments), number):
        chosen = slice(first, first + number)
        strip = _Strip(moments[chosen], list(pictures[chosen]), cells)
        out.write(f"{_drawn(strip, terminal)}{strip.captions()}\n")
    out.write("\n")
    out.flush()


def best_moments(evidence: Sequence[Evidence], most: int = MOST_PICTURES) -> list[Evidence]:
    """Those of the highest score, or, without any, that stand for most; in order of time."""
    ranked = sorted(evidence, key=lambda item: -(item.weight if item.score is None else item.score))
    return sorted(ranked[:most], key=lambda item: item.pts_seconds)


def _pictures(result: Answer | SelectedFrames, moments: Sequence[Evidence]) -> np.ndarray:
    """uint8 (k, H, W, 3): as they were read for the answer, else from the film."""
    seen, times = result.context, np.array([item.pts_seconds for item in moments])
    if seen.frames is not None:
        return seen.frames.data[np.searchsorted(seen.frames.pts_seconds, times)]
    source = seen.index.meta["height"], seen.index.meta["width"]
    size = fit_within(*source, longest_side=LONGEST_SIDE)
    return read_frames_at(Path(result.video), times, size=size).data


def _layout(size: tuple[int, int], pictures: int, columns: int) -> tuple[Cells, int]:
    """Cells of a picture (height, width), and how many stand side by side in so many columns."""
    number = max(1, min(pictures, (columns + GAP) // (LEAST_COLUMNS + GAP)))
    wide = max(1, min(MOST_COLUMNS, (columns - GAP * (number - 1)) // number))
    height, width = size
    rows = wide * height / (2 * width)  # a cell is about twice as high as wide
    if rows > MOST_ROWS:
        wide, rows = max(1, round(2 * MOST_ROWS * width / height)), MOST_ROWS
    return Cells(wide, max(1, round(rows))), number


def _drawn(strip: _Strip, terminal: Terminal) -> str:
    """Leaves the cursor at the start of the line below."""
    images = [Image.fromarray(picture) for picture in strip.pictures]
    if terminal.way == HALF_BLOCKS:
        return half_blocks(images, strip.cells, GAP, true_colours=terminal.true_colours)
    return PROTOCOLS[terminal.way](images, strip.cells, GAP)
