"""DPP, k-center and facility location against brute force."""

from itertools import combinations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from ntlbg.errors import ConfigError
from ntlbg.selectors import SELECTORS, select_frames
from selection_simulator import recall


def clusters(seed: int, num_frames: int = 40, size: int = 6) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = 3 * rng.standard_normal((8, size))
    frames = centres[rng.integers(8, size=num_frames)] + rng.standard_normal((num_frames, size))
    return frames.astype(np.float32)


@pytest.mark.parametrize("seed", range(5))
def test_dpp_is_the_greedy_maximum_of_the_determinant(seed):
    frames = clusters(seed)
    query = np.random.default_rng(seed).standard_normal(6)
    selection = select_frames("dpp", frames, 5, query=query)
    unit = frames / np.linalg.norm(frames, axis=1, keepdims=True)
    quality = np.exp(0.25 * selection.z)
    # 1e-3 on the diagonal is the only difference to the cosines
    kernel = quality[:, None] * (unit @ unit.T + 1e-3 * np.eye(40)) * quality
    chosen = []
    for _ in range(5):
        left = [i for i in range(40) if i not in chosen]
        volumes = [np.linalg.det(kernel[np.ix_([*chosen, i], [*chosen, i])]) for i in left]
        chosen.append(left[int(np.argmax(volumes))])
    assert selection.indices.tolist() == sorted(chosen)


def test_dpp_has_one_answer_whatever_the_unit_and_the_order_of_columns():
    """Every unit frame is as good as any other to begin with: the first one is taken."""
    frames = np.random.default_rng(0).standard_normal((12, 4)).astype(np.float32)
    unit = frames / np.linalg.norm(frames, axis=1, keepdims=True)
    second = int(np.square(unit @ unit[0]).argmin())
    third = max(
        set(range(12)) - {0, second},
        key=lambda i: np.linalg.det((unit @ unit.T)[np.ix_([0, second, i], [0, second, i])]),
    )
    expected = sorted([0, second, third])
    assert SELECTORS["dpp"](frames, 3).tolist() == expected
    assert SELECTORS["dpp"](3 * frames, 3).tolist() == expected
    assert SELECTORS["dpp"](frames[:, ::-1], 3).tolist() == expected


@pytest.mark.parametrize("seed", range(30))
def test_dpp_is_greedy_where_the_scores_reach_their_cap_and_dimensions_run_out(seed):
    rng = np.random.default_rng(seed)
    frames = clusters(seed, num_frames=80, size=4)
    scores = rng.standard_normal(80)
    scores[30:36] += 60
    selection = select_frames("dpp", frames, 20, scores=scores)
    assert selection.z[30:36].min() > 12
    unit = frames.astype(np.float64)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    quality = np.exp(0.25 * np.clip(selection.z, -8, 12))
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, 1.001)
    kernel = quality[:, None] * cosines * quality
    chosen = []
    for _ in range(20):
        left = [i for i in range(80) if i not in chosen]
        within, across = kernel[np.ix_(chosen, chosen)], kernel[np.ix_(chosen, left)]
        known = np.einsum("ci,ci->i", across, np.linalg.solve(within, across))
        chosen.append(left[int((kernel[left, left] - known).argmax())])
    assert selection.indices.tolist() == sorted(chosen)


def test_facility_location_takes_the_earlier_of_two_that_save_the_same():
    """Two frames far from all others but near each other: either saves as much."""
    frames = np.zeros((9, 3), np.float32)
    frames[[2, 6]] = [[5, 0.3, 0.1], [5, 0, 0.7]]
    for turned in (
        frames,
        3 * frames,
        frames[:, ::-1],
        frames @ np.float32([[0.6, 0.8, 0], [-0.8, 0.6, 0], [0, 0, 1]]),
    ):
        assert SELECTORS["facility_location"](turned, 2).tolist() == [0, 2]


def test_dpp_without_quality_ignores_the_query():
    frames, query = clusters(0), np.ones(6)
    without = SELECTORS["dpp"](frames, 6)
    np.testing.assert_array_equal(SELECTORS["dpp"](frames, 6, query=query, quality=0.0), without)
    assert not np.array_equal(SELECTORS["dpp"](frames, 6, query=query, quality=3.0), without)


def test_dpp_finds_more_events_with_whitened_scores(local):
    found = [
        recall(local, SELECTORS["dpp"](local.features, 8, query=local.query, score_whitening=w))
        for w in (False, True)
    ]
    assert found[1] >= found[0]
    assert found[1] == 1


@pytest.mark.parametrize("seed", range(5))
def test_k_center_is_within_twice_the_optimum(seed):
    frames = clusters(seed, num_frames=16)
    distances = cdist(frames, frames)

    def radius(chosen):
        return distances[:, list(chosen)].min(axis=1).max()

    optimum = min(radius(chosen) for chosen in combinations(range(16), 4))
    assert radius(SELECTORS["k_center"](frames, 4)) <= 2 * optimum * (1 + 1e-5)


def test_k_center_starts_in_the_middle_and_goes_to_the_ends():
    frames = np.arange(11.0)[:, None]
    assert SELECTORS["k_center"](frames, 1).tolist() == [5]
    assert SELECTORS["k_center"](frames, 3).tolist() == [0, 5, 10]


@pytest.mark.parametrize("seed", range(5))
def test_facility_location_is_greedy_and_near_the_optimum(seed):
    frames = clusters(seed, num_frames=18)
    squared = cdist(frames, frames, "sqeuclidean")

    def saved(chosen):  # against the largest distance there is
        return (squared.max() - squared[:, list(chosen)].min(axis=1)).sum()

    chosen = []
    for _ in range(4):
        chosen.append(max(set(range(18)) - set(chosen), key=lambda i: saved([*chosen, i])))
    got = SELECTORS["facility_location"](frames, 4)
    assert saved(got) == pytest.approx(saved(chosen))  # pairs of frames may be tied
    optimum = max(saved(combination) for combination in combinations(range(18), 4))
    assert saved(got) >= (1 - 1 / np.e) * optimum


def test_facility_location_with_few_candidates_still_covers():
    frames = np.repeat(10 * np.eye(4), 50, axis=0)
    got = SELECTORS["facility_location"](frames, 4, candidates=20)
    assert sorted(got // 50) == [0, 1, 2, 3]
    assert len(SELECTORS["facility_location"](frames, 60, candidates=20)) == 60


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("dpp", {"quality": -1}),
        ("dpp", {"score_whitening": 1}),
        ("dpp", {"score_rank": 0}),
        ("dpp", {"ridge": -1}),
        ("facility_location", {"candidates": 0}),
        ("max_info", {"rank": 0}),
        ("longvu_window", {"window": 0}),
        ("longvu_window", {"threshold": None}),
        ("wfs_sb", {"balance": 2}),
        ("wfs_sb", {"drift": -1}),
        ("wfs_sb", {"cut": -1}),
    ],
)
def test_options_out_of_range(name, options):
    with pytest.raises(ConfigError, match=f"option {next(iter(options))} must be"):
        SELECTORS[name](clusters(0), 3, query=np.ones(6), **options)
