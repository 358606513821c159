"""Frames to feature vectors. ``ENCODERS`` is the whole menu."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch

from ntlbg.models.vision_tower import BuiltinVisionTower, normalize_pixels

BATCH_SIZE = 32


class Encoder(Protocol):
    """What turns pictures into features.

    Attributes:
        name: as in ENCODERS.
        feature_size: D.
        image_size: (height, width) in pixels that ``encode_frames`` expects.
        fingerprint: changes whenever the features would; keys the index.
    """

    name: str
    feature_size: int
    image_size: tuple[int, int]
    fingerprint: str

    def encode_frames(self, frames: np.ndarray) -> np.ndarray:
        """uint8 (N, H, W, 3) -> float32 (N, D)."""


class BuiltinEncoder:
    """The built-in vision tower: unit vectors in the language model's word space."""

    name = "builtin"

    def __init__(self, tower: BuiltinVisionTower, fingerprint: str):
        self.tower = tower.eval()
        self.feature_size = tower.config.feature_size
        self.image_size = tuple(tower.config.image_size)
        self.fingerprint = fingerprint

    @torch.inference_mode()
    def encode_frames(self, frames: np.ndarray) -> np.ndarray:
        """uint8 (N, H, W, 3) -> float32 (N, D), unit length."""
        height, width = self.image_size
        if frames.ndim != 4 or frames.shape[1:] != (height, width, 3):
            raise ValueError(f"frames must be (N, {height}, {width}, 3), got {frames.shape}")
        batches = torch.from_numpy(np.ascontiguousarray(frames)).split(BATCH_SIZE)
        features = [self.tower(normalize_pixels(batch)) for batch in batches]
        return torch.cat(features).numpy()


def load_builtin_encoder() -> BuiltinEncoder:
    """The encoder of the shipped model, without its language model."""
    # here, so that importing this module does not load the language model's code
    from ntlbg.models.builtin import load_vision_tower, weights_fingerprint

    return BuiltinEncoder(load_vision_tower(), weights_fingerprint())


ENCODERS: dict[str, Callable[[], Encoder]] = {"builtin": load_builtin_encoder}
