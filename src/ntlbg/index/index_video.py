"""From a video file to its features: streamed, resumable, and only once.

One decode feeds every encoder.
"""

import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import TypedDict, Unpack

import numpy as np

from ntlbg.encoders import ENCODERS, Encoder, distinct_encoders, load_encoder
from ntlbg.encoders.checked import encode
from ntlbg.errors import ConfigError, InvalidFeatures, NoFramesError
from ntlbg.index.store import ARRAYS, FeatureIndex, Track
from ntlbg.types import Frames, VideoIndex
from ntlbg.video import ReadReport, VideoInfo, prefetch, probe, sample_in_sizes, sampling_fps
from ntlbg.video.opening import check_unchanged, file_state

# A killed run loses less than this; a chunk of 576 float32 features takes 0.6 MB.
CHUNK_FRAMES = 256
# Divides CHUNK_FRAMES, so that a resumed run groups frames as an uninterrupted one does: matrix
# products of another size may round differently.
BATCH_FRAMES = 32

Progress = Callable[[int, float | None], None]


class Window(TypedDict):
    """Which frames of a video are looked at, beside how many a second."""

    max_frames: int | None
    start: float | None
    end: float | None


def index_video(
    path: str | os.PathLike,
    encoders: str | Encoder | Sequence[str | Encoder],
    *,
    index: FeatureIndex | None = None,
    fps: float = 1.0,
    max_frames: int | None = None,
    start: float | None = None,
    end: float | None = None,
    progress: Progress | None = None,
    report: ReadReport | None = None,
) -> VideoIndex:
    """Features of the frames that `sample_frames` gives with the same arguments, by each encoder.

    The next batches are decoded in a thread while the encoders work on one.
    What an encoder said before is read back; the video is decoded once for all others together. A
    run that was killed goes on after its last complete chunk, and ends with the same result, bit
    for bit. Of a file that changes meanwhile nothing more is kept, since entries are named after
    the content that was hashed.

    Args:
        encoders: names in ENCODERS or encoders of your own, one or several. Features are kept by
            name and fingerprint of their encoder.
        index: where they are kept; None is the user's cache.
        progress: called with the frames done and the fraction of the work done (None: unknown).
        report: reading counters to add to; they stay as they are when all entries were ready.

    Raises:
        VideoError, ConfigError: as sample_frames. VideoChanged: the file changed meanwhile.
        ConfigError: no encoder, an unknown one, or two of one name. OutputError: the index cannot
        be written. InvalidFeatures: what an encoder returned is not what it promises.
    """
    encoders, index = _loaded(encoders), index or FeatureIndex()
    before = file_state(path)
    window: Window = {"max_frames": max_frames, "start": start, "end": end}
    keys, tracks = {}, {}
    for encoder in encoders:
        key = partial(index.key, path, fingerprint=encoder.fingerprint, fps=fps, **window)
        keys[encoder.name] = key(encoder=encoder.name)
        track = _kept(index, keys[encoder.name])
        if track is None:
            track = _kept_before(index, key(), encoder.name)
        if track is not None:
            tracks[encoder.name] = track
    missing = [encoder for encoder in encoders if encoder.name not in tracks]
    if missing:
        report = ReadReport() if report is None else report
        info = probe(path)
        shown = info.height, info.width
        growing = [
            _Growing(index, keys[encoder.name], encoder, encoder.size_for(*shown))
            for encoder in missing
        ]
        rate = sampling_fps(info.duration_seconds, fps=fps, **window)
        expected = _expected_frames(info.duration_seconds, rate, **window)
        index.check_space(sum(grown.least_bytes(expected) for grown in growing))
        _grow(path, growing, before, rate, expected, report, progress, **window)
        for encoder, grown in zip(missing, growing, strict=True):
            tracks[encoder.name] = grown.finish(_meta(encoder, info, rate, window))
    return _as_index({name: tracks[name] for name in keys})


def is_indexed(
    path: str | os.PathLike,
    encoders: Sequence[Encoder],
    *,
    index: FeatureIndex,
    fps: float,
    max_frames: int | None,
) -> bool:
    """Whether all features of a whole video are kept; the arguments are those of `index_video`."""
    keys = (
        index.key(path, encoder=one.name, fingerprint=one.fingerprint, fps=fps,
                  max_frames=max_frames)
        for one in encoders
    )  # fmt: skip
    return all(index.load(key) is not None for key in keys)


def _loaded(encoders: str | Encoder | Sequence[str | Encoder]) -> list[Encoder]:
    if isinstance(encoders, str) or not isinstance(encoders, Sequence):
        encoders = [encoders]
    if not encoders:
        raise ConfigError(f"no encoder; give one of your own, or a name: {', '.join(ENCODERS)}")
    return distinct_encoders(load_encoder(encoder) for encoder in encoders)


def _kept(index: FeatureIndex, key: str) -> Track | None:
    track = index.load(key)
    if track is not None:
        index.remove_chunks(key)  # a run may have been killed between its last two steps
    return track


def _kept_before(index: FeatureIndex, key: str, name: str) -> Track | None:
    """What an earlier version kept of this encoder, whose keys did not tell its name."""
    track = index.load(key)
    return track if track is not None and track.meta.get("encoder") == name else None


@dataclass
class _Growing:
    """The track of one encoder, as far as it has come; ``size`` is that of its pictures."""

    index: FeatureIndex
    key: str
    encoder: Encoder
    size: tuple[int, int]
    chunks: list[Track] = field(init=False)
    batches: list[Track] = field(init=False, default_factory=list)  # encoded, not yet in a chunk

    def __post_init__(self):
        self.chunks = self.index.load_chunks(self.key)

    def least_bytes(self, expected: int) -> int:
        """Of the frames that are missing: a time and a row of features each."""
        return max(0, expected - self.done) * (8 + 4 * self.encoder.feature_size)

    @property
    def done(self) -> int:
        return _count(self.chunks) + _count(self.batches)

    def add(self, frames: Frames, position: int, damaged: bool) -> None:
        """Encode frames from this position of the video on, but for those that it has."""
        if self.done >= position + len(frames):
            return
        batch = self._encoded(frames[self.done - position :], {"damaged": damaged})
        self.batches.append(batch)

    def _encoded(self, frames: Frames, meta: dict) -> Track:
        """A picture that stays on screen is encoded once, and its features are repeated."""
        times = frames.pts_seconds
        before = (self.batches or self.chunks)[-1:]  # how it came to be there makes no difference
        is_new = np.diff(times, prepend=before[0].pts_seconds[-1] if before else np.nan) != 0.0
        parts = [_last_row(part) for part in before]
        if is_new.any():
            features, notes = encode(self.encoder, frames.data[is_new], taken=ARRAYS)
            parts.append(Track(features, times[is_new], meta, notes))
        self._check_forms(parts)
        rows = np.cumsum(is_new) + len(before) - 1
        known = _joined(parts)
        repeated = {name: array[rows] for name, array in known.notes.items()}
        return Track(known.features[rows], times, meta, repeated)

    def _check_forms(self, parts: Sequence[Track]) -> None:
        for one, other in pairwise(parts):
            if _forms(one) != _forms(other):
                raise InvalidFeatures(
                    f"encoder {self.encoder.name!r}: features and notes must have one form for all "
                    f"frames; got {_forms(other)} after {_forms(one)}"
                )

    @property
    def is_chunk_full(self) -> bool:
        return _count(self.batches) >= CHUNK_FRAMES

    def save_chunk(self) -> None:
        chunk = _joined(self.batches)
        self.index.save_chunk(self.key, len(self.chunks), chunk)
        self.chunks.append(chunk)
        self.batches = []

    def finish(self, meta: dict) -> Track:
        joined = _joined(self.chunks + self.batches)
        track = Track(joined.features, joined.pts_seconds, meta | joined.meta, joined.notes)
        self.index.save(self.key, track)
        return track


def _grow(
    path: str | os.PathLike,
    growing: Sequence[_Growing],
    before: tuple | None,
    rate: float,
    expected: int,
    report: ReadReport,
    progress: Progress | None,
    **window: Unpack[Window],
) -> None:
    """Decode what the shortest track lacks, and let every encoder see what it has not seen."""
    position = min(track.done for track in growing)
    sizes = [track.size for track in growing]
    remaining = _remaining(path, sizes, rate, position, report=report, **window)
    with closing(prefetch(_with_damage(remaining, report))) as decoded:
        for pictures, damaged in decoded:
            for track, frames in zip(growing, pictures, strict=True):
                track.add(frames, position, damaged)
                if track.is_chunk_full:
                    check_unchanged(path, before)
                    track.save_chunk()
            position += len(pictures[0])
            if progress is not None:
                progress(position, min(1.0, position / expected) if expected else None)
    check_unchanged(path, before)


def _as_index(tracks: dict[str, Track]) -> VideoIndex:
    """All that is known of a video."""
    first = next(iter(tracks.values()))
    for name, track in tracks.items():
        if not np.array_equal(track.pts_seconds, first.pts_seconds):
            raise AssertionError(f"encoder {name} saw other frames")
    about = {key: value for key, value in first.meta.items() if key not in OF_THE_ENCODER}
    return VideoIndex(
        first.pts_seconds,
        {name: track.features for name, track in tracks.items()},
        {name: track.notes for name, track in tracks.items() if track.notes},
        meta=about,
    )


def _remaining(
    path: str | os.PathLike,
    sizes: Sequence[tuple[int, int]],
    rate: float,
    done: int,
    *,
    max_frames: int | None,
    start: float | None,
    end: float | None,
    report: ReadReport,
) -> Iterator[list[Frames]]:
    """Batches of the frames that follow the first `done` of start, start + 1/rate, ..."""
    resume = (start or 0.0) + done / rate
    left = math.inf if max_frames is None else max_frames - done
    if left <= 0 or (end is not None and resume >= end):
        return
    try:
        for pictures in sample_in_sizes(
            path,
            sizes,
            fps=rate,
            start=resume,
            end=end,
            batch_size=BATCH_FRAMES,
            report=report,
        ):
            number = len(pictures[0])
            yield pictures if number <= left else [frames[: int(left)] for frames in pictures]
            left -= number
            if left <= 0:
                return
    except NoFramesError:
        if not done:  # otherwise the video ends exactly where the last chunk does
            raise


def _with_damage(
    batches: Iterator[list[Frames]], report: ReadReport
) -> Iterator[tuple[list[Frames], bool]]:
    """Each batch, and whether anything was lost up to it: asked before the next one is decoded."""
    lost_before = report.lost
    for pictures in batches:
        yield pictures, report.lost > lost_before


def _expected_frames(
    duration_seconds: float,
    rate: float,
    *,
    max_frames: int | None,
    start: float | None,
    end: float | None,
) -> int:
    span = min(duration_seconds, math.inf if end is None else end) - (start or 0.0)
    expected = math.ceil(span * rate)
    return expected if max_frames is None else min(expected, max_frames)


def _forms(part: Track) -> dict[str, tuple[int, ...]]:
    """Shape of what there is of one frame, by name."""
    arrays = {"features": part.features} | part.notes
    return {name: array.shape[1:] for name, array in sorted(arrays.items())}


def _last_row(part: Track) -> Track:
    notes = {name: array[-1:] for name, array in part.notes.items()}
    return Track(part.features[-1:], part.pts_seconds[-1:], part.meta, notes)


def _count(parts: list[Track]) -> int:
    return sum(len(part) for part in parts)


def _joined(parts: list[Track]) -> Track:
    return Track(
        np.concatenate([part.features for part in parts]),
        np.concatenate([part.pts_seconds for part in parts]),
        {"damaged": any(part.meta["damaged"] for part in parts)},
        {name: np.concatenate([part.notes[name] for part in parts]) for name in parts[0].notes},
    )


OF_THE_ENCODER = ("encoder", "fingerprint")


def _meta(encoder: Encoder, info: VideoInfo, rate: float, window: Window) -> dict:
    own = dict(zip(OF_THE_ENCODER, (encoder.name, encoder.fingerprint), strict=True))
    return {
        **own,
        "sampling_fps": rate,
        **window,
        "codec": info.codec,
        "width": info.width,
        "height": info.height,
        "duration_seconds": info.duration_seconds,
    }
