"""Frames to feature vectors. ``ENCODERS`` is the whole menu, and can be read without PyTorch."""

from collections.abc import Callable
from typing import Protocol

import numpy as np


class Encoder(Protocol):
    """What turns pictures into features.

    Attributes:
        name: as in ENCODERS.
        feature_size: D.
        image_size: (height, width) in pixels that ``encode_frames`` expects.
        fingerprint: changes whenever the features or notes would; keys the index.

    An encoder that has more to say of a frame than its feature has
    ``encode_with_notes(frames) -> (features, notes)`` as well; notes are arrays (N, ...) by name.
    """

    name: str
    feature_size: int
    image_size: tuple[int, int]
    fingerprint: str

    def encode_frames(self, frames: np.ndarray) -> np.ndarray:
        """uint8 (N, H, W, 3) -> float32 (N, D)."""


def load_builtin_encoder() -> Encoder:
    """The encoder of the shipped model, without its language model."""
    from ntlbg.encoders.builtin import load_builtin_encoder as load

    return load()


ENCODERS: dict[str, Callable[[], Encoder]] = {"builtin": load_builtin_encoder}
