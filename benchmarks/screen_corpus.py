"""Made pictures and films with text on them, in any font: what the others here measure with."""

import random
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

TEXT = """
    budget harbour tram council glass treasurer seeds greenhouse invoice meeting quarter revenue
    costs forecast training validation learning rate gradient matrix vector theorem proof energy
    pressure temperature sample method result table figure river bridge library teacher student
    project deadline review museum strike petrol snow mayor engine valley copper orchard lantern
"""
WORDS = TEXT.split()
SIZE = (1280, 720)


def fonts(folder: Path | None, names: Sequence[str]) -> list[Path]:
    """Font files: those of a folder, else by name from matplotlib, which is installed with us."""
    if folder is not None:
        return sorted(path for path in folder.rglob("*.[to]tf") if "Mono" not in path.name)
    import matplotlib

    return [Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{name}.ttf" for name in names]


def sentence(rnd: random.Random, words: int) -> str:
    return " ".join(rnd.choice(WORDS) for _ in range(words)).capitalize()


def slide(
    seed: int, font: Path, size: tuple[int, int] = SIZE
) -> tuple[Image.Image, list[str], tuple[int, int, int]]:
    """A picture with a title and lines, those lines, and the colour of its ink."""
    rnd = random.Random(seed)
    ground, ink = rnd.choice(
        [((250, 250, 245), (15, 15, 15)), ((225, 235, 250), (20, 30, 90)),
         ((20, 30, 60), (240, 240, 240)), ((40, 40, 40), (255, 220, 120))]
    )  # fmt: skip
    image = Image.new("RGB", size, ground)
    draw, unit = ImageDraw.Draw(image), size[1] / 720
    title, body = rnd.choice([(50, 34), (44, 28), (40, 24), (36, 22)])
    lines = [f"{sentence(rnd, 3)} {rnd.randint(10, 999)}"]
    lines += [f"{sentence(rnd, 4)} {rnd.choice(['', '4.5 %', '$420', '17:30'])}".strip()
              for _ in range(rnd.randint(3, 7))]  # fmt: skip
    left, top = rnd.randint(50, 200) * unit, 55 * unit
    for number, line in enumerate(lines):
        points = round((body if number else title) * unit)
        draw.text((left, top), line, font=ImageFont.truetype(font, points), fill=ink)
        top += points * (1.7 if number else 2.2)
    return image, lines, ink


def code(seed: int, font: Path, size: tuple[int, int] = SIZE) -> tuple[Image.Image, list[str]]:
    rnd = random.Random(seed)
    image = Image.new("RGB", size, (30, 30, 36))
    draw, unit = ImageDraw.Draw(image), size[1] / 720
    lines = [f"def {rnd.choice(WORDS)}_{rnd.choice(WORDS)}({rnd.choice(WORDS)}):"]
    for _ in range(13):
        names = [rnd.choice(WORDS) for _ in range(3)]
        lines.append(
            f"{names[0]} = {names[1]}({rnd.randint(1, 99)}, {names[2]}[{rnd.randint(0, 9)}])"
        )
    for number, line in enumerate(lines):
        place = ((60 + 48 * (number > 0)) * unit, (40 + 32 * number) * unit)
        points = round(20 * unit)
        draw.text(place, line, font=ImageFont.truetype(font, points), fill=(200, 220, 200))
    return image, lines


def scene(seed: int, size: tuple[int, int] = SIZE) -> Image.Image:
    """No text: blurred shapes."""
    rnd = random.Random(seed)
    image = Image.new("RGB", size, (90, 120, 90))
    draw = ImageDraw.Draw(image)
    for _ in range(60):
        x, y, width = rnd.randint(0, size[0]), rnd.randint(0, size[1]), rnd.randint(20, 300)
        ink = tuple(rnd.randint(30, 220) for _ in range(3))
        draw.ellipse([x, y, x + width, y + width * rnd.uniform(0.3, 1.2)], fill=ink)
    return image.filter(ImageFilter.GaussianBlur(3))


def panned(image: Image.Image, pixels: int) -> Image.Image:
    return Image.fromarray(np.roll(np.asarray(image), pixels, 1))


def subtitled(image: Image.Image, text: str, font: Path) -> Image.Image:
    image, unit = image.copy(), image.height / 720
    ImageDraw.Draw(image).text(
        (image.width / 2, image.height - 60 * unit), text, fill="white", anchor="mm",
        font=ImageFont.truetype(font, round(36 * unit)), stroke_width=max(1, round(3 * unit)),
        stroke_fill="black",
    )  # fmt: skip
    return image


def write_film(path: Path, pictures: Sequence[Image.Image], fps: int, crf: int = 28) -> Path:
    """Coded by H.264, as films on the web are."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=fps, options={"crf": str(crf), "g": "250"})
        stream.width, stream.height = pictures[0].size
        stream.pix_fmt = "yuv420p"
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_image(picture)
            frame.pts, frame.time_base = number, Fraction(1, fps)
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return path
