"""Questions, pictures and videos -> inputs of LongVU.

Text before and after a picture is tokenised apart; the picture's place is one id that no tokenizer
has. The model knows how many tokens it needs there, and replaces it.

B samples, S tokens, F frames of all videos.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from transformers.feature_extraction_utils import BatchFeature
from transformers.processing_utils import ProcessorMixin

from ntlbg.compressors.longvu import MODES
from ntlbg.models.layers import IGNORED_LABEL, in_lists
from ntlbg.models.longvu.preprocessing import (
    DINOV2_PIXELS,
    SIGLIP_PIXELS,
    FramePixels,
    TowerPixels,
)

PLACEHOLDER = "<image>"
PROMPTS = {
    "qwen2": (
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
        "<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"
    ),
    # without the dates of Llama 3.2's own template, as in the published training code
    "llama": (
        "<|start_header_id|>system<|end_header_id|>\n\nYou are a helpful assistant.<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\n{question}<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n"
    ),
}
END_TOKENS = {"qwen2": "<|im_end|>", "llama": "<|eot_id|>"}


class LongVUProcessor(ProcessorMixin):
    """Tokenizer, prompt, and pixels for both towers.

    Args:
        tokenizer: of the language model.
        family: "qwen2" or "llama", decides about the prompt.
        mode: as in the model's configuration; decides in which order the sides of a video's
            frames are told.
        image_token_id: as in the model's configuration.
        siglip_pixels, dinov2_pixels: sides of the towers' squares.
    """

    def __init__(
        self,
        tokenizer,
        family: str = "qwen2",
        mode: str = "faithful",
        image_token_id: int = -200,
        siglip_pixels: int = SIGLIP_PIXELS.side,
        dinov2_pixels: int = DINOV2_PIXELS.side,
        chat_template=None,
    ):
        super().__init__(tokenizer, chat_template=chat_template)
        if family not in PROMPTS or mode not in MODES:
            raise ValueError(
                f"family is one of {', '.join(PROMPTS)} and mode one of {', '.join(MODES)}; "
                f"got {family!r} and {mode!r}"
            )
        self.family, self.mode, self.image_token_id = family, mode, image_token_id
        self.siglip_pixels, self.dinov2_pixels = siglip_pixels, dinov2_pixels

    def prompt(self, question: str, *, seen: bool = True) -> str:
        """The conversation up to the answer; with something to see, a placeholder comes first."""
        question = f"{PLACEHOLDER}\n{question}" if seen else question
        return PROMPTS[self.family].format(question=question)

    def encode(self, text: str) -> list[int]:
        """Ids of a prompt, `image_token_id` for each placeholder."""
        return encode_around_images(
            self.tokenizer, text, self.image_token_id, repeat_bos=self.family == "llama"
        )

    @property
    def end_token_id(self) -> int:
        """The token that ends an answer."""
        return self.tokenizer.convert_tokens_to_ids(END_TOKENS[self.family])

    def answer_ids(self, answer: str) -> list[int]:
        """The answer and its end."""
        ids = self.tokenizer(answer, add_special_tokens=False).input_ids
        return [*ids, self.end_token_id]

    def frame_pixels(self, frames: np.ndarray) -> FramePixels:
        """Pixels of frames uint8 (T, H, W, 3), made block by block as the model asks for them."""
        return FramePixels(frames, *self.towers)

    @property
    def towers(self) -> tuple[TowerPixels, TowerPixels]:
        """What SigLIP and DINOv2 expect."""
        return (
            TowerPixels(self.siglip_pixels, SIGLIP_PIXELS.mean, SIGLIP_PIXELS.std),
            TowerPixels(self.dinov2_pixels, DINOV2_PIXELS.mean, DINOV2_PIXELS.std),
        )

    def video_size(self, height: int, width: int) -> tuple[int, int]:
        """The size of a video's frames as the model is told."""
        return (height, width) if MODES[self.mode].swapped_sides else (width, height)

    def __call__(
        self,
        question: str | Sequence[str],
        videos: Sequence[np.ndarray | None] | np.ndarray | None = None,
        images: Sequence[np.ndarray | None] | np.ndarray | None = None,
        *,
        answer: str | Sequence[str] | None = None,
    ) -> BatchFeature:
        """Everything `LongVUForConditionalGeneration.forward` needs, padded on the right.

        Args:
            question: one or several.
            videos: for each question frames uint8 (T, H, W, 3), or None where there is only text.
            images: instead, for each question a picture uint8 (H, W, 3), or None.
            answer: appended, with labels, for training.
        """
        alone = isinstance(question, str)
        questions, answers, videos, images = in_lists(alone, question, answer, videos, images)
        if videos is not None and images is not None:
            raise ValueError("give videos or images; a picture beside videos is a video of 1 frame")
        rows = images if images is not None else videos
        rows = [None] * len(questions) if rows is None else rows
        data = dict(self.text_inputs(questions, answers, seen=[row is not None for row in rows]))
        given = [pixels for pixels in rows if pixels is not None]
        if not given:
            return BatchFeature(data)
        if images is not None:
            data |= self._pixels([image[None] for image in given], "pixel_values")
            sizes = [(image.shape[1], image.shape[0]) for image in given]
        else:
            data |= self._pixels(given, "pixel_values_videos")
            data["num_frames"] = torch.tensor([len(frames) for frames in given])
            sizes = [self.video_size(*frames.shape[1:3]) for frames in given]
        data["image_sizes"] = torch.tensor(sizes)
        return BatchFeature(data)

    def text_inputs(
        self,
        questions: Sequence[str],
        answers: Sequence[str] | None = None,
        *,
        seen: Sequence[bool] | None = None,
    ) -> BatchFeature:
        """input_ids, attention_mask and, with answers, labels (B, S).

        Args:
            seen: whether each question is about something to see; None: all are.
        """
        seen = [True] * len(questions) if seen is None else seen
        prompts = [
            self.encode(self.prompt(question, seen=about))
            for question, about in zip(questions, seen, strict=True)
        ]
        replies = [[]] * len(prompts) if answers is None else map(self.answer_ids, answers)
        rows = list(zip(prompts, replies, strict=True))
        pad = self.tokenizer.pad_token_id
        ids = [torch.tensor(prompt + reply) for prompt, reply in rows]
        data = {
            "input_ids": _pad(ids, self.end_token_id if pad is None else pad),
            "attention_mask": _pad([torch.ones_like(row) for row in ids], 0),
        }
        if answers is not None:
            labels = [torch.tensor([IGNORED_LABEL] * len(p) + reply) for p, reply in rows]
            data["labels"] = _pad(labels, IGNORED_LABEL)
        return BatchFeature(data)

    def _pixels(self, videos: Sequence[np.ndarray], name: str) -> dict[str, Tensor]:
        sources = [self.frame_pixels(frames) for frames in videos]
        every = [torch.arange(len(source)) for source in sources]
        pairs = list(zip(sources, every, strict=True))
        return {
            name: torch.cat([source.siglip(frames) for source, frames in pairs]),
            f"{name}_dinov2": torch.cat([source.dinov2(frames) for source, frames in pairs]),
        }

    def decode_answer(self, ids: Tensor) -> str:
        """Generated token ids -> answer, without its end."""
        return self.tokenizer.decode(ids, skip_special_tokens=True).strip()

    @property
    def model_input_names(self) -> list[str]:
        return [
            "input_ids",
            "attention_mask",
            "pixel_values",
            "pixel_values_dinov2",
            "pixel_values_videos",
            "pixel_values_videos_dinov2",
            "num_frames",
            "image_sizes",
        ]


def encode_around_images(
    tokenizer, text: str, image_token_id: int, *, repeat_bos: bool = False
) -> list[int]:
    """Ids of the text between placeholders, tokenised piece by piece.

    A tokenizer that starts every text with a special token does so for every piece; only the
    first is kept. With ``repeat_bos`` they all are, as in the published Llama prompts.
    """
    pieces = [list(tokenizer(piece).input_ids) for piece in text.split(PLACEHOLDER)]
    ids = pieces[0]
    starts = bool(ids) and ids[0] == tokenizer.bos_token_id
    for piece in pieces[1:]:
        ids = [*ids, image_token_id, *piece[1 if starts and not repeat_bos else 0 :]]
    return ids


def _pad(rows: list[Tensor], value: float) -> Tensor:
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=value)
