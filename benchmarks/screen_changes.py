"""What the limits of the change test and of looks were chosen by.

    python benchmarks/screen_changes.py [--fonts FOLDER] [--films 12]

Made films coded by H.264 (crf 28 and 36), sampled once a second. Of each kind of pair of pictures:
the largest tile difference, 1, 50 and 99 in 100; and of a line of text that is still there, or that
changed, its likeness (``looks``). Fitted on fonts of matplotlib; another folder is held out.
"""

import argparse
import random
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from screen_corpus import code, fonts, panned, scene, sentence, slide, subtitled, write_film

from ntlbg.text.screen import looks
from ntlbg.text.screen.changes import LIMIT, small_grey, tile_differences
from ntlbg.video import sample_frames

FPS = 5


def coded(folder: Path, pictures: list[Image.Image], crf: int) -> list[np.ndarray]:
    """Each picture after it was shown for two seconds, twice: as first and second in a film."""
    film = write_film(
        folder / "film.mkv", [one for one in pictures for _ in range(2 * FPS)], FPS, crf
    )
    return [picture for frames in sample_frames(film) for picture in frames.data]


def drawn_on(image: Image.Image, place: tuple[int, int], text: str, font: Path, points: int, ink):
    image = image.copy()
    ImageDraw.Draw(image).text(place, text, font=ImageFont.truetype(font, points), fill=ink)
    return image


def numbered(image: Image.Image, number: int, font: Path, ink) -> Image.Image:
    return drawn_on(image, (1100, 640), str(number), font, 28, ink)


def pointed(image: Image.Image, rnd: random.Random) -> Image.Image:
    image, x, y = image.copy(), rnd.randint(50, 1200), rnd.randint(50, 650)
    ImageDraw.Draw(image).polygon([(x, y), (x + 12, y + 24), (x + 2, y + 26)], fill="black")
    return image


def pairs(seed: int, font: Path, mono: Path) -> dict[str, tuple[Image.Image, Image.Image]]:
    """First and second picture of each kind; what is called "same" is to be passed over."""
    rnd = random.Random(seed)
    four, seven = (numbered(slide(seed, font)[0], n, font, "grey") for n in (4, 7))
    page, _, ink = slide(seed, font)
    listing, _ = code(seed, mono)
    view = scene(seed)
    text = sentence(rnd, 6)
    return {
        "same: slide": (page, page),
        "same: code": (listing, listing),
        "same: scene": (view, view),
        "pointer moves": (page, pointed(page, rnd)),
        "slide, a line more": (page, drawn_on(page, (80, 600), text, font, 30, ink)),
        "slide, two digits": (page, numbered(page, rnd.randint(10, 99), font, ink)),
        "slide, one digit for another": (four, seven),
        "code, a line more": (listing, drawn_on(listing, (60, 560), "pop(3)", mono, 20, "grey")),
        "subtitle on a still": (view, subtitled(view, text, font)),
        "subtitle changes": (subtitled(view, text, font), subtitled(view, sentence(rnd, 6), font)),
    }  # fmt: skip


def line_pairs(seed: int, font: Path) -> dict[str, tuple[Image.Image, Image.Image, tuple]]:
    """Two pictures and the box of a line: the same line, one digit changed, another line."""
    rnd = random.Random(seed)
    page = Image.new("RGB", (1280, 720), (235, 235, 230))
    start, digit = sentence(rnd, 4), rnd.randint(0, 8)
    one, other = f"{start} {digit} of 60", f"{start} {digit + 1} of 60"
    written = [drawn_on(page, (80, 300), text, font, 30, (20, 20, 60)) for text in (one, other)]
    box = ImageDraw.Draw(page).textbbox((80, 300), one, font=ImageFont.truetype(font, 30))
    view, said = scene(seed), sentence(rnd, 6)
    moved = panned(view, 9 * rnd.randint(1, 4))
    below = (300, 638, 980, 682)
    return {
        "same line": (written[0], written[0], box),
        "one digit changed": (*written, box),
        "line gone": (written[0], page, box),
        "subtitle, film pans": (subtitled(view, said, font), subtitled(moved, said, font), below),
        "subtitle changes, film pans": (
            subtitled(view, said, font), subtitled(moved, sentence(rnd, 6), font), below),
        "subtitle gone, film pans": (subtitled(view, said, font), moved, below),
    }  # fmt: skip


def largest_along(one: np.ndarray, other: np.ndarray) -> float:
    """What ``looks.is_same`` compares with SAME."""
    difference = np.abs(one - other).mean(axis=0)
    window = np.full(looks.HEIGHT, 1 / looks.HEIGHT)
    return float(np.convolve(difference, window, mode="valid").max() / max(one.std(), 8.0))


def quantiles(values: list[float]) -> str:
    return "  ".join(f"{np.quantile(values, at):6.2f}" for at in (0, 0.01, 0.5, 0.99, 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fonts", type=Path, help="a folder of held-out fonts")
    parser.add_argument("--films", type=int, default=12)
    given = parser.parse_args()
    faces = fonts(given.fonts, ["DejaVuSans", "DejaVuSerif", "STIXGeneral", "cmss10"])
    [mono] = fonts(None, ["DejaVuSansMono"])
    tiles, same, there = defaultdict(list), defaultdict(list), defaultdict(list)
    for seed in range(given.films):
        font, crf = faces[seed % len(faces)], (28, 36)[seed // len(faces) % 2]
        with tempfile.TemporaryDirectory() as folder:
            for kind, pair in pairs(seed, font, mono).items():
                shown = [small_grey(picture) for picture in coded(Path(folder), list(pair), crf)]
                tiles[kind] += [tile_differences(shown[1], shown[2]).max()]
                tiles["same: " + kind.removeprefix("same: ")] += [
                    tile_differences(shown[0], shown[1]).max(),
                    tile_differences(shown[2], shown[3]).max(),
                ]
            for kind, (first, second, box) in line_pairs(seed, font).items():
                left, top, right, bottom = box
                corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
                shown = coded(Path(folder), [first, second], crf)
                one, other = (looks.look_at(picture, corners) for picture in shown[1:3])
                same[kind].append(largest_along(one, other))
                there[kind].append(looks._correlation(one, other))
    for name, limit, found in (
        ("largest tile difference", LIMIT, tiles),
        ("largest difference along a line (SAME)", looks.SAME, same),
        ("correlation of a line (THERE)", looks.THERE, there),
    ):
        print(f"{name}, limit {limit}: least, 1 %, median, 99 %, most")
        for kind, values in found.items():
            print(f"  {kind:30s} {quantiles(values)}  n={len(values)}")


if __name__ == "__main__":
    main()
