"""Films for ``compression_loss.py``: drawn objects before a still background, and questions.

A film has n pictures of SIDE x SIDE. Objects come one after the other, each for one picture or two,
before a background that stays but for noise; between them nothing is shown. Patterns and colours of
a film differ from one another, so that each question has one answer.

An object is a disc of a colour, plain or in stripes or checks of three pixels, which smaller
pictures blur. Asked is about one picture: the colour of a pattern (``colour``), the pattern of a
colour (``pattern``); and about several: which colour came after another (``after``), how many came
(``count``).
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

SIDE = 64  # pixels; objects have 20 to 26 of them
PATTERNS = ("plain", "rows", "columns", "checks")
COLOURS = {
    "red": (225, 30, 30), "green": (30, 200, 40), "blue": (40, 60, 230),
    "yellow": (235, 220, 30), "white": (250, 250, 250), "violet": (190, 40, 210),
}  # fmt: skip
COUNTS = ("1", "2", "3", "4")
KINDS = {"colour": "one frame", "pattern": "one frame", "after": "several frames",
         "count": "several frames"}  # fmt: skip
# All that a reader says and hears. What marks a picture comes first, as in a tokenizer's list.
WORDS = (
    "pad",
    "<vision>",
    "</vision>",
    "image",
    "video",
    "?",
    *KINDS,
    *PATTERNS,
    *COLOURS,
    *COUNTS,
)
LONGEST_EVENT = 2  # pictures
STRIPE = 3  # pixels


@dataclass(frozen=True)
class Asked:
    """A question, as words.

    Attributes:
        kind: in KINDS.
        about: a word; the kind itself where it is about nothing more.
        answer: a word.
        shown: bool (n,), the pictures that show what the question names.
    """

    kind: str
    about: str
    answer: str
    shown: np.ndarray


@dataclass(frozen=True)
class Film:
    """Pictures uint8 (n, SIDE, SIDE, 3), and all questions that it answers."""

    pictures: np.ndarray
    questions: tuple[Asked, ...]


def make_film(draw: np.random.Generator, number: int) -> Film:
    """Of so many pictures."""
    lengths = _lengths(draw, number)
    patterns = draw.permutation(PATTERNS)[: len(lengths)].tolist()
    colours = draw.permutation(list(COLOURS))[: len(lengths)].tolist()
    events = np.full(number, -1)
    # gaps before, between and after the objects share what is left
    places = len(lengths) + 1
    gaps = draw.multinomial(number - sum(lengths), np.ones(places) / places)
    at = 0
    for event, (gap, length) in enumerate(zip(gaps, lengths)):
        events[at + gap : at + gap + length] = event
        at += gap + length
    pictures = _background(draw, number)
    centres = draw.integers(12, SIDE - 12, (len(lengths), 2))
    for picture, event in enumerate(events):
        if event >= 0:
            moved = centres[event] + draw.integers(-3, 4, 2)
            pictures[picture] = _with_object(
                pictures[picture], patterns[event], COLOURS[colours[event]], moved,
                int(draw.integers(10, 14)),
            )  # fmt: skip
    return Film(pictures, tuple(_questions(events, patterns, colours)))


def relevance(asked: Asked, draw: np.random.Generator) -> np.ndarray:
    """Float64 (n,): what a retriever might say, two standard deviations apart.

    A picture with what is named is above one without it in 92 of 100 cases.
    """
    return 2.0 * asked.shown + draw.normal(size=len(asked.shown))


def _lengths(draw: np.random.Generator, number: int) -> list[int]:
    """Pictures of each object; at least one object, and no more pictures than there are."""
    wanted = int(draw.integers(1, min(len(COUNTS), number) + 1))
    lengths = [1] * wanted
    for event in range(wanted):
        if sum(lengths) < number:
            lengths[event] = int(draw.integers(1, LONGEST_EVENT + 1))
    return lengths


def _background(draw: np.random.Generator, number: int) -> np.ndarray:
    small = draw.integers(50, 160, (4, 4, 3), np.uint8)
    still = np.asarray(Image.fromarray(small).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    noise = draw.integers(-6, 7, (number, SIDE, SIDE, 3))
    return (still + noise).clip(0, 255).astype(np.uint8)


def _with_object(picture, pattern: str, colour, centre, radius: int) -> np.ndarray:
    """The picture (SIDE, SIDE, 3) with a disc."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    y, x = rows - centre[0], columns - centre[1]
    lit = {"plain": y == y, "rows": y // STRIPE % 2 == 0, "columns": x // STRIPE % 2 == 0,
           "checks": (y // STRIPE + x // STRIPE) % 2 == 0}[pattern]  # fmt: skip
    disc = x**2 + y**2 <= radius**2
    return np.where(disc[..., None], np.where(lit[..., None], colour, 0), picture).astype(np.uint8)


def _questions(events: np.ndarray, patterns: list[str], colours: list[str]):
    for event, (pattern, colour) in enumerate(zip(patterns, colours)):
        shown = events == event
        yield Asked("colour", pattern, colour, shown)
        yield Asked("pattern", colour, pattern, shown)
        if event + 1 < len(colours):
            yield Asked("after", colour, colours[event + 1], shown)
    yield Asked("count", "count", COUNTS[len(colours) - 1], events >= 0)
