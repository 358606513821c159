"""Any vision-language model of transformers: what ``AutoModelForImageTextToText`` loads.

Pictures are read by processors that need Pillow alone; torchvision is never used, so that the same
film gives the same numbers whether it is installed or not.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    AutoModelForImageTextToText,
    PreTrainedConfig,
    PreTrainedModel,
    TextStreamer,
)

from ntlbg.answerers import Answerer, Habits, Wants
from ntlbg.answerers.content import (
    CHOICE_STYLES,
    LETTERS,
    LONGEST_ANSWER_TOKENS,
    NOTHING_WRITTEN,
    NUM_FRAMES,
    USUAL_STYLE,
    VISUAL_TOKENS,
    question_text,
)
from ntlbg.answerers.language_model import write
from ntlbg.answerers.model_options import read_model_options
from ntlbg.answerers.showing import check_shown, shown_as
from ntlbg.answerers.shown import Prompt, Shown
from ntlbg.answerers.transformers_options import TransformersOptions, loading
from ntlbg.downloads import index_root
from ntlbg.errors import BudgetError, ConfigError, WeightsError
from ntlbg.hub import find_model, folder_fingerprint, model_type, weight_files
from ntlbg.memory import Device, LoadedSizes, device_of, loaded_sizes, plan_reading
from ntlbg.models.picture_processor import PictureProcessor, load_picture_processor
from ntlbg.models.pretrained_parts import Loading, Running, load_config
from ntlbg.models.quiet import quiet_transformers
from ntlbg.types import AnswerInput, Question, Reply, Turn


class TransformersAnswerer(Answerer):
    """A stock vision-language model, asked by pictures with their times."""

    wants = Wants(pictures=True, passages=True, talk=True)
    habits = Habits(num_frames=NUM_FRAMES, max_visual_tokens=VISUAL_TOKENS)

    def __init__(
        self,
        model: PreTrainedModel,
        processor: PictureProcessor,
        shown: Shown,
        *,
        name: str,
        fingerprint: str,
        options: TransformersOptions,
    ):
        self.model, self.processor, self.shown = model.eval(), processor, shown
        self.name, self.fingerprint, self.options = name, fingerprint, options
        self.style = CHOICE_STYLES.get(self.stock.config.model_type, USUAL_STYLE)
        self.wants = replace(self.wants, keeps=options.keep_vision)
        if shown.compression is not None:  # as many tokens as without, of more frames
            frames = round(NUM_FRAMES / shown.compression.share)
            self.habits = replace(self.habits, num_frames=frames)
        self.tokens_are_exact = shown.counts_are_exact
        text = model.config.get_text_config()
        self.context_length = getattr(text, "max_position_embeddings", None)

    @property
    def stock(self) -> PreTrainedModel:
        """The published model; of one that stands behind others' parts what is published of it."""
        return self.model

    def cost(self, num_frames: int, height: int, width: int) -> int:
        """As they are shown."""
        return self.shown.count(num_frames, height, width)

    def picture_sizes(self, height: int, width: int) -> list[tuple[int, int]]:
        """Multiples of what one token stands for, down to three of them along the longer side."""
        return multiples(height, width, self.shown.step, self.wants.longest_side)

    def text_tokens(self, question: Question, num_frames: int, last_seconds: float) -> int:
        """Of the question, the longest answer, and the times and marks around each picture."""
        text = question_text(question, style=self.style)
        return self.shown.text_tokens(num_frames, text, last_seconds) + LONGEST_ANSWER_TOKENS

    def count_text(self, text: str) -> int:
        """By the model's own tokenizer."""
        tokenizer, plain = self.processor.tokenizer, self.processor.plain(text)
        return len(tokenizer(plain, add_special_tokens=False).input_ids)

    def talk_tokens(self, talk: Sequence[Turn]) -> int:
        """Exactly, by the model's own chat form."""
        return self.processor.talk_tokens(talk)

    def peak_bytes(
        self, num_frames: int, sampled_frames: int, size: tuple[int, int], text_tokens: int
    ) -> int | None:
        """By its own weights and by formulas; None for a build that they do not know."""
        if self._sizes is None:
            return None
        return plan_reading(self._sizes, self.shown.inputs(num_frames, *size), text_tokens).peak

    @cached_property
    def _sizes(self) -> LoadedSizes | None:
        return loaded_sizes(self.stock)

    def device(self) -> Device:
        """Where its first layers are, if a device_map spreads it."""
        return device_of(self.stock)

    @torch.inference_mode()
    def answer(self, question: Question, given: AnswerInput) -> Reply:
        """Text as asked for; of options the one whose letter is likeliest to come first."""
        given = replace(given, kept=self._folder(given))
        if question.options is not None:
            return self._choose(question, given)
        (prompt,) = self.prompts(question, given, [question.text])
        streamer = None if given.on_text is None else _Reader(self.processor, given.on_text)
        ends = self._ends()
        with Running(self.name), prompt.reading() as inputs:
            ids = write(
                self.model, inputs, given.generation, longest=LONGEST_ANSWER_TOKENS,
                end=ends, pad=self.processor.pad_token_id(ends), streamer=streamer,
            )[0, prompt.tokens :]  # fmt: skip
        stopped = len(ids) > 0 and int(ids[-1]) in ends
        text = self.processor.tokenizer.decode(ids, skip_special_tokens=True).strip()
        return Reply(
            text,
            None,
            prompt.visual_tokens,
            notes=(*self._notes(prompt), *(() if text else (NOTHING_WRITTEN,))),
            written=True,
            prompt_tokens=prompt.tokens,
            answer_tokens=len(ids),
            finish_reason="stop" if stopped else "length",
        )

    def _choose(self, question: Question, given: AnswerInput) -> Reply:
        assert question.options is not None
        number = len(question.options)
        turns = number if self.options.rotate_options else 1
        orders = [[(place + turn) % number for place in range(number)] for turn in range(turns)]
        texts = [question_text(question, order, self.style) for order in orders]
        prompts = self.prompts(question, given, texts)
        chances = np.zeros(number)
        for order, prompt in zip(orders, prompts, strict=True):
            with Running(self.name), prompt.reading() as inputs:
                chances[order] += self._letter_chances(inputs, number) / turns
        return Reply(
            question.options[int(np.argmax(chances))], chances.tolist(), prompt.visual_tokens,
            notes=self._notes(prompt), prompt_tokens=prompt.tokens,
        )  # fmt: skip

    def _notes(self, prompt: Prompt) -> tuple[str, ...]:
        """What was left out."""
        if self.shown.compression is None or prompt.visual_tokens == prompt.seen_tokens:
            return ()
        return (
            f"{prompt.visual_tokens} of {prompt.seen_tokens} visual tokens are read, compressed by "
            f"{self.shown.compression.compressor.name}",
        )

    def _letter_chances(self, inputs: dict[str, Any], number: int) -> np.ndarray:
        logits = self.model(**inputs, logits_to_keep=1).logits[0, -1].double()
        scores = [logits[self.processor.letter_ids(letter)].logsumexp(0) for letter in
                  LETTERS[:number]]  # fmt: skip
        chances = torch.stack(scores).softmax(0).cpu().numpy()
        if not np.isfinite(chances).all():
            raise ValueError("its chances are no numbers")
        return chances

    def prompts(
        self, question: Question, given: AnswerInput, texts: Sequence[str]
    ) -> Iterator[Prompt]:
        """What is read, for each text in which the question is put.

        Raises:
            BudgetError: a prompt is longer than what the model reads at once.
        """
        for prompt in self.shown.prompts(given, texts):
            if self.context_length is not None and prompt.tokens > self.context_length:
                raise BudgetError(
                    f"the prompt has {prompt.tokens} tokens, {self.name} reads "
                    f"{self.context_length}; give fewer frames or --max-visual-tokens, or ask a "
                    "shorter question"
                )
            yield prompt

    def _folder(self, given: AnswerInput) -> Path | None:
        """Where what is seen is kept; None: it is not."""
        if self.options.keep_vision and given.kept is None:
            raise ConfigError(
                "keep_vision=true keeps what is seen in the index of a film, and no folder of it "
                "was given; ask with ntlbg.ask, or leave the option out"
            )
        return given.kept if self.options.keep_vision else None

    def _ends(self) -> list[int]:
        end = self.stock.generation_config.eos_token_id
        if end is None:
            end = self.processor.tokenizer.eos_token_id
        return end if isinstance(end, list) else [end]


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
    loaded_as = loading(options)
    folder = _folder(name, options.revision)
    config = _config(folder)
    check_shown(options, config.model_type)
    with quiet_transformers():
        processor = load_picture_processor(folder, config)
        advice = "; download it again, or check its options"
        with Loading(WeightsError, f"{name}: the weights cannot be loaded", advice):
            model = AutoModelForImageTextToText.from_pretrained(folder, config=config, **loaded_as)
    # sampling is asked for by the user; what the checkpoint suggests would be warned about
    for key in ("temperature", "top_p", "top_k"):
        setattr(model.generation_config, key, None)
    weights = folder_fingerprint(folder, index_root())
    # what is kept changes no answer
    told = options.model_dump_json(exclude={"keep_vision"})
    is_folder = Path(name).is_dir()
    answerer = TransformersAnswerer(
        model, processor, shown_as(options, model, processor, weights),
        name=folder.name if is_folder else name, fingerprint=f"{weights} {told}", options=options,
    )  # fmt: skip
    answerer.is_of_the_hub = not is_folder
    return answerer


def _folder(name: str, revision: str | None) -> Path:
    if revision is not None and Path(name).is_dir():
        raise ConfigError(f"{name} is a folder, it has no revision {revision!r}; leave it out")
    return find_model(name if revision is None else f"{name}@{revision}", check_files)


def check_files(folder: Path) -> None:
    """Whether all that is needed is in a model's folder; the large files are not opened.

    Raises:
        ConfigError, WeightsError: it is not, or it is another kind of model.
    """
    model_type(folder)
    _config(folder)
    weight_files(folder)


def _config(folder: Path) -> PreTrainedConfig:
    if "cambrian" in model_type(folder):
        raise ConfigError(
            f"{folder}: a checkpoint as LongVU publishes it; make a folder that can be loaded "
            "with `ntlbg convert longvu`"
        )
    config = load_config(folder)
    if type(config) not in AutoModelForImageTextToText._model_mapping:
        raise ConfigError(
            f"{folder}: a model of type {config.model_type!r} does not read pictures and text; "
            "give a vision-language model such as Qwen2.5-VL, InternVL, LLaVA-OneVision or SmolVLM"
        )
    return config
