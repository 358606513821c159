"""The ellipsoid around mu_Q on which code vectors represent the frames best.

B videos, Q questions, T frames, K code vectors.
"""

import torch
from torch import Tensor

TINY = 1e-12  # of a squared distance: keeps a code vector at mu_Q from being divided by 0


def contour_level(
    weights: Tensor, products: Tensor, codes_to_mean: Tensor, absent: Tensor | None = None
) -> Tensor:
    """c* = max(0, sum_t w_t max_j <u_j, x_t>)^2, u_j the direction of a code vector, (B, Q).

    Of all ellipsoids (x - mu)' Sigma^-1 (x - mu) = c the one on which code vectors in these
    directions have the least quantisation error (docs/method.md, section 2).

    Args:
        weights: (B, 1, T), of the frames; sum to 1.
        products: (B, Q, T, K), (x_t - mu)' Sigma^-1 (c_j - mu).
        codes_to_mean: (B, Q, K), squared Mahalanobis distances of the code vectors to mu.
        absent: bool, of the shape of products or such that it expands to it: no code vector.
    """
    along = products / codes_to_mean.clamp_min(TINY).sqrt().unsqueeze(-2)
    if absent is not None:
        along = along.masked_fill(absent, -torch.inf)
    # A radius is not negative: where the mean projection is, the best one is 0.
    return (weights * along.amax(-1)).sum(-1).clamp_min(0).square()
