"""The pictures of a made film, one after the other; a shot is in memory at once, no more."""

from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image, ImageDraw

from ntlbg_lab.film.pages import Look, draw_page, font
from ntlbg_lab.film.plan import FPS, SPLIT, Caption, Chapter, Film, Part, Slide
from ntlbg_lab.haystack.backgrounds import clouds
from ntlbg_lab.haystack.timeline import Timeline, draw_frames

SIZE = 360, 640  # height and width: the least at which text is read with its spaces
# Of the ticker: a strip below, which moves so fast that a line can be read twice before it is gone.
STRIP, TICKER_PIXELS_A_SECOND = 40, 72
TICKER_LETTERS = 24
# Fonts, and colours as of a page: of these the second stands on the third.
TICKER_LOOK = ("DejaVuSans-Bold", "DejaVuSans"), ("black", "white", "#12233d", "black")
SKINS = ("#8d5524", "#c68642", "#e0ac69", "#f1c27d")
BETWEEN = "   +++   "

Pictures = Iterator[np.ndarray]


def pictures(film: Film) -> Pictures:
    """uint8 (H, W, 3) of SIZE, FPS of each second."""
    for chapter in film.chapters:
        for kind, part in chapter.parts.items():
            yield from PAINTERS[kind](chapter, part)


def _shown_slides(chapter: Chapter, part: Part) -> Pictures:
    for slide in chapter.slides:
        if part.start <= slide.start < part.end:
            yield from _held(draw_page(slide.page, SIZE), slide)


def _held(picture: np.ndarray, slide: Slide) -> Pictures:
    for _ in range(round(FPS * slide.start), round(FPS * slide.end)):
        yield picture


def _scenes(chapter: Chapter, part: Part) -> Pictures:
    timeline = Timeline(part.end, chapter.shots, chapter.needles, SPLIT)
    for _, picture in draw_frames(timeline, SIZE, FPS):
        yield picture


def _news(chapter: Chapter, part: Part) -> Pictures:
    """A studio that stands still, and a ticker below."""
    studio = _studio(np.random.default_rng(part.seed), chapter.talk.title)
    strip = ticker_strip([item["text"] for item in chapter.ticker], chapter.talk.look)
    width = SIZE[1]
    for number in range(FPS * (part.end - part.start)):
        first = ticker_at(number)
        columns = np.arange(first, first + width) % strip.shape[1]
        picture = _captioned(studio, chapter, part.start + number / FPS)
        picture[-STRIP:] = strip[:, columns]
        if first < 0:
            picture[-STRIP:, :-first] = strip[0, 0]
        yield picture


def ticker_at(number: int) -> int:
    """Which of the strip's columns is the leftmost that is seen; below 0 not the first one yet.

    It has run for a while when the news begin, and goes round.
    """
    return number * TICKER_PIXELS_A_SECOND // FPS - SIZE[1] // 2


def _captioned(studio: np.ndarray, chapter: Chapter, seconds: float) -> np.ndarray:
    """A copy; what is shown at this time is on it."""
    for caption in chapter.captions:
        if caption.start <= seconds < caption.end:
            return np.array(_with_caption(Image.fromarray(studio), caption, chapter.talk.look))
    return studio.copy()


def _with_caption(image: Image.Image, caption: Caption, look: Look | None) -> Image.Image:
    """A box above the ticker, on the left."""
    (heading, line), (_, ink, band, _) = (look.face, look.colours) if look else TICKER_LOOK
    draw, top = ImageDraw.Draw(image), SIZE[0] - STRIP - 76
    letters = font(heading, 26), font(line, 22)
    width = max(one.getlength(text) for one, text in zip(letters, (caption.name, caption.does)))
    draw.rectangle((24, top, 24 + width + 32, top + 66), fill=band)
    draw.text((40, top + 4), caption.name, font=letters[0], fill=ink)
    draw.text((40, top + 36), caption.does, font=letters[1], fill=ink)
    return image


def _studio(rng: np.random.Generator, title: str) -> np.ndarray:
    """A wall, somebody behind a desk, and the name of the programme."""
    height, width = SIZE
    image = Image.fromarray(clouds(rng, SIZE)).point(lambda level: level // 3 + 40)
    draw, middle = ImageDraw.Draw(image), width // 2
    skin, coat = SKINS[rng.integers(len(SKINS))], tuple(rng.integers(20, 220, 3).tolist())
    draw.ellipse((middle - 36, 90, middle + 36, 180), fill=skin)
    draw.rounded_rectangle((middle - 80, 176, middle + 80, height), 40, fill=coat)
    draw.rectangle((middle - 170, 262, middle + 170, height), fill="#5b4636")
    draw.text((24, 20), title, font=font("DejaVuSans-Bold", 26), fill="white")
    return np.asarray(image)


def ticker_strip(items: list[str], look: Look | None = None) -> np.ndarray:
    """uint8 (STRIP, W, 3): all items once, wide enough to fill a picture."""
    (_, face), (_, ink, band, _) = (look.face, look.colours) if look else TICKER_LOOK
    letters, text = font(face, TICKER_LETTERS), BETWEEN.join([*items, ""])
    width = max(SIZE[1], round(letters.getlength(text)))
    image = Image.new("RGB", (width, STRIP), band)
    ImageDraw.Draw(image).text((0, STRIP // 2), text, font=letters, fill=ink, anchor="lm")
    return np.asarray(image)


PAINTERS: dict[str, Callable[[Chapter, Part], Pictures]] = {
    "lecture": _shown_slides,
    "scenes": _scenes,
    "news": _news,
    "break": _shown_slides,
}
