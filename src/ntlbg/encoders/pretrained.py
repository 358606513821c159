"""Encoders that others trained, read by transformers: CLIP, SigLIP, MetaCLIP 2, DINOv2 and kin."""

import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ntlbg.encoders import Encoder
from ntlbg.encoders.pixels import Pixels

# As many as indexing hands over at once. On a processor 8 to 32 pictures cost the same each.
BATCH_SIZE = 32
_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True)
class Texts:
    """How a family's texts were tokenized when it was trained.

    Attributes:
        to_full_length: pad to the longest text that the model reads, and let it look at the
            padding; else to the longest of the batch, and mask it.
        lower_case: whether capitals were taken away.
        punctuation: whether that of ASCII was kept. Tokenizers that do either themselves are not
            harmed.
    """

    to_full_length: bool = False
    lower_case: bool = False
    punctuation: bool = True

    def tokenize(self, tokenizer: Any, texts: Sequence[str], length: int) -> dict[str, Tensor]:
        """Token ids (N, L), and a mask where the model was trained with one; L is at most length.

        What is longer is cut off at its end, as the families' own processors do.
        """
        tokens = tokenizer(
            [self._plain(text) for text in texts],
            padding="max_length" if self.to_full_length else True,
            padding_side="right",
            truncation=True,
            max_length=length,
            return_tensors="pt",
        )
        names = ["input_ids"] if self.to_full_length else ["input_ids", "attention_mask"]
        return {name: tokens[name] for name in names}

    def count(self, tokenizer: Any, text: str) -> int:
        """Tokens of a text, however many."""
        return len(tokenizer(self._plain(text), verbose=False).input_ids)

    def _plain(self, text: str) -> str:
        text = text.lower() if self.lower_case else text
        return text if self.punctuation else " ".join(text.translate(_PUNCTUATION).split())


class PictureEncoder(Encoder):
    """A model that knows pictures only: its own summary of a picture, ``pooler_output``.

    Args:
        model: of transformers; its type and device are those it computes with.
        pixels: what is left to do of its preprocessing.
    """

    def __init__(
        self, model: Any, pixels: Pixels, *, name: str, fingerprint: str, feature_size: int
    ):
        self.model, self.pixels = model.eval(), pixels
        self.name, self.fingerprint, self.feature_size = name, fingerprint, feature_size
        self.image_size = pixels.size_for(9, 16)  # the shape of most films

    def size_for(self, height: int, width: int) -> tuple[int, int]:
        """The model's one size; of models that take any shape, one of the picture's shape."""
        return self.pixels.size_for(height, width)

    @torch.inference_mode()
    def encode_frames(self, frames: np.ndarray) -> np.ndarray:
        """uint8 (N, H, W, 3) -> float32 (N, D), of the length that the model gives them.

        Raises:
            ValueError: H x W is not a size that it asked for.
        """
        found = [self._embed(self.pixels(batch)).float() for batch in self._batches(frames)]
        return torch.cat(found).cpu().numpy()

    def _batches(self, frames: np.ndarray) -> Iterator[Tensor]:
        """uint8, where the model is; a GPU is not waited for while one is copied."""
        for batch in torch.from_numpy(np.ascontiguousarray(frames)).split(BATCH_SIZE):
            if self.model.device.type == "cuda":
                batch = batch.pin_memory().to(self.model.device, non_blocking=True)
            yield batch

    def _typed(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Pixels in the model's numbers; masks and shapes as they are."""
        return inputs | {"pixel_values": inputs["pixel_values"].to(self.model.dtype)}

    def _embed(self, inputs: dict[str, Tensor]) -> Tensor:
        return self.model(**self._typed(inputs)).pooler_output


class DualEncoder(PictureEncoder):
    """A model of pictures and texts: vectors of both in one space.

    Args:
        tokenizer: of transformers.
        texts: how texts were tokenized in training.
    """

    def __init__(self, model: Any, pixels: Pixels, tokenizer: Any, texts: Texts, **about: Any):
        super().__init__(model, pixels, **about)
        self.tokenizer, self.texts = tokenizer, texts

    @property
    def _text_length(self) -> int:
        return self.model.config.text_config.max_position_embeddings

    def text_tokens(self, text: str) -> tuple[int, int]:
        """By its own tokenizer."""
        return self.texts.count(self.tokenizer, text), self._text_length

    @torch.inference_mode()
    def encode_text(self, texts: Sequence[str]) -> np.ndarray:
        """float32 (N, D); a text longer than the model reads is cut off at its end."""
        length, found = self._text_length, []
        for start in range(0, len(texts), BATCH_SIZE):
            batch = list(texts[start : start + BATCH_SIZE])
            tokens = self.texts.tokenize(self.tokenizer, batch, length)
            moved = {name: one.to(self.model.device) for name, one in tokens.items()}
            found.append(self.model.get_text_features(**moved).pooler_output.float())
        return torch.cat(found).cpu().numpy()

    def _embed(self, inputs: dict[str, Tensor]) -> Tensor:
        return self.model.get_image_features(**self._typed(inputs)).pooler_output
