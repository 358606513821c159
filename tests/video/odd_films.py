"""Films of kinds that are seldom met: mirrored, of a palette, late, with a clock that jumps."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from counter_videos import HEIGHT, WIDTH, numbered_picture

FPS = 10
GREYS = np.repeat(np.arange(256, dtype=np.uint8), 4).reshape(256, 4) | np.uint8([0, 0, 0, 255])


def write_palette_film(
    path: Path, *, codec: str = "rawvideo", count: int = 60, size: tuple[int, int] = (HEIGHT, WIDTH)
) -> Path:
    """Numbered pictures in grey, ten a second; the palette is stored once, with the first."""
    height, width = size
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=FPS)
        stream.width, stream.height, stream.pix_fmt = width, height, "pal8"
        for number in range(count):
            frame = av.VideoFrame(width, height, "pal8")
            indices = np.zeros((height, frame.planes[0].line_size), np.uint8)
            indices[:, :width] = numbered_picture(number, width, height).mean(axis=-1)
            frame.planes[0].update(indices.tobytes())
            frame.planes[1].update(GREYS.tobytes())
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def with_matrix(path: Path, rows: Sequence[float]) -> Path:
    """An mp4 whose video has another display matrix: a, b, c, d of ISO/IEC 14496-12 8.3.2."""
    a, b, c, d = (round(65536 * number).to_bytes(4, "big", signed=True) for number in rows)
    content, one, end = path.read_bytes(), bytes.fromhex("00010000"), bytes.fromhex("40000000")
    at = content.index(one + bytes(12) + one + bytes(12) + end, content.index(b"tkhd"))
    turned = a + b + bytes(4) + c + d + bytes(12) + end
    path.write_bytes(content[:at] + turned + content[at + len(turned) :])
    return path


def with_times(
    path: Path, target: Path, times: Mapping[int, int], options: dict[str, str] | None = None
) -> Path:
    """A copy of a film with milliseconds, in which its pictures are shown at others."""
    with av.open(str(path)) as source, av.open(str(target), "w", options=options or {}) as copy:
        stream = copy.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream, packet.pts = stream, times[packet.pts]
                copy.mux(packet)
    return target
