"""What the model returns.

B videos, T frames, D feature size, K chosen frames, Q questions per video, L question tokens,
r covariance rank, S tokens of a sequence, R rich point size, C context size, H hidden size,
V vocabulary.
"""

from dataclasses import dataclass
from typing import Any

from torch import Tensor
from transformers.modeling_outputs import ModelOutput

# All fields of a ModelOutput but the first must have None for a default, also those that are given.
GIVEN: Any = None


@dataclass
class NtlbgStatistics(ModelOutput):
    """Distribution of the relevant frames per question, and how the frames relate to it.

    Attributes:
        mean: (B, Q, D), mu_Q.
        factor: (B, Q, D, r), U with Sigma_Q = U U' + diag(diagonal).
        diagonal: (B, Q, D), positive.
        distances: (B, Q, T), squared Mahalanobis distances to mu_Q.
        scores: (B, Q, T), log-likelihood ratios; the lowest float for masked frames.
        token_weights: (B, Q, L), attention over the question's tokens.
        bias: (B, Q), added to every log-ratio of a question.
    """

    mean: Tensor
    factor: Tensor = GIVEN
    diagonal: Tensor = GIVEN
    distances: Tensor = GIVEN
    scores: Tensor = GIVEN
    token_weights: Tensor = GIVEN
    bias: Tensor = GIVEN


@dataclass
class NtlbgOutput(ModelOutput):
    """Answer and everything the losses need.

    Attributes:
        loss: task loss, mean cross-entropy of the labelled tokens.
        logits: (B, S, V), or (labelled tokens, V) with `logits_at_labels`.
        past_key_values: cache of the language model.
        hidden_states, attentions: of the language model, when asked for.
        statistics: relevance distribution of every question.
        representative_points: (B, K, R).
        context: (B, K, C).
        codes: (B, K, D), code vectors; None without gradient and labels.
        relevance: (B, T), mean over the questions of the softmax over frames.
        weights: (B, T), relevance mixed with a uniform share, sums to 1.
        visual_tokens: (B, K, H), what the language model reads.
    """

    loss: Tensor | None = None
    logits: Tensor | None = None
    past_key_values: object | None = None
    hidden_states: tuple | None = None
    attentions: tuple | None = None
    statistics: NtlbgStatistics | None = None
    representative_points: Tensor | None = None
    context: Tensor | None = None
    codes: Tensor | None = None
    relevance: Tensor | None = None
    weights: Tensor | None = None
    visual_tokens: Tensor | None = None
