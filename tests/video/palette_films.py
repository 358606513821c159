"""Films whose colours come from a palette that is stored once, with the first picture."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from counter_videos import HEIGHT, WIDTH, numbered_picture

FPS = 10
GREYS = np.repeat(np.arange(256, dtype=np.uint8), 4).reshape(256, 4) | np.uint8([0, 0, 0, 255])


def write_palette_film(path: Path, *, codec: str = "rawvideo", count: int = 60) -> Path:
    """Numbered pictures in grey, ten a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "pal8"
        for number in range(count):
            frame = av.VideoFrame(WIDTH, HEIGHT, "pal8")
            indices = np.zeros((HEIGHT, frame.planes[0].line_size), np.uint8)
            indices[:, :WIDTH] = numbered_picture(number).mean(axis=-1)
            frame.planes[0].update(indices.tobytes())
            frame.planes[1].update(GREYS.tobytes())
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
