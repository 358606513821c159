"""What every compressor promises."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ntlbg.answerers.transformers_options import TransformersOptions
from ntlbg.compressors import COMPRESSORS, Kept, block_means, load_compressor
from ntlbg.errors import ConfigError

EVERY = pytest.mark.parametrize("name", COMPRESSORS)


def video(seed: int, number: int = 9, rows: int = 6, columns: int = 5, size: int = 16):
    """Scenes of three frames each that differ a little, and how much each matters."""
    draw = torch.Generator().manual_seed(seed)
    scenes = torch.randn(number // 3 + 1, rows, columns, size, generator=draw)
    noise = torch.randn(number, rows, columns, size, generator=draw)
    return scenes[torch.arange(number) // 3] + 0.3 * noise, torch.randn(number, generator=draw)


@settings(max_examples=150)
@given(
    st.sampled_from(sorted(COMPRESSORS)),
    st.tuples(st.integers(1, 20), st.integers(1, 7), st.integers(1, 7)),
    st.integers(1, 1000), st.integers(0, 99), st.booleans(), st.booleans(),
)  # fmt: skip
def test_exactly_the_budget_is_kept(name, shape, budget, seed, alike, unscored):
    features, relevance = video(seed, *shape)
    if alike:
        features = features[:1].expand(shape[0], -1, -1, -1)
    if unscored:
        relevance = torch.zeros(shape[0])
    kept = load_compressor(name).compress(features, relevance, budget)
    assert len(kept) == min(budget, int(np.prod(shape)))
    tokens = kept.tokens(features)
    assert tokens.shape == (len(kept), features.shape[-1])
    assert tokens.isfinite().all()


@EVERY
def test_all_of_it_is_what_it_was(name):
    features, relevance = video(0)
    kept = load_compressor(name).compress(features, relevance, features[..., 0].numel())
    assert torch.equal(kept.tokens(features), features.flatten(0, 2))


@EVERY
def test_less_than_all_changes_something_and_the_same_is_the_same(name):
    features, relevance = video(1)
    before = features.clone()
    one, other = (load_compressor(name).compress(features, relevance, 100) for _ in range(2))
    assert torch.equal(one.keep, other.keep)
    assert torch.equal(one.sides, other.sides)
    assert torch.equal(features, before)
    assert not torch.equal(one.tokens(features), features.flatten(0, 2)[:100])


@EVERY
def test_other_features_other_cells(name):
    (one, relevance), (other, _) = video(2), video(3)
    cells = [load_compressor(name).compress(f, relevance, 40).keep for f in (one, other)]
    assert not torch.equal(*cells)


@EVERY
def test_precision_stays(name):
    features, relevance = video(4)
    half = features.bfloat16()
    kept = load_compressor(name).compress(half, relevance, 100)
    assert kept.tokens(half).dtype == torch.bfloat16


def test_a_kept_cell_stands_for_its_block():
    features = torch.arange(2 * 3 * 4, dtype=torch.float32).view(2, 3, 4, 1)
    keep = torch.zeros(2, 3, 4, dtype=torch.bool)
    keep[0, 1, 1] = keep[1, 0, 0] = keep[1, 0, 1] = keep[1, 2, 2] = True
    found = Kept(keep, torch.tensor([1, 2])).tokens(features).squeeze(1).tolist()
    mean_at_the_edge = (features[1, 2, 2] + features[1, 2, 3]).item() / 2  # there is no row below
    assert found == [5.0, features[1, :2, :2].mean().item(), features[1, 0, 1, 0].item(),
                     mean_at_the_edge]  # fmt: skip


@pytest.mark.parametrize("side", [1, 2, 3])
def test_means_of_blocks_are_those_of_their_cells(side):
    """At the edge of the cells that there are; of more frames than are done at once."""
    features, _ = video(5, 20, 5, 4)
    found = block_means(features, side)
    assert found.shape == (20, -(-5 // side), -(-4 // side), 16)
    for row in range(found.shape[1]):
        for column in range(found.shape[2]):
            cells = features[:, row * side : (row + 1) * side, column * side : (column + 1) * side]
            torch.testing.assert_close(found[:, row, column], cells.mean((1, 2)))


def test_the_menu_is_what_can_be_asked_for():
    asked = TransformersOptions.model_json_schema()["properties"]["compress"]["enum"]
    assert asked == ["none", *COMPRESSORS]
    assert [load_compressor(name).name for name in COMPRESSORS] == list(COMPRESSORS)
    with pytest.raises(ConfigError, match="no compressor 'zip'; give longvu, vidcom2 or none"):
        load_compressor("zip")
