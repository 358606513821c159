"""Any vision-language model of transformers: what ``AutoModelForImageTextToText`` loads.

Pictures are read by processors that need Pillow alone; torchvision is never used, so that the same
film gives the same numbers whether it is installed or not.
"""

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import astuple
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModelForImageTextToText,
    PreTrainedConfig,
    PreTrainedModel,
    TextStreamer,
)

from ntlbg.answerers import Answerer, Habits, Wants
from ntlbg.answerers.content import (
    LETTERS,
    NOTHING_WRITTEN,
    Content,
    portable_content,
    question_text,
    stamp,
)
from ntlbg.answerers.language_model import write
from ntlbg.answerers.model_options import ModelOptions, read_model_options
from ntlbg.errors import BudgetError, ConfigError, WeightsError
from ntlbg.memory import (
    Device,
    LoadedSizes,
    PictureInputs,
    device_of,
    loaded_sizes,
    plan_reading,
)
from ntlbg.models.hub import folder_fingerprint, local_folder, quietly
from ntlbg.models.picture_processor import PictureProcessor, load_picture_processor
from ntlbg.types import AnswerInput, Question, Reply

# Hour-long video in 8k tokens, as LongVU was evaluated; most models have seen prompts of that size.
VISUAL_TOKENS = 8192
# What DESIGN asks for where nobody says: a frame has 256 tokens then, a picture of 448 x 448.
NUM_FRAMES = 32
# Set by hand: a few sentences.
LONGEST_ANSWER_TOKENS = 256


class TransformersOptions(ModelOptions):
    """What can be said of how a model is loaded and asked.

    Attributes:
        dtype: of the weights; "auto" as they are stored.
        device_map: as in transformers; "auto" where there is a GPU, else the processor.
        attn_implementation: as in transformers.
        revision: branch, tag or commit on the hub.
        quantization: int8 or int4 weights by bitsandbytes, which must be installed.
        rotate_options: ask once for each rotation of the options, and take the mean: a model
            that likes the letter A gains nothing by it.
    """

    dtype: Literal["auto", "float32", "float16", "bfloat16"] = "auto"
    device_map: str | None = None
    attn_implementation: str | None = None
    revision: str | None = None
    quantization: Literal["int8", "int4"] | None = None
    rotate_options: bool = False


class _Prompt(NamedTuple):
    inputs: dict[str, torch.Tensor]
    visual_tokens: int
    tokens: int


class TransformersAnswerer(Answerer):
    """A stock vision-language model, asked by pictures with their times."""

    wants = Wants(pictures=True)
    habits = Habits(num_frames=NUM_FRAMES, max_visual_tokens=VISUAL_TOKENS)

    def __init__(
        self,
        model: PreTrainedModel,
        processor: PictureProcessor,
        *,
        name: str,
        fingerprint: str,
        options: TransformersOptions | None = None,
    ):
        self.model, self.processor = model.eval(), processor
        self.name, self.fingerprint = name, fingerprint
        self.options = options or TransformersOptions()
        text = model.config.get_text_config()
        self.context_length = getattr(text, "max_position_embeddings", None)
        self._count = lru_cache(maxsize=None)(self._count_anew)  # of sizes seen before
        self._text = lru_cache(maxsize=64)(self._text_anew)

    def cost(self, num_frames: int, height: int, width: int) -> int:
        """Exact: pictures of that size are given to the processor, and counted."""
        return self._pictures(num_frames, height, width).tokens

    def picture_sizes(self, height: int, width: int) -> list[tuple[int, int]]:
        """Multiples of what one token stands for, down to three of them along the longer side."""
        return multiples(height, width, self.processor.step, self.wants.longest_side)

    def text_tokens(self, question: Question, num_frames: int, last_seconds: float) -> int:
        """Of the question, the longest answer, and the times and marks around each picture."""
        text = question_text(question)
        first, each = self._text(text, last_seconds)
        return first + each * max(num_frames - 1, 0) + LONGEST_ANSWER_TOKENS

    def peak_bytes(
        self, num_frames: int, sampled_frames: int, size: tuple[int, int], text_tokens: int
    ) -> int | None:
        """By its own weights and by formulas; None for a build that they do not know."""
        if self._sizes is None:
            return None
        return plan_reading(self._sizes, self._pictures(num_frames, *size), text_tokens).peak

    @cached_property
    def _sizes(self) -> LoadedSizes | None:
        return loaded_sizes(self.model)

    def device(self) -> Device:
        """Where its first layers are, if a device_map spreads it."""
        return device_of(self.model)

    @torch.inference_mode()
    def answer(self, question: Question, given: AnswerInput) -> Reply:
        """Text as asked for; of options the one whose letter is likeliest to come first."""
        if question.options is not None:
            return self._choose(question, given)
        prompt = self._prepare(portable_content(given, question.text))
        streamer = None if given.on_text is None else _Reader(self.processor, given.on_text)
        ends = self._ends()
        ids = write(
            self.model, prompt.inputs, given.generation, longest=LONGEST_ANSWER_TOKENS,
            end=ends, pad=self.processor.pad_token_id(ends), streamer=streamer,
        )[0, prompt.tokens :]  # fmt: skip
        stopped = len(ids) > 0 and int(ids[-1]) in ends
        text = self.processor.tokenizer.decode(ids, skip_special_tokens=True).strip()
        return Reply(
            text,
            None,
            prompt.visual_tokens,
            notes=() if text else (NOTHING_WRITTEN,),
            written=True,
            prompt_tokens=prompt.tokens,
            answer_tokens=len(ids),
            finish_reason="stop" if stopped else "length",
        )

    def _choose(self, question: Question, given: AnswerInput) -> Reply:
        assert question.options is not None
        number = len(question.options)
        chances, turns = np.zeros(number), number if self.options.rotate_options else 1
        for turn in range(turns):
            order = [(place + turn) % number for place in range(number)]
            prompt = self._prepare(portable_content(given, question_text(question, order)))
            chances[order] += self._letter_chances(prompt.inputs, number) / turns
        return Reply(
            question.options[int(np.argmax(chances))], chances.tolist(), prompt.visual_tokens,
            prompt_tokens=prompt.tokens,
        )  # fmt: skip

    def _letter_chances(self, inputs: dict[str, torch.Tensor], number: int) -> np.ndarray:
        logits = self.model(**inputs, logits_to_keep=1).logits[0, -1].double()
        scores = [logits[self.processor.letter_ids(letter)].logsumexp(0) for letter in
                  LETTERS[:number]]  # fmt: skip
        return torch.stack(scores).softmax(0).cpu().numpy()

    def _prepare(self, content: Content) -> _Prompt:
        inputs = self.processor(content)
        ids = inputs["input_ids"][0]
        if self.context_length is not None and len(ids) > self.context_length:
            raise BudgetError(
                f"the prompt has {len(ids)} tokens, {self.name} reads {self.context_length}; give "
                "fewer frames or --max-visual-tokens, or ask a shorter question"
            )
        visual = int((ids == self.processor.image_token_id).sum())
        moved = {name: self._moved(value) for name, value in inputs.items()}
        return _Prompt(moved, visual, len(ids))

    def _moved(self, value: torch.Tensor) -> torch.Tensor:
        value = value.to(self.model.device)
        return value.to(self.model.dtype) if value.is_floating_point() else value

    def _ends(self) -> list[int]:
        end = self.model.generation_config.eos_token_id
        if end is None:
            end = self.processor.tokenizer.eos_token_id
        return end if isinstance(end, list) else [end]

    def _pictures(self, number: int, height: int, width: int) -> PictureInputs:
        """From two on each takes the same; some models show a single one in more detail."""
        if number < 2:
            return self._count(1, height, width) if number else PictureInputs(0, 0, 0)
        two = astuple(self._count(2, height, width))
        return PictureInputs(*(number * value // 2 for value in two))

    def _count_anew(self, pictures: int, height: int, width: int) -> PictureInputs:
        inputs = self.processor(_blank(pictures, height, width))
        pixels = [one for one in inputs.values() if one.is_floating_point()]
        others = [one for one in inputs.values() if not one.is_floating_point()]
        visual = int((inputs["input_ids"] == self.processor.image_token_id).sum())
        return PictureInputs(
            sum(one.numel() for one in pixels), sum(one.nbytes for one in others), visual
        )

    def _text_anew(self, text: str, last_seconds: float) -> tuple[int, int]:
        """Tokens beside one picture, and how many more each further one brings."""
        side, lengths = self.processor.step * 3, []
        for pictures in (1, 2):
            content = _blank(pictures, side, side, stamp(last_seconds))
            ids = self.processor([*content, text])["input_ids"]
            lengths.append(int((ids != self.processor.image_token_id).sum()))
        return lengths[0], lengths[1] - lengths[0]


def multiples(height: int, width: int, step: int, longest_side: int) -> list[tuple[int, int]]:
    """Sizes of about this shape whose sides are multiples of ``step``, the largest first.

    The longer side ends where the picture's own does, or at ``longest_side``, and at 3 steps.
    """
    longer, shorter = max(height, width), min(height, width)
    most = max(3, min(-(-longer // step), longest_side // step))
    pairs = [(steps, max(1, round(steps * shorter / longer))) for steps in range(most, 2, -1)]
    return [
        (long * step, short * step) if height >= width else (short * step, long * step)
        for long, short in pairs
    ]


def _blank(pictures: int, height: int, width: int, before: str | None = None) -> Content:
    blank = Image.new("RGB", (width, height))
    return [blank] * pictures if before is None else [before, blank] * pictures


class _Reader(TextStreamer):
    """Hands on the answer as it is written."""

    def __init__(self, processor: PictureProcessor, on_text: Callable[[str], None]):
        super().__init__(processor.tokenizer, skip_prompt=True, skip_special_tokens=True)
        self.on_text = on_text

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        if text:
            self.on_text(text)


def load_transformers_answerer(name: str, given: Mapping[str, Any]) -> TransformersAnswerer:
    """The model in a folder, or of the hub.

    Raises:
        ConfigError: a model that is none for pictures and text, or an option it does not have.
        WeightsError: it is not there, or damaged.
    """
    options = read_model_options(TransformersOptions, name, given)
    loading = _loading(options)
    folder = local_folder(name, options.revision)
    config = _config(folder)
    with quietly():
        processor = load_picture_processor(folder, config)
        try:
            model = AutoModelForImageTextToText.from_pretrained(folder, config=config, **loading)
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            reason = str(error).strip().splitlines()[0]
            raise WeightsError(
                f"{name}: the weights cannot be loaded ({reason}); download the model again, or "
                "check its options"
            ) from error
    # sampling is asked for by the user; what the checkpoint suggests would be warned about
    for key in ("temperature", "top_p", "top_k"):
        setattr(model.generation_config, key, None)
    key = f"{folder_fingerprint(folder)} {options.model_dump_json()}"
    return TransformersAnswerer(
        model, processor, name=folder.name if Path(name).is_dir() else name, fingerprint=key,
        options=options,
    )  # fmt: skip


def _config(folder: Path) -> PreTrainedConfig:
    try:
        config = AutoConfig.from_pretrained(folder)
    except (OSError, ValueError, KeyError) as error:
        if "cambrian" in str(error):
            raise ConfigError(
                f"{folder}: a checkpoint as LongVU publishes it; make a folder that can be loaded "
                "with `ntlbg convert longvu`"
            ) from error
        reason = str(error).strip().splitlines()[0]
        raise ConfigError(f"{folder}: config.json cannot be used ({reason})") from error
    if type(config) not in AutoModelForImageTextToText._model_mapping:
        raise ConfigError(
            f"{folder}: a model of type {config.model_type!r} does not read pictures and text; "
            "give a vision-language model such as Qwen2.5-VL, InternVL, LLaVA-OneVision or SmolVLM"
        )
    return config


def _loading(options: TransformersOptions) -> dict[str, Any]:
    """What ``from_pretrained`` is told."""
    told: dict[str, Any] = {"dtype": options.dtype}
    device_map = options.device_map or ("auto" if torch.cuda.is_available() else None)
    if device_map is not None:
        told["device_map"] = device_map
    if options.attn_implementation is not None:
        told["attn_implementation"] = options.attn_implementation
    if options.quantization is not None:
        told["quantization_config"] = _quantization(options.quantization)
    return told


def _quantization(kind: str) -> Any:
    if importlib.util.find_spec("bitsandbytes") is None:
        raise ConfigError(
            f"quantization={kind} needs bitsandbytes; run `pip install bitsandbytes`, or leave the "
            "option out"
        )
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(load_in_8bit=kind == "int8", load_in_4bit=kind == "int4")
