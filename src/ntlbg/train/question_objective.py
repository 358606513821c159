"""What training on questions about videos minimises: choose frames, read them, answer.

B questions, T frames looked at, k chosen.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ntlbg.choosing import choose
from ntlbg.config import Config
from ntlbg.feature_loader import QuestionFeatures
from ntlbg.models.builtin.vision_tower import normalize_pixels
from ntlbg.models.ntlbg.checkpoints import trained_names
from ntlbg.models.ntlbg.modeling_ntlbg import NtlbgForConditionalGeneration
from ntlbg.models.ntlbg.processing_ntlbg import NtlbgProcessor
from ntlbg.question import parse_question
from ntlbg.retrievers.ntlbg import NtlbgRetriever
from ntlbg.train.losses import total
from ntlbg.train.objective import AnswerLosses
from ntlbg.train.stages import loss_weights
from ntlbg.types import Selection, VideoIndex
from ntlbg.video import read_frames_at


class QuestionObjective(AnswerLosses):
    """Frames are chosen without gradient; the loss sees the choice and passes gradient on.

    Attributes:
        pixels: look again at the chosen frames of films, so that the vision tower gets gradient.
    """

    def __init__(
        self, model: NtlbgForConditionalGeneration, processor: NtlbgProcessor, config: Config
    ):
        super().__init__(model)
        self.processor = processor
        self.settings, self.pixels = config, False  # Trainer owns "config"
        self.retriever = NtlbgRetriever(model, processor, None, track=config.model.feature_encoder)

    def forward(self, items: Sequence[QuestionFeatures], progress: float = 0.0, **unused) -> dict:
        """B questions with answers -> loss and terms."""
        batch, losses = self.batch(items), self.settings.loss_config
        _, terms = self.read(batch, batch["attention_mask"], losses.contour_weight)
        steps = self.settings.training_config.max_steps
        loss = total(terms, loss_weights(progress, losses, steps))
        return {"loss": loss, "terms": {name: value.detach() for name, value in terms.items()}}

    def kept(self) -> set[str]:
        """Without a base model that stays as published."""
        return set(trained_names(self.model))

    def batch(self, items: Sequence[QuestionFeatures]) -> dict[str, Tensor]:
        """Inputs of the model, with the frames that it would choose now."""
        selections = [self.choose(item) for item in items]
        batch = self.processor(
            [item.sample.question for item in items],
            [item.features for item in items],
            [item.pts_seconds for item in items],
            selections,
            answer=[item.sample.answer for item in items],
        )
        batch = dict(batch.to(self.model.device))
        if self.pixels:
            self._see_again(items, batch)
        return batch

    def _see_again(self, items: Sequence[QuestionFeatures], batch: dict[str, Tensor]) -> None:
        """Features of the chosen frames of films, computed anew by the vision tower."""
        for row, item in enumerate(items):
            if item.film is None:
                continue
            size = tuple(self.model.vision_tower.config.image_size)
            chosen = batch["indices"][row : row + 1]
            times = item.pts_seconds[chosen[0][chosen[0] >= 0].cpu().numpy()]
            frames = read_frames_at(item.film, times, size=size).data
            pixels = normalize_pixels(frames)[None].to(self.model.device)
            features = batch["video_features"]
            fresh = self.model.see_again(features[row : row + 1], chosen[:, : len(times)], pixels)
            batch["video_features"] = features.index_put(
                (torch.tensor([row], device=features.device),), fresh
            )

    @torch.no_grad()
    def choose(self, item: QuestionFeatures) -> Selection:
        """k frames by ``frame_selector``, as ``ask`` would choose them."""
        video = self.settings.video_config
        index = VideoIndex(item.pts_seconds, {self.retriever.track: item.features})
        question = parse_question(item.sample.question, item.sample.options)
        number = video.representatives_for(len(item.features))
        return choose(self.retriever, index, question, video.frame_selector, number)
