"""Moving backgrounds: what a haystack shows while no needle is on screen.

Every source is a function ``(rng, count, size, fps) -> uint8 (count, H, W, 3)`` of one continuous
shot, made without any file: FFmpeg's own generators (through PyAV), drawings, noise, and pans over
photos. The three splits share no generator and no picture, except plain noise and drawings.

Photos are few in openly licensed packages, and an encoder that has seen few of them finds objects
in temples and trees. Computed pictures with the statistics of natural ones stand in for them as
examples of "nothing": dead leaves (Lee, Mumford & Huang 2001, "Occlusion models for natural
images"), lattices and 1/f clouds.
"""

import functools
from collections.abc import Callable, Sequence
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from ntlbg.downloads import part_path
from ntlbg.errors import ConfigError
from ntlbg.models.builtin.drawn_backgrounds import DRAWN, Size, Source


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


SPLITS = ("train", "val", "test")
LARGEST_PICTURE = 1600  # pixels; a pan shows at least a third of one


def generated(description: str) -> Source:
    """A source of FFmpeg's ``lavfi`` device; ``{seed}``, ``{a}`` (0..1) and ``{c0}``... (colours)
    are filled at random."""

    def source(rng, count, size, fps):
        height, width = size
        colors = {f"c{n}": f"0x{rng.integers(2**24):06x}" for n in range(6)}
        seed, a = int(rng.integers(1, 2**31 - 1)), float(rng.uniform())
        text = description.format(seed=seed, a=a, **colors)
        name, _, options = text.partition("=")
        joined = ":".join(filter(None, [f"s={width}x{height}", f"rate={fps:g}", options]))
        frames = []
        with av.open(f"{name}={joined}", format="lavfi") as container:
            for frame in container.decode(video=0):
                frames.append(frame.to_ndarray(format="rgb24"))
                if len(frames) == count:
                    break
        return _recolor(rng, np.stack(frames))

    return source


def computed(picture: Callable[[np.random.Generator, Size], np.ndarray]) -> Source:
    """A slow pan over a picture that is drawn anew for every shot."""

    def source(rng, count, size, fps):
        return pan(lambda: picture(rng, (2 * size[0], 2 * size[1])))(rng, count, size, fps)

    return source


def pan(photo: Callable[[], np.ndarray], least: float = 0.3) -> Source:
    """A slow pan and zoom over a photo, of which at least this share is shown."""

    def source(rng, count, size, fps):
        height, width = size
        image = Image.fromarray(photo())
        wide, tall = image.size
        ratio = min(wide / width, tall / height)
        zooms, centres = rng.uniform(least, 1, 2), rng.uniform(0, 1, (2, 2))
        frames = []
        for index in range(count):
            t = index / max(1, count - 1)
            zoom = zooms[0] * (1 - t) + zooms[1] * t
            x, y = centres[0] * (1 - t) + centres[1] * t
            box_width, box_height = width * ratio * zoom, height * ratio * zoom
            left, top = x * (wide - box_width), y * (tall - box_height)
            box = (left, top, left + box_width, top + box_height)
            frames.append(
                np.asarray(image.resize((width, height), Image.Resampling.BILINEAR, box=box))
            )
        return np.stack(frames)

    return source


def clip(path: Callable[[], Path]) -> Source:
    """A real short clip, played back and forth so that it can last."""

    def source(rng, count, size, fps):
        frames = _clip_frames(path(), size)
        start = int(rng.integers(len(frames)))
        step = max(1, round(24 / fps / 3))
        order = np.abs((start + step * np.arange(count)) % (2 * len(frames) - 2) - len(frames) + 1)
        return frames[order]

    return source


@functools.lru_cache(maxsize=8)
def _clip_frames(path: Path, size: Size) -> np.ndarray:
    with av.open(path) as container:
        height, width = size
        return np.stack(
            [
                frame.to_ndarray(format="rgb24", width=width, height=height)
                for frame in container.decode(video=0)
            ]
        )


def _recolor(rng, frames: np.ndarray) -> np.ndarray:
    if rng.random() < 0.5:
        frames = frames[..., rng.permutation(3)]
    if rng.random() < 0.3:
        frames = 255 - frames
    return np.ascontiguousarray(frames)


def photos(package: str, folder: str, names: Sequence[str]) -> list[Source]:
    """Pans over pictures that another package ships."""
    if find_spec(package) is None:
        raise ConfigError(
            f"these backgrounds are pictures of the package {package}, which is not installed; "
            "run `pip install ntlbg-llm-lab`"
        )
    shipped = Path(str(resources.files(package)), folder)
    return [pan(functools.partial(_picture, shipped / name)) for name in names]


def folder(path: Path) -> tuple[Source, ...]:
    """Pans over the pictures in a folder, whatever they show; none may show a drawn object.

    Raises:
        ConfigError: there are none.
    """
    found = sorted(file for file in path.glob("*") if file.suffix.lower() in (".jpg", ".png"))
    if not found:
        raise ConfigError(f"{path}: no .jpg or .png pictures; `make photos` fetches some")
    return tuple(pan(functools.partial(_picture, file)) for file in found)


@functools.cache
def _picture(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        image.thumbnail((LARGEST_PICTURE, LARGEST_PICTURE))
        return np.asarray(image.convert("RGB"))


# Needles are drawn; what a photo or a film shows counts as background, whatever it is.
PHOTOS = (
    "astronaut.png",
    "brick.png",
    "camera.png",
    "cell.png",
    "chelsea.png",
    "coins.png",
    "color.png",
    "grass.png",
    "gravel.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "moon.png",
    "page.png",
    "text.png",
    "retina.jpg",
    "rocket.jpg",
    "logo.png",
)


@functools.cache
def sources(split: str) -> tuple[Source, ...]:
    """The backgrounds of a split, one of SPLITS.

    Raises:
        ConfigError: another name; a typing error must not show what is kept for the test.
    """
    if split not in SPLITS:
        raise ConfigError(f"split {split!r}: choose from {', '.join(SPLITS)}")
    lavfi: tuple[str, ...]
    drawn: tuple[Source, ...] = DRAWN
    if split == "train":
        lavfi = (
            "mandelbrot=start_scale={a}",
            "life=mold=10:r=2:ratio=0.2:random_seed={seed}:death_color=#C83232:life_color=#00ff00",
            "life=ratio=0.4:random_seed={seed}",
            "gradients=speed=0.3:seed={seed}:c0={c0}:c1={c1}",
            "gradients=speed=0.1:n=4:seed={seed}:type=radial:c0={c0}:c1={c1}:c2={c2}:c3={c3}",
            "gradients=speed=0.1:n=3:seed={seed}:type=spiral:c0={c0}:c1={c1}:c2={c2}",
            "testsrc2",
            "smptehdbars",
            "rgbtestsrc",
            "pal75bars",
        )
        stills = photos("skimage", "data", PHOTOS) * 2
        stills += photos("sklearn", "datasets/images", ("flower.jpg",)) * 2
        stills += [clip(functools.partial(part_path, name)) for name in ("carphone", "bikes")] * 3
        stills += [computed(picture) for picture in (leaves, lattices)] * 9
        drawn = (computed(clouds), *DRAWN, *DRAWN, *DRAWN)
    elif split == "val":
        lavfi = ("cellauto=rule=30:random_seed={seed}", "yuvtestsrc", "smptebars")
        stills = photos("sklearn", "datasets/images", ("china.jpg",)) * 3
    else:
        lavfi = (
            "perlin=random_mode=seed:seed={seed}",
            "sierpinski=seed={seed}",
            "sierpinski=type=triangle:seed={seed}",
        )
        stills = [clip(functools.partial(part_path, "bunny"))] * 3
    return (*map(generated, lavfi), *stills, *drawn)
