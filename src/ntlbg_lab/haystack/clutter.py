"""Computed pictures with the statistics of natural ones: occlusion, texture, lattices, clouds.

Photos are few in openly licensed packages, and an encoder that has seen few of them finds objects
in temples and trees. Dead leaves (Lee, Mumford & Huang 2001, "Occlusion models for natural images")
and 1/f clouds stand in for them as examples of "nothing".
"""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Size = tuple[int, int]  # height, width in pixels


def clouds(rng: np.random.Generator, size: Size) -> np.ndarray:
    """Colour noise with a 1/f^a spectrum, uint8 (H, W, 3)."""
    height, width = size
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = 1
    slope = rng.uniform(0.8, 2.2)
    spectrum = rng.standard_normal((3, *frequency.shape, 2)) @ [1, 1j] / frequency**slope
    field = np.fft.irfft2(spectrum, s=size).transpose(1, 2, 0)
    field = (field - field.mean()) / (field.std() + 1e-9)
    mix = rng.uniform(-1, 1, (3, 3)) * rng.uniform(5, 40) + rng.uniform(-30, 30)
    return (field @ mix + _shade(rng, rng.uniform(20, 235))).clip(0, 255).astype(np.uint8)


def _shade(rng: np.random.Generator, grey: float) -> np.ndarray:
    """A colour near a grey, as most things have, or now and then a bright one."""
    reach = 120 if rng.random() < 0.25 else 35
    return (grey + rng.uniform(-reach, reach, 3)).clip(0, 255)


def leaves(rng: np.random.Generator, size: Size) -> np.ndarray:
    """Shapes of all sizes that hide each other, each with its own texture or shade."""
    height, width = size
    canvas = Image.fromarray(clouds(rng, size))
    textures = [Image.fromarray(clouds(rng, size)) for _ in range(4)]
    largest = rng.uniform(0.15, 0.6) * height
    for _ in range(int(rng.integers(15, 140))):
        radius = max(2.0, largest * rng.uniform(0.03, 1) ** 1.5)
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        mask = Image.new("L", (width, height))
        _leaf(ImageDraw.Draw(mask), rng, x, y, radius)
        if rng.random() < 0.5:
            canvas.paste(textures[rng.integers(4)], (0, 0), mask)
        else:
            color = _shade(rng, rng.uniform(0, 255)).astype(int)
            canvas.paste(tuple(color.tolist()), (0, 0), mask)
    return _soften(rng, canvas)


def _leaf(draw: ImageDraw.ImageDraw, rng, x, y, radius) -> None:
    wide, tall = radius * rng.uniform(0.4, 1.6, 2)
    kind = rng.integers(3)
    if kind == 0:
        draw.ellipse((x - wide, y - tall, x + wide, y + tall), fill=255)
    elif kind == 1:
        draw.rectangle((x - wide, y - tall, x + wide, y + tall), fill=255)
    else:
        corners = int(rng.integers(3, 9))
        angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
        points = zip(x + wide * np.cos(angles), y + tall * np.sin(angles))
        draw.polygon([*points], fill=255)


def lattices(rng: np.random.Generator, size: Size) -> np.ndarray:
    """Repeated windows, beams and gables on a clouded ground, as buildings and fences show."""
    height, width = size
    canvas = Image.fromarray(clouds(rng, size))
    draw = ImageDraw.Draw(canvas)
    for _ in range(int(rng.integers(2, 8))):
        left, top = rng.uniform(-0.3, 0.7) * width, rng.uniform(-0.3, 0.7) * height
        step_x, step_y = rng.uniform(0.02, 0.2, 2) * height
        columns, rows = (int(n) for n in rng.integers(2, 14, 2))
        colors = [tuple(_shade(rng, rng.uniform(0, 255)).astype(int).tolist()) for _ in range(2)]
        slant, fill = rng.uniform(-0.6, 0.6), rng.uniform(0.3, 0.9)
        if rng.random() < 0.6:
            draw.rectangle(
                (left, top, left + columns * step_x, top + rows * step_y), fill=colors[1]
            )
        kind = rng.integers(4)
        for row in range(rows):
            for column in range(columns):
                x = left + column * step_x + slant * row * step_y
                y = top + row * step_y
                _cell(draw, kind, x, y, step_x * fill, step_y * fill, colors[0])
    return _soften(rng, canvas)


def _cell(draw, kind, x, y, wide, tall, color) -> None:
    if kind == 0:
        draw.rectangle((x, y, x + wide, y + tall), fill=color)
    elif kind == 1:
        draw.line((x, y, x + wide, y + tall), fill=color, width=2)
        draw.line((x + wide, y, x, y + tall), fill=color, width=1)
    elif kind == 2:
        draw.polygon([(x, y + tall), (x + wide / 2, y), (x + wide, y + tall)], fill=color)
    else:
        draw.arc((x, y, x + wide, y + tall), 180, 360, fill=color, width=2)


def _soften(rng: np.random.Generator, canvas: Image.Image) -> np.ndarray:
    """Blur a little, turn, and add light from one side."""
    if rng.random() < 0.6:
        canvas = canvas.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 2)))
    if rng.random() < 0.5:
        canvas = canvas.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    frame = np.asarray(canvas).astype(np.float32)
    height, width = frame.shape[:2]
    left, right = rng.uniform(0.5, 1.3, 2)
    top, bottom = rng.uniform(0.6, 1.2, 2)
    light = np.linspace(left, right, width)[None, :, None]
    light = light * np.linspace(top, bottom, height)[:, None, None]
    frame = frame * light
    if rng.random() < 0.3:  # faded towards one colour, as in haze or dusk
        frame = frame * 0.6 + rng.uniform(0, 255, 3) * 0.4
    return frame.clip(0, 255).astype(np.uint8)
