"""NTLBG before a vision-language model: each frame's rich point, its time, its own tokens.

k frames chosen.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from ntlbg.answerers import Habits
from ntlbg.answerers.compression import Compression
from ntlbg.answerers.shown import Prompt, Shown
from ntlbg.answerers.shown_pictures import PicturesShown
from ntlbg.answerers.shown_video import SeenPicturesShown
from ntlbg.answerers.transformers import TransformersAnswerer, check_files
from ntlbg.answerers.transformers_options import TransformersOptions
from ntlbg.compressors import load_compressor
from ntlbg.downloads import index_root
from ntlbg.encoders import Encoder
from ntlbg.encoders.base_tower import BaseTowerEncoder
from ntlbg.hub import find_model, folder_fingerprint
from ntlbg.memory import PictureInputs
from ntlbg.models.ntlbg.inspection import RichPoints, rich_points_of
from ntlbg.models.ntlbg.modeling_ntlbg_vl import NtlbgVLForConditionalGeneration
from ntlbg.models.ntlbg.processing_ntlbg import NtlbgProcessor
from ntlbg.models.picture_processor import Control, PictureProcessor, load_picture_processor
from ntlbg.models.qwen_vl.families import FAMILIES
from ntlbg.models.qwen_vl.tower import Tower
from ntlbg.retrievers.ntlbg import NtlbgRetriever
from ntlbg.types import AnswerInput, Question


class RichShown(Shown):
    """Frames with a rich point each, which is one token and counts like those of the frames.

    Args:
        inner: shows the frames, with the mark of rich points.
    """

    def __init__(self, inner: PicturesShown):
        super().__init__()
        self.inner, self.step, self.compression = inner, inner.step, inner.compression

    def count(self, pictures: int, height: int, width: int) -> int:
        return self.inner.count(pictures, height, width) + pictures

    def inputs(self, pictures: int, height: int, width: int) -> PictureInputs:
        frames = self.inner.inputs(pictures, height, width)
        return replace(frames, tokens=frames.tokens + pictures)

    def tokens_beside(self, pictures: int, text: str, last_seconds: float) -> int:
        return self.inner.tokens_beside(pictures, text, last_seconds)

    def prompts(self, given: AnswerInput, texts: Sequence[str]) -> Iterator[Prompt]:
        points = len(given.selection)
        for prompt in self.inner.prompts(given, texts):
            yield replace(
                prompt,
                visual_tokens=prompt.visual_tokens + points,
                seen_tokens=prompt.seen_tokens + points,
            )


class NtlbgVLAnswerer(TransformersAnswerer):
    """A vision-language model behind NTLBG's parts, which choose the frames, too.

    Args:
        retriever: by the same model.
        pictures: the base model's processor.
        weights: changes when the base model's do.
        longest_side: of a picture, in pixels: as in training.
        fingerprint: changes when answers would.
    """

    model: NtlbgVLForConditionalGeneration

    def __init__(
        self,
        retriever: NtlbgRetriever,
        pictures: PictureProcessor,
        *,
        weights: str,
        longest_side: int,
        name: str,
        fingerprint: str,
        habits: Habits,
    ):
        assert isinstance(retriever.model, NtlbgVLForConditionalGeneration)
        self.retriever, self.encoders = retriever, retriever.encoders
        self._tower = None
        if retriever.model.language_model.config.model_type in FAMILIES:
            self._tower = Tower(retriever.model.language_model, weights)
        super().__init__(
            retriever.model, pictures,
            _shown(retriever.model, pictures, retriever.processor, self._tower),
            name=name, fingerprint=fingerprint, options=TransformersOptions(),
        )  # fmt: skip
        self.wants = replace(self.wants, longest_side=longest_side)
        self.habits = habits

    @property
    def stock(self):
        return self.model.language_model

    @property
    def learns(self) -> bool:
        """Whether pictures are seen with gradient."""
        return self._tower is not None and self._tower.learns

    @learns.setter
    def learns(self, learns: bool) -> None:
        if self._tower is not None:  # else pixels are the model's own inputs, always with gradient
            self._tower.learns = learns

    def own_retriever(self) -> NtlbgRetriever:
        """NTLBG attention of the same model."""
        return self.retriever

    def prompts(
        self, question: Question, given: AnswerInput, texts: Sequence[str]
    ) -> Iterator[Prompt]:
        for prompt in super().prompts(question, given, texts):
            if self.model.config.rich_points:
                reading = partial(self._with_points, prompt, question.text, given)
                prompt = replace(prompt, reading=reading)
            yield prompt

    @contextmanager
    def _with_points(
        self, prompt: Prompt, question: str, given: AnswerInput
    ) -> Iterator[dict[str, Any]]:
        points = self.points(question, given)
        with prompt.reading() as inputs:
            yield {**inputs, **points}

    @torch.inference_mode()
    def rich_points(self, question: str, given: AnswerInput) -> RichPoints:
        """R = [r; c; w; t] of the selected frames, as the language model gets them."""
        return rich_points_of(self.model, self.points(question, given), question, given.times)

    def points(self, question: str, given: AnswerInput) -> dict[str, torch.Tensor]:
        """What the model makes rich points of the chosen frames from."""
        described = self.retriever.processor.describe(
            [question],
            [self.retriever.features(given.index)],
            [torch.as_tensor(given.pts_seconds, dtype=torch.float64)],
            [torch.as_tensor(given.selection.indices, dtype=torch.int64)],
            [given.selection.weights],
        )
        return {name: one.to(self.model.device) for name, one in described.items()}


def vl_answerer(
    model: NtlbgVLForConditionalGeneration,
    processor: NtlbgProcessor,
    encoder: Encoder | None,
    habits: Habits,
    *,
    name: str,
    weights: str,
    resolution: tuple[int, int],
) -> NtlbgVLAnswerer:
    """Of a model that is loaded, with its base model's processor.

    Args:
        encoder: what makes features of films; None where that is the base model's vision tower.
        habits: without a cap on visual tokens, which the model has.
        weights: changes when those of NTLBG's parts do; empty while they train.
        resolution: (height, width) of frames in training.

    Raises:
        ConfigError, WeightsError: the base model's processor cannot be loaded.
    """
    settings, stock = model.config, model.language_model
    assert settings.base_model is not None
    folder = find_model(settings.base_model, check_files)
    pictures = load_picture_processor(folder, stock.config)
    base = folder_fingerprint(folder, index_root())
    if encoder is None:
        encoder = BaseTowerEncoder(stock, pictures, settings.feature_size, base, resolution)
    return NtlbgVLAnswerer(
        NtlbgRetriever(model, processor, encoder, track=settings.feature_encoder), pictures,
        weights=base, longest_side=max(resolution), name=name,
        fingerprint=f"ntlbg-{weights} {base}",
        habits=replace(habits, max_visual_tokens=settings.max_visual_tokens),
    )  # fmt: skip


def _shown(
    model: NtlbgVLForConditionalGeneration,
    pictures: PictureProcessor,
    processor: NtlbgProcessor,
    tower: Tower | None,
) -> Shown:
    settings, stock = model.config, model.language_model
    mark = Control(processor.video_token) if settings.rich_points else None
    inner: PicturesShown
    if tower is not None:
        compression = None
        if settings.compress != "none":
            compressor = load_compressor(settings.compress)
            compression = Compression(compressor, 1.0, settings.max_visual_tokens)
        inner = SeenPicturesShown(tower, pictures, compression, mark)
    else:
        inner = PicturesShown(stock, pictures, mark)
    return RichShown(inner) if settings.rich_points else inner
