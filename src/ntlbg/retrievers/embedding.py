"""Any encoder that knows pictures and texts: how alike their vectors are."""

import numpy as np

from ntlbg.encoders import Encoder
from ntlbg.encoders.checked import encode_texts
from ntlbg.errors import ConfigError
from ntlbg.retrievers import Retriever
from ntlbg.types import VideoIndex


class EmbeddingRetriever(Retriever):
    """Cosine of a text and every frame.

    Raises:
        ConfigError: the encoder knows no texts. InvalidFeatures: what it says of them is unusable.
    """

    name = "embedding"
    unit = "similarity"
    cuts_texts = True

    def __init__(self, encoder: Encoder):
        if encode_texts(encoder, ["a"]) is None:
            raise ConfigError(
                f"encoder {encoder.name!r} knows pictures only, so it cannot tell which frames a "
                "question is about; give one with texts, such as SigLIP or CLIP"
            )
        self.encoders = (encoder,)

    def text_tokens(self, text: str) -> tuple[int, int] | None:
        """Of its encoder."""
        return self.encoders[0].text_tokens(text)

    def score(self, index: VideoIndex, text: str) -> np.ndarray:
        """Cosines (T,), -1 to 1."""
        [encoder] = self.encoders
        queries = encode_texts(encoder, [text])
        assert queries is not None  # or it would not have been taken
        [query] = queries
        frames = self.features(index)
        lengths = np.linalg.norm(frames, axis=1) * np.linalg.norm(query)
        return (frames @ query) / np.maximum(lengths, 1e-12)
