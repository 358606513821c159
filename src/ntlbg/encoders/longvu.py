"""LongVU's own tokens, as one vector a frame."""

import numpy as np
import torch

from ntlbg.compressors.longvu import resize_grid
from ntlbg.encoders import Encoder
from ntlbg.models.longvu.modeling_longvu import LongVUForConditionalGeneration
from ntlbg.models.longvu.processing_longvu import LongVUProcessor


class LongVUEncoder(Encoder):
    """Mean coarse token of a frame, as the language model would read it.

    Its inner product with the mean embedding of a text is LongVU's relevance of the frame to the
    text (without the newlines, which are the same for all frames).
    """

    name = "longvu"

    def __init__(self, model: LongVUForConditionalGeneration, processor: LongVUProcessor, key: str):
        self.model, self.processor, self.fingerprint = model, processor, key
        self.feature_size = model.config.get_text_config().hidden_size
        # pictures are stretched to a square here, so that no token is spent on padding
        self.image_size = (processor.siglip_pixels, processor.siglip_pixels)

    @torch.inference_mode()
    def encode_frames(self, frames: np.ndarray) -> np.ndarray:
        """uint8 (N, H, W, 3) -> float32 (N, D)."""
        fused = self.model.fuse(self.processor.frame_pixels(frames), self.image_size)
        coarse = resize_grid(fused.tokens, self.model.config.lowres_grid)
        return self.model.multi_modal_projector(coarse).float().mean(1).cpu().numpy()
