"""The vision tower of a vision-language model: one vector for each frame."""

from typing import TYPE_CHECKING

import numpy as np

from ntlbg.encoders import Encoder

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

    from ntlbg.models.picture_processor import PictureProcessor

# Frames that the tower sees at once: it reads patches of each by themselves, so that more of them
# take memory and save little time.
AT_ONCE = 8


class BaseTowerEncoder(Encoder):
    """The mean of a frame's patches, as the tower gives them out before they are joined with text.

    What comes after the tower may train, this does not: features that were kept stay valid.

    Args:
        model: a vision-language model.
        fingerprint: changes when its weights do.
        image_size: (height, width) in pixels.
    """

    name = "base"

    def __init__(
        self,
        model: "PreTrainedModel",
        processor: "PictureProcessor",
        feature_size: int,
        fingerprint: str,
        image_size: tuple[int, int],
    ):
        self.model, self.processor = model, processor
        self.feature_size, self.image_size = feature_size, image_size
        height, width = image_size
        self.fingerprint = f"{fingerprint} {width}x{height} {model.dtype}"

    def encode_frames(self, frames: np.ndarray) -> np.ndarray:
        """uint8 (N, H, W, 3) -> float32 (N, D), unit length."""
        import torch
        import torch.nn.functional as F

        from ntlbg.models.precision import mixed_precision

        starts = range(0, len(frames), AT_ONCE)
        with torch.inference_mode(), mixed_precision(self.model):
            means = [self._means(frames[start : start + AT_ONCE]) for start in starts]
            return F.normalize(torch.cat(means).float(), dim=-1).cpu().numpy()

    def _means(self, frames: np.ndarray) -> "Tensor":
        """(n, D) of frames (n, H, W, 3)."""
        import torch

        inputs = self.processor.pictures(list(frames))
        given = {name: one.to(self.model.device) for name, one in inputs.items()}
        patches = self.model.model.get_image_features(**given, return_dict=True).last_hidden_state
        if patches.dim() == 3:
            return patches.mean(1)
        counts = inputs["image_grid_thw"].prod(1).tolist()
        return torch.stack([one.mean(0) for one in patches.split(counts)])
