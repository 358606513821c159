"""LongVU's rules against the published code's values, and against loops written from the rules."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from golden_longvu import Case, cases, close
from ntlbg.compressors.longvu import (
    MAX_FRAMES,
    cropped_grid,
    cut_tails,
    fill_budget,
    frame_relevance,
    low_resolution_size,
    max_frames_within,
    num_high_resolution,
    query_guided_resolution,
    reference_similarity,
    spatial_token_compression,
    temporal_reduction,
    tokens_per_frame,
    visible_cells,
    window_similarity,
)
from ntlbg.selectors import longvu_window as redundancy

# ------------------------------------------------------------------------------- published values


@pytest.mark.parametrize("entry", cases("temporal"))
def test_temporal_reduction_as_published(entry):
    case = Case(entry)
    settings_, tensors = case["config"], case.tensors
    reserve = settings_.get("inference_max_length", 16)
    side = settings_["lowres_token"]
    cells = side**2 if settings_["highres"] else settings_["image_token_len"]
    pad = 128002 if "llama" in settings_["model_type"] else 151643
    lengths = (tensors["input_ids"] != pad).sum(1).tolist()
    start = 0
    for number, count in enumerate(case["split_sizes"]):
        expected = case["per_video"][number]
        features = tensors["dino_features"][start : start + count]
        start += count
        similarity = window_similarity(features, case["window_size"])
        close(similarity, tensors[f"window_similarity_{number}"])
        assert lengths[number] == expected["text_len"]
        limit = max_frames_within(
            settings_["tokenizer_model_max_length"], lengths[number], reserve, cells
        )
        assert limit == expected["max_num_frames"]
        assert (count >= limit) == expected["triggered"]
        kept = torch.arange(count)
        if count >= limit:
            kept = temporal_reduction(similarity, case["threshold"], window=case["window_size"])
        assert kept.tolist() == tensors[f"kept_indices_{number}"].tolist()
        assert len(kept) == case["new_split_sizes"][number]


def test_places_of_a_thinned_video_are_cut_from_products_of_floats():
    """As the published code computes them: 402 / 400 * 200 is 200.99999999999997."""
    kept = temporal_reduction(torch.zeros(402), 0.5)
    assert kept[[199, 200, 201]].tolist() == [199, 200, 202]
    for count in (401, 405, 1000, 1601):
        kept = temporal_reduction(torch.zeros(count), 0.5)
        assert kept.tolist() == redundancy.evenly_spread(np.arange(count), 400).tolist()


@pytest.mark.parametrize("entry", cases("geometry"))
def test_geometry_as_published(entry):
    for row in Case(entry)["rows"]:
        size, grid, coarse = tuple(row["size"]), row["grid"], row["lowres"]
        low_size = low_resolution_size(size, grid, coarse)
        assert list(low_size) == row["lo_size_used"]
        for name, side, asked in (("hi", grid, size), ("lo", coarse, low_size)):
            rows, columns = cropped_grid(side, asked)
            shape = [rows.stop - rows.start, columns.stop - columns.start]
            assert shape == row[f"{name}_grid"], row
            cells = torch.arange(side**2).view(side, side)[rows, columns]
            edges = [int(cells.min()), int(cells.max())]
            assert edges == row[f"{name}_kept_index_range"]
            assert tokens_per_frame(side, asked) == row[f"tokens_{name}_with_newline"]
        visible = visible_cells(row["aux"], size).nonzero()
        for axis, name in enumerate(("mask_rows", "mask_cols")):
            expected = row[name]
            if expected:
                found = [int(visible[:, axis].min()), int(visible[:, axis].max())]
                assert found == expected
            else:
                assert not len(visible)


# ------------------------------------------------------------------------------- plain loops


def loop_temporal(features, threshold, window, most):
    """The published rule, frame by frame."""
    kept = []
    for start in range(0, len(features), window):
        part = [f.flatten() / f.flatten().norm() for f in features[start : start + window]]
        for i, frame in enumerate(part):
            mean = sum(float(frame @ other) for other in part) / len(part)
            if (0.0 if i == len(part) // 2 else mean) < threshold:
                kept.append(start + i)
    if len(kept) > most:
        kept = [kept[int(i * len(kept) / most)] for i in range(most)]
    return kept


def loop_compression(tokens, threshold, window, budget):
    """The published rule, token by token: positions (frame, place) that stay."""
    chunks = []
    for start in range(0, len(tokens), window):
        first, chunk = tokens[start], []
        for t in range(start, min(start + window, len(tokens))):
            for p, token in enumerate(tokens[t]):
                cosine = float(token @ first[p] / (token.norm() * first[p].norm()))
                if t == start or cosine < threshold:
                    chunk.append((t, p))
        chunks.append(chunk)
    total = sum(map(len, chunks))
    if total > budget:
        each = math.ceil((total - budget) / len(chunks))
        chunks = [chunk[:-each] for chunk in chunks]
    return [place for chunk in chunks for place in chunk][:budget]


def scenes(count, size, seed, *, spread=0.5):
    """Random walk with jumps: neighbours are alike, scenes are not."""
    generator = torch.Generator().manual_seed(seed)
    steps = spread * torch.randn(count, *size, generator=generator)
    jumps = (torch.rand(count, generator=generator) < 0.2).float()
    steps += 3 * jumps.view(-1, *[1] * len(size)) * torch.randn(count, *size, generator=generator)
    return steps.cumsum(0) + torch.randn(1, *size, generator=generator)


@settings(max_examples=30, deadline=None)
@given(
    count=st.integers(1, 70),
    window=st.integers(1, 20),
    most=st.integers(1, 30),
    threshold=st.floats(0.05, 1.0),
    seed=st.integers(0, 2**16),
)
def test_temporal_reduction_is_the_loop(count, window, most, threshold, seed):
    features = scenes(count, (3, 4), seed)
    similarity = window_similarity(features, window)
    if (similarity - threshold).abs().min() < 1e-5:
        return  # rounding decides
    kept = temporal_reduction(similarity, threshold, window=window, max_frames=most)
    assert kept.tolist() == loop_temporal(features, threshold, window, most)


@settings(max_examples=30, deadline=None)
@given(
    count=st.integers(1, 30),
    places=st.integers(1, 6),
    window=st.integers(1, 9),
    share=st.floats(0, 1.1),
    threshold=st.floats(0.1, 0.99),
    seed=st.integers(0, 2**16),
)
def test_spatial_token_compression_is_the_loop(count, places, window, share, threshold, seed):
    tokens = scenes(count, (places, 5), seed)
    budget = int(share * count * places)
    similarity = reference_similarity(tokens, window)
    if (similarity - threshold).abs().min() < 1e-5:
        return  # rounding decides
    keep = spatial_token_compression(similarity, threshold, window=window)
    keep = cut_tails(keep, budget, window=window)
    found = [tuple(place) for place in keep.nonzero().tolist()]
    assert found == loop_compression(tokens, threshold, window, budget)


@settings(max_examples=30, deadline=None)
@given(count=st.integers(1, 70), threshold=st.floats(0.05, 1.0), seed=st.integers(0, 2**16))
def test_temporal_reduction_is_the_selector_for_tensors(count, threshold, seed):
    features = scenes(count, (3, 4), seed)
    similarity = window_similarity(features)
    expected = redundancy.window_similarity(features.numpy())
    torch.testing.assert_close(similarity.double(), torch.from_numpy(expected), atol=1e-6, rtol=0)
    if (similarity - threshold).abs().min() < 1e-5:
        return  # rounding decides
    kept = redundancy.window_redundancy(features.numpy(), threshold=threshold)
    assert temporal_reduction(similarity, threshold).tolist() == kept.tolist()


def test_more_survivors_than_the_cap_are_sampled_evenly():
    kept = temporal_reduction(torch.zeros(1000), 0.5)
    assert len(kept) == MAX_FRAMES
    assert kept.tolist() == [int(i * 1000 / 400) for i in range(400)]


def test_a_frame_of_zeros_is_unlike_everything():
    features = torch.ones(5, 4)
    features[1] = 0
    similarity = window_similarity(features)
    assert similarity.isfinite().all()
    assert similarity[1] == 0
    assert 1 in temporal_reduction(similarity, 0.5)


@pytest.mark.parametrize("unit", [False, True])
def test_relevance_is_the_mean_over_all_pairs(unit):
    tokens, text = scenes(7, (4, 6), 0), scenes(3, (6,), 1)
    left, right = tokens, text
    if unit:
        left = left / left.norm(dim=-1, keepdim=True)
        right = right / right.norm(dim=-1, keepdim=True)
    pairs = torch.einsum("tph,lh->tpl", left, right).mean((1, 2))
    torch.testing.assert_close(frame_relevance(tokens, text, unit=unit), pairs)
    assert not frame_relevance(tokens, text[:0], unit=unit).any()


@pytest.mark.parametrize(
    ("budget", "frames", "low", "high", "expected"),
    [
        (100, 10, 10, 30, 0),  # exactly full
        (99, 10, 10, 30, 0),
        (120, 10, 10, 30, 1),
        (139, 10, 10, 30, 1),
        (10_000, 10, 10, 30, 10),  # clipped to all frames
        (200, 10, 10, 10, 0),  # fine is not larger than coarse
        (200, 10, 10, 5, 0),
    ],
)
def test_number_of_high_resolution_frames(budget, frames, low, high, expected):
    assert num_high_resolution(budget, frames, low, high) == expected


def test_the_most_relevant_frames_come_back_in_order_of_time():
    relevance = torch.tensor([0.1, 5.0, -2.0, 7.0, 3.0])
    assert query_guided_resolution(relevance, 3).tolist() == [1, 3, 4]


# ------------------------------------------------------------------------------- corrected rules


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(1, 40),
    low=st.integers(1, 6),
    extra=st.integers(-5, 8),
    share=st.floats(0, 1.5),
    threshold=st.floats(0.1, 0.99),
    seed=st.integers(0, 2**16),
)
def test_the_budget_is_spent_to_the_last_token_and_never_exceeded(
    count, low, extra, share, threshold, seed
):
    tokens = scenes(count, (low, 5), seed)
    high, budget = max(1, low + extra), int(share * count * low)
    relevance = torch.randn(count, generator=torch.Generator().manual_seed(seed))
    plan = fill_budget(reference_similarity(tokens), relevance, high, budget, threshold)
    assert len(plan) <= budget
    assert not (plan.low.any(1) & plan.high.any(1)).any()
    assert torch.equal(plan.high.all(1), plan.high.any(1))
    upgraded = plan.high.all(1)
    assert extra > 0 or not upgraded.any()
    ranking = upgraded[relevance.argsort(descending=True)]
    assert ranking[: int(upgraded.sum())].all()  # the most relevant ones
    if (~plan.low & ~upgraded.unsqueeze(1)).any():  # coarse tokens are still missing
        assert len(plan) == budget
    elif extra > 0 and not upgraded.all():  # all are there: what is left is less than an upgrade
        assert budget - len(plan) < extra


def test_refilling_differs_from_the_published_rule():
    """A still video: the published rule keeps an eighth and leaves the rest of the budget empty."""
    tokens = torch.ones(16, 4, 3)
    similarity = reference_similarity(tokens)
    published = cut_tails(spatial_token_compression(similarity, 0.8), 40)
    assert published.sum() == 8
    plan = fill_budget(similarity, torch.arange(16.0), 10, 40, 0.8)
    assert len(plan) == 40
    assert plan.high.all(1).nonzero().squeeze(1).tolist() == [13, 14, 15]


@pytest.mark.parametrize("high", [1, 3, 4])
def test_a_fine_grid_that_is_not_finer_takes_nothing_from_the_coarse_one(high):
    plan = fill_budget(reference_similarity(torch.ones(16, 4, 3)), torch.zeros(16), high, 40, 0.8)
    assert not plan.high.any()
    assert plan.low.sum() == 40


def test_where_references_alone_are_too_many_the_end_is_not_lost():
    """The published rule cuts the last windows away; here what stays covers the whole video."""
    tokens = torch.ones(64, 4, 3)
    similarity = reference_similarity(tokens)
    published = cut_tails(spatial_token_compression(similarity, 0.8), 16)
    plan = fill_budget(similarity, torch.zeros(64), 9, 16, 0.8)
    assert len(plan) == 16
    frames = plan.low.any(1).nonzero().squeeze(1)
    assert frames.tolist() == [0, 16, 32, 48]
    assert published[::8].sum(1).tolist() == [2] * 8  # half of every reference frame


def test_too_long_keeps_the_least_alike_tokens():
    tokens = scenes(8, (6, 5), 3)
    similarity = reference_similarity(tokens)
    plan = fill_budget(similarity, torch.zeros(8), 100, 20, 0.999)
    kept = similarity[1:][plan.low[1:]]
    dropped = similarity[1:][~plan.low[1:]]
    assert plan.low[0].all()
    assert len(kept) == 14
    assert kept.max() <= dropped.min()
