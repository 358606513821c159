"""Vectors of passages on disk, by what the passages say: no sentence is encoded twice.

Passages are kept in runs of RUN, each an entry named after its texts and its encoder. So a
transcript that grows keeps the runs that are whole, and the same texts give the same vectors bit
for bit: matrix products of another size may round differently.

N texts, D feature size.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from ntlbg.downloads import index_root
from ntlbg.errors import InvalidFeatures, OutputError
from ntlbg.files import replace_content
from ntlbg.selectors.inputs import finite_array
from ntlbg.text.meaning import TextEncoder

MEANING = "meaning"  # the folder, in that of the index
# About ten minutes of speech: what a growing transcript encodes again at most.
RUN = 128


def kept_vectors(
    encoder: TextEncoder, texts: Sequence[str], folder: Path | None = None
) -> np.ndarray:
    """float32 (N, D) of unit length; what was encoded before is read back.

    Args:
        folder: where vectors are kept; by default in the user's index.

    Raises:
        InvalidFeatures: the encoder returned something else. OutputError: they cannot be kept.
    """
    folder = index_root() / MEANING if folder is None else folder
    runs = [texts[start : start + RUN] for start in range(0, len(texts), RUN)]
    found = [_run(encoder, run, folder) for run in runs]
    return np.concatenate(found) if found else np.zeros((0, encoder.feature_size), np.float32)


def _run(encoder: TextEncoder, texts: Sequence[str], folder: Path) -> np.ndarray:
    named = json.dumps([encoder.name, encoder.fingerprint, list(texts)])
    path = folder / f"{hashlib.sha256(named.encode()).hexdigest()}.safetensors"
    shape = len(texts), encoder.feature_size
    vectors = _read(path, shape)
    if vectors is None:
        vectors = checked_vectors(encoder, encoder.encode(texts), len(texts))
        try:
            replace_content(path, save(_with_checksum(vectors)))
        except OSError as error:
            raise OutputError(
                f"{path.parent}: what passages mean cannot be kept there ({error.strerror}); free "
                "some space, or set NTLBG_INDEX to a folder that can be written"
            ) from error
    return vectors


def checked_vectors(encoder: TextEncoder, value: object, number: int) -> np.ndarray:
    """What an encoder returned, brought to float32 and unit length.

    Raises:
        InvalidFeatures: it is no finite vector, longer than 0, for each text.
    """
    what = f"text encoder {encoder.name!r}: what it returns"
    vectors = finite_array(what, value, np.float32, float(np.finfo(np.float32).max))
    if vectors.shape != (number, encoder.feature_size):
        raise InvalidFeatures(
            f"{what} must have shape ({number}, {encoder.feature_size}), a row for each text and "
            f"its feature_size; got shape {vectors.shape}"
        )
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not (lengths > 0).all():
        raise InvalidFeatures(f"{what} must point somewhere; row {lengths.argmin()} is all zeros")
    return vectors / lengths


def _with_checksum(vectors: np.ndarray) -> dict[str, np.ndarray]:
    digest = hashlib.sha256(np.ascontiguousarray(vectors).data).digest()
    return {"vectors": vectors, "sha256": np.frombuffer(digest, np.uint8)}


def _read(path: Path, shape: tuple[int, int]) -> np.ndarray | None:
    """None where there are none, or damaged ones: they are made anew."""
    try:
        held = load(path.read_bytes())
        vectors = held["vectors"]
        intact = held["sha256"].tobytes() == _with_checksum(vectors)["sha256"].tobytes()
    except (OSError, SafetensorError, ValueError, KeyError):
        return None
    return vectors if intact and vectors.shape == shape else None
