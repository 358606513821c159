"""The built-in encoder: the vision tower that comes with the package."""

from typing import TYPE_CHECKING

import numpy as np

from ntlbg.encoders import Encoder

if TYPE_CHECKING:
    from torch import Tensor

    from ntlbg.models.builtin.imagenet_expert import ImagenetExpert
    from ntlbg.models.builtin.vision_tower import BuiltinVisionTower

# Notes: the K likeliest words of the photograph expert, int16 (T, K), and their chances, float32.
EXPERT_WORDS, EXPERT_CHANCES = "expert_words", "expert_chances"
BATCH_SIZE = 16  # larger batches leave the processor's cache


class BuiltinEncoder(Encoder):
    """The built-in vision tower: unit vectors in the language model's word space.

    With an expert, its likeliest words and their chances are notes.

    Attributes:
        weights: what features depend on: the fingerprint of the weights, the size looked at.
    """

    name = "builtin"

    def __init__(
        self,
        tower: "BuiltinVisionTower",
        fingerprint: str,
        expert: "ImagenetExpert | None" = None,
    ):
        self.tower, self.expert = tower.eval(), expert
        self.feature_size = tower.config.feature_size
        self.image_size = tuple(tower.config.image_size)
        height, width = tower.config.enlarged_size  # other pixels give other features
        self.weights = f"{fingerprint} {width}x{height}"
        own = self.weights
        self.fingerprint = own if expert is None else f"{own} {expert.fingerprint}"

    def encode_frames(self, frames: np.ndarray) -> np.ndarray:
        """uint8 (N, H, W, 3) -> float32 (N, D), unit length."""
        return self._encode(frames, None)[0]

    def encode_with_notes(self, frames: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """As ``encode_frames``, and ``expert_words`` int16, ``expert_chances`` float32 (N, K)."""
        return self._encode(frames, self.expert)

    def _encode(self, frames: np.ndarray, expert: "ImagenetExpert | None"):
        import torch  # here and below, so that importing this module does not

        height, width = self.image_size
        if frames.ndim != 4 or frames.shape[1:] != (height, width, 3):
            raise ValueError(f"frames must be (N, {height}, {width}, 3), got {frames.shape}")
        batches = torch.from_numpy(np.ascontiguousarray(frames)).split(BATCH_SIZE)
        with torch.inference_mode():
            parts = [self._encode_batch(batch, expert) for batch in batches]
            features, *opinions = (torch.cat(part).cpu().numpy() for part in zip(*parts))
        return features, dict(zip((EXPERT_WORDS, EXPERT_CHANCES), opinions))

    def _encode_batch(self, frames: "Tensor", expert: "ImagenetExpert | None") -> tuple:
        """Features, and with an expert its words as int16 and their chances."""
        from ntlbg.models.builtin.vision_tower import normalize_pixels

        pixels = normalize_pixels(frames).to(self.tower.stem.weight.device)
        features = self.tower(pixels)
        if expert is None:
            return (features,)
        # as they are: of photographs that are enlarged its classifier is less sure
        words, chances = expert.likeliest(self.tower.forward_trunk(pixels))
        return features, words.short(), chances


def load_builtin_encoder() -> BuiltinEncoder:
    """The encoder of the shipped model, without its language model."""
    from ntlbg.models.builtin.imagenet_expert import load_imagenet_expert
    from ntlbg.models.builtin.loading import load_vision_tower, weights_fingerprint

    tower = load_vision_tower()
    return BuiltinEncoder(tower, weights_fingerprint(), load_imagenet_expert(tower.config))
