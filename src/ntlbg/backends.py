"""What answers: a model behind two methods. ``BACKENDS`` is the whole menu."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Protocol

import numpy as np
import torch

from ntlbg.encoders import ENCODERS, Encoder
from ntlbg.errors import ConfigError
from ntlbg.selection import Selection
from ntlbg.video import Frames

LONGEST_ANSWER_TOKENS = 24


@dataclass(frozen=True)
class VideoContext:
    """A video as a backend sees it: T sampled frames, k of them selected.

    Attributes:
        features: (T, D) float32.
        pts_seconds: (T,) float64, seconds from the first picture.
        selection: which k frames, with scores and weights.
        frames: the k selected pictures, or None when nothing asked for pictures.
    """

    features: np.ndarray
    pts_seconds: np.ndarray
    selection: Selection
    frames: Frames | None = None

    def with_frames(self, frames: Frames) -> "VideoContext":
        """The same context, now with the selected pictures."""
        return replace(self, frames=frames)


@dataclass(frozen=True)
class Reply:
    """What a backend says.

    Attributes:
        text: the answer.
        option_scores: probability of each option, in the order given; None without options.
        visual_tokens: tokens of the language model spent on the video.
    """

    text: str
    option_scores: list[float] | None
    visual_tokens: int


@dataclass(frozen=True)
class RichPoints:
    """The k rich representative points R = [r; c; w; t] of one question.

    Attributes:
        question: what was asked.
        pts_seconds: t (k,).
        feature_norms: norm of r (k,).
        context: c (k, C), the temporal context around each frame.
        weights: w (k, 2), relevance among the selected frames and share of the video.
    """

    question: str
    pts_seconds: np.ndarray
    feature_norms: np.ndarray
    context: np.ndarray
    weights: np.ndarray


class Backend(Protocol):
    """Scores frames for a question and answers it from the selected ones."""

    name: str
    needs_frames: bool
    encoder: Encoder

    def score_frames(self, features: np.ndarray, question: str) -> np.ndarray:
        """Relevance (T,) of features (T, D) for the question; higher is more relevant."""

    def answer(self, question: str, *, video: VideoContext, options: list[str] | None) -> Reply:
        """Answer in free text, or choose one of the options."""


class NtlbgBackend:
    """An NtlbgForConditionalGeneration: one visual token per frame, answers of a few words."""

    needs_frames = False

    def __init__(self, model, processor, encoder: Encoder, *, name: str = "ntlbg"):
        self.model, self.processor = model.eval(), processor
        self.encoder, self.name = encoder, name

    def score_frames(self, features: np.ndarray, question: str) -> np.ndarray:
        """Log-likelihood ratio (T,) of "this frame is meant" to "any frame", in nats."""
        query = torch.tensor(self.processor.query_ids(question))
        return self.model.score(torch.as_tensor(features), query).double().cpu().numpy()

    @torch.inference_mode()
    def answer(self, question: str, *, video: VideoContext, options: list[str] | None) -> Reply:
        """Greedy text; with options the likeliest of them as a continuation of the prompt."""
        inputs = self._inputs(question, video)
        tokens = len(video.selection.indices)
        if options is None:
            return Reply(self._generate(inputs), None, tokens)
        chances = self._option_chances(inputs, options)
        return Reply(options[int(np.argmax(chances))], chances, tokens)

    @torch.inference_mode()
    def rich_points(self, question: str, *, video: VideoContext) -> RichPoints:
        """R = [r; c; w; t] of the selected frames, as the language model gets them."""
        inputs = self._inputs(question, video)
        text = ("input_ids", "attention_mask")
        visual = {name: value for name, value in inputs.items() if name not in text}
        points = self.model.represent(**visual, with_codes=False)["representative_points"][0]
        config = self.model.config
        feature, context, weight, _ = points.float().split(
            [config.feature_size, config.context_size, 2, 2 * config.time_frequencies], dim=-1
        )
        return RichPoints(
            question=question,
            pts_seconds=video.pts_seconds[video.selection.indices],
            feature_norms=feature.norm(dim=-1).cpu().numpy(),
            context=context.cpu().numpy(),
            weights=weight.cpu().numpy(),
        )

    def _inputs(self, question: str, video: VideoContext):
        inputs = self.processor(question, video.features, video.pts_seconds, video.selection)
        return inputs.to(self.model.device)

    def _generate(self, inputs) -> str:
        ids = self.model.generate(
            **inputs,
            do_sample=False,
            max_new_tokens=LONGEST_ANSWER_TOKENS,
            eos_token_id=self.processor.end_token_id,
            pad_token_id=self.processor.pad_token_id,
        )
        return self.processor.decode_answer(ids[0, inputs["input_ids"].shape[1] :])

    def _option_chances(self, inputs, options: list[str]) -> list[float]:
        """Softmax over the log-likelihoods of the options' texts, each with its end.

        The prompt is read once. Options never see each other, so their order cannot matter.
        """
        prompt = self.model(**inputs, use_cache=True, logits_to_keep=1)
        likelihoods = torch.tensor([self._log_likelihood(prompt, option) for option in options])
        return likelihoods.softmax(0).tolist()

    def _log_likelihood(self, prompt, option: str) -> float:
        ids = torch.tensor([self.processor.answer_ids(option)], device=prompt.logits.device)
        rest = self.model(
            input_ids=ids[:, :-1],
            past_key_values=copy.deepcopy(prompt.past_key_values),
            use_cache=True,
        )
        logits = torch.cat([prompt.logits[:, -1:], rest.logits], dim=1).double()
        return float(logits.log_softmax(-1).gather(-1, ids.unsqueeze(-1)).sum())


def load_builtin_backend() -> NtlbgBackend:
    """The model that comes with the package.

    Raises:
        WeightsError: its parts are missing and cannot be fetched.
    """
    # here, so that importing this module does not load the model's code
    from ntlbg.models.builtin import load_builtin

    return NtlbgBackend(*load_builtin(), ENCODERS["builtin"](), name="builtin")


BACKENDS: dict[str, Callable[[], Backend]] = {"builtin": load_builtin_backend}


def load_backend(model: str | Backend) -> Backend:
    """The backend of this name, loaded once per process; a backend is returned as it is.

    Raises:
        ConfigError: no such name.
    """
    if not isinstance(model, str):
        return model
    if model not in BACKENDS:
        raise ConfigError(f"no model {model!r}; there are: {', '.join(BACKENDS)}")
    return _loaded(model)


@cache
def _loaded(name: str) -> Backend:
    return BACKENDS[name]()
