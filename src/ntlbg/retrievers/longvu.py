"""LongVU's own measure of how close a frame is to a question."""

import numpy as np
import torch
import torch.nn.functional as F

from ntlbg.compressors.longvu import MODES
from ntlbg.encoders.longvu import LongVUEncoder
from ntlbg.retrievers import Retriever
from ntlbg.types import VideoIndex


class LongVURetriever(Retriever):
    """Inner products of frames and the text behind the video, as the model sees both."""

    name = "longvu"
    unit = "similarity"

    def __init__(self, encoder: LongVUEncoder):
        self.model, self.processor, self.encoders = encoder.model, encoder.processor, (encoder,)

    def text_tokens(self, text: str) -> tuple[int, int]:
        """With the words that stand around every question."""
        tokens = len(self.processor.encode(self.processor.prompt(text)))
        return tokens, self.model.config.context_length

    @torch.inference_mode()
    def score(self, index: VideoIndex, text: str) -> np.ndarray:
        """(T,) in standard deviations from the video's mean."""
        ids = torch.tensor(self.processor.encode(self.processor.prompt(text)))
        place = (ids == self.processor.image_token_id).nonzero()[-1].item()
        words = self.model.get_input_embeddings()(ids[place + 1 :].to(self.model.device)).float()
        frames = torch.from_numpy(self.features(index)).to(words.device)
        if MODES[self.model.config.mode].unit_relevance:
            words, frames = F.normalize(words, dim=-1), F.normalize(frames, dim=-1)
        scores = (frames @ words.mean(0)).double().cpu().numpy()
        spread = scores.std()
        return (scores - scores.mean()) / spread if spread > 0 else np.zeros_like(scores)
