"""Frames for stock Qwen-VL models: as a video with true times, or as pictures.

Both ways the vision tower looks at each picture alone (``ntlbg.models.qwen_vl.tower``), so that
what it saw can be kept and used for the next question.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch

from ntlbg.answerers.compression import Compression, relevance_of
from ntlbg.answerers.content import portable_content, resized, told_text
from ntlbg.answerers.shown import Prompt, Shown
from ntlbg.answerers.shown_pictures import PicturesShown
from ntlbg.memory import PictureInputs
from ntlbg.models.picture_processor import PictureProcessor
from ntlbg.models.qwen_vl.families import family_of
from ntlbg.models.qwen_vl.inputs import (
    Layout,
    VisionPrompt,
    grid_frames,
    grid_times,
    place_vision,
    times_sentence,
    video_tokens,
    vision_prompt,
)
from ntlbg.models.qwen_vl.tower import Tower
from ntlbg.models.qwen_vl.vision import VisionFeatures, seen_inputs
from ntlbg.types import AnswerInput, Frames, Turn


class SeenPicturesShown(PicturesShown):
    """As pictures, which the tower sees one by one."""

    def __init__(
        self,
        tower: Tower,
        processor: PictureProcessor,
        compression: Compression | None = None,
        mark: str | None = None,
    ):
        super().__init__(tower.model, processor, mark)
        self.tower, self.compression = tower, compression

    def inputs(self, pictures: int, height: int, width: int) -> PictureInputs:
        seen = replace(super().inputs(pictures, height, width), together=False)
        return _left(self.compression, seen)

    def prompts(self, given: AnswerInput, texts: Sequence[str]) -> Iterator[Prompt]:
        read = (
            self.processor(portable_content(given, text, self.mark), given.talk) for text in texts
        )
        seen = (VisionPrompt(grid_seconds=np.empty(0), **_named(inputs)) for inputs in read)
        return Reading(self.tower, given, relevance_of(given), self.compression).of(seen)


class VideoShown(Shown):
    """As a video whose times the model is told in the way of its family."""

    def __init__(
        self,
        tower: Tower,
        processor: PictureProcessor,
        layout: Layout,
        compression: Compression | None = None,
    ):
        super().__init__()
        self.tower, self.processor, self.layout = tower, processor, layout
        self.compression = compression
        self.family, self.step = family_of(tower.model.config), processor.step
        # which neighbours are near enough to share a grid is known when they are chosen
        self.counts_are_exact = layout == "twice"

    def count(self, pictures: int, height: int, width: int) -> int:
        """Of a grid for each picture; with the layout ``pairs`` there may be fewer."""
        return self.inputs(pictures, height, width).tokens

    def inputs(self, pictures: int, height: int, width: int) -> PictureInputs:
        """Each patch has the colours of two frames; no tensor beside them grows with the frames."""
        images = self.processor.processor.image_processor
        tokens = video_tokens(self.processor.processor, pictures, height, width)
        patch = 3 * images.temporal_patch_size * images.patch_size**2
        seen = PictureInputs(pictures, tokens, tokens * self._merge**2 * patch, together=False)
        return _left(self.compression, seen)

    def tokens_beside(self, pictures: int, text: str, last_seconds: float) -> int:
        seconds, merge = np.full(pictures, last_seconds), self._merge
        prompt = place_vision(
            self.family, self.processor.processor, self._text(seconds, text),
            grid_seconds=seconds, video_grid_thw=torch.tensor([[pictures, merge, merge]]),
        )  # fmt: skip
        return prompt.input_ids.shape[1] - pictures

    def prompts(self, given: AnswerInput, texts: Sequence[str]) -> Iterator[Prompt]:
        video = Frames(resized(given.pictures, given.plan), given.times)
        seconds = grid_times(self.family, video.pts_seconds, self.layout)
        told = told_text(given.passages)
        prompts = (
            vision_prompt(
                self.family, self.processor.processor,
                self._text(seconds, text, told, given.talk), video,
                layout=self.layout,
            )
            for text in texts
        )  # fmt: skip
        pairs = grid_frames(given.times, self.layout)
        relevance = relevance_of(given)[pairs].max(axis=1)
        return Reading(self.tower, given, relevance, self.compression).of(prompts)

    @property
    def _merge(self) -> int:
        return self.processor.processor.image_processor.merge_size

    def _text(
        self, grid_seconds: np.ndarray, text: str, told: str = "", talk: Sequence[Turn] = ()
    ) -> str:
        """In the model's chat form; with the times where the family has no clock of its own."""
        if self.family.clock == "order":
            text = f"{times_sentence(grid_seconds)}\n{text}"
        return self.processor.video_turn(text, told, talk)


class Reading:
    """Prompts about the same frames, which the tower sees when the first of them is read.

    Args:
        relevance: float64 (t,), of each picture, or of each grid of a video.
    """

    def __init__(
        self,
        tower: Tower,
        given: AnswerInput,
        relevance: np.ndarray,
        compression: Compression | None,
    ):
        self.tower, self.folder, self.relevance = tower, given.kept, relevance
        self.compression = compression
        self._seen: dict[str, VisionFeatures] = {}

    def of(self, prompts: Iterable[VisionPrompt]) -> Iterator[Prompt]:
        """With the tokens that are left."""
        for prompt in prompts:
            visual = int((prompt.mm_token_type_ids != 0).sum())
            left = visual
            if self.compression is not None:
                left = self.compression.count(visual, len(self.relevance))
            tokens = prompt.input_ids.shape[1] - visual + left
            yield Prompt(tokens, left, visual, partial(self._reading, prompt))

    @contextmanager
    def _reading(self, prompt: VisionPrompt) -> Iterator[dict[str, Any]]:
        if not self._seen:
            self._seen = {
                name: self._compressed(seen)
                for name, seen in self.tower.look(prompt, self.folder).items()
            }
        with seen_inputs(self.tower.model, prompt, self._seen) as inputs:
            yield inputs

    def _compressed(self, seen: VisionFeatures) -> VisionFeatures:
        if self.compression is None:
            return seen
        merge = self.tower.model.config.vision_config.spatial_merge_size
        return self.compression.of(seen, merge, self.relevance)


def _left(compression: Compression | None, seen: PictureInputs) -> PictureInputs:
    """The same pictures with fewer tokens in the prompt."""
    if compression is None:
        return seen
    left = compression.count(seen.tokens, seen.number)
    return replace(seen, tokens=left, seen_tokens=seen.tokens)


def _named(inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    names = ("input_ids", "mm_token_type_ids", "pixel_values", "image_grid_thw")
    return {name: inputs[name] for name in names}
