"""Gaussians whose covariance is U U' + diag(d): everything in O(N D r), never a D x D matrix.

With A = diag(d)^-1 U and the r x r capacitance M = I + U'A = L L':
squared Mahalanobis distance = c' diag(d)^-1 c - |L^-1 A'c|^2 (Woodbury identity),
log-determinant = sum log d + 2 sum log L_ii (matrix determinant lemma).

B batch, Q Gaussians of one batch entry, N points, D dimensions, r rank.
"""

import torch
from torch import Tensor


def capacitance(factor: Tensor, diagonal: Tensor) -> tuple[Tensor, Tensor]:
    """A = diag(d)^-1 U (..., D, r) and the Cholesky factor L (..., r, r) of I + U'A."""
    scaled = factor / diagonal.unsqueeze(-1)
    gram = factor.mT @ scaled
    identity = torch.eye(gram.shape[-1], dtype=gram.dtype, device=gram.device)
    return scaled, torch.linalg.cholesky(gram + identity)


def log_determinant(diagonal: Tensor, cholesky: Tensor) -> Tensor:
    """log |U U' + diag(d)|, shape (...)."""
    return diagonal.log().sum(-1) + 2 * cholesky.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def mahalanobis_and_logdet(
    points: Tensor, mean: Tensor, factor: Tensor, diagonal: Tensor
) -> tuple[Tensor, Tensor]:
    """Squared Mahalanobis distance of every point to every Gaussian, and the log-determinants.

    Args:
        points: (B, N, D).
        mean: (B, Q, D).
        factor: (B, Q, D, r), U.
        diagonal: (B, Q, D), d, positive.

    Returns:
        distances (B, Q, N) and log |Sigma| (B, Q), float32 or wider.
    """
    points, mean, factor, diagonal = (_wide(x) for x in (points, mean, factor, diagonal))
    with torch.autocast(points.device.type, enabled=False):
        # The expanded square below loses digits far from the origin, so move the origin first.
        # The distance does not depend on where it is: no gradient through it.
        origin = mean.mean(1, keepdim=True).detach()
        points, mean = points - origin, mean - origin
        precision = diagonal.reciprocal()
        scaled, cholesky = capacitance(factor, diagonal)
        distances = (
            torch.einsum("bnd,bqd->bqn", points.square(), precision)
            - 2 * torch.einsum("bnd,bqd->bqn", points, precision * mean)
            + (precision * mean.square()).sum(-1, keepdim=True)
        )
        # (B, r, N) per Gaussian: A'(x - mean), without a (B, Q, N, D) tensor
        reduced = torch.einsum("bnd,bqdr->bqrn", points, scaled)
        reduced = reduced - torch.einsum("bqd,bqdr->bqr", mean, scaled).unsqueeze(-1)
        explained = torch.linalg.solve_triangular(cholesky, reduced, upper=False)
        distances = distances - explained.square().sum(-2)
        return distances.clamp_min(0), log_determinant(diagonal, cholesky)


def inner_products(
    points: Tensor, others: Tensor, mean: Tensor, factor: Tensor, diagonal: Tensor
) -> Tensor:
    """(x_n - mu)' Sigma^-1 (y_k - mu) of points (B, N, D) and others (B, K, D): (B, Q, N, K)."""
    scaled, cholesky = capacitance(factor, diagonal)
    offset = others.unsqueeze(1) - mean.unsqueeze(2)  # (B, Q, K, D)
    inner = torch.cholesky_solve((offset @ scaled).mT, cholesky)  # (B, Q, r, K)
    solved = offset / diagonal.unsqueeze(2) - (scaled @ inner).mT  # Sigma^-1 (y - mu)
    products = torch.einsum("bnd,bqkd->bqnk", points, solved)
    return products - torch.einsum("bqd,bqkd->bqk", mean, solved).unsqueeze(2)


def _wide(x: Tensor) -> Tensor:
    """Cholesky factors and sums over D need at least float32."""
    return x if x.dtype == torch.float64 else x.float()
