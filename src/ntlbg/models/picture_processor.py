"""Prompts with pictures for any vision-language model, by its own processor without its video part.

transformers loads that part only where torchvision is installed, and refuses the whole processor
otherwise; what it does with pictures and text needs Pillow alone.
"""

import importlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers import (
    AutoImageProcessor,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedTokenizerBase,
    ProcessorMixin,
)
from transformers.models.auto.processing_auto import PROCESSOR_MAPPING_NAMES

from ntlbg.errors import ConfigError, WeightsError
from ntlbg.hub import reason
from ntlbg.models.pretrained_parts import Loading
from ntlbg.types import Turn

# Frames are one tile each, as the makers of these models feed video: what cuts pictures into many
# is switched off where a processor has it.
ONE_TILE = {"do_image_splitting": False, "crop_to_patches": False, "do_pan_and_scan": False}
# Where a processor does not say what side a token stands for, sizes go in such steps of pixels.
DEFAULT_STEP = 32
PUBLISHED = "; the folder needs tokenizer.json and preprocessor_config.json, as published"
PARTS = ("image_processor", "tokenizer", "video_processor", "feature_extractor")


class Control(str):
    """A token of control, or several, that is meant as one."""


class PictureProcessor:
    """From times, pictures and text to a model's inputs.

    Attributes:
        tokenizer: of the model.
        image_token_id: the token that stands for a piece of a picture.
        step: pixels of a side that such a piece shows.
    """

    def __init__(self, processor: Any, image_token_id: int):
        self.processor, self.tokenizer = processor, processor.tokenizer
        # the model's, since some processors mean the mark before a picture by it
        self.image_token_id = image_token_id
        images = processor.image_processor
        self.picture_options = {name: no for name, no in ONE_TILE.items() if hasattr(images, name)}
        self.step = DEFAULT_STEP
        if hasattr(images, "merge_size") and hasattr(images, "patch_size"):
            self.step = images.merge_size * images.patch_size
        self._controls = _control_tokens(self.tokenizer)

    def __call__(
        self, content: "list[str | Image.Image]", talk: Sequence[Turn] = ()
    ) -> dict[str, torch.Tensor]:
        """A user's turn in the model's own chat form, and the start of the answer.

        Args:
            talk: earlier turns, which come before it.
        """
        turn: Any = {"role": "user", "content": [self._piece(piece) for piece in content]}
        # the base class's: SmolVLM's own asks its video part even where there is no video
        inputs: Any = ProcessorMixin.apply_chat_template(
            self.processor, [*self._earlier(talk), turn], add_generation_prompt=True, tokenize=True,
            return_dict=True, return_tensors="pt",
            processor_kwargs={"images_kwargs": self.picture_options},
        )  # fmt: skip
        return dict(inputs)

    def pictures(self, pictures: "list[np.ndarray]") -> dict[str, torch.Tensor]:
        """What a vision tower takes of pictures (H, W, 3) alone."""
        made = self.processor.image_processor(
            images=pictures, return_tensors="pt", input_data_format="channels_last",
            **self.picture_options,
        )  # fmt: skip
        return {name: one for name, one in made.items() if isinstance(one, torch.Tensor)}

    def video_turn(self, text: str, before: str = "", talk: Sequence[Turn] = ()) -> str:
        """A user's turn with a place for a video, then text, and the start of the answer.

        Args:
            before: text that comes first in this turn.
            talk: earlier turns, which come before it.
        """
        told = [self._piece(before)] if before else []
        turn: Any = {"role": "user", "content": [*told, {"type": "video"}, self._piece(text)]}
        return ProcessorMixin.apply_chat_template(
            self.processor,
            [*self._earlier(talk), turn],
            add_generation_prompt=True,
            tokenize=False,
        )

    def talk_tokens(self, talk: Sequence[Turn]) -> int:
        """Exactly what earlier turns add to a prompt, whatever comes after them."""
        side = DEFAULT_STEP * 3
        # some templates need a picture
        shown: list[str | Image.Image] = [Image.new("RGB", (side, side)), "0:00"]
        lengths = [self(shown, earlier)["input_ids"].shape[1] for earlier in (talk, ())]
        return lengths[0] - lengths[1]

    def _earlier(self, talk: Sequence[Turn]) -> list[dict[str, Any]]:
        """Text alone: only the last turn shows pictures."""
        return [
            {"role": role, "content": [self._piece(text)]}
            for turn in talk
            for role, text in (("user", turn.question), ("assistant", turn.answer))
        ]

    def plain(self, text: str) -> str:
        """Text in which nothing is a token of control: a space after the first letter of each.

        Else a question could hold a place for a picture that is not there, or end its own turn.
        """
        return self._controls.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text)

    def letter_ids(self, letter: str) -> list[int]:
        """Tokens with which an answer of this letter can begin."""
        forms = (letter, f" {letter}")
        ids = [self.tokenizer(form, add_special_tokens=False).input_ids for form in forms]
        whole = sorted({form[0] for form in ids if len(form) == 1})
        return whole or [ids[0][0]]

    def pad_token_id(self, ends: list[int]) -> int:
        pad = self.tokenizer.pad_token_id
        return ends[0] if pad is None else pad

    def _piece(self, piece: str | Image.Image) -> dict[str, Any]:
        if isinstance(piece, str):
            text = piece if isinstance(piece, Control) else self.plain(piece)
            return {"type": "text", "text": text}
        return {"type": "image", "image": piece}


def load_picture_processor(folder: Path, config: PreTrainedConfig) -> PictureProcessor:
    """The processor in a model's folder.

    Raises:
        ConfigError: the model's kind has none, or it needs a package that is not installed.
        WeightsError: a part of it is missing or damaged, or it has no chat template.
    """
    kind = PROCESSOR_MAPPING_NAMES.get(config.model_type)
    if kind is None:
        raise ConfigError(
            f"{folder}: transformers knows no processor for models of type {config.model_type!r}"
        )
    told = f"{folder}: its tokenizer or image processor cannot be loaded", PUBLISHED
    try:
        with Loading(WeightsError, *told):
            named = getattr(importlib.import_module("transformers"), kind)
            processor = _without_video(named, folder)
    except WeightsError as error:
        if isinstance(error.__cause__, ImportError):  # a package, no file
            raise ConfigError(f"{folder}: {reason(error.__cause__)}") from error
        raise
    if processor.image_token not in processor.tokenizer.get_vocab():
        raise WeightsError(
            f"{folder}: the tokenizer does not know {processor.image_token}, which stands for a "
            "picture; tokenizer.json is missing or of another model"
        )
    if not (processor.chat_template or processor.tokenizer.chat_template):
        raise WeightsError(
            f"{folder}: the model has no chat template, so it is not known how to ask it; take "
            "one that was trained to follow instructions"
        )
    with Loading(WeightsError, f"{folder}: its tokenizer or image processor is damaged", PUBLISHED):
        made = PictureProcessor(processor, config.image_token_id)
        _try(made)
    return made


def _try(processor: PictureProcessor) -> None:
    """Two small pictures: settings that do not fit together are noticed when they are used.

    Raises:
        ValueError, ArithmeticError: they are not in the prompt, or no numbers.
    """
    side = DEFAULT_STEP * 3
    pictures = [Image.new("RGB", shape) for shape in ((side, 2 * side), (2 * side, side))]
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        made = processor([*pictures, "0:00"])
    if not made["pixel_values"].isfinite().all():
        raise ValueError("its pictures are no numbers")
    if not (made["input_ids"] == processor.image_token_id).any():
        raise ValueError("pictures have no place in a prompt")
    if type(processor.step) is not int or processor.step < 1:
        raise ValueError(f"a patch of {processor.step!r} pixels")


def _without_video(kind: type[ProcessorMixin], folder: Path) -> Any:
    names = kind.get_attributes()

    class PicturesOnly(kind):  # type: ignore[misc, valid-type]  # a class that is known when it runs
        @classmethod
        def get_attributes(cls) -> list[str]:
            return [name for name in names if name != "video_processor"]

    PicturesOnly.__name__ = kind.__name__  # by which transformers tells what it is
    parts = {
        "image_processor": AutoImageProcessor.from_pretrained(folder, backend="pil"),
        "tokenizer": AutoTokenizer.from_pretrained(folder),
    }
    settings, _ = kind.get_processor_dict(folder)
    settings = {name: value for name, value in settings.items() if name not in PARTS}
    return PicturesOnly.from_args_and_dict([parts.get(name) for name in names], settings)


def _control_tokens(tokenizer: PreTrainedTokenizerBase) -> re.Pattern[str]:
    added = {str(token) for token in tokenizer.added_tokens_decoder.values()}
    marks = [re.escape(token) for token in added if len(token) > 1 and not token.isspace()]
    return re.compile("|".join(sorted(marks, key=len, reverse=True)) or r"(?!)")
