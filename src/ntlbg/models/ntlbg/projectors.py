"""Rich representative points -> tokens of the language model.

B videos, K chosen frames, D feature size, R rich point size, H hidden size of the language model,
V words.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ntlbg.models.layers import ConstantInitLinear
from ntlbg.models.ntlbg.configuration_ntlbg import NtlbgConfig

# Part of a typical embedding's length that the learned correction may take per unit of output.
ADAPTER_SHARE = 0.3
# In nats; frames that pad a batch have the lowest float as their score.
LARGEST_DEFICIT = 20.0
# While training, the temperature varies this much between tokens, so that the language model meets
# both certain and uncertain words.
TRAINING_SCALE = (0.45, 1.15)
# Cosine from which on a frame can be read as one of the further words: no frame is that much like a
# word unless its feature was set to it, so they change nothing for other frames.
FURTHER_ALIKE = 0.98


class MlpProjector(nn.Module):
    """LayerNorm and two linear layers."""

    def __init__(self, config: NtlbgConfig):
        super().__init__()
        self.norm = nn.LayerNorm(config.rich_point_size)
        self.hidden = nn.Linear(config.rich_point_size, config.adapter_size)
        self.output = nn.Linear(config.adapter_size, config.text_config.hidden_size)

    def forward(self, points: Tensor, features: Tensor, scores: Tensor | None = None) -> Tensor:
        """points (B, K, R), features (B, K, D) and scores (B, K), both unused -> (B, K, H)."""
        return self.output(F.gelu(self.hidden(self.norm(points))))

    def read_embeddings(self, weight: Tensor) -> None:
        """Nothing here depends on the language model's embeddings."""


class VocabularyProjector(nn.Module):
    """A token is a mixture of the language model's own word embeddings, plus a small correction.

    The frame's feature is compared with the centred word embeddings, so features must live in
    that space (or learn to, through `to_text`). The language model then reads almost-text.
    """

    def __init__(self, config: NtlbgConfig):
        super().__init__()
        width = config.text_config.hidden_size
        self.words = config.vocabulary
        self.scale, self.nothing_bias = config.vocabulary_scale, config.nothing_bias
        self.doubt_margin, self.doubt_slope = config.doubt_margin, config.doubt_slope
        self.hidden = nn.Linear(config.rich_point_size, config.adapter_size)
        self.output = ConstantInitLinear(config.adapter_size, width)
        same = width == config.feature_size
        self.to_text = nn.Identity() if same else nn.Linear(config.feature_size, width, False)
        self.register_buffer("word_embeddings", torch.zeros(len(self.words), width))
        self.register_buffer("embedding_mean", torch.zeros(width))
        self.register_buffer("embedding_norm", torch.ones(()))
        self.further_words: Tensor | None = None

    def forward(self, points: Tensor, features: Tensor, scores: Tensor | None = None) -> Tensor:
        """points (B, K, R), features (B, K, D), relevance (B, K) in nats -> tokens (B, K, H)."""
        logits = self.word_logits(features)
        if self.training:
            logits = logits * torch.empty_like(logits[..., :1]).uniform_(*TRAINING_SCALE)
        words = self._doubt(logits, scores).softmax(-1) @ self._all_words()
        correction = self.output(F.gelu(self.hidden(points)))
        return words + ADAPTER_SHARE * self.embedding_norm * correction

    def confidence(self, features: Tensor) -> Tensor:
        """How surely each frame (T, D) shows something that has a name: (T,), 0 to 1."""
        return self.word_logits(features).softmax(-1)[..., :-1].amax(-1)

    def word_chances(self, features: Tensor) -> Tensor:
        """Chance of each frame (K, D) to show each word (K, V - 1), "nothing" left out."""
        return self._doubt(self.word_logits(features), None).softmax(-1)[..., :-1]

    def _doubt(self, logits: Tensor, scores: Tensor | None) -> Tensor:
        """Word logits (B, K, V) with the reasons to see nothing in a frame added to the last."""
        nothing = torch.full_like(logits[..., -1], self.nothing_bias)
        if scores is not None:
            missing = scores.amax(-1, keepdim=True) - self.doubt_margin - scores
            nothing = nothing + self.doubt_slope * missing.clamp(0, LARGEST_DEFICIT)
        return torch.cat([logits[..., :-1], logits[..., -1:] + nothing.unsqueeze(-1)], dim=-1)

    def word_logits(self, features: Tensor) -> Tensor:
        """Scaled cosines with every word (B, K, V), without the bias on the last."""
        logits = self.scale * F.normalize(self.to_text(features), dim=-1) @ self.directions().T
        if self.further_words is not None:
            further = logits[..., len(self.words) - 1 : -1]
            further.masked_fill_(further < FURTHER_ALIKE * self.scale, -torch.inf)
        return logits

    def directions(self) -> Tensor:
        """Unit vectors (V, H) that frames are compared with."""
        return F.normalize(self._all_words() - self.embedding_mean, dim=-1)

    def _all_words(self) -> Tensor:
        """(V, H) with the further words, "nothing" at the end."""
        if self.further_words is None:
            return self.word_embeddings
        return torch.cat([self.word_embeddings[:-1], self.further_words, self.word_embeddings[-1:]])

    @torch.no_grad()
    def add_words(self, embeddings: Tensor) -> None:
        """Let frames be read as these words (N, H) too; they are not among the weights."""
        self.further_words = embeddings.to(self.word_embeddings)

    @torch.no_grad()
    def read_embeddings(self, weight: Tensor) -> None:
        """Take words, mean and typical length from the embedding matrix (rows, H)."""
        words = [weight[ids].float().mean(0) for ids in self.words]
        self.word_embeddings.copy_(torch.stack(words))
        self.embedding_mean.copy_(weight.mean(0, dtype=torch.float32))
        norms = [
            (rows.float() - self.embedding_mean).norm(dim=-1).sum() for rows in weight.split(8192)
        ]
        self.embedding_norm.copy_(sum(norms) / len(weight))


PROJECTORS = {"mlp": MlpProjector, "vocabulary": VocabularyProjector}
