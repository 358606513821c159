"""Features of videos on disk, so that a video is decoded and encoded once, not once a question.

An entry's name is a hash of the video's content and of everything its features depend on: no entry
is ever out of date, a renamed video is found again, and writers of the same entry write the same.
Every file carries a checksum; a damaged one counts as missing and is written anew.
"""

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from safetensors.numpy import save as to_safetensors

from ntlbg.disk_space import check_space
from ntlbg.downloads import index_root
from ntlbg.errors import DataError, OutputError, VideoNotFound
from ntlbg.files import replace_content
from ntlbg.hashes import content_hash
from ntlbg.index.kept import KEPT, bounded
from ntlbg.tensor_files import read_arrays
from ntlbg.text_files import parse_json
from ntlbg.video.opening import regular_file

# Change this when the same file and settings would give other pictures, times or arrays.
FORMAT = 2
ARRAYS = ("features", "pts_seconds")  # of every entry; all others are notes
TEXT = "text"  # what is said and written, in a folder for each film
# Of what killed processes left; nothing else in the folder is ours to remove.
_CHUNKS = re.compile(r"[0-9a-f]{64}\.partial")
ABANDONED_SECONDS = 86400.0  # no chunk for so long: nobody is waiting for the entry any more


@dataclass(frozen=True, eq=False)
class Track:
    """What one encoder says of T sampled frames.

    features: float32 (T, D). pts_seconds: float64 (T,), from the first shown picture.
    meta: where they come from; plain JSON values.
    notes: what else the encoder says of the frames; arrays (T, ...) by name.
    """

    features: np.ndarray
    pts_seconds: np.ndarray
    meta: dict = field(default_factory=dict)
    notes: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self):
        features, pts_seconds = self.features, self.pts_seconds
        if features.dtype != np.float32 or features.ndim != 2:
            raise ValueError(f"features must be float32 (T, D): {features.dtype} {features.shape}")
        if pts_seconds.dtype != np.float64 or pts_seconds.shape != features.shape[:1]:
            raise ValueError(
                f"pts_seconds must be float64 ({len(features)},), one time per feature: "
                f"{pts_seconds.dtype} {pts_seconds.shape}"
            )
        for name, note in self.notes.items():
            if name in ARRAYS or note.shape[:1] != features.shape[:1]:
                raise ValueError(
                    f"notes need a row per frame and a name of their own: {name!r} {note.shape}"
                )

    def __len__(self) -> int:
        return len(self.features)


class FeatureIndex:
    """A folder of entries: `root`, else ``$NTLBG_INDEX``, else ``index`` in ``$NTLBG_CACHE`` or
    in the platform's cache folder."""

    def __init__(self, root: str | os.PathLike | None = None):
        self.root = index_root() if root is None else Path(root)

    def key(
        self,
        path: str | os.PathLike,
        *,
        fingerprint: str,
        encoder: str | None = None,
        fps: float,
        max_frames: int | None = None,
        start: float | None = None,
        end: float | None = None,
    ) -> str:
        """The entry's name, 64 hexadecimal digits. Reads the whole file once.

        fingerprint: identifies the encoder's weights and preprocessing.
        encoder: its name; None for the key under which earlier versions kept its features.
        """
        parameters = {
            "format": FORMAT,
            "content": self._content_hash(path),
            "fingerprint": fingerprint,
            "fps": float(fps),
            "max_frames": max_frames,
            "start": float(start or 0.0),
            "end": None if end is None else float(end),
        } | ({} if encoder is None else {"encoder": encoder})
        return hashlib.sha256(json.dumps(parameters, sort_keys=True).encode()).hexdigest()

    def _content_hash(self, path: str | os.PathLike) -> str:
        path = regular_file(path)
        try:
            return content_hash(path, self.root)
        except OSError as error:
            raise VideoNotFound(
                f"{path}: cannot be read ({error.strerror}). Check the file's permissions."
            ) from error

    def check_space(self, needed: float) -> None:
        """Whether so many bytes can be kept.

        Raises:
            OutputError: they surely cannot.
        """
        with _told(self.root):
            check_space(
                self.root, needed, "set NTLBG_INDEX, or NTLBG_CACHE, to a folder on another disk"
            )

    def load(self, key: str) -> Track | None:
        """The entry, or None when there is none or it is damaged."""
        return _read(self._entry(key), key)

    def save(self, key: str, video: Track) -> None:
        """Write the entry in one step and drop its chunks.

        Raises:
            OutputError: the folder cannot be written.
        """
        path = self._entry(key)
        with _told(path.parent):
            replace_content(path, _content(key, video))
        self.remove_chunks(key)
        self._remove_stale()

    def load_chunks(self, key: str) -> list[Track]:
        """The leading chunks of an unfinished entry, up to the first missing or damaged one."""
        chunks: list[Track] = []
        while True:
            number = len(chunks)
            chunk = _read(self._chunk(key, number), f"{key}/{number}")
            if chunk is None:
                return chunks
            chunks.append(chunk)

    def save_chunk(self, key: str, number: int, chunk: Track) -> None:
        """Keep part of an unfinished entry, for the case that this process is killed."""
        path = self._chunk(key, number)
        # Another process may have finished the entry and be removing its chunks: then all is well.
        with _told(path.parent), suppress(FileNotFoundError, FileExistsError):
            replace_content(path, _content(f"{key}/{number}", chunk))

    def remove_chunks(self, key: str) -> None:
        """Of an entry that is finished."""
        shutil.rmtree(self._chunk(key, 0).parent, ignore_errors=True)

    def keeping(self, path: str | os.PathLike) -> AbstractContextManager[Path]:
        """A folder for what answerers keep of a film; the same for every file of this content.

        There is room for ``kept.MOST_BYTES`` of all films together. After the block what was not
        used for the longest time makes way.
        """
        return bounded(self.root / KEPT, self._content_hash(path))

    def text_folder(self, path: str | os.PathLike) -> Path:
        """Where passages of a film are; the same for every file of this content."""
        return self.root / TEXT / self._content_hash(path)

    def _entry(self, key: str) -> Path:
        return self.root / f"{key}.safetensors"

    def _chunk(self, key: str, number: int) -> Path:
        return self.root / f"{key}.partial" / f"{number:06d}.safetensors"

    def _remove_stale(self) -> None:
        """What killed processes left. The work is done: what cannot be removed may stay."""
        for chunks in _named(self.root, _CHUNKS):
            with suppress(OSError):
                if _age(chunks) > ABANDONED_SECONDS:
                    shutil.rmtree(chunks, ignore_errors=True)


def _named(folder: Path, form: re.Pattern) -> list[Path]:
    return [path for path in folder.iterdir() if form.fullmatch(path.name)]


def _age(path: Path) -> float:
    """Seconds since a file was written, or since a folder got or lost one."""
    return time.time() - path.stat().st_mtime


def _checksum(name: str, video: Track) -> str:
    digest = hashlib.sha256()
    about = [name, video.meta, video.features.shape, video.pts_seconds.shape]
    notes = sorted(video.notes.items())
    about += [[name, note.dtype.str, note.shape] for name, note in notes]
    digest.update(json.dumps(about, sort_keys=True).encode())
    for array in (video.features, video.pts_seconds, *(note for _, note in notes)):
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _content(name: str, video: Track) -> bytes:
    # One JSON text: safetensors writes several metadata entries in any order.
    about = json.dumps({"meta": video.meta, "sha256": _checksum(name, video)}, sort_keys=True)
    arrays = dict(zip(ARRAYS, (video.features, video.pts_seconds))) | video.notes
    return to_safetensors(arrays, metadata={"ntlbg": about})


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{folder}: features cannot be written there ({error.strerror}). Free some space, "
            "or set NTLBG_CACHE to a folder that can be written."
        ) from error


def _read(path: Path, name: str) -> Track | None:
    try:
        arrays, texts = read_arrays(path, "an entry of the index")
        about = parse_json(texts["ntlbg"], path)
        notes = {key: array for key, array in arrays.items() if key not in ARRAYS}
        video = Track(arrays["features"], arrays["pts_seconds"], about["meta"], notes)
        intact = about["sha256"] == _checksum(name, video)
    except (DataError, ValueError, KeyError, TypeError):
        return None  # missing, cut off or altered: safetensors, JSON and shapes each say so
    return video if intact else None
