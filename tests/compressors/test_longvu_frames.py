"""Frames that matter keep all their cells, others their blocks; what repeats goes first."""

import pytest
import torch

from ntlbg.compressors import block_means
from ntlbg.compressors.longvu import num_high_resolution, query_guided_resolution
from ntlbg.compressors.longvu_frames import SIDE, LongVUCompressor


def unlike(number: int = 12, rows: int = 4, columns: int = 6) -> torch.Tensor:
    return torch.randn(number, rows, columns, 16, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("budget", [80, 100, 140, 200])
def test_the_frames_of_query_guided_resolution_are_whole(budget):
    """As many as the published rule says, and the same ones, where nothing repeats."""
    features, relevance = unlike(), torch.randperm(12, generator=torch.Generator().manual_seed(1))
    kept = LongVUCompressor().compress(features, relevance.float(), budget)
    fine, coarse = 4 * 6, 2 * 3
    count = num_high_resolution(budget, 12, coarse, fine)
    whole = (kept.sides == 1).nonzero().squeeze(1)
    assert whole.tolist() == query_guided_resolution(relevance.float(), count).tolist()
    assert kept.keep[whole].all()
    assert kept.keep[:, ::SIDE, ::SIDE].all()  # every other frame has all of its blocks


def test_blocks_that_repeat_go_first():
    features = unlike(8)[:1].repeat(8, 1, 1, 1)
    features[3, :2, :2] = -features[3, :2, :2]  # one block of one frame is new
    kept = LongVUCompressor().compress(features, torch.zeros(8), 7)
    assert kept.keep[0, ::SIDE, ::SIDE].all()
    assert kept.keep[3, 0, 0]
    torch.testing.assert_close(
        kept.tokens(features)[:6], block_means(features, SIDE)[0].flatten(0, 1)
    )


def test_more_relevance_more_tokens():
    features, relevance = unlike(), torch.zeros(12)
    relevance[7] = 1.0
    kept = LongVUCompressor().compress(features, relevance, 12 * 6 + 20)
    counts = kept.keep.flatten(1).sum(1)
    assert counts[7] == 24
    assert counts.sum() == 92
