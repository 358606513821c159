"""The aggregator against the published code's values and a loop over queries."""

from types import SimpleNamespace

import pytest
import torch

from golden_longvu import Case, cases, close
from ntlbg.compressors.longvu import visible_cells
from ntlbg.models.longvu.convert_longvu_weights_to_hf import rename
from ntlbg.models.longvu.spatial_vision_aggregator import (
    SpatialVisionAggregator,
    grid_windows,
    window_mask,
)

PREFIX = "vision_model.aggregator."


def aggregator_of(case: Case) -> SpatialVisionAggregator:
    tensors = case.tensors
    config = SimpleNamespace(
        vision_hidden_size=tensors["fused"].shape[-1],
        query_grid=case["query_grid"],
        feature_grid=case["aux_grid"][0],
        siglip_config=SimpleNamespace(hidden_size=tensors["siglip_features"].shape[-1]),
        dinov2_config=SimpleNamespace(hidden_size=tensors["dino_features"].shape[-1]),
        connector_heads=case["num_heads"],
        connector_depth=case["connector_depth"],
    )
    aggregator = SpatialVisionAggregator(config).eval()
    weights = {rename(name).removeprefix(PREFIX): t for name, t in case.weights().items()}
    weights["query"] = weights["query"][0]
    aggregator.load_state_dict(weights)
    return aggregator


@torch.no_grad()
@pytest.mark.parametrize("entry", cases("sva"))
def test_as_published(entry):
    case = Case(entry)
    tensors, side, queries = case.tensors, case["aux_grid"][0], case["query_grid"]
    aggregator = aggregator_of(case)
    features = tensors["siglip_features"], tensors["dino_features"]
    visible = torch.stack([visible_cells(side, tuple(size)) for size in case["image_sizes"]])
    mask = window_mask(visible, queries)
    projected = [project(x) for project, x in zip(aggregator.projectors, features)]
    for number, tokens in enumerate(projected):
        close(tokens, tensors[f"projected_{number}"], "projected")
        if f"keys_{number}" in tensors:
            close(grid_windows(tokens, queries), tensors[f"keys_{number}"], "windows")
        if f"mask_{number}" in tensors:
            assert torch.equal(mask, tensors[f"mask_{number}"])
    close(projected[0].mean(1), tensors["context"], "context")
    close(aggregator(*features, visible), tensors["fused"], "fused")


def test_windows_are_the_cells_under_each_query():
    grid = torch.arange(36.0).view(1, 36, 1)
    windows = grid_windows(grid, 3).squeeze(-1)
    assert windows[4].tolist() == [14, 15, 20, 21]  # the middle query
    assert sorted(windows.flatten().tolist()) == list(range(36))


def test_a_query_that_would_see_nothing_sees_all():
    visible = torch.zeros(1, 4, 4, dtype=torch.bool)
    visible[0, 0, 0] = True
    mask = window_mask(visible, 2)
    assert mask.tolist() == [[True, False, False, False], [True] * 4, [True] * 4, [True] * 4]


def test_hidden_cells_have_no_influence():
    case = Case(cases("sva")[0].values[0])
    aggregator = aggregator_of(case)
    features = case.tensors["siglip_features"][:1], case.tensors["dino_features"][:1].clone()
    visible = torch.ones(1, 6, 6, dtype=torch.bool)
    visible[0, 0] = False
    with torch.no_grad():
        before = aggregator(*features, visible)
        features[1][0, :6] = 7.0
        after = aggregator(*features, visible)
        seen = aggregator(*features)
    torch.testing.assert_close(before, after)
    assert not torch.allclose(before, seen)
