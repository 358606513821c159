"""Any encoder that knows pictures and texts: how alike their vectors are."""

import numpy as np

from ntlbg.encoders import Encoder
from ntlbg.errors import ConfigError
from ntlbg.retrievers import Retriever
from ntlbg.types import VideoIndex


class EmbeddingRetriever(Retriever):
    """Cosine of a text and every frame.

    Raises:
        ConfigError: the encoder knows no texts.
    """

    name = "embedding"
    unit = "similarity"

    def __init__(self, encoder: Encoder):
        if encoder.encode_text(["a"]) is None:
            raise ConfigError(
                f"encoder {encoder.name!r} knows pictures only, so it cannot tell which frames a "
                "question is about; give one with texts, such as SigLIP or CLIP"
            )
        self.encoders = (encoder,)

    def score(self, index: VideoIndex, text: str) -> np.ndarray:
        """Cosines (T,), -1 to 1."""
        [encoder] = self.encoders
        [query] = np.asarray(encoder.encode_text([text]), np.float64)
        frames = self.features(index)
        lengths = np.linalg.norm(frames, axis=1) * np.linalg.norm(query)
        return (frames @ query) / np.maximum(lengths, 1e-12)
