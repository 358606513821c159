"""Drawn backgrounds: what example pictures of ``ntlbg enrol`` are shown on.

Every one is a function ``(rng, count, size, fps) -> uint8 (count, H, W, 3)``, one continuous shot.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

Size = tuple[int, int]  # height, width in pixels
Source = Callable[[np.random.Generator, int, Size, float], np.ndarray]


def noise(rng, count, size, fps):
    """Smooth colour clouds that drift into each other, with grain."""
    height, width = size
    cells = int(rng.integers(2, 9))
    fields = rng.uniform(0, 255, (2, cells, cells + 3, 3))
    grain = rng.normal(0, rng.uniform(0, 12), (height, width, 1)).astype(np.float32)
    frames = []
    for index in range(count):
        mix = 0.5 + 0.5 * np.sin(index * 0.2 / max(fps, 0.2))
        field = (fields[0] * mix + fields[1] * (1 - mix)).astype(np.uint8)
        big = Image.fromarray(field).resize((width, height), Image.Resampling.BICUBIC)
        grain = np.roll(grain, (7, 11), (0, 1))
        frames.append((np.asarray(big) + grain).clip(0, 255).astype(np.uint8))
    return np.stack(frames)


def shapes(rng, count, size, fps):
    """Plain and outlined discs, boxes, triangles, arcs, blobs and lines in motion."""
    height, width = size
    number = int(rng.integers(2, 14))
    places, speeds = rng.uniform(0, 1, (number, 2)), rng.normal(0, 0.08, (number, 2))
    radii = rng.uniform(0.04, 0.4, number) * height
    colors = rng.integers(0, 256, (number, 3))
    kinds, outlined = rng.integers(0, 6, number), rng.random(number) < 0.5
    ground = tuple(rng.integers(0, 256, 3).tolist())
    turn = rng.uniform(0, 6.28, number)
    frames = []
    for index in range(count):
        image = Image.new("RGB", (width, height), ground)
        draw = ImageDraw.Draw(image)
        for n in range(number):
            x, y = np.abs((places[n] + speeds[n] * index / fps) % 2 - 1) * [width, height]
            style = {"fill": tuple(colors[n].tolist())}
            if outlined[n]:
                style |= {"outline": (20, 20, 20), "width": 2}
            _draw_shape(draw, kinds[n], x, y, radii[n], turn[n] + 0.1 * index / fps, style)
        frames.append(np.asarray(image))
    return np.stack(frames)


def _draw_shape(draw, kind, x, y, radius, turn, style):
    box = (x - radius, y - radius * 0.8, x + radius, y + radius * 0.8)
    if kind == 0:
        draw.ellipse(box, **style)
    elif kind == 1:
        draw.rounded_rectangle(box, radius=radius * 0.3, **style)
    elif kind == 2:
        draw.pieslice(box, np.degrees(turn) % 360, np.degrees(turn) % 360 + 230, **style)
    elif kind == 3:
        angles = turn + np.arange(7) * 2 * np.pi / 7
        reach = (0.7 + 0.3 * np.sin(turn * np.arange(1, 8))) * radius
        draw.polygon([*zip(x + reach * np.cos(angles), y + reach * np.sin(angles))], **style)
    elif kind == 4:
        angles = turn + np.arange(3) * 2 * np.pi / 3
        draw.polygon([*zip(x + radius * np.cos(angles), y + radius * np.sin(angles))], **style)
    else:
        dx, dy = radius * np.cos(turn), radius * np.sin(turn)
        draw.line(
            (x - dx, y - dy, x + dx, y + dy), fill=style["fill"], width=max(2, int(radius / 5))
        )


def stripes(rng, count, size, fps):
    """Waves of two colours: stripes and plasma."""
    height, width = size
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / height
    waves = [(rng.uniform(2, 30), rng.uniform(0, 6.3), rng.uniform(-2, 2)) for _ in range(3)]
    low, high = rng.uniform(0, 255, (2, 3)).astype(np.float32)
    sharp, number = rng.uniform(0.5, 6), int(rng.integers(1, 4))
    frames = []
    for index in range(count):
        total = np.zeros_like(x)
        for frequency, angle, speed in waves[:number]:
            along = x * np.cos(angle) + y * np.sin(angle)
            total += np.sin(frequency * along + speed * index / fps)
        mix = (0.5 + 0.5 * np.tanh(sharp * total))[..., None]
        frames.append((high + (low - high) * mix).astype(np.uint8))
    return np.stack(frames)


def text(rng, count, size, fps):
    """Lines of random letters that scroll, as credits or slides do."""
    height, width = size
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:;!?-()"
    ground, ink = (tuple(c) for c in rng.integers(0, 256, (2, 3)).tolist())
    lines = ["".join(rng.choice(list(letters), int(rng.integers(4, 30)))) for _ in range(40)]
    points = int(height * rng.uniform(0.06, 0.3))
    frames = []
    for index in range(count):
        image = Image.new("RGB", (width, height), ground)
        draw = ImageDraw.Draw(image)
        offset = (index * 6 / fps) % (points * 20)
        for row, line in enumerate(lines):
            top = row * points * 1.3 - offset
            if -points < top < height:
                draw.text((width * 0.06, top), line, fill=ink, font_size=points)
        frames.append(np.asarray(image))
    return np.stack(frames)


DRAWN = (noise, shapes, stripes, text)
