import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import LowRankMultivariateNormal

from ntlbg.models.ntlbg.woodbury import mahalanobis_and_logdet


def random_gaussians(batch, count, size, rank, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    draw = lambda *shape: torch.randn(*shape, generator=generator, dtype=dtype)  # noqa: E731
    diagonal = draw(batch, count, size).exp() + 0.05
    return draw(batch, count, size), draw(batch, count, size, rank), diagonal


@settings(max_examples=25, deadline=None)
@given(
    sizes=st.tuples(*(st.integers(1, n) for n in (3, 4, 40, 6, 9))), seed=st.integers(0, 2**31 - 1)
)
def test_equals_torch_distributions(sizes, seed):
    batch, count, size, rank, points = sizes
    gaussian = random_gaussians(batch, count, size, rank, seed)
    x = torch.randn(batch, points, size, dtype=torch.float64)
    distances, logdet = mahalanobis_and_logdet(x, *gaussian)
    dense = LowRankMultivariateNormal(*gaussian)
    log_prob = torch.stack(
        [dense.log_prob(x[:, n : n + 1].expand_as(gaussian[0])) for n in range(points)], -1
    )
    ours = -0.5 * (distances + logdet.unsqueeze(-1) + size * math.log(2 * math.pi))
    torch.testing.assert_close(ours, log_prob, rtol=1e-8, atol=1e-8)


def test_gradients_equal_the_dense_form():
    mean, factor, diagonal = (x.requires_grad_() for x in random_gaussians(1, 2, 7, 3))
    x = torch.randn(1, 5, 7, dtype=torch.float64, requires_grad=True)
    distances, logdet = mahalanobis_and_logdet(x, mean, factor, diagonal)
    ours = torch.autograd.grad(
        distances.sum() + 3 * logdet.sum(), (x, mean, factor, diagonal), materialize_grads=True
    )
    sigma = factor @ factor.mT + torch.diag_embed(diagonal)
    offset = x.unsqueeze(1) - mean.unsqueeze(2)
    dense = torch.einsum("bqnd,bqde,bqne->bqn", offset, sigma.inverse(), offset)
    theirs = torch.autograd.grad(
        dense.sum() + 3 * sigma.logdet().sum(), (x, mean, factor, diagonal)
    )
    for a, b in zip(ours, theirs):
        torch.testing.assert_close(a, b, rtol=1e-7, atol=1e-7)


def test_float32_keeps_its_digits_far_from_the_origin():
    mean, factor, diagonal = random_gaussians(1, 1, 32, 4)
    x = mean + torch.randn(1, 6, 32, dtype=torch.float64)
    exact, _ = mahalanobis_and_logdet(x, mean, factor, diagonal)
    shifted = ((x + 1000).float(), (mean + 1000).float(), factor.float(), diagonal.float())
    moved, _ = mahalanobis_and_logdet(*shifted)
    torch.testing.assert_close(moved.double(), exact, rtol=5e-3, atol=5e-3)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_inputs_and_autocast_are_computed_wide(dtype):
    mean, factor, diagonal = random_gaussians(1, 2, 16, 4, dtype=torch.float32)
    x = torch.randn(1, 5, 16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        distances, logdet = mahalanobis_and_logdet(x.to(dtype), mean, factor, diagonal)
    assert distances.dtype == logdet.dtype == torch.float32
    exact, _ = mahalanobis_and_logdet(x.to(dtype).float(), mean, factor, diagonal)
    torch.testing.assert_close(distances, exact)
