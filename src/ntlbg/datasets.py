"""The data sets that a configuration names: questions, and the video or features of each.

A data set is a file of questions (``.jsonl``, or ``.json`` with a list), or a folder with one.
Videos lie beside the questions or in ``videos/``, ``video/`` or ``data/``; features that were
computed before lie beside the questions or in ``features/``, under the video's name with the ending
``.pt``, ``.safetensors`` or ``.npy``. Where a data set names a ``folder``, they lie there instead
of beside the questions.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError

from ntlbg.config.training_blocks import DatasetEntry
from ntlbg.data import Sample, read_samples
from ntlbg.errors import DataError
from ntlbg.video_files import FEATURE_SUFFIXES, find_source

QUESTION_FILES = ("questions.jsonl", "questions.json")


@dataclass(frozen=True)
class DatasetItem:
    """A question and where its video's frames come from.

    Attributes:
        sample: the question.
        source: a video file, or a file of features; None when there is neither.
    """

    sample: Sample
    source: Path | None

    @property
    def has_features(self) -> bool:
        return self.source is not None and self.source.suffix in FEATURE_SUFFIXES


def load_items(entry: DatasetEntry) -> list[DatasetItem]:
    """All questions of a data set, in the order of the file.

    Raises:
        DataError: no such file or folder, no questions in it, or a line that is wrong.
    """
    file = question_file(Path(entry.path))
    folder = video_folder(file, entry.folder, f"{entry.path}: folder")
    return [DatasetItem(sample, find_source(folder, sample.video)) for sample in read_samples(file)]


def video_folder(file: Path, named: str | Path | None, key: str) -> Path:
    """Where the videos of a file of questions lie: beside it, or in the folder that is named.

    Args:
        key: what names the folder, for the message.

    Raises:
        DataError: there is no such folder.
    """
    if named is None:
        return file.parent
    if not Path(named).is_dir():
        raise DataError(
            f"{key}: got {str(named)!r}; there is no such folder, name the one that holds the "
            "videos, pictures or features"
        )
    return Path(named)


def question_file(path: Path) -> Path:
    """The file of questions: the path itself, or the one in the folder.

    Raises:
        DataError: there is none, or more than one and none called ``questions``.
    """
    if path.is_file():
        return path
    if not path.is_dir():
        why = "is not a regular file" if path.exists() else "no such file or folder"
        raise DataError(f"{path}: {why}; give a data set's questions or its folder")
    found = [path / name for name in QUESTION_FILES if (path / name).is_file()]
    found = found or sorted([*path.glob("*.jsonl"), *path.glob("*.json")])
    if len(found) != 1 and found[:1] != [path / QUESTION_FILES[0]]:
        names = ", ".join(file.name for file in found) or "none"
        raise DataError(
            f"{path}: a folder needs one file of questions, .jsonl or .json; found {names}. "
            f"Name the file itself, or call it {QUESTION_FILES[0]}"
        )
    return found[0]


def read_features(path: str | Path, fps: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Features (T, D) float32 and times (T,) float64 of a file of features.

    ``.pt`` holds a tensor, or a dictionary with ``features`` and perhaps ``pts_seconds``;
    ``.safetensors`` holds the same by name; ``.npy`` holds an array. Numbers of any format are
    read, bfloat16 too. Without times, frames are 1 / ``fps`` seconds apart.

    Raises:
        DataError: the file cannot be read, or its shapes are wrong.
    """
    path = Path(path)
    tensors = _tensors(path)
    features = _numbers(path, tensors, "features", np.float32)
    if features.ndim != 2 or not len(features):
        raise DataError(f"{path}: features must be (frames, size), got {features.shape}")
    if tensors.get("pts_seconds") is None:
        return features, np.arange(len(features)) / fps
    times = _numbers(path, tensors, "pts_seconds", np.float64)
    if times.shape != features.shape[:1]:
        raise DataError(f"{path}: {len(features)} features, but times of shape {times.shape}")
    return features, times


def _tensors(path: Path) -> dict:
    try:
        if path.suffix == ".npy":
            return {"features": np.load(path)}
        found = _load_safetensors(path) if path.suffix == ".safetensors" else _load_pt(path)
    except (OSError, ValueError, SafetensorError) as error:
        raise DataError(f"{path}: features cannot be read ({error})") from error
    if "features" not in found:
        names = ", ".join(map(str, found)) or "nothing"
        raise DataError(f"{path}: there is no tensor called features; it holds {names}")
    return found


def _numbers(path: Path, tensors: dict, name: str, dtype: type) -> np.ndarray:
    value = tensors[name]
    try:
        if hasattr(value, "detach"):  # of torch, which has formats that NumPy does not have
            value = value.detach().double() if dtype is np.float64 else value.detach().float()
        return np.asarray(value, dtype=dtype)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(f"{path}: {name} are not numbers in rows ({error})") from error


def _load_safetensors(path: Path) -> dict:
    from safetensors.torch import load_file

    return load_file(path)


def _load_pt(path: Path) -> dict:
    import pickle

    import torch

    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError) as error:
        raise ValueError(str(error).splitlines()[0]) from error
    return found if isinstance(found, dict) else {"features": found}
