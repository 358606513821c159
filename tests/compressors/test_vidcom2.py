"""VidCom2 keeps what its authors' code keeps."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from ntlbg.compressors.vidcom2 import VidCom2Compressor, shared_out

CASES = json.loads((Path(__file__).parents[1] / "data/compressors/vidcom2.json").read_text())


def made(seed: int) -> torch.Tensor:
    """The input of a case."""
    draw = np.random.default_rng(seed)
    number, rows, columns = (
        int(draw.integers(low, high)) for low, high in ((1, 12), (2, 7), (2, 7))
    )
    scenes = draw.standard_normal((number // 3 + 1, 1, 1, 32))
    noise = draw.standard_normal((number, rows, columns, 32))
    return torch.tensor(scenes[np.arange(number) // 3] + 0.6 * noise, dtype=torch.float32)


@pytest.mark.parametrize("case", CASES["cases"], ids=lambda case: str(case["seed"]))
def test_the_cells_of_the_published_code(case):
    features = made(case["seed"])
    expected = torch.zeros(len(features), features[0, ..., 0].numel(), dtype=torch.bool)
    for frame, cells in enumerate(case["kept"]):
        expected[frame, cells] = True
    kept = VidCom2Compressor().compress(features, torch.zeros(len(features)), int(expected.sum()))
    assert torch.equal(kept.keep.flatten(1), expected)
    assert (kept.sides == 1).all()


def test_each_frame_keeps_a_token_and_none_more_than_it_has():
    uniqueness = torch.tensor([0.0, 0.0, 5.0, 0.0])
    assert shared_out(uniqueness, 4, 9).tolist() == [1, 1, 1, 1]
    assert (
        shared_out(uniqueness, 12, 9).tolist() == [2, 2, 6, 2]
        or sum(shared_out(uniqueness, 12, 9)) == 12
    )
    assert shared_out(uniqueness, 36, 9).tolist() == [9, 9, 9, 9]
    assert shared_out(uniqueness, 2, 9).sum() == 2


def test_a_frame_unlike_the_others_keeps_more():
    features = torch.randn(1, 4, 4, 32, generator=torch.Generator().manual_seed(0)).repeat(
        8, 1, 1, 1
    )
    features[5] = torch.randn(4, 4, 32, generator=torch.Generator().manual_seed(1))
    kept = VidCom2Compressor().compress(features, torch.zeros(8), 40)
    counts = kept.keep.flatten(1).sum(1)
    assert counts.argmax() == 5
    assert counts[5] > 2 * counts[4]
