"""A converted LongVU checkpoint as a backend."""

import hashlib
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from ntlbg.backends import Habits, Reply, VideoContext
from ntlbg.backends.generation import GREEDY, Generation
from ntlbg.backends.writing import write
from ntlbg.compressors.longvu import MODES, resize_grid
from ntlbg.errors import QuestionError, WeightsError
from ntlbg.models.longvu.formats import BENCHMARKS, LETTERS, format_question
from ntlbg.models.longvu.modeling_longvu import LongVUForConditionalGeneration
from ntlbg.models.longvu.processing_longvu import LongVUProcessor

LONGEST_ANSWER_TOKENS = 128


class LongVUEncoder:
    """Mean coarse token of a frame, as the language model would read it.

    Its inner product with the mean embedding of a text is LongVU's relevance of the frame to the
    text (without the newlines, which are the same for all frames).
    """

    name = "longvu"

    def __init__(self, model: LongVUForConditionalGeneration, processor: LongVUProcessor, key: str):
        self.model, self.processor, self.fingerprint = model, processor, key
        self.feature_size = model.config.text_config.hidden_size
        # pictures are stretched to a square here, so that no token is spent on padding
        self.image_size = (processor.siglip_pixels, processor.siglip_pixels)

    @torch.inference_mode()
    def encode_frames(self, frames: np.ndarray) -> np.ndarray:
        """uint8 (N, H, W, 3) -> float32 (N, D)."""
        fused = self.model.fuse(self.processor.frame_pixels(frames), self.image_size)
        coarse = resize_grid(fused.tokens, self.model.config.lowres_grid)
        return self.model.multi_modal_projector(coarse).float().mean(1).cpu().numpy()


class LongVUBackend:
    """LongVU reads the selected frames: its own reduction, resolution and compression follow."""

    needs_frames = True
    score_unit = "similarity"
    habits = Habits()

    def __init__(
        self,
        model: LongVUForConditionalGeneration,
        processor: LongVUProcessor,
        fingerprint: str,
        *,
        name: str = "longvu",
    ):
        if model.config.mode != processor.mode:
            raise WeightsError(
                f"{name}: the model is {model.config.mode} and its processor {processor.mode}; "
                'set "mode" alike in config.json and processor_config.json'
            )
        self.model, self.processor, self.name = model.eval(), processor, name
        self.fingerprint = fingerprint
        self.encoder = LongVUEncoder(self.model, processor, fingerprint)

    def express(
        self, features: np.ndarray, notes: dict[str, np.ndarray], pts_seconds: np.ndarray
    ) -> np.ndarray:
        """As they are."""
        return features

    @torch.inference_mode()
    def score_frames(self, features: np.ndarray, question: str) -> np.ndarray:
        """Relevance (T,) of features (T, D), in standard deviations from the video's mean."""
        ids = torch.tensor(self.processor.encode(self.processor.prompt(question)))
        place = (ids == self.processor.image_token_id).nonzero()[-1].item()
        text = self.model.get_input_embeddings()(ids[place + 1 :].to(self.model.device)).float()
        frames = torch.from_numpy(features).to(text.device)
        if MODES[self.model.config.mode].unit_relevance:
            text, frames = F.normalize(text, dim=-1), F.normalize(frames, dim=-1)
        scores = (frames @ text.mean(0)).double().cpu().numpy()
        spread = scores.std()
        return (scores - scores.mean()) / spread if spread > 0 else np.zeros_like(scores)

    def event_odds(self, features: np.ndarray, pts_seconds: np.ndarray) -> None:
        """Its scores are not odds."""
        return None

    @torch.inference_mode()
    def answer(
        self,
        question: str,
        *,
        video: VideoContext,
        options: list[str] | None,
        generation: Generation = GREEDY,
    ) -> Reply:
        """Text as ``generation`` says; with options the letter that is likeliest to come first."""
        if options is not None and len(options) > len(LETTERS):
            raise QuestionError(f"{len(options)} options; give at most {len(LETTERS)}")
        asked = question
        if options is not None:
            asked = format_question(BENCHMARKS["mvbench"], question, options)
        inputs, tokens = self._prepare(asked, video.frames.data)
        if options is None:
            end = self.processor.end_token_id
            ids = write(
                self.model, inputs, generation, longest=LONGEST_ANSWER_TOKENS, end=end, pad=end
            )
            return Reply(self.processor.decode_answer(ids[0]), None, tokens, written=True)
        logits = self.model(**inputs, logits_to_keep=1).logits[0, -1].double()
        chances = logits[self._letter_ids(len(options))].softmax(0).tolist()
        return Reply(options[int(np.argmax(chances))], chances, tokens)

    def _prepare(self, question: str, frames: np.ndarray) -> tuple[dict[str, torch.Tensor], int]:
        """Inputs of the language model, and how many of its tokens show the video."""
        ids = self.processor.encode(self.processor.prompt(question))
        size = self.processor.video_size(*frames.shape[1:3])
        fused = self.model.fuse(self.processor.frame_pixels(frames), size, text=len(ids))
        ids = torch.tensor([ids], device=self.model.device)
        prepared = self.model.prepare(ids, torch.ones_like(ids), videos=[fused])
        inputs = {
            "inputs_embeds": prepared.inputs_embeds,
            "attention_mask": prepared.attention_mask,
        }
        return inputs, sum(len(shown.tokens) for shown in prepared.videos)

    def _letter_ids(self, count: int) -> list[int]:
        tokenizer = self.processor.tokenizer
        return [
            tokenizer(letter, add_special_tokens=False).input_ids[0] for letter in LETTERS[:count]
        ]


def load_longvu_backend(folder: str | Path) -> LongVUBackend:
    """The model and processor in a folder that ``ntlbg convert longvu`` wrote.

    Raises:
        WeightsError: one of them cannot be loaded.
    """
    folder = Path(folder)
    try:
        model = LongVUForConditionalGeneration.from_pretrained(folder, dtype="auto")
        processor = LongVUProcessor.from_pretrained(folder)
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"{folder}: no LongVU model with its tokenizer ({error}); make one with "
            "`ntlbg convert longvu`"
        ) from error
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return LongVUBackend(model.to(device), processor, _fingerprint(folder), name=folder.name)


def _fingerprint(folder: Path) -> str:
    """Changes when the files do; weights of many gigabytes are not read for it."""
    digest = hashlib.sha256()
    for path in sorted([*folder.glob("*.json"), *folder.glob("*.safetensors")]):
        about = path.stat()
        digest.update(f"{path.name} {about.st_size} {about.st_mtime_ns}\n".encode())
    return f"longvu-{digest.hexdigest()}"
