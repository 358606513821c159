"""The project's own kind of model as a backend."""

import copy
from typing import ClassVar

import numpy as np
import torch

from ntlbg.backends import Reply, RichPoints, VideoContext
from ntlbg.encoders import Encoder
from ntlbg.grounding import recurrence

LONGEST_ANSWER_TOKENS = 24
# Log-odds that a frame shows an event: logistic regression on ten validation videos of an hour.
EVENT_CONFIDENCE, EVENT_RECURRENCE, EVENT_BIAS = 6.8, -9.5, -1.2


class NtlbgBackend:
    """An NtlbgForConditionalGeneration: one visual token per frame, answers of a few words."""

    needs_frames = False
    # Its scores are log-likelihood ratios under learned covariances, so they are whitened already,
    # and the questions it can answer are about moments.
    selector_options: ClassVar = {
        "ntlbg": {
            "score_whitening": False,
            "mode": "localized",
            "quality": 0.5,
            "quality_cap": 1e3,
            "max_share": 1.0,
        }
    }

    def __init__(self, model, processor, encoder: Encoder, *, name: str = "ntlbg"):
        self.model, self.processor = model.eval(), processor
        self.encoder, self.name = encoder, name

    def score_frames(self, features: np.ndarray, question: str) -> np.ndarray:
        """Log-likelihood ratio (T,) of "this frame is meant" to "any frame", in nats."""
        query = torch.tensor(self.processor.query_ids(question))
        return self.model.score(torch.as_tensor(features), query).double().cpu().numpy()

    @torch.inference_mode()
    def event_odds(self, features: np.ndarray, pts_seconds: np.ndarray) -> np.ndarray | None:
        """A named object, surely seen, in a frame unlike the rest of the video; in nats (T,)."""
        projector = self.model.multi_modal_projector
        if not hasattr(projector, "confidence"):
            return None
        seen = projector.confidence(torch.as_tensor(features).float()).cpu().numpy()
        return (
            EVENT_CONFIDENCE * seen.astype(np.float64)
            + EVENT_RECURRENCE * recurrence(features, pts_seconds)
            + EVENT_BIAS
        )

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
