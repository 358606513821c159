"""Videos whose every picture carries its own number, and how to read that number back.

Bit k of the number is a white or black patch at the top, at (k + 1/2) / 12 of the width; it
survives any codec and resizing to 48 pixels of width. The videos in data/video carry the same.
"""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from ntlbg.encoders import Encoder

DATA = Path(__file__).parent / "data" / "video"
BITS = 10
WIDTH, HEIGHT = 96, 54


def numbered_picture(number: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """uint8 (height, width, 3): a moving gradient under the number's patches."""
    row, column = np.mgrid[0:height, 0:width]
    gradient = [column * 2 + number * 3, row * 2 + number * 5, np.full_like(row, 128)]
    picture = np.stack(gradient, axis=-1).astype(np.uint8)
    top = round(16 / 108 * height)
    picture[:top] = 0
    for bit in range(BITS):
        if number >> bit & 1:
            picture[:top, round(bit * width / 12) : round((bit + 1) * width / 12)] = 255
    return picture


def read_number(picture: np.ndarray) -> int:
    height, width = picture.shape[:2]
    row = picture[round(8 / 108 * height)].mean(axis=-1)
    return sum(int(row[int((bit + 0.5) / 12 * width)] > 127) << bit for bit in range(BITS))


def read_numbers(data: np.ndarray) -> list[int]:
    return [read_number(picture) for picture in data]


def write_video(
    path: Path,
    *,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    count: int = 75,
    fps: int = 25,
    times: list[int] | None = None,
    pixels: str = "yuv420p",
    size: tuple[int, int] = (HEIGHT, WIDTH),
    container_options: dict[str, str] | None = None,
    pixel_aspect: Fraction | None = None,
) -> Path:
    """`count` numbered pictures at `fps`, or at `times` in milliseconds."""
    tick = Fraction(1, fps) if times is None else Fraction(1, 1000)
    with av.open(str(path), "w", options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=fps, options=options or {})
        stream.height, stream.width = size
        stream.pix_fmt = pixels
        stream.codec_context.time_base = tick
        if pixel_aspect is not None:
            stream.codec_context.sample_aspect_ratio = pixel_aspect
        for number in range(count if times is None else len(times)):
            picture = numbered_picture(number, *reversed(size))
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = number if times is None else times[number]
            frame.time_base = tick
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def packet_places(path: Path) -> list[tuple[int, int, bool]]:
    """Position in the file, size and keyframe flag of every packet, in decoding order."""
    places, content, position = [], path.read_bytes(), 0
    with av.open(str(path)) as container:
        for packet in container.demux(video=0):
            if packet.size:
                position = content.index(bytes(packet), position)
                places.append((position, packet.size, packet.is_keyframe))
    return places


class MeanColourEncoder(Encoder):
    """A tiny deterministic encoder: mean colour of the four quarters of a picture, (N, 12)."""

    name = "mean-colour"
    feature_size = 12
    image_size = (24, 48)
    fingerprint = "mean-colour-1"

    def encode_frames(self, frames: np.ndarray) -> np.ndarray:
        height, width = frames.shape[1:3]
        halves = (slice(0, height // 2), slice(height // 2, height))
        sides = (slice(0, width // 2), slice(width // 2, width))
        means = [frames[:, y, x].mean(axis=(1, 2)) for y in halves for x in sides]
        return (np.concatenate(means, axis=1) / 255).astype(np.float32)
