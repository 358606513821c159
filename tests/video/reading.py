"""Whole samples for tests, and the slow independent way: decode every packet, then choose."""

import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from counter_videos import HEIGHT, WIDTH
from ntlbg.video import Frames, sample_frames
from ntlbg.video.convert import SCALING

SIZE = (HEIGHT, WIDTH)
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def sample(path: Path, **options) -> Frames:
    """All batches of a reading, at SIZE."""
    batches = list(sample_frames(path, **({"size": SIZE} | options)))
    return Frames(
        np.concatenate([batch.data for batch in batches]),
        np.concatenate([batch.pts_seconds for batch in batches]),
    )


def on_screen(pts_seconds: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Index of the last picture shown at or before each time, or a millisecond later."""
    return np.searchsorted(pts_seconds, times + 0.001 + 1e-9, side="right") - 1


def same(one: Frames, other: Frames) -> bool:
    return np.array_equal(one.data, other.data) and np.array_equal(
        one.pts_seconds, other.pts_seconds
    )


def decode_everything(path: Path) -> Frames:
    """Every picture at SIZE, by PyAV alone and one thread; AVI times are those of decoding."""
    pictures, ticks, decoding, stored = [], [], [], True
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        for packet in container.demux(stream):
            if packet.size:
                decoding.append(packet.dts)
            for frame in stream.codec_context.decode(packet if packet.size else None):
                ticks.append(frame.pts)
                rgb = frame.reformat(SIZE[1], SIZE[0], "rgb24", interpolation=SCALING, threads=1)
                pictures.append(np.rot90(rgb.to_ndarray(), round((frame.rotation or 0) / 90) % 4))
        if container.format.name in ("avi", "h264"):
            stored = None not in decoding
            ticks = sorted(decoding) if stored else range(len(pictures))
        step = stream.time_base if stored else 1 / Fraction(stream.average_rate)
        times = [float((tick - ticks[0]) * step) for tick in ticks]
    return Frames(np.stack(pictures), np.array(times))
