"""Training objectives: pure functions of what the model returns.

total = task + l1 ntlbg + l2 align + l3 context. Every term is normalised by its own scale, so its
weight means the same for any feature size, number of frames and scale of the features.

B videos, T frames, D feature size, K chosen frames, Q questions, H hidden size of the language
model, C context size, r covariance rank.
"""

from collections.abc import Mapping
from functools import reduce
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ntlbg.config.training_blocks import LossConfig
from ntlbg.models.layers import ConstantInitLinear
from ntlbg.models.modeling_outputs import NtlbgOutput, NtlbgStatistics
from ntlbg.models.ntlbg.contour import contour_level
from ntlbg.models.ntlbg.woodbury import inner_products, mahalanobis_and_logdet
from ntlbg.train import processes

CONTOUR_WEIGHT = LossConfig().contour_weight
NLL_WEIGHT = 0.01
# Of the mean squared distance to mu: below it the contour's level is no unit to measure in. Two
# points of least error in 4096 dimensions have a level of .00016 of it; other counts have more.
LEAST_LEVEL = 1e-4
# Context dimensions that vary less than this between chosen frames count as collapsed.
CONTEXT_FLOOR = 0.1
TINY = 1e-12


def total(terms: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """Weighted sum of the terms that have a weight."""
    return reduce(torch.add, (weight * terms[name] for name, weight in weights.items()))


def loss_terms(
    output: NtlbgOutput,
    batch: Mapping[str, Tensor],
    reference: "RunningGaussian | Gaussian",
    transition: "Transition",
    contour_weight: float = CONTOUR_WEIGHT,
) -> dict[str, Tensor]:
    """All terms for one forward pass of a batch with labels; masks may be left out of it.

    Returns:
        "task", "ntlbg", "align", "context" for `total`, and the parts of "ntlbg" to look at.
    """
    indices, size = batch["indices"], batch["video_features"].shape[-1]
    chosen, seconds = indices >= 0, batch["pts_seconds"].gather(1, indices.clamp_min(0))
    points = output["representative_points"][..., :size]
    return {
        **pass_terms(output, batch, contour_weight),
        "align": align_loss(output["visual_tokens"], reference, chosen),
        "context": context_loss(output["context"], points, seconds, transition, chosen),
    }


def pass_terms(
    output: NtlbgOutput, batch: Mapping[str, Tensor], contour_weight: float = CONTOUR_WEIGHT
) -> dict[str, Tensor]:
    """The terms that one forward pass tells, without what a run gathers."""
    asked = batch.get("query_attention_mask")
    parts = ntlbg_loss(
        batch["video_features"],
        output["weights"],
        output["codes"],
        output["statistics"],
        features_mask=batch.get("video_mask"),
        codes_mask=batch["indices"] >= 0,
        questions_mask=None if asked is None else asked.bool().any(-1),
        contour_weight=contour_weight,
    )
    return {"task": output["loss"], **parts}


def ntlbg_loss(
    features: Tensor,
    weights: Tensor,
    codes: Tensor,
    statistics: NtlbgStatistics,
    *,
    features_mask: Tensor | None = None,
    codes_mask: Tensor | None = None,
    questions_mask: Tensor | None = None,
    contour_weight: float = CONTOUR_WEIGHT,
) -> dict[str, Tensor]:
    """How well the code vectors represent the frames under N(mu_Q, Sigma_Q).

    quantisation: sum_t w_t min_j m(x_t, c_j) / sum_t w_t m(x_t, mu), with m the squared Mahalanobis
    distance: at most 1 for any code vectors that beat the mean alone.
    contour: mean_j (m(c_j, mu) / c* - 1)^2, the code vectors lie on one ellipsoid around mu. Its
    level c* = max(0, sum_t w_t max_j <u_j, x_t>)^2, u_j the direction of c_j, minimises the
    quantisation error of code vectors on a common ellipsoid, so it is computed and not learned.
    nll: negative log-likelihood per dimension, relative to an isotropic Gaussian as wide as the
    features; without it an infinite Sigma_Q would be optimal.

    Args:
        features: (B, T, D).
        weights: (B, T), of the frames; need not sum to 1.
        codes: (B, K, D).
        features_mask: (B, T), codes_mask: (B, K), questions_mask: (B, Q); None means all.
        contour_weight: of "contour" in "ntlbg".

    Returns:
        "ntlbg", and its parts "quantisation", "contour", "nll"; scalars.
    """
    real = _mask_like(features_mask, weights)
    chosen = _mask_like(codes_mask, codes[..., 0])
    asked = _mask_like(questions_mask, statistics.mean[..., 0])
    weights = weights * real
    weights = (weights / weights.sum(1, keepdim=True).clamp_min(TINY)).unsqueeze(1)  # (B, 1, T)
    gaussian = (statistics.mean, statistics.factor, statistics.diagonal)

    to_mean, logdet = mahalanobis_and_logdet(features, *gaussian)  # (B, Q, T), (B, Q)
    codes_to_mean, _ = mahalanobis_and_logdet(codes, *gaussian)  # (B, Q, K)
    products = inner_products(features, codes, *gaussian)  # (B, Q, T, K)

    absent = ~chosen.bool()[:, None, None]
    to_codes = to_mean.unsqueeze(-1) - 2 * products + codes_to_mean.unsqueeze(-2)
    nearest = to_codes.clamp_min(0).masked_fill(absent, torch.inf).amin(-1)
    # The mean is fixed below the line: moving it away from the data must not look like progress.
    spread, _ = mahalanobis_and_logdet(features, gaussian[0].detach(), *gaussian[1:])
    quantisation = (weights * nearest).sum(-1) / (weights * spread).sum(-1).clamp_min(TINY)

    level = contour_level(weights, products, codes_to_mean, absent).detach().unsqueeze(-1)
    least = LEAST_LEVEL * (weights * spread).sum(-1, keepdim=True).detach().clamp_min(TINY)
    deviation = ((codes_to_mean - level) / level.maximum(least)).square() * chosen.unsqueeze(1)
    contour = deviation.sum(-1) / chosen.sum(1, keepdim=True).clamp_min(1)

    nll = ((weights * to_mean).sum(-1) + logdet) / (2 * features.shape[-1])
    nll = nll - 0.5 * _log_spread(features, weights.squeeze(1)).unsqueeze(1)

    def mean(values: Tensor) -> Tensor:
        return (values * asked).sum() / asked.sum().clamp_min(1)

    parts = {"quantisation": mean(quantisation), "contour": mean(contour), "nll": mean(nll)}
    whole = parts["quantisation"] + contour_weight * parts["contour"] + NLL_WEIGHT * parts["nll"]
    return {"ntlbg": whole, **parts}


def _log_spread(features: Tensor, weights: Tensor) -> Tensor:
    """Log of the weighted variance per dimension (B,), without gradient."""
    with torch.no_grad():
        weights = weights.unsqueeze(-1)
        centred = features - (weights * features).sum(1, keepdim=True)
        return (weights * centred.square()).sum(1).mean(-1).clamp_min(TINY).log()


def diagonal_kl(mean_p: Tensor, var_p: Tensor, mean_q: Tensor, var_q: Tensor) -> Tensor:
    """KL(N(mean_p, diag var_p) || N(mean_q, diag var_q)) per dimension; all (..., D)."""
    ratio = var_p / var_q
    return 0.5 * (ratio - 1 - ratio.log() + (mean_p - mean_q).square() / var_q).mean(-1)


class RunningGaussian(nn.Module):
    """Mean and variance per dimension of all vectors seen so far.

    Feed it the language model's input embeddings of real prompts: tokens then count as often as
    they occur, unlike rows of the embedding table.

    Args:
        size: D.
    """

    count: Tensor
    mean: Tensor
    var: Tensor

    def __init__(self, size: int):
        super().__init__()
        self.register_buffer("count", torch.zeros((), dtype=torch.float64))
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("var", torch.ones(size))

    @torch.no_grad()
    def update(self, vectors: Tensor, mask: Tensor | None = None) -> "Gaussian":
        """Add vectors (..., D), those where mask (...) is non-zero.

        Where several processes train, every one must call this, and the vectors of all are added.

        Returns:
            all vectors up to those of this process, in the order in which one process alone would
            have seen them: what its loss is to be measured against.
        """
        vectors = vectors.detach().flatten(0, -2).to(self.mean.dtype)
        if mask is not None:
            vectors = vectors[mask.flatten().bool()]
        number = torch.tensor(len(vectors), dtype=self.count.dtype)
        added = Gaussian(number, self.mean, self.var)
        if len(vectors):
            added = Gaussian(number, vectors.mean(0), vectors.var(0, unbiased=False))
        known = Gaussian(self.count, self.mean, self.var)
        reached = []
        if processes.count() > 1:  # as objects they go by the CPU
            added = added._replace(mean=added.mean.cpu(), var=added.var.cpu())
        for one in processes.of_all(added):
            known = known.with_another(one)
            reached.append(known)
        # new tensors, since the old ones may be needed for a gradient
        self.count, self.mean, self.var = known
        return reached[min(processes.rank(), len(reached) - 1)]


class Gaussian(NamedTuple):
    """A number of vectors, and their mean and variance per dimension."""

    number: Tensor
    mean: Tensor
    var: Tensor

    def with_another(self, other: "Gaussian") -> "Gaussian":
        """Of all vectors of both."""
        if not other.number:
            return self
        number = self.number + other.number.to(self.number.device)
        share = other.number.to(number.device) / number
        mean, var = other.mean.to(self.mean.device), other.var.to(self.mean.device)
        # Chan, Golub & LeVeque: variance of a mixture of two groups
        shift = mean - self.mean
        var = (1 - share) * self.var + share * var + share * (1 - share) * shift**2
        return Gaussian(number, self.mean + share * shift, var)


def align_loss(
    tokens: Tensor, reference: RunningGaussian | Gaussian, mask: Tensor | None = None
) -> Tensor:
    """KL per dimension from the visual tokens' distribution to that of text tokens.

    Args:
        tokens: (B, K, H).
        reference: Gaussian of the language model's input embeddings.
        mask: (B, K), real tokens.
    """
    weight = _mask_like(mask, tokens[..., 0]).unsqueeze(-1)
    count = weight.sum().clamp_min(1)
    mean = (weight * tokens).sum((0, 1)) / count
    variance = (weight * (tokens - mean).square()).sum((0, 1)) / count
    # So few tokens cannot show the whole variance: shrink towards the reference.
    target = reference.var.clamp_min(1e-8)
    variance = torch.lerp(variance, target, 1 / (1 + count))
    return diagonal_kl(mean, variance.clamp_min(TINY), reference.mean, target)


class Transition(nn.Module):
    """Predicts the context of the next chosen frame: c + MLP[c, r, next r, log(1 + dt)]."""

    def __init__(self, context_size: int, feature_size: int, hidden_size: int = 256):
        super().__init__()
        inputs = context_size + 2 * feature_size + 1
        self.hidden = nn.Linear(inputs, hidden_size)
        # Starts with "nothing changes", an error of the size of the contexts themselves.
        self.output = ConstantInitLinear(hidden_size, context_size)

    def forward(self, context: Tensor, point: Tensor, following: Tensor, gap: Tensor) -> Tensor:
        """context (..., C), point and following (..., D), gap (...) in seconds -> (..., C)."""
        inputs = [context, point, following, gap.clamp_min(0).log1p().unsqueeze(-1)]
        return context + self.output(F.gelu(self.hidden(torch.cat(inputs, dim=-1))))


def context_loss(
    context: Tensor,
    points: Tensor,
    seconds: Tensor,
    transition: nn.Module,
    mask: Tensor | None = None,
    floor: float = CONTEXT_FLOOR,
) -> Tensor:
    """Contexts should follow from one another, and still differ.

    Prediction error of the next context over the variance of contexts, plus what the standard
    deviation of each dimension lacks to `floor`. Constant contexts would be perfectly predictable;
    what keeps them apart is that the target carries no gradient while the variance below the line
    does, so that shrinking all contexts is no progress, and the floor.

    Args:
        context: (B, K, C), points: (B, K, D), seconds: (B, K), in order of time.
        transition: a `Transition`.
        mask: (B, K), real points.
    """
    real = _mask_like(mask, context[..., 0])
    weight = real.unsqueeze(-1)
    count = weight.sum().clamp_min(1)
    centred = context - (weight * context).sum((0, 1)) / count
    variance = (weight * centred.square()).sum((0, 1)) / count  # (C,)

    points, gap = points.detach(), seconds.diff(dim=1).to(context.dtype)
    predicted = transition(context[:, :-1], points[:, :-1], points[:, 1:], gap)
    pairs = real[:, 1:] * real[:, :-1]
    error = (predicted - context[:, 1:].detach()).square().mean(-1)
    error = (pairs * error).sum() / pairs.sum().clamp_min(1)
    collapse = F.relu(floor - variance.clamp_min(TINY).sqrt()).mean()
    return error / variance.mean().clamp_min(TINY) + collapse


def _mask_like(mask: Tensor | None, values: Tensor) -> Tensor:
    """The mask in the dtype of values of the same shape; ones for None."""
    return torch.ones_like(values) if mask is None else mask.to(values.dtype)
