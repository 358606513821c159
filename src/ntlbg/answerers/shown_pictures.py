"""Frames as pictures, each after its time: what every vision-language model can read."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from functools import lru_cache, partial
from typing import Any

from PIL import Image

from ntlbg.answerers.content import Content, portable_content
from ntlbg.answerers.shown import Prompt, Shown
from ntlbg.memory import PictureInputs
from ntlbg.models.picture_processor import PictureProcessor
from ntlbg.time_text import stamp
from ntlbg.types import AnswerInput


class PicturesShown(Shown):
    """By the model's own processor of pictures and text.

    Args:
        mark: stands before the time of each picture, and is counted with what ``tokens_beside``
            does not count.
    """

    def __init__(self, model: Any, processor: PictureProcessor, mark: str | None = None):
        super().__init__()
        self.model, self.processor, self.step = model, processor, processor.step
        self.mark = mark
        self._given = lru_cache(maxsize=None)(self._given_anew)  # of sizes seen before

    def count(self, pictures: int, height: int, width: int) -> int:
        """Exact: pictures of that size are given to the processor, and counted."""
        return self.inputs(pictures, height, width).tokens

    def inputs(self, pictures: int, height: int, width: int) -> PictureInputs:
        """From two on each takes the same; some models show a single one in more detail."""
        if pictures < 2:
            return self._given(1, height, width) if pictures else PictureInputs(0, 0, 0)
        return self._given(2, height, width).times(pictures)

    def tokens_beside(self, pictures: int, text: str, last_seconds: float) -> int:
        side = self.step * 3
        ids = self.processor([*_blank(pictures, side, side, stamp(last_seconds)), text])
        return int((ids["input_ids"] != self.processor.image_token_id).sum())

    def prompts(self, given: AnswerInput, texts: Sequence[str]) -> Iterator[Prompt]:
        for text in texts:
            inputs = self.processor(portable_content(given, text, self.mark), given.talk)
            ids = inputs["input_ids"]
            visual = int((ids == self.processor.image_token_id).sum())
            yield Prompt(ids.shape[1], visual, visual, partial(self._reading, inputs))

    def _reading(self, inputs: dict[str, Any]) -> nullcontext[dict[str, Any]]:
        model = self.model
        return nullcontext({
            # pixels in the model's numbers before they are moved: half as much to move
            name: one.to(model.device, model.dtype if one.is_floating_point() else one.dtype)
            for name, one in inputs.items()
        })  # fmt: skip

    def _given_anew(self, pictures: int, height: int, width: int) -> PictureInputs:
        made = self.processor(_blank(pictures, height, width))
        ids, pixels = made["input_ids"], made["pixel_values"]
        beside = sum(one.nbytes for one in made.values()) - pixels.nbytes
        visual = int((ids == self.processor.image_token_id).sum())
        return PictureInputs(pictures, visual, pixels.numel(), beside)


def _blank(pictures: int, height: int, width: int, before: str | None = None) -> Content:
    blank = Image.new("RGB", (width, height))
    return [blank] * pictures if before is None else [before, blank] * pictures
