"""Selectors that see only the scores, against a few lines written from the papers."""

import heapq
from statistics import fmean

import numpy as np
import pytest

from ntlbg.errors import ConfigError
from ntlbg.selectors import SELECTORS

SHAPES = pytest.mark.parametrize(
    ("num_frames", "budget"), [(64, 8), (64, 32), (600, 64), (37, 5), (100, 1), (50, 49), (999, 31)]
)
SEEDS = pytest.mark.parametrize("seed", range(4))


def curve(num_frames: int, seed: int) -> np.ndarray:
    """A walk with bursts, so that parts of it stand out."""
    rng = np.random.default_rng(seed)
    scores = 0.1 * np.cumsum(rng.standard_normal(num_frames)) + rng.standard_normal(num_frames)
    scores[rng.integers(num_frames, size=3)] += 8 * seed
    return scores


def choose(name: str, scores: np.ndarray, budget: int, **options) -> list[int]:
    frames = np.zeros((len(scores), 1))
    return SELECTORS[name](frames, budget, scores=scores, **options).tolist()


def uniform_oracle(num_frames, k):
    return [int((i + 0.5) * num_frames / k) for i in range(k)]


def top_k_oracle(scores, k):
    return sorted(sorted(range(len(scores)), key=lambda i: (-scores[i], i))[:k])


def bolt_oracle(scores, k, alpha, levels="code"):
    low, high = min(scores), max(scores)
    mass = [((s - low) / (high - low)) ** alpha for s in scores]
    cumulative = [sum(mass[: i + 1]) / sum(mass) for i in range(len(mass))]
    cumulative[-1] = 1.0
    wanted = {
        "code": np.linspace(1 / k, 1 - 1 / k, k).tolist(),
        "paper": [i / k for i in range(1, k + 1)],
    }[levels]
    chosen = {next(t for t, share in enumerate(cumulative) if share >= w) for w in wanted}
    left_over = sorted(set(range(len(scores))) - chosen, key=lambda i: (-scores[i], i))
    return sorted([*chosen, *left_over[: k - len(chosen)]])


def aks_oracle(scores, k, threshold, levels):
    low, high = min(scores), max(scores)
    scores = [(s - low) / (high - low) for s in scores]
    parts = [(list(range(len(scores))), k)]
    for _ in range(levels):
        judged = []
        for part, quota in parts:
            values = [scores[i] for i in part]
            if quota == 1 or fmean(heapq.nlargest(k, values)) - fmean(values) > threshold:
                judged.append((part, quota))
            else:
                half, fewer = len(part) // 2, quota // 2  # the later half has what is odd
                judged += [(part[:half], fewer), (part[half:], quota - fewer)]
        parts = judged
    return sorted(
        i for part, quota in parts for i in heapq.nlargest(quota, part, key=lambda i: scores[i])
    )


@SHAPES
def test_uniform(num_frames, budget):
    assert choose("uniform", curve(num_frames, 0), budget) == uniform_oracle(num_frames, budget)


@SHAPES
@SEEDS
def test_top_k(num_frames, budget, seed):
    scores = curve(num_frames, seed).round(1)  # with ties
    assert choose("top_k", scores, budget) == top_k_oracle(scores, budget)


@SHAPES
@SEEDS
@pytest.mark.parametrize("alpha", [3.0, 1.0])
@pytest.mark.parametrize("levels", ["code", "paper"])
def test_bolt(num_frames, budget, seed, alpha, levels):
    scores = curve(num_frames, seed)
    expected = bolt_oracle(scores, budget, alpha, levels)
    assert choose("bolt", scores, budget, sharpness=alpha, levels=levels) == expected
    if (alpha, levels) == (3, "code"):  # the published defaults
        assert choose("bolt", scores, budget) == expected


@SHAPES
@SEEDS
@pytest.mark.parametrize(("threshold", "levels"), [(0.8, 5), (0.2, 3), (0.4, 2), (0.0, 5), (1, 6)])
def test_aks(num_frames, budget, seed, threshold, levels):
    scores = curve(num_frames, seed)
    expected = aks_oracle(scores, budget, threshold, levels)
    assert choose("aks", scores, budget, threshold=threshold, levels=levels) == expected
    if (threshold, levels) == (0.8, 5):
        assert choose("aks", scores, budget) == expected


def test_aks_by_hand():
    scores = [0, 1, 0, 0, 9, 0, 10, 0]
    # no part stands out by more than 1, so four quarters give one each, the earliest of equal ones
    assert choose("aks", scores, 4, threshold=1) == [1, 2, 4, 6]
    # mean of the four best 5, of all 2.5: the whole stands out by 0.25 of the range
    assert choose("aks", scores, 4, threshold=0.2) == [0, 1, 4, 6]
    assert choose("aks", scores, 4, threshold=0.3) == [1, 2, 4, 6]
    assert choose("aks", scores, 4, levels=0) == [0, 1, 4, 6]


def test_aks_gives_the_later_half_what_is_odd():
    # halves [4] and [3, 2]; the other way round it would be [4, 3] and [2]
    assert choose("aks", [4, 3, 2], 2, levels=1) == [0, 1]
    # halves [0, 5] and [5, 4, 3], which may give one and two
    assert choose("aks", [0, 5, 5, 4, 3], 3, levels=1) == [1, 2, 3]


@pytest.mark.parametrize("budget", [1, 3, 8, 31, 33])
def test_aks_gives_frames_where_the_published_depth_gives_none(budget):
    assert len(choose("aks", curve(200, 1), budget)) == budget


def test_bolt_by_hand():
    # cumulative shares 0 .1 .3 .6 1: the quarters fall on frames 2, 3, 4 and 4
    by_paper = {"sharpness": 1, "levels": "paper"}
    assert choose("bolt", [0, 1, 2, 3, 4], 4, **by_paper) == [1, 2, 3, 4]
    assert choose("bolt", [9, 1, 2, 3, 4, 1], 2, **by_paper) == [0, 4]
    # .25 .42 .58 .75 on 2, 3, 3 and 4; of the others frame 1 is the best
    assert choose("bolt", [0, 1, 2, 3, 4], 4, sharpness=1) == [1, 2, 3, 4]
    # one half, twice: on frame 0, and the best of the others is 4
    assert choose("bolt", [9, 1, 2, 3, 4, 1], 2, sharpness=1) == [0, 4]
    # a single peak holds all quantiles; its runners-up fill the places
    assert choose("bolt", [1, 0, 50, 0, 2, 3], 3, sharpness=20) == [2, 4, 5]


def test_bolt_without_sharpness_or_differences_is_even():
    for levels, even in {"code": [24, 41, 58, 74], "paper": [24, 49, 74, 99]}.items():
        assert choose("bolt", np.ones(100), 4, levels=levels) == even
        assert choose("bolt", curve(100, 1), 4, sharpness=0, levels=levels) == even


def test_bolt_on_ten_equal_frames_by_the_code_and_by_the_paper():
    scores = np.zeros(100)
    scores[20:30] = 1
    assert choose("bolt", scores, 4) == [22, 24, 25, 27]
    assert choose("bolt", scores, 4, levels="paper") == [22, 24, 27, 29]


# q_frame and adaq divide the scores themselves by a temperature
@pytest.mark.parametrize("name", [name for name in SELECTORS if name not in ("q_frame", "adaq")])
def test_unit_and_offset_of_the_scores_do_not_matter(name):
    scores = curve(200, 2)
    frames = np.random.default_rng(0).standard_normal((200, 4))
    one = SELECTORS[name](frames, 9, scores=scores)
    np.testing.assert_array_equal(one, SELECTORS[name](frames, 9, scores=scores * 64 + 128))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("aks", {"threshold": -1}, "threshold must be a number from 0 to 1; got -1"),
        ("aks", {"levels": 2.5}, "levels must be a whole number"),
        ("bolt", {"sharpness": "3"}, "sharpness must be a number"),
        ("bolt", {"levels": "book"}, "levels must be one of code, paper; got 'book'"),
    ],
)
def test_options_out_of_range(name, options, message):
    with pytest.raises(ConfigError, match=message):
        choose(name, np.arange(9), 3, **options)
