"""Slides of a made film: what is on them, in what layout, and how they are drawn.

Fonts are those that matplotlib ships, so no font of the system is needed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
# Heading and lines.
FACES = (
    ("DejaVuSans-Bold", "DejaVuSans"),
    ("DejaVuSerif-Bold", "DejaVuSerif"),
    ("DejaVuSansMono-Bold", "DejaVuSansMono"),
    ("STIXGeneralBol", "STIXGeneral"),
    ("DejaVuSans-Bold", "DejaVuSerif"),
)
# Paper, heading and its band, ink of lines: light and dark, as slides of people are.
COLOURS = (
    ("#f4f2ea", "#1f2a44", "#dfe4ee", "#222222"),
    ("#ffffff", "#ffffff", "#20639b", "#1b1b1b"),
    ("#1d2430", "#ffd166", "#2f3a4d", "#f2f2f2"),
    ("#fff7e6", "#7a1f1f", "#f3d9b1", "#3b2a1a"),
    ("#0f3d3e", "#e2dcc8", "#100f0f", "#f1f1f1"),
    ("#eaf4ea", "#14532d", "#c9e4ca", "#1a2e1a"),
)
# Shares of the height: letters that are about 24 and 17 px high at 360 rows can be read after they
# were coded, by people and by RapidOCR.
HEADING, LINE = 0.1, 0.07
MARGIN = 0.08


@dataclass(frozen=True)
class Look:
    """Who draws a page; fonts of heading and lines; paper, heading and its band, ink of lines."""

    layout: "Layout"
    face: tuple[str, str]
    colours: tuple[str, str, str, str]

    @property
    def heading_ink(self) -> str:
        """Of a heading that stands on the paper: not white on white."""
        paper, heading, _, lines = self.colours
        return lines if heading == paper else heading


@dataclass(frozen=True)
class Page:
    """What is written, and how it looks; question and answer about it where there is one."""

    heading: str
    lines: tuple[str, ...]
    look: Look
    question: str | None = None
    answer: str | None = None


def look_of(rng: np.random.Generator) -> Look:
    """Any."""
    layout, face, colours = (
        int(rng.integers(len(menu))) for menu in (LAYOUTS, FACES, COLOURS)
    )  # fmt: skip
    return Look(LAYOUTS[layout], FACES[face], COLOURS[colours])


def fact_page(about: dict[str, Any], look: Look) -> Page:
    """One that is asked about; it may have a look of its own."""
    lines, look = tuple(about["lines"]), about.get("look", look)
    return Page(about["heading"], lines, look, about["question"], about["answer"])


def subject_page(subjects: tuple[str, ...], look: Look) -> Page:
    """One of words that are spoken of."""
    first, *others = (subject.capitalize() for subject in subjects)
    return Page(f"On {first.lower()}", tuple(others), look)


def break_page(title: str, look: Look) -> Page:
    """Shown while nothing happens."""
    return Page(title, ("Short break",), look)


# Draws a page of so many pixels, height and width.
Layout = Callable[[ImageDraw.ImageDraw, Page, int, int], None]


def draw_page(page: Page, size: tuple[int, int]) -> np.ndarray:
    """uint8 (H, W, 3) of a size (H, W)."""
    height, width = size
    image = Image.new("RGB", (width, height), page.look.colours[0])
    page.look.layout(ImageDraw.Draw(image), page, height, width)
    return np.asarray(image)


@cache
def font(name: str, pixels: int) -> ImageFont.FreeTypeFont:
    """Of those that matplotlib ships; so many pixels from line to line, about."""
    return ImageFont.truetype(FONTS / f"{name}.ttf", pixels)


def _fonts(page: Page, height: int) -> tuple[ImageFont.FreeTypeFont, ImageFont.FreeTypeFont]:
    heading, line = page.look.face
    return font(heading, round(HEADING * height)), font(line, round(LINE * height))


def _list(draw: ImageDraw.ImageDraw, page: Page, height: int, width: int) -> None:
    """Heading above, lines with dots below it."""
    ink, text = page.look.heading_ink, page.look.colours[3]
    heading, line = _fonts(page, height)
    left = MARGIN * width
    draw.text((left, 0.09 * height), page.heading, font=heading, fill=ink)
    for row, written in enumerate(page.lines):
        top = (0.3 + 0.14 * row) * height
        draw.ellipse((left, top + 8, left + 7, top + 15), fill=ink)
        draw.text((left + 22, top), written, font=line, fill=text)


def _band(draw: ImageDraw.ImageDraw, page: Page, height: int, width: int) -> None:
    """Heading in a coloured band."""
    _, ink, band, text = page.look.colours
    heading, line = _fonts(page, height)
    draw.rectangle((0, 0, width, 0.2 * height), fill=band)
    draw.text((MARGIN * width, 0.045 * height), page.heading, font=heading, fill=ink)
    for row, written in enumerate(page.lines):
        draw.text((MARGIN * width, (0.3 + 0.15 * row) * height), written, font=line, fill=text)


def _centred(draw: ImageDraw.ImageDraw, page: Page, height: int, width: int) -> None:
    """All in the middle, a rule below the heading."""
    ink, text = page.look.heading_ink, page.look.colours[3]
    heading, line = _fonts(page, height)
    draw.text((width / 2, 0.18 * height), page.heading, font=heading, fill=ink, anchor="mm")
    draw.line((0.3 * width, 0.28 * height, 0.7 * width, 0.28 * height), fill=ink, width=2)
    for row, written in enumerate(page.lines):
        place = (width / 2, (0.4 + 0.14 * row) * height)
        draw.text(place, written, font=line, fill=text, anchor="mm")


def _beside(draw: ImageDraw.ImageDraw, page: Page, height: int, width: int) -> None:
    """A coloured column on the left; heading and lines on the right."""
    ink, (_, _, band, text) = page.look.heading_ink, page.look.colours
    heading, line = _fonts(page, height)
    draw.rectangle((0, 0, 0.16 * width, height), fill=band)
    left = 0.22 * width
    draw.text((left, 0.12 * height), page.heading, font=heading, fill=ink)
    for row, written in enumerate(page.lines):
        draw.text((left, (0.34 + 0.14 * row) * height), written, font=line, fill=text)


LAYOUTS: tuple[Layout, ...] = (_list, _band, _centred, _beside)
