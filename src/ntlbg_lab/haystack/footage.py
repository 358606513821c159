"""Videos as people have them, made from pictures: nothing is drawn on them.

Every maker is a function ``(picture, count, rng) -> uint8 (count, H, W, 3)`` of one shot, a frame a
second, as the built-in encoder sees it.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from ntlbg_lab.haystack.augmentation import FRAME_SIZE
from ntlbg_lab.haystack.backgrounds import pan

HEIGHT, WIDTH = FRAME_SIZE
Maker = Callable[[Image.Image, int, np.random.Generator], np.ndarray]


def ken_burns(picture: Image.Image, count: int, rng: np.random.Generator) -> np.ndarray:
    """A slow pan and zoom over a photograph."""
    return pan(lambda: np.asarray(picture), least=0.6)(rng, count, FRAME_SIZE, 1.0)


def still(picture: Image.Image, count: int, rng: np.random.Generator) -> np.ndarray:
    """A picture that stands still on a ground of one colour, as on a slide; coding noise."""
    shown = picture.copy()
    shown.thumbnail((WIDTH, HEIGHT))
    slide = Image.new("RGB", (WIDTH, HEIGHT), tuple(rng.integers(0, 256, 3).tolist()))
    slide.paste(shown, ((WIDTH - shown.width) // 2, (HEIGHT - shown.height) // 2))
    noise = rng.integers(-1, 2, (count, HEIGHT, WIDTH, 3))
    return (np.asarray(slide) + noise).clip(0, 255).astype(np.uint8)


def fixed_camera(picture: Image.Image, count: int, rng: np.random.Generator) -> np.ndarray:
    """The same view for long, in changing light, with something small that passes at times."""
    view, frames = Image.fromarray(ken_burns(picture, 1, rng)[0]), []
    for _ in range(count):
        frame = view.copy()
        if rng.random() < 0.3:
            x, y = int(rng.integers(0, WIDTH)), int(rng.integers(HEIGHT // 2, HEIGHT))
            size, colour = int(rng.integers(4, 14)), tuple(rng.integers(0, 150, 3).tolist())
            ImageDraw.Draw(frame).ellipse((x, y, x + size, y + 2 * size), fill=colour)
        lit = np.asarray(frame) + rng.normal(0, 3, (HEIGHT, WIDTH, 3))
        frames.append((lit * rng.uniform(0.95, 1.05)).clip(0, 255).astype(np.uint8))
    return np.stack(frames)


def screen_recording(count: int, rng: np.random.Generator) -> np.ndarray:
    """Windows with lines of text that open one after another, and a pointer that wanders."""
    colours = [tuple(colour) for colour in rng.integers(0, 256, (6, 3)).tolist()]
    corners, sizes = rng.integers(0, (120, 60), (3, 2)), rng.integers((60, 40), (160, 100), (3, 2))
    lines = rng.integers(10, 100, (3, 12))
    frames = []
    for number in range(count):
        frame = Image.new("RGB", (WIDTH, HEIGHT), colours[0])
        draw = ImageDraw.Draw(frame)
        for window in range(1 + number * 3 // count):
            (x, y), (wide, tall) = corners[window].tolist(), sizes[window].tolist()
            paper = (250, 250, 250) if window % 2 else (30, 30, 36)
            draw.rectangle((x, y, x + wide, y + tall), fill=paper)
            draw.rectangle((x, y, x + wide, y + 8), fill=colours[window + 1])
            for row, length in enumerate(lines[window][: max(1, (tall - 12) // 7)].tolist()):
                end, height = x + 4 + min(length, wide - 8), y + 13 + 7 * row
                draw.line((x + 4, height, end, height), fill=colours[window + 2], width=2)
        x, y = int(112 + 80 * np.sin(number * 0.3)), int(64 + 40 * np.cos(number * 0.2))
        draw.polygon([(x, y), (x, y + 8), (x + 5, y + 6)], fill="white", outline="black")
        frames.append(np.asarray(frame))
    return np.stack(frames)


MAKERS: dict[str, Maker] = {
    "pan and zoom": ken_burns,
    "stills": still,
    "fixed camera": fixed_camera,
}
