"""Rich representative points R = [r; c; w; t]: feature, context, weight and time of chosen frames.

B videos, T frames, K chosen frames, D feature size, W neighbours on each side, C context size,
F time frequencies, R = D + C + 2 + 2F.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers.modeling_outputs import ModelOutput

from ntlbg.models.modeling_outputs import GIVEN
from ntlbg.models.ntlbg.configuration_ntlbg import NtlbgConfig

# Periods of the time code: from one shot to a long film. Set by hand.
SHORTEST_PERIOD_SECONDS = 4.0
LONGEST_PERIOD_SECONDS = 4 * 3600.0


@dataclass
class RichPoints(ModelOutput):
    """What is known about the chosen frames.

    Attributes:
        points: (B, K, R), zero where `indices` is -1.
        features: (B, K, D), r: exactly the real frames' features.
        context: (B, K, C), c.
        codes: (B, K, D), the code vectors that carry the gradient; None when not needed.
    """

    points: Tensor
    features: Tensor = GIVEN
    context: Tensor = GIVEN
    codes: Tensor | None = None


class RichRepresentativePoints(nn.Module):
    """Chosen frames -> rich points, with a gradient for the choice itself."""

    def __init__(self, config: NtlbgConfig):
        super().__init__()
        self.neighbours = config.context_frames
        self.reach_seconds = config.context_seconds
        self.frequencies = config.time_frequencies
        self.bandwidth = config.bandwidth
        # One more input: the neighbour's offset in time.
        self.lstm = nn.LSTM(config.feature_size + 1, config.context_size, batch_first=True)

    def forward(
        self,
        features: Tensor,
        features_mask: Tensor,
        pts_seconds: Tensor,
        indices: Tensor,
        relevance: Tensor,
        weights: Tensor,
        point_mass: Tensor | None = None,
        with_codes: bool = True,
    ) -> RichPoints:
        """Describe the chosen frames.

        Args:
            features: (B, T, D).
            features_mask: (B, T) bool, real frames.
            pts_seconds: (B, T), presentation times, increasing.
            indices: (B, K) int64, chosen frames; -1 is padding.
            relevance: (B, T), share of relevance of every frame, sums to 1.
            weights: (B, T), weights of the frames in the code vectors, sum to 1.
            point_mass: (B, K), share of the frames each chosen frame stands for; None means equal.
            with_codes: whether to compute the code vectors that carry gradient to `weights`.
        """
        chosen = indices >= 0
        index = indices.clamp_min(0)
        frames = take_frames(features, index) * chosen.unsqueeze(-1)
        codes = None
        if with_codes:
            codes = soft_codes(features, weights, frames, features_mask, chosen, self.bandwidth)
            # Straight-through: the value is the real frame, the gradient that of its code vector.
            frames = frames + (codes - codes.detach())
        context = self.read_context(features, features_mask, pts_seconds, indices)
        if point_mass is None:
            point_mass = chosen / chosen.sum(1, keepdim=True).clamp_min(1)
        weight = torch.stack([relevance.gather(1, index), point_mass.to(relevance.dtype)], dim=-1)
        time = encode_seconds(pts_seconds.gather(1, index), self.frequencies)
        points = torch.cat([frames, context, weight, time.to(frames.dtype)], dim=-1)
        return RichPoints(points * chosen.unsqueeze(-1), frames, context, codes)

    def read_context(
        self, features: Tensor, features_mask: Tensor, pts_seconds: Tensor, indices: Tensor
    ) -> Tensor:
        """State of the LSTM after the last frame near each chosen frame, (B, K, C).

        Near: at most W frames and `context_seconds` away, inside the video and not masked. The
        windows of all chosen frames are one LSTM call.
        """
        batch, picks = indices.shape
        steps = torch.arange(-self.neighbours, self.neighbours + 1, device=indices.device)
        window = indices.clamp_min(0).unsqueeze(-1) + steps  # (B, K, 2W+1)
        inside = (window >= 0) & (window < features.shape[1]) & (indices >= 0).unsqueeze(-1)
        window = window.clamp(0, features.shape[1] - 1).flatten(1)
        offset = pts_seconds.gather(1, window).view(batch, picks, -1)
        offset = offset - pts_seconds.gather(1, indices.clamp_min(0)).unsqueeze(-1)
        near = inside & (offset.abs() <= self.reach_seconds)
        near &= features_mask.gather(1, window).view(batch, picks, -1)

        # Near frames first, in order of time: what follows them cannot reach an earlier state.
        order = near.logical_not().to(torch.int8).argsort(dim=-1, stable=True)
        scaled = (offset / self.reach_seconds).unsqueeze(-1).to(features.dtype)
        values = take_frames(features, window).view(batch, picks, -1, features.shape[-1])
        # Entries of a unit vector are near D^-1/2, too small to move the gates.
        values = values * features.shape[-1] ** 0.5
        values = torch.cat([values, scaled], dim=-1) * near.unsqueeze(-1)
        values = values.take_along_dim(order.unsqueeze(-1), dim=2)

        states, _ = self.lstm(values.flatten(0, 1))  # (B K, 2W+1, C)
        count = near.sum(-1).flatten()
        last = states[torch.arange(len(states), device=states.device), (count - 1).clamp_min(0)]
        return (last * (count > 0).unsqueeze(-1)).view(batch, picks, -1)


def take_frames(features: Tensor, index: Tensor) -> Tensor:
    """features (B, T, D) at index (B, N) -> (B, N, D)."""
    return features.take_along_dim(index.unsqueeze(-1), dim=1)


def soft_codes(
    features: Tensor,
    weights: Tensor,
    start: Tensor,
    features_mask: Tensor,
    chosen: Tensor,
    bandwidth: float,
    steps: int = 2,
) -> Tensor:
    """Steps of the Linde-Buzo-Gray iteration with soft cells, differentiable in `weights`.

    Every frame belongs to the code vectors with P = softmax(-|x - c|^2 / (bandwidth^2 variance));
    a code vector is the weighted mean of its cell. Memory O(B T K).

    Args:
        features: (B, T, D).
        weights: (B, T), non-negative.
        start: (B, K, D), the chosen frames.
        features_mask: (B, T) bool.
        chosen: (B, K) bool, False for padding.

    Returns:
        code vectors (B, K, D), zero for padding.
    """
    real = features_mask.unsqueeze(-1).to(features.dtype)
    centre = (features * real).sum(1, keepdim=True) / real.sum(1, keepdim=True).clamp_min(1)
    features, start = (features - centre) * real, start - centre
    variance = features.square().sum((1, 2), keepdim=True) / real.sum(1, keepdim=True).clamp_min(1)
    width = (variance * bandwidth**2).detach().clamp_min(1e-12)
    codes = start
    for _ in range(steps):
        # |x|^2 is the same for all code vectors, so the softmax over them does not need it.
        logits = (2 * features @ codes.mT - codes.square().sum(-1).unsqueeze(1)) / width
        logits = logits.masked_fill(~chosen.unsqueeze(1), torch.finfo(logits.dtype).min)
        cells = logits.softmax(-1) * (weights.unsqueeze(-1) * real)
        cells = cells / cells.sum(1, keepdim=True).clamp_min(1e-12)
        codes = cells.mT @ features
    return (codes + centre) * chosen.unsqueeze(-1)


def encode_seconds(seconds: Tensor, frequencies: int) -> Tensor:
    """Sine and cosine of a time in seconds at periods in geometric progression, (..., 2F)."""
    exponent = torch.linspace(0, 1, frequencies, dtype=torch.float64, device=seconds.device)
    ratio = LONGEST_PERIOD_SECONDS / SHORTEST_PERIOD_SECONDS
    periods = SHORTEST_PERIOD_SECONDS * ratio**exponent
    # float64: an hour holds 900 of the shortest periods
    angle = 2 * math.pi * seconds.double().unsqueeze(-1) / periods
    return torch.cat([angle.sin(), angle.cos()], dim=-1)
