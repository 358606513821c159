"""What an encoder says, checked before it is kept or compared.

N frames or texts, D feature size.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from ntlbg.encoders import Encoder
from ntlbg.errors import InvalidFeatures
from ntlbg.selectors.inputs import finite_array

LARGEST = float(np.finfo(np.float32).max)


def encode(
    encoder: Encoder, frames: np.ndarray, *, taken: Collection[str] = ()
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Features float32 (N, D) and notes (N, ...) of pictures uint8 (N, H, W, 3).

    Args:
        taken: names that no note may have.

    Raises:
        InvalidFeatures: the encoder returned something else, or numbers that are not finite.
    """
    noting = type(encoder).encode_with_notes is not Encoder.encode_with_notes
    method = "encode_with_notes" if noting else "encode_frames"
    returned = encoder.encode_with_notes(frames)
    is_pair = isinstance(returned, tuple) and len(returned) == 2
    if not is_pair or not isinstance(returned[1], Mapping):
        raise InvalidFeatures(
            f"encoder {encoder.name!r}: {method} must return features and a dict of notes; "
            f"got {type(returned).__name__}"
        )
    features, notes = returned
    vectors = _vectors(encoder, method, features, len(frames), np.float32)
    return vectors, {name: _note(encoder, name, notes[name], len(frames), taken) for name in notes}


def encode_texts(encoder: Encoder, texts: Sequence[str]) -> np.ndarray | None:
    """Vectors float64 (N, D) in the space of the frames; None where it knows pictures only.

    Raises:
        InvalidFeatures: the encoder returned something else, or numbers that are not finite.
    """
    vectors = encoder.encode_text(texts)
    if vectors is None:
        return None
    return _vectors(encoder, "encode_text", vectors, len(texts), np.float64)


def _vectors(encoder: Encoder, method: str, value: Any, number: int, dtype: type) -> np.ndarray:
    what = f"encoder {encoder.name!r}: what {method} returns"
    vectors = finite_array(what, value, dtype, LARGEST)
    if vectors.shape != (number, encoder.feature_size):
        raise InvalidFeatures(
            f"{what} must have shape ({number}, {encoder.feature_size}), a row for each and its "
            f"feature_size; got shape {vectors.shape}"
        )
    return vectors


def _note(
    encoder: Encoder, name: str, value: Any, number: int, taken: Collection[str]
) -> np.ndarray:
    note = np.asarray(value)
    if name in taken or note.dtype.kind not in "fiub" or note.shape[:1] != (number,):
        raise InvalidFeatures(
            f"encoder {encoder.name!r}: notes of encode_with_notes must be arrays of numbers with "
            f"{number} rows, one for each frame, not called {' or '.join(taken) or 'so'}; "
            f"got {name!r}, {note.dtype} of shape {note.shape}"
        )
    return note
