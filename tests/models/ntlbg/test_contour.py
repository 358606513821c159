"""The level of the contour against the closed form in whitened space, by other code."""

import numpy as np
import pytest
import torch

from ntlbg.models.ntlbg.contour import contour_level
from ntlbg.selectors.contour import optimal_radius


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_the_level_is_the_square_of_the_best_common_radius(side):
    """Code vectors on the wrong side of the mean belong at the mean: level 0."""
    draw = np.random.default_rng(0)
    white = draw.normal(size=(40, 6)) + 3.0
    codes = side * (white[:4] + 0.1)
    weights = draw.random(40)
    weights /= weights.sum()
    expected = optimal_radius(white, codes / np.linalg.norm(codes, axis=1)[:, None], weights) ** 2
    products = torch.tensor(white @ codes.T)[None, None]
    lengths = torch.tensor(np.square(codes).sum(1))[None, None]
    found = contour_level(torch.tensor(weights)[None, None], products, lengths)
    assert found.shape == (1, 1)
    assert found.item() == pytest.approx(expected, rel=1e-5)
    assert (found.item() > 0) == (side > 0)


def test_an_absent_code_vector_changes_nothing():
    weights = torch.tensor([[[0.5, 0.5]]])
    products, lengths = torch.tensor([[[[1.0, 9.0], [2.0, 9.0]]]]), torch.tensor([[[1.0, 1.0]]])
    absent = torch.tensor([False, True])[None, None, None]
    assert contour_level(weights, products, lengths, absent).item() == pytest.approx(1.5**2)
    assert contour_level(weights, products, lengths).item() == pytest.approx(9.0**2)
