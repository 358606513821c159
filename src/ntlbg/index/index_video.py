"""From a video file to its features: streamed, resumable, and only once."""

import math
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np

from ntlbg.errors import NoFramesError
from ntlbg.index.store import FeatureIndex, IndexedVideo
from ntlbg.video import (
    Frames,
    ReadReport,
    VideoInfo,
    prefetch,
    probe,
    sample_frames,
    sampling_fps,
)
from ntlbg.video.opening import check_unchanged, file_state

if TYPE_CHECKING:
    from ntlbg.encoders import Encoder

# A killed run loses less than this; a chunk of 576 float32 features takes 0.6 MB.
CHUNK_FRAMES = 256
# Divides CHUNK_FRAMES, so that a resumed run groups frames as an uninterrupted one does: matrix
# products of another size may round differently.
BATCH_FRAMES = 32

Progress = Callable[[int, float | None], None]


def index_video(
    path: str | os.PathLike,
    encoder: "Encoder",
    *,
    index: FeatureIndex,
    fps: float = 1.0,
    max_frames: int | None = None,
    start: float | None = None,
    end: float | None = None,
    progress: Progress | None = None,
    report: ReadReport | None = None,
) -> IndexedVideo:
    """Features of the frames that `sample_frames` gives with the same arguments.

    The next batches are decoded in a thread while the encoder works on one.
    A finished entry is read back without decoding anything. A run that was killed goes on after
    its last complete chunk, and ends with the same result, bit for bit. Of a file that changes
    meanwhile nothing more is kept, since entries are named after the content that was hashed.

    Args:
        progress: called with the frames done and the fraction of the work done (None: unknown).
        report: reading counters to add to; they stay as they are when the entry was ready.

    Raises:
        VideoError, ConfigError: as sample_frames. VideoChanged: the file changed meanwhile.
        OutputError: the index cannot be written.
    """
    before = file_state(path)
    window = {"max_frames": max_frames, "start": start, "end": end}
    key = index.key(path, fingerprint=encoder.fingerprint, fps=fps, **window)
    ready = index.load(key)
    if ready is not None:
        index.remove_chunks(key)  # a run may have been killed between its last two steps
        return ready
    report = ReadReport() if report is None else report
    info = probe(path)
    rate = sampling_fps(info.duration_seconds, fps=fps, **window)
    expected = _expected_frames(info.duration_seconds, rate, **window)

    chunks = index.load_chunks(key)
    batches: list[IndexedVideo] = []  # encoded, not yet in a chunk
    done = _count(chunks)
    remaining = _remaining(path, encoder.image_size, rate, done, report=report, **window)
    with closing(prefetch(_with_damage(remaining, report))) as decoded:
        for frames, damaged in decoded:
            features, notes = encode_with_notes(encoder, frames.data)
            about = {"damaged": damaged}
            batches.append(IndexedVideo(features, frames.pts_seconds, about, notes))
            done += len(frames)
            if _count(batches) >= CHUNK_FRAMES:
                chunk = _joined(batches)
                check_unchanged(path, before)
                index.save_chunk(key, len(chunks), chunk)
                chunks.append(chunk)
                batches = []
            if progress is not None:
                progress(done, min(1.0, done / expected) if expected else None)

    check_unchanged(path, before)
    joined = _joined(chunks + batches)
    meta = _meta(encoder, info, rate, window) | joined.meta
    video = IndexedVideo(joined.features, joined.pts_seconds, meta, joined.notes)
    index.save(key, video)
    return video


def encode_with_notes(
    encoder: "Encoder", frames: np.ndarray
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Features float32 (N, D) of frames uint8 (N, H, W, 3), and what else the encoder notes.

    Notes are arrays (N, ...) by name; most encoders take none.
    """
    if hasattr(encoder, "encode_with_notes"):
        features, notes = encoder.encode_with_notes(frames)
    else:
        features, notes = encoder.encode_frames(frames), {}
    return np.asarray(features, dtype=np.float32), notes


def _remaining(
    path: str | os.PathLike,
    size: tuple[int, int],
    rate: float,
    done: int,
    *,
    max_frames: int | None,
    start: float | None,
    end: float | None,
    report: ReadReport,
) -> Iterator[Frames]:
    """Batches of the frames that follow the first `done` of start, start + 1/rate, ..."""
    resume = (start or 0.0) + done / rate
    left = math.inf if max_frames is None else max_frames - done
    if left <= 0 or (end is not None and resume >= end):
        return
    try:
        for frames in sample_frames(
            path,
            fps=rate,
            start=resume,
            end=end,
            size=size,
            batch_size=BATCH_FRAMES,
            report=report,
        ):
            yield frames if len(frames) <= left else frames[: int(left)]
            left -= len(frames)
            if left <= 0:
                return
    except NoFramesError:
        if not done:  # otherwise the video ends exactly where the last chunk does
            raise


def _with_damage(batches: Iterator[Frames], report: ReadReport) -> Iterator[tuple[Frames, bool]]:
    """Each batch, and whether anything was lost up to it: asked before the next one is decoded."""
    lost_before = report.lost
    for frames in batches:
        yield frames, report.lost > lost_before


def _expected_frames(
    duration_seconds: float,
    rate: float,
    *,
    max_frames: int | None,
    start: float | None,
    end: float | None,
) -> int:
    span = min(duration_seconds, math.inf if end is None else end) - (start or 0.0)
    return min(math.ceil(span * rate), math.inf if max_frames is None else max_frames)


def _count(parts: list[IndexedVideo]) -> int:
    return sum(len(part) for part in parts)


def _joined(parts: list[IndexedVideo]) -> IndexedVideo:
    return IndexedVideo(
        np.concatenate([part.features for part in parts]),
        np.concatenate([part.pts_seconds for part in parts]),
        {"damaged": any(part.meta["damaged"] for part in parts)},
        {name: np.concatenate([part.notes[name] for part in parts]) for name in parts[0].notes},
    )


def _meta(encoder: "Encoder", info: VideoInfo, rate: float, window: dict) -> dict:
    return {
        "encoder": encoder.name,
        "fingerprint": encoder.fingerprint,
        "sampling_fps": rate,
        **window,
        "codec": info.codec,
        "width": info.width,
        "height": info.height,
        "duration_seconds": info.duration_seconds,
    }
