"""What training a vision-language model behind NTLBG's parts minimises.

Frames are chosen, shown and asked about as ``ntlbg ask`` does, by the same code; the answer comes
after the prompt. Prompts of films differ in their pictures, so they are read one by one.

T frames looked at, k chosen, S tokens of the prompt, A of the answer.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ntlbg.answerers.content import LETTERS, question_text
from ntlbg.answerers.ntlbg_folder import habits_of
from ntlbg.answerers.ntlbg_vl import NtlbgVLAnswerer, vl_answerer
from ntlbg.budget import plan_frames
from ntlbg.choosing import choose
from ntlbg.config import Config
from ntlbg.datasets import DatasetItem
from ntlbg.encoders.base_tower import BaseTowerEncoder
from ntlbg.errors import DataError
from ntlbg.feature_loader import FeatureLoader, QuestionFeatures
from ntlbg.index.store import FeatureIndex
from ntlbg.models.layers import IGNORED_LABEL
from ntlbg.models.ntlbg.checkpoints import trained_names
from ntlbg.models.ntlbg.modeling_ntlbg_vl import NtlbgVLForConditionalGeneration
from ntlbg.models.ntlbg.processing_ntlbg import NtlbgProcessor
from ntlbg.models.precision import mixed_precision
from ntlbg.pictures import fit_within
from ntlbg.question import parse_question
from ntlbg.train.kept_pictures import read_pictures
from ntlbg.train.losses import total
from ntlbg.train.objective import AnswerLosses
from ntlbg.train.stages import loss_weights
from ntlbg.types import AnswerInput, Question, VideoIndex

# Inputs with a number for each token of the prompt; the answer's tokens are text, all of them read.
OF_TOKENS = {"attention_mask": 1, "mm_token_type_ids": 0}


class PictureObjective(AnswerLosses):
    """The loss of questions about films, for the model of an answerer.

    Attributes:
        pixels: what joins tower and language model gets gradient from the pixels.
    """

    def __init__(self, answerer: NtlbgVLAnswerer, config: Config, index: FeatureIndex):
        super().__init__(answerer.model)
        self.answerer, self.settings, self.index = answerer, config, index
        self.processor = answerer.retriever.processor
        self.has_parts = answerer.model.config.rich_points

    @property
    def pixels(self) -> bool:
        return self.answerer.learns

    @pixels.setter
    def pixels(self, learns: bool) -> None:
        self.answerer.learns = learns

    def forward(self, items: Sequence[QuestionFeatures], progress: float = 0.0, **unused) -> dict:
        """B questions with answers -> loss and terms, means over the questions."""
        with mixed_precision(self.model.language_model):
            found = self._terms(items) if self.has_parts else [self._task(one) for one in items]
        terms = {name: torch.stack([one[name] for one in found]).mean() for name in found[0]}
        losses, steps = self.settings.loss_config, self.settings.training_config.max_steps
        weights = loss_weights(progress, losses, steps)
        loss = total(terms, {name: weights[name] for name in weights.keys() & terms.keys()})
        return {"loss": loss, "terms": {name: value.detach() for name, value in terms.items()}}

    def kept(self) -> set[str]:
        """Without the base model, as far as it stays as published."""
        return set(trained_names(self.model))

    def _terms(self, items: Sequence[QuestionFeatures]) -> list[dict[str, Tensor]]:
        """All terms of each question; their text goes into the statistics together."""
        passes = []
        for item in items:
            with self._batch(item) as batch:
                real = batch["attention_mask"].bool()
                real &= batch["input_ids"] != self.answerer.processor.image_token_id
                passes.append((batch, *self.passed(batch, real)))
        embeds = torch.cat([embeds[0] for _, _, embeds, _ in passes])
        known = self.known(embeds, torch.cat([text[0] for *_, text in passes]))
        contour = self.settings.loss_config.contour_weight
        return [self.terms(output, batch, known, contour) for batch, output, *_ in passes]

    def _task(self, item: QuestionFeatures) -> dict[str, Tensor]:
        """The answer's loss alone: without rich points nothing else says what to minimise."""
        with self._batch(item) as batch:
            output = self.model(**batch, logits_at_labels=True, use_cache=False)
        return {"task": output["loss"]}

    @contextmanager
    def _batch(self, item: QuestionFeatures) -> Iterator[dict[str, Any]]:
        """Inputs of one question and its answer."""
        question = parse_question(item.sample.question, item.sample.options)
        text = question_text(question, style=self.answerer.style)
        selector = self.settings.video_config.frame_selector
        with self._keeping(item.film) as folder:
            given = frames_for(self.answerer, item, question, selector, folder)
            (prompt,) = self.answerer.prompts(question, given, [text])
            with prompt.reading() as inputs:
                yield with_answer(inputs, self.answer_ids(item))

    def _keeping(self, film: Path | None) -> AbstractContextManager[Path | None]:
        """A folder for what is seen of a film, if anything is to be kept."""
        if film is None or not self.settings.training_config.cache_features:
            return nullcontext()
        return self.index.keeping(film)

    def answer_ids(self, item: QuestionFeatures) -> list[int]:
        """Of the answer and its end: of a chosen option its letter, as it is asked for."""
        sample, processor = item.sample, self.answerer.processor
        answer = sample.answer
        assert answer is not None  # a data set to learn from has answers
        if sample.options is not None:
            answer = LETTERS[sample.options.index(answer)]
        ids = processor.tokenizer(processor.plain(answer), add_special_tokens=False).input_ids
        return [*ids, self.processor.end_token_id]


def features_size(
    config: Config, reader: FeatureLoader, items: Sequence[DatasetItem]
) -> int | None:
    """D of what a model learns from or is asked about; None: of its own vision tower."""
    own = config.model.feature_encoder == BaseTowerEncoder.name
    return None if own else reader.feature_size(items)


def answerer_of(
    model: NtlbgVLForConditionalGeneration,
    processor: NtlbgProcessor,
    config: Config,
    reader: FeatureLoader,
    name: str,
) -> tuple[NtlbgVLAnswerer, FeatureLoader]:
    """A model as a configuration has it, and what reads films for it.

    Args:
        reader: of the configuration; the model's own tower takes the place of its encoder.
        name: for people.
    """
    video = config.video_config
    own = config.model.feature_encoder == BaseTowerEncoder.name
    answerer = vl_answerer(
        model, processor, None if own else reader.encoder, habits_of(video), name=name, weights="",
        resolution=video.frame_resolution,
    )  # fmt: skip
    [encoder] = answerer.encoders
    return answerer, FeatureLoader(config, encoder=encoder)


@torch.no_grad()
def frames_for(
    answerer: NtlbgVLAnswerer,
    item: QuestionFeatures,
    question: Question,
    selector: str,
    folder: Path | None = None,
) -> AnswerInput:
    """What ``ask`` would give the answerer, with the frames that it would choose now.

    Args:
        selector: a name in SELECTORS.
        folder: where what is seen of the film is kept; None: nothing is.

    Raises:
        DataError: there are only features of the film.
    """
    if item.film is None or item.size is None:
        raise DataError(
            f"{item.sample.video}: there are only features of it, and a vision-language model "
            "reads pictures; give the film"
        )
    retriever = answerer.retriever
    index = VideoIndex(item.pts_seconds, {retriever.track: item.features})
    plan, _ = plan_frames(
        answerer, question, item.size, len(item.features), last_seconds=float(item.pts_seconds[-1])
    )
    selection = choose(retriever, index, question, selector, plan.num_frames)
    size = fit_within(*item.size, longest_side=answerer.wants.longest_side)
    frames = read_pictures(item.film, item.pts_seconds[selection.indices], size, folder)
    return AnswerInput(index, item.features, selection, frames=frames, plan=plan, kept=folder)


def with_answer(inputs: dict, answer: Sequence[int]) -> dict:
    """Inputs of a prompt (1, S), and of the answer's tokens (A,) after it, with labels.

    Positions go on from the last one of the prompt, on every axis.
    """
    ids = torch.tensor([list(answer)], device=inputs["input_ids"].device)
    made = {**inputs, "input_ids": torch.cat([inputs["input_ids"], ids], dim=1)}
    for name in OF_TOKENS.keys() & inputs.keys():
        made[name] = F.pad(inputs[name], (0, len(answer)), value=OF_TOKENS[name])
    if "position_ids" in inputs:
        positions = inputs["position_ids"]
        after = torch.arange(1, len(answer) + 1, device=positions.device)
        made["position_ids"] = torch.cat([positions, positions[..., -1:] + after], dim=-1)
    asked = torch.full_like(inputs["input_ids"], IGNORED_LABEL)
    return made | {"labels": torch.cat([asked, ids], dim=1)}
