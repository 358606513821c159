"""LongVU reads the chosen frames: its own reduction, resolution and compression follow."""

from pathlib import Path

import numpy as np
import torch

from ntlbg.answerers import Answerer, Wants
from ntlbg.answerers.language_model import write
from ntlbg.downloads import index_root
from ntlbg.encoders.longvu import LongVUEncoder
from ntlbg.errors import QuestionError, WeightsError
from ntlbg.hub import folder_fingerprint
from ntlbg.memory import Device, Setup, Workload, device_of, model_sizes, plan_answer
from ntlbg.models.longvu.formats import BENCHMARKS, LETTERS, format_question
from ntlbg.models.longvu.modeling_longvu import LongVUForConditionalGeneration
from ntlbg.models.longvu.processing_longvu import LongVUProcessor
from ntlbg.models.pretrained_parts import Loading, check_settings
from ntlbg.retrievers.longvu import LongVURetriever
from ntlbg.types import AnswerInput, Question, Reply

# Set by hand: a few sentences.
LONGEST_ANSWER_TOKENS = 128


class LongVUAnswerer(Answerer):
    """A LongVU checkpoint; frames come as pictures."""

    wants, tokens_are_exact = Wants(pictures=True), False

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

    def own_retriever(self) -> LongVURetriever:
        """Relevance as the model itself measures it."""
        return LongVURetriever(LongVUEncoder(self.model, self.processor, self.fingerprint))

    def cost(self, num_frames: int, height: int, width: int) -> int:
        """At most: a fine grid with its line ends a frame, as far as the context has room."""
        config = self.model.config
        return min(num_frames * config.query_grid * (config.query_grid + 1), config.context_length)

    def check_question(self, question: Question) -> None:
        """Its letters have to suffice, and a frame has to have room beside the text."""
        config, tokens = self.model.config, len(self._prompt(question))
        frame = (config.lowres_grid if config.highres else config.query_grid) ** 2
        if tokens + config.reserved_tokens + frame > config.context_length:
            asked = "the question with its options" if question.options else "the question"
            raise QuestionError(
                f"{asked} is {tokens} tokens with what stands around it; {self.name} reads "
                f"{config.context_length}, of which {config.reserved_tokens + frame} are for the "
                "answer and a frame; ask a shorter question, or another model"
            )

    def peak_bytes(
        self, num_frames: int, sampled_frames: int, size: tuple[int, int], text_tokens: int
    ) -> int:
        """With a full context; of T frames it looks at the chosen ones alone."""
        work = Workload(num_frames, num_frames, text_tokens=text_tokens)
        sizes = model_sizes(self.model.config, self.name)
        return plan_answer(sizes, work, Setup(self.model.dtype.itemsize)).peak

    def device(self) -> Device:
        """Of the whole model."""
        return device_of(self.model)

    @torch.inference_mode()
    def answer(self, question: Question, given: AnswerInput) -> Reply:
        """Text as asked for; with options the letter that is likeliest to come first."""
        options = question.options
        inputs, tokens = self._prepare(self._prompt(question), given.pictures)
        if options is None:
            end = self.processor.end_token_id
            ids = write(
                self.model, inputs, given.generation,
                longest=LONGEST_ANSWER_TOKENS, end=end, pad=end,
            )  # fmt: skip
            return Reply(self.processor.decode_answer(ids[0]), None, tokens, written=True)
        logits = self.model(**inputs, logits_to_keep=1).logits[0, -1].double()
        chances = logits[self._letter_ids(len(options))].softmax(0).tolist()
        return Reply(options[int(np.argmax(chances))], chances, tokens)

    def _prompt(self, question: Question) -> list[int]:
        asked, options = question.text, question.options
        if options is not None and len(options) > len(LETTERS):
            raise QuestionError(f"{len(options)} options; give at most {len(LETTERS)}")
        if options is not None:
            asked = format_question(BENCHMARKS["mvbench"], asked, list(options))
        return self.processor.encode(self.processor.prompt(asked))

    def _prepare(
        self, prompt: list[int], frames: np.ndarray
    ) -> tuple[dict[str, torch.Tensor], int]:
        """Inputs of the language model, and how many of its tokens show the video."""
        size = self.processor.video_size(*frames.shape[1:3])
        fused = self.model.fuse(self.processor.frame_pixels(frames), size, text=len(prompt))
        ids = torch.tensor([prompt], device=self.model.device)
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


def load_longvu_answerer(folder: str | Path) -> LongVUAnswerer:
    """The model and processor in a folder that ``ntlbg convert longvu`` wrote.

    Raises:
        WeightsError: one of them cannot be loaded.
    """
    folder = Path(folder)
    check_settings(folder)
    told = f"{folder}: no LongVU model with its tokenizer", "; make one with `ntlbg convert longvu`"
    with Loading(WeightsError, *told):
        model = LongVUForConditionalGeneration.from_pretrained(folder, dtype="auto")
        processor = LongVUProcessor.from_pretrained(folder)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    key = f"longvu-{folder_fingerprint(folder, index_root())}"
    return LongVUAnswerer(model.to(device), processor, key, name=folder.name)
