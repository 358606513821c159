"""What training on questions about videos minimises: choose frames, read them, answer.

B questions, T frames looked at, k chosen.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ntlbg.choosing import choose
from ntlbg.config import Config
from ntlbg.models.builtin.vision_tower import normalize_pixels
from ntlbg.models.ntlbg.checkpoints import trained_names
from ntlbg.models.ntlbg.modeling_ntlbg import NtlbgForConditionalGeneration
from ntlbg.models.ntlbg.processing_ntlbg import NtlbgProcessor
from ntlbg.question import parse_question
from ntlbg.reading import Read
from ntlbg.retrievers.ntlbg import NtlbgRetriever
from ntlbg.train.losses import (
    NLL_WEIGHT,
    RunningGaussian,
    Transition,
    batch_terms,
    total,
)
from ntlbg.train.trainer import load_saved_part
from ntlbg.types import Selection, VideoIndex
from ntlbg.video import read_frames_at

Weights = dict[str, float]


def scheduled_weights(config: Config, progress: float) -> Weights:
    """Weights of the loss terms at a progress from 0 to 1, by ``loss_config``."""
    losses = config.loss_config
    weights = losses.loss_weights.model_dump()
    if losses.weight_schedule == "lambda":
        weights["ntlbg"] *= 1 - progress
        weights["align"] *= progress
    elif losses.weight_schedule == "warmup" and losses.weight_warmup_steps:
        step = progress * config.training_config.max_steps
        share = min(1.0, step / losses.weight_warmup_steps)
        weights |= {name: weights[name] * share for name in ("ntlbg", "align", "context")}
    return weights


class QuestionObjective(nn.Module):
    """Frames are chosen without gradient; the loss sees the choice and passes gradient on.

    Attributes:
        pixels: look again at the chosen frames of films, so that the vision tower gets gradient.
    """

    def __init__(
        self, model: NtlbgForConditionalGeneration, processor: NtlbgProcessor, config: Config
    ):
        super().__init__()
        self.model, self.processor = model, processor
        self.settings, self.pixels = config, False  # Trainer owns "config"
        self.retriever = NtlbgRetriever(model, processor, None, track=config.model.feature_encoder)
        sizes = model.config
        self.reference = RunningGaussian(sizes.get_text_config().hidden_size)
        self.transition = Transition(sizes.context_size, sizes.feature_size)

    def forward(self, items: Sequence[Read], progress: float = 0.0, **unused) -> dict:
        """B questions with answers -> loss and terms."""
        batch = self.batch(items)
        output = self.model(**batch, logits_at_labels=True, use_cache=False)
        real = batch["attention_mask"]
        terms = batch_terms(self.model, batch, output, real, self.reference, self.transition)
        contour = self.settings.loss_config.contour_weight
        terms["ntlbg"] = (
            terms["quantisation"] + contour * terms["contour"] + NLL_WEIGHT * terms["nll"]
        )
        loss = total(terms, scheduled_weights(self.settings, progress))
        return {"loss": loss, "terms": {name: value.detach() for name, value in terms.items()}}

    def state_dict(  # type: ignore[override]  # that of torch also fills a dictionary of yours
        self, *args, prefix: str = "", **kwargs
    ) -> dict[str, Tensor]:
        """Without a base model that stays as published."""
        whole = super().state_dict(*args, prefix=prefix, **kwargs)
        kept = trained_names(self.model)
        inside = {f"{prefix}model.{name}" for name in kept}
        own = (f"{prefix}reference.", f"{prefix}transition.")
        return {
            name: value for name, value in whole.items() if name in inside or name.startswith(own)
        }

    def load_state_dict(self, state_dict, strict: bool = True, assign: bool = False):
        """What ``state_dict`` leaves out stays as it is."""
        return load_saved_part(self, state_dict, assign)

    def batch(self, items: Sequence[Read]) -> dict[str, Tensor]:
        """Inputs of the model, with the frames that it would choose now."""
        selections = [self.choose(item) for item in items]
        inputs = self.processor(
            [item.sample.question for item in items],
            [item.features for item in items],
            [item.pts_seconds for item in items],
            selections,
            answer=[item.sample.answer for item in items],
        )
        batch = dict(inputs.to(self.model.device))
        if self.pixels:
            self._see_again(items, batch)
        return batch

    def _see_again(self, items: Sequence[Read], batch: dict[str, Tensor]) -> None:
        """Features of the chosen frames of films, computed anew by the vision tower."""
        for row, item in enumerate(items):
            if item.film is None:
                continue
            tower = self.model.vision_tower
            assert tower is not None  # a model that learns from films has one
            size = tuple(tower.config.image_size)
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
    def choose(self, item: Read) -> Selection:
        """k frames by ``frame_selector``, as ``ask`` would choose them."""
        video = self.settings.video_config
        index = VideoIndex(item.pts_seconds, {self.retriever.track: item.features})
        question = parse_question(item.sample.question, item.sample.options)
        number = video.representatives_for(len(item.features))
        return choose(self.retriever, index, question, video.frame_selector, number)
