"""Which frames does a question ask about? A likelihood ratio of two Gaussians.

Given the question Q, features of the frames it asks about follow N(mu_Q, Sigma_Q); all frames
follow a background N(mu_0, Sigma_0). A frame's relevance is the log-ratio of the two densities.
Covariances are low rank plus diagonal; their algebra is in `woodbury.py`.

B videos, T frames, D feature size, Q questions per video, L question tokens, r covariance rank.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ntlbg.models.layers import ConstantInitLinear
from ntlbg.models.modeling_outputs import NtlbgStatistics
from ntlbg.models.ntlbg.configuration_ntlbg import NtlbgConfig
from ntlbg.models.ntlbg.woodbury import mahalanobis_and_logdet

# Unit-norm features at these values score 10 x.q before any training: the inverse temperature at
# which cosine similarities in a shared embedding space become usable logits.
INITIAL_VARIANCE = 0.1
INITIAL_GAIN = 1.0
VARIANCE_FLOOR = 1e-5
# A question may widen or narrow all variances by this factor (in nats); more would overflow.
LARGEST_LOG_SPREAD = 8.0
# Frames scored at once: bounds memory for hours of video, changes no number.
CHUNK = 8192


class QueryPooling(nn.Module):
    """Question tokens -> one unit vector in feature space and one hidden vector.

    A tiny reader over static token embeddings; it learns which words carry the question
    ("guitar") and leaves language to the language model.
    """

    def __init__(self, config: NtlbgConfig):
        super().__init__()
        width, hidden = config.text_config.hidden_size, config.attention_hidden_size
        self.register_buffer("embedding_mean", torch.zeros(width))
        self.read = nn.Linear(width, hidden)
        self.mix = nn.Conv1d(hidden, hidden, kernel_size=5, padding=2)
        self.weigh = nn.Linear(hidden, 1, bias=False)  # softmax ignores a bias
        same = width == config.feature_size
        self.to_features = nn.Identity() if same else nn.Linear(width, config.feature_size, False)

    def forward(self, embeds: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """embeds (N, L, Dq), mask (N, L) -> query (N, D), hidden (N, hidden), weights (N, L)."""
        mask = mask.bool()
        embeds = F.normalize(embeds - self.embedding_mean, dim=-1) * mask.unsqueeze(-1)
        # Unit vectors have entries near Dq^-1/2; the factor brings them closer to 1.
        hidden = F.gelu(self.read(5 * embeds)) * mask.unsqueeze(-1)
        hidden = hidden + F.gelu(self.mix(hidden.mT)).mT
        logits = self.weigh(hidden).squeeze(-1)
        weights = logits.masked_fill(~mask, torch.finfo(logits.dtype).min).softmax(-1)
        query = self.to_features((weights.unsqueeze(-1) * embeds).sum(1))
        count = mask.sum(1, keepdim=True).clamp_min(1)
        pooled = (hidden * mask.unsqueeze(-1)).sum(1) / count
        return F.normalize(query, dim=-1), pooled, weights


class NTLBGAttention(nn.Module):
    """Learned N(mu_Q, Sigma_Q) and N(mu_0, Sigma_0), and the log-ratio that ranks frames."""

    def __init__(self, config: NtlbgConfig, residual_rank: int = 64):
        super().__init__()
        size, rank, hidden = (
            config.feature_size,
            config.covariance_rank,
            config.attention_hidden_size,
        )
        self.pooling = QueryPooling(config)
        self.residual_down = nn.Linear(size, residual_rank, bias=False)
        self.residual_up = ConstantInitLinear(residual_rank, size, bias=False)
        self.gain = ConstantInitLinear(hidden, 1, _inverse_softplus(INITIAL_GAIN))
        self.spread = ConstantInitLinear(hidden, 1)
        self.factor_gain = ConstantInitLinear(hidden, rank, _inverse_softplus(INITIAL_VARIANCE))
        # At the start this cancels the mean's own share of the log-ratio, -|mu_Q|^2 / 2 sigma^2.
        self.bias = ConstantInitLinear(hidden, 1, INITIAL_GAIN**2 / (2 * INITIAL_VARIANCE))
        self.basis = nn.Parameter(torch.empty(size, rank))
        self.raw_diagonal = nn.Parameter(torch.empty(size))
        self.background_mean = nn.Parameter(torch.empty(size))
        self.background_factor = nn.Parameter(torch.empty(size, rank))
        self.background_diagonal = nn.Parameter(torch.empty(size))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start as 10 x.q with q the pooled question: a useful ranking in an aligned space."""
        size = len(self.background_mean)
        nn.init.normal_(self.basis, std=size**-0.5)
        nn.init.normal_(self.background_factor, std=INITIAL_VARIANCE * size**-0.5)
        for parameter in (self.raw_diagonal, self.background_diagonal, self.background_mean):
            nn.init.zeros_(parameter)

    def forward(
        self,
        features: Tensor,
        query_embeds: Tensor,
        query_mask: Tensor | None = None,
        features_mask: Tensor | None = None,
    ) -> NtlbgStatistics:
        """Relevance of every frame to every question.

        Args:
            features: (B, T, D) frame features.
            query_embeds: (B, Q, L, Dq) token embeddings of the questions.
            query_mask: (B, Q, L), 1 for real tokens; None means all.
            features_mask: (B, T), 1 for real frames; None means all.
        """
        statistics = self.distribution(query_embeds, query_mask)
        distances, scores = self.compare(features.to(self.basis.dtype), statistics)
        if features_mask is not None:
            hidden = ~features_mask.bool().unsqueeze(1)
            scores = scores.masked_fill(hidden, torch.finfo(scores.dtype).min)
        statistics.distances, statistics.scores = distances, scores
        return statistics

    def distribution(self, query_embeds: Tensor, query_mask: Tensor | None) -> NtlbgStatistics:
        """N(mu_Q, Sigma_Q) of every question; no frame is looked at."""
        batch, questions, length, _ = query_embeds.shape
        if query_mask is None:
            query_mask = query_embeds.new_ones(batch, questions, length)
        query, hidden, weights = self.pooling(
            query_embeds.flatten(0, 1).to(self.basis.dtype), query_mask.flatten(0, 1)
        )
        mean = F.softplus(self.gain(hidden)) * (query + self.residual_up(self.residual_down(query)))
        factor = self.basis * F.softplus(self.factor_gain(hidden)).unsqueeze(1)  # (BQ, D, r)
        log_spread = self.spread(hidden) * self._calm
        spread = log_spread.clamp(-LARGEST_LOG_SPREAD, LARGEST_LOG_SPREAD).exp()
        diagonal = self._variance(self.raw_diagonal) * spread + VARIANCE_FLOOR
        shape = (batch, questions)
        return NtlbgStatistics(
            mean=mean.unflatten(0, shape),
            factor=factor.unflatten(0, shape),
            diagonal=diagonal.unflatten(0, shape),
            token_weights=weights.unflatten(0, shape),
            bias=self.bias(hidden).unflatten(0, shape).squeeze(-1),
        )

    def compare(self, features: Tensor, statistics: NtlbgStatistics) -> tuple[Tensor, Tensor]:
        """Distances and log-ratios (B, Q, T) of frames (B, T, D), `CHUNK` frames at a time."""
        parts = [self._compare(chunk, statistics) for chunk in features.split(CHUNK, dim=1)]
        distances, scores = zip(*parts)
        return torch.cat(distances, dim=-1), torch.cat(scores, dim=-1)

    def _compare(self, features: Tensor, statistics: NtlbgStatistics) -> tuple[Tensor, Tensor]:
        distances, logdet = mahalanobis_and_logdet(
            features, statistics.mean, statistics.factor, statistics.diagonal
        )
        background, background_logdet = mahalanobis_and_logdet(
            features, *(x.expand(len(features), *x.shape[1:]) for x in self._background())
        )
        log_ratio = 0.5 * (background - distances) + 0.5 * (background_logdet - logdet).unsqueeze(
            -1
        )
        return distances, log_ratio + statistics.bias.unsqueeze(-1)

    def _background(self) -> tuple[Tensor, Tensor, Tensor]:
        """Mean (1, 1, D), factor (1, 1, D, r) and diagonal (1, 1, D) of N(mu_0, Sigma_0)."""
        diagonal = self._variance(self.background_diagonal) + VARIANCE_FLOOR
        return (
            self.background_mean[None, None],
            self.background_factor[None, None],
            diagonal[None, None],
        )

    def _variance(self, raw: Tensor) -> Tensor:
        return F.softplus(_inverse_softplus(INITIAL_VARIANCE) + self._calm * raw)

    @property
    def _calm(self) -> float:
        # A log-determinant adds up D log-variances: one optimiser step on all of them would shift
        # every score by D/2 steps. Dividing by sqrt(D) keeps the step of a score near the step of
        # a single weight.
        return len(self.background_mean) ** -0.5


def share_of_relevance(scores: Tensor, asked: Tensor) -> Tensor:
    """Mean over the real questions (B, Q) of the softmax over frames of scores (B, Q, T)."""
    share = scores.softmax(-1) * asked.unsqueeze(-1)
    return share.sum(1) / asked.sum(1, keepdim=True).clamp_min(1)


def _inverse_softplus(value: float) -> float:
    return math.log(math.expm1(value))
