"""Pictures with text drawn on them, films of them, and a reader that knows what was drawn."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from ntlbg.text.screen import ScreenListener
from ntlbg.text.screen.reading import Reading
from ntlbg.types import Frames, Passage

TTF = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
SANS, SERIF, MONO = (TTF / f"DejaVu{name}.ttf" for name in ("Sans", "Serif", "SansMono"))
CHINESE = Path(__file__).parent / "data" / "fonts" / "NotoSansSC-subset.otf"


@dataclass(frozen=True)
class Text:
    """A line and where it is drawn, in pixels."""

    text: str
    left: int
    top: int
    points: int = 30
    font: Path = SANS
    ink: tuple[int, int, int] = (20, 20, 40)
    outline: int = 0

    @property
    def letters(self) -> ImageFont.FreeTypeFont:
        return ImageFont.truetype(self.font, self.points)

    @property
    def box(self) -> np.ndarray:
        """(4, 2) corners around the letters with a little air, as detectors give them."""
        place = (self.left, self.top)
        left, top, right, bottom = ImageDraw.Draw(Image.new("L", (1, 1))).textbbox(
            place, self.text, font=self.letters, stroke_width=self.outline
        )
        air = 0.15 * self.points
        left, top, right, bottom = left - air, top - air, right + air, bottom + air
        return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])


def drawn(texts: Sequence[Text], ground: Image.Image | None = None, size=(1280, 720)) -> np.ndarray:
    """uint8 (H, W, 3): texts on a picture, on paper by default."""
    image = Image.new("RGB", size, (238, 238, 230)) if ground is None else ground.copy()
    draw = ImageDraw.Draw(image)
    for one in texts:
        outline = {"stroke_width": one.outline, "stroke_fill": "black"} if one.outline else {}
        draw.text((one.left, one.top), one.text, font=one.letters, fill=one.ink, **outline)
    return np.asarray(image)


def scene(size=(1280, 720), seed=0) -> Image.Image:
    """No text: blurred shapes."""
    rnd = np.random.default_rng(seed)
    image = Image.new("RGB", size, (90, 120, 90))
    draw = ImageDraw.Draw(image)
    for x, y, width, height in rnd.uniform(0, 1, (60, 4)) * [*size, 300, 200]:
        ink = tuple(int(level) for level in rnd.integers(30, 220, 3))
        draw.ellipse([x, y, x + width + 20, y + height + 20], fill=ink)
    return image.filter(ImageFilter.GaussianBlur(3))


def moved(image: Image.Image, pixels: int) -> Image.Image:
    return Image.fromarray(np.roll(np.asarray(image), pixels, axis=1))


@dataclass
class Knows:
    """A reader that is told what is on each picture; it knows pictures by their pixels."""

    pages: dict[int, list[Text]] = field(default_factory=dict)
    finds: int = 0
    reads: int = 0
    fingerprint: str = "knows"

    def drawn(self, texts: Sequence[Text], ground: Image.Image | None = None) -> np.ndarray:
        """A picture 640 x 360, and it is known."""
        picture = drawn(texts, ground, size=(640, 360))
        self.pages[hash(picture.tobytes())] = list(texts)
        return picture

    def find(self, picture: np.ndarray, side: int) -> list[np.ndarray]:
        self.finds += 1
        return [text.box for text in self.pages[hash(picture.tobytes())]]

    def read(self, picture: np.ndarray, box: np.ndarray) -> Reading:
        self.reads += 1
        [text] = [t for t in self.pages[hash(picture.tobytes())] if np.array_equal(t.box, box)]
        return Reading(text.text, 0.99)


def stream(
    pictures: Sequence[np.ndarray], after_seconds: float = 0.0, fps: float = 1.0, batch: int = 8
) -> Iterator[Frames]:
    """As a listener is given them."""
    first = round(after_seconds * fps)
    for start in range(first, len(pictures), batch):
        data = np.stack(pictures[start : min(start + batch, len(pictures))])
        yield Frames(data, np.arange(start, start + len(data)) / fps)


def passages(listener: ScreenListener, pictures: Sequence[np.ndarray]) -> list[Passage]:
    """All of a film, in order of their start and text."""
    pieces = listener.listen(stream(pictures, fps=listener.fps), 0.0, {})
    found = [one for piece in pieces for one in piece.passages]
    return sorted(found, key=lambda one: (one.start_seconds, one.end_seconds, one.text))


def spans(found: Sequence[Passage]) -> list[tuple[str, float, float]]:
    return [(one.text, one.start_seconds, one.end_seconds) for one in found]
