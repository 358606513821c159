"""Slides, code and terminals that look like nothing in ``pages``: for measuring, not for the demo.

Layouts, fonts and colours by which no constant was set.
"""

from PIL import ImageDraw

from ntlbg_lab.film.pages import HEADING, LINE, Look, Page, font

Colours = tuple[str, str, str, str]
# A terminal shows more than a slide; about as high as the letters of a film that shows a screen.
SMALL = 0.055


def _two_columns(draw: ImageDraw.ImageDraw, page: Page, height: int, width: int) -> None:
    """Lines by turns on the left and the right of a rule."""
    heading, line = (font(face, round(size * height)) for face, size in
                     zip(page.look.face, (HEADING, LINE * 0.85)))  # fmt: skip
    draw.text((0.06 * width, 0.06 * height), page.heading, font=heading, fill=page.look.heading_ink)
    draw.line((0.5 * width, 0.28 * height, 0.5 * width, 0.9 * height), fill=page.look.colours[2],
              width=3)  # fmt: skip
    for place, written in enumerate(page.lines):
        row, column = divmod(place, 2)
        at = (0.06 + 0.48 * column) * width, (0.34 + 0.22 * row) * height
        draw.text(at, written, font=line, fill=page.look.colours[3])


def _table(draw: ImageDraw.ImageDraw, page: Page, height: int, width: int) -> None:
    """What stands before a colon on the left, what stands behind it on the right."""
    heading, line = _fonts(page, height)
    _, _, band, text = page.look.colours
    draw.text((0.5 * width, 0.13 * height), page.heading, font=heading, anchor="mm",
              fill=page.look.heading_ink)  # fmt: skip
    for row, written in enumerate(page.lines):
        top = (0.28 + 0.15 * row) * height
        if row % 2 == 0:
            draw.rectangle((0.1 * width, top, 0.9 * width, top + 0.15 * height), fill=band)
        for cell, left in zip(written.split(": ", 1), (0.13, 0.52)):
            draw.text((left * width, top + 0.03 * height), cell, font=line, fill=text)


def _cards(draw: ImageDraw.ImageDraw, page: Page, height: int, width: int) -> None:
    """A rounded box for each line."""
    heading, line = _fonts(page, height)
    _, _, band, text = page.look.colours
    draw.text((0.08 * width, 0.05 * height), page.heading, font=heading, fill=page.look.heading_ink)
    for row, written in enumerate(page.lines):
        top = (0.24 + 0.18 * row) * height
        box = 0.07 * width, top, 0.93 * width, top + 0.15 * height
        draw.rounded_rectangle(box, 10, fill=band)
        draw.text((0.11 * width, top + 0.03 * height), written, font=line, fill=text)


def _right(draw: ImageDraw.ImageDraw, page: Page, height: int, width: int) -> None:
    """All ends on the right; a strip of colour below."""
    heading, line = _fonts(page, height)
    draw.rectangle((0, 0.93 * height, width, height), fill=page.look.colours[2])
    draw.text((0.94 * width, 0.16 * height), page.heading, font=heading, anchor="rm",
              fill=page.look.heading_ink)  # fmt: skip
    for row, written in enumerate(page.lines):
        at = 0.94 * width, (0.34 + 0.14 * row) * height
        draw.text(at, written, font=line, fill=page.look.colours[3], anchor="rm")


def _terminal(draw: ImageDraw.ImageDraw, page: Page, height: int, width: int) -> None:
    """A window with three buttons; the heading is the command, lines are what it prints."""
    draw.rectangle((0, 0, width, 0.09 * height), fill=page.look.colours[2])
    for place, colour in enumerate(("#ff5f57", "#febc2e", "#28c840")):
        draw.ellipse((12 + 22 * place, 9, 26 + 22 * place, 23), fill=colour)
    for row, written in enumerate((page.heading, *page.lines)):
        ink = page.look.heading_ink if row == 0 else page.look.colours[3]
        at = 0.03 * width, (0.14 + 0.09 * row) * height
        draw.text(at, written, font=font(page.look.face[1], round(SMALL * height)), fill=ink)


def _editor(draw: ImageDraw.ImageDraw, page: Page, height: int, width: int) -> None:
    """Numbered lines beside a column; the heading is the first line."""
    letters = font(page.look.face[1], round(SMALL * height))
    draw.rectangle((0, 0, 0.09 * width, height), fill=page.look.colours[2])
    for row, written in enumerate((page.heading, *page.lines)):
        top = (0.06 + 0.1 * row) * height
        draw.text((0.03 * width, top), str(row + 1), font=letters, fill=page.look.heading_ink)
        draw.text((0.12 * width, top), written, font=letters, fill=page.look.colours[3])


def _fonts(page: Page, height: int):
    heading, line = page.look.face
    return font(heading, round(HEADING * height)), font(line, round(LINE * height))


# One for each held-out talk.
LOOKS = (
    Look(_two_columns, ("cmb10", "cmr10"), ("#fbfbf8", "#8c2f39", "#d8c3a5", "#2b2b2b")),
    Look(_table, ("cmb10", "cmss10"), ("#ffffff", "#0b3954", "#e3eef5", "#10222e")),
    Look(
        _cards, ("DejaVuSans-BoldOblique", "DejaVuSans-Oblique"),
        ("#15131c", "#c3f0ca", "#2d2a3e", "#f5f3ff"),
    ),
    Look(
        _right, ("DejaVuSerif-BoldItalic", "DejaVuSerif-Italic"),
        ("#f7ede2", "#5c3d2e", "#e6b89c", "#3a2618"),
    ),
    Look(
        _table, ("STIXGeneralBolIta", "STIXGeneralItalic"),
        ("#1b262c", "#ffb85c", "#33454f", "#f6f6f6"),
    ),
    Look(_two_columns, ("cmss10", "cmss10"), ("#e8f1f2", "#13293d", "#a9d6e5", "#13293d")),
    Look(_cards, ("cmr10", "cmr10"), ("#fff0f3", "#590d22", "#ffccd5", "#4a0d1f")),
    Look(
        _right, ("DejaVuSans-BoldOblique", "cmss10"), ("#0d1b0f", "#f9f871", "#2f5d34", "#ecf8ee"),
    ),
)  # fmt: skip
TERMINAL = Look(_terminal, ("cmtt10", "cmtt10"), ("#101418", "#8be9fd", "#3a3f47", "#e6e6e6"))
EDITOR = Look(_editor, ("cmtt10", "cmtt10"), ("#fdf6e3", "#93a1a1", "#eee8d5", "#073642"))
