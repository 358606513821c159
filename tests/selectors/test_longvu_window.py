"""LongVU's temporal reduction, against values its own code gave."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from ntlbg.selectors import SELECTORS, window_redundancy
from ntlbg.selectors.longvu_window import evenly_spread, window_similarity

GOLDEN = Path(__file__).parents[1] / "data" / "longvu" / "temporal"


def golden_videos():
    for path in sorted(GOLDEN.glob("*.json")):
        case, tensors = json.loads(path.read_text()), load_file(path.with_suffix(".safetensors"))
        starts = np.cumsum([0, *case["split_sizes"]])
        for i, video in enumerate(case["per_video"]):
            features = tensors["dino_features"][starts[i] : starts[i + 1]]
            similarity = tensors.get(f"window_similarity_{i}")
            expected = tensors[f"kept_indices_{i}"]
            yield pytest.param(case, video, features, similarity, expected, id=f"{path.stem}-{i}")


@pytest.mark.parametrize(("case", "video", "features", "similarity", "kept"), list(golden_videos()))
def test_golden_videos(case, video, features, similarity, kept):
    if similarity is not None:
        got = window_similarity(features, case["window_size"])
        np.testing.assert_allclose(got, similarity, atol=1e-5)
    if video["triggered"]:
        got = window_redundancy(features, threshold=case["threshold"], window=case["window_size"])
        np.testing.assert_array_equal(got, kept)
    else:  # whether to reduce at all is the caller's question
        np.testing.assert_array_equal(kept, np.arange(len(features)))


def test_golden_videos_are_there():
    cases = list(golden_videos())
    assert len(cases) >= 14
    assert any(len(case.values[-1]) == 400 for case in cases)


@pytest.mark.parametrize("num_frames", [1, 2, 15, 16, 17, 40])
def test_a_still_video_keeps_the_middle_of_each_window(num_frames):
    kept = window_redundancy(np.ones((num_frames, 3, 2)))
    windows = [range(start, min(start + 16, num_frames)) for start in range(0, num_frames, 16)]
    assert kept.tolist() == [w[len(w) // 2] for w in windows]


def test_similarity_counts_the_frame_itself():
    frames = np.eye(4)[[0, 0, 1, 2]]
    np.testing.assert_allclose(window_similarity(frames, 4), [0.5, 0.5, 0.25, 0.25])
    np.testing.assert_allclose(window_similarity(frames, 2), [1, 1, 0.5, 0.5])
    np.testing.assert_allclose(window_similarity(1e14 * frames, 4), [0.5, 0.5, 0.25, 0.25])
    assert window_similarity(np.zeros((3, 2))).tolist() == [0, 0, 0]


def test_threshold_is_strict_and_limit_spreads():
    frames = np.eye(4)[[0, 0, 1, 2]]
    assert window_redundancy(frames, threshold=0.5, window=4).tolist() == [2, 3]
    assert window_redundancy(frames, threshold=0.51, window=4).tolist() == [0, 1, 2, 3]
    assert window_redundancy(frames, threshold=0.51, window=4, limit=3).tolist() == [0, 1, 2]
    many = np.arange(1000) * 2
    assert evenly_spread(many, 400).tolist() == [2 * int(i * 2.5) for i in range(400)]


def test_places_of_a_thinned_video_are_cut_from_products_of_floats():
    """As the published code computes them: 402 / 400 * 200 is 200.99999999999997."""
    thinned = evenly_spread(np.arange(402), 400)
    assert thinned[[199, 200, 201]].tolist() == [199, 200, 202]
    assert window_redundancy(np.eye(402), threshold=2).tolist() == thinned.tolist()
    assert SELECTORS["longvu_window"](np.eye(402), 400).tolist() == thinned.tolist()
    exact = [
        number
        for number in range(401, 3000)
        if (np.arange(400) * number // 400 == evenly_spread(np.arange(number), 400)).all()
    ]
    assert len(exact) == 2599 - 102


def test_selector_thins_what_stays_and_fills_with_the_least_redundant():
    rng = np.random.default_rng(0)
    still = np.ones((32, 8)) + 0.01 * rng.standard_normal((32, 8))
    different = np.eye(8)[rng.integers(8, size=32)]
    frames = np.concatenate([still, different])
    kept = window_redundancy(frames)
    assert len(kept) == 34  # the middles of two still windows, and all that differ
    assert SELECTORS["longvu_window"](frames, 34).tolist() == kept.tolist()
    assert SELECTORS["longvu_window"](frames, 5).tolist() == kept[[0, 6, 13, 20, 27]].tolist()
    similarity = window_similarity(frames)
    extra = sorted(set(SELECTORS["longvu_window"](frames, 36)) - set(kept))
    left = [i for i in range(64) if i not in kept]
    assert extra == sorted(sorted(left, key=lambda i: similarity[i])[:2])
