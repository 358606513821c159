"""The NTLBG selector: what it finds, what it ignores, and that every option does what it says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selection_simulator import SIZE, make_video, quantisation_error, recall

from ntlbg.errors import ConfigError, QueryRequired
from ntlbg.selection import SELECTORS, NtlbgOptions, select_frames
from ntlbg.selection.contour import contour_deviation
from ntlbg.selection.moments import estimate_moments

ntlbg = SELECTORS["ntlbg"]
uniform = SELECTORS["uniform"]


@pytest.fixture(scope="module")
def local():
    return make_video(0, local=True)


@pytest.fixture(scope="module")
def general():
    return make_video(1, local=False)


def overlap(one, other) -> float:
    return len(np.intersect1d(one, other)) / len(one)


# What it finds


@pytest.mark.parametrize(("budget", "least"), [(8, 0.85), (32, 0.95)])
def test_needles_are_found(budget, least):
    videos = [make_video(seed, local=True) for seed in range(20, 32)]
    found = {
        name: np.mean(
            [recall(v, SELECTORS[name](v.features, budget, query=v.query)) for v in videos]
        )
        for name in ("ntlbg", "uniform", "top_k")
    }
    assert found["ntlbg"] >= least
    assert found["ntlbg"] > found["top_k"] + 0.1
    assert found["ntlbg"] > found["uniform"] + 0.6


@pytest.mark.parametrize(("budget", "gain"), [(8, 0.1), (32, 0.15), (128, 0.08)])
def test_coverage_of_global_questions_is_better_than_uniform(budget, gain):
    ratios = []
    for seed in range(40, 48):
        v = make_video(seed, local=False)
        ours, even = ntlbg(v.features, budget, query=v.query), uniform(v.features, budget)
        ratios.append(quantisation_error(v.features, ours) / quantisation_error(v.features, even))
    assert np.mean(ratios) < 1 - gain
    assert max(ratios) < 1


def test_coverage_is_near_that_of_greedy_k_medoids(general):
    """The coverage-only optimum, insertion of the best frame each time."""
    features = general.features.astype(np.float64)
    squares = np.square(features).sum(axis=1)
    table = squares[:, None] + squares - 2 * features @ features.T
    nearest, chosen = np.square(features - features.mean(axis=0)).sum(axis=1) * 10, []
    for _ in range(32):
        chosen.append(int(np.minimum(table, nearest).sum(axis=1).argmin()))
        nearest = np.minimum(nearest, table[chosen[-1]])
    ours = quantisation_error(features, ntlbg(general.features, 32, mode="global"))
    assert ours < 1.06 * quantisation_error(features, chosen)


def test_relevance_picks_show_different_shots(local):
    """Plain top-k spends the budget on near-copies."""
    all_relevant = {"mode": "localized", "max_share": 1.0}
    ours = ntlbg(local.features, 24, query=local.query, **all_relevant)
    top = SELECTORS["top_k"](local.features, 24, query=local.query)
    shots = len(np.unique(local.shots[ours]))
    assert shots >= 15
    assert shots > 1.5 * len(np.unique(local.shots[top]))
    assert recall(local, ours) == 1


def test_every_cluster_is_represented():
    """Ten looks, of very different lengths, each shown twice."""
    rng = np.random.default_rng(0)
    looks = np.concatenate([np.arange(10), np.arange(10)])
    label = np.repeat(looks, np.tile([400, 300, 200, 100, 60, 50, 40, 30, 25, 20], 2))
    features = 3 * np.eye(10, 32)[label] + 0.1 * rng.standard_normal((len(label), 32))
    assert sorted(label[ntlbg(features, 10)]) == list(range(10))
    assert quantisation_error(features, ntlbg(features, 10)) < 0.1


def test_a_pick_is_typical_of_its_cell():
    """Without relevance the frame nearest to the cell's mean is taken."""
    rng = np.random.default_rng(0)
    label = np.repeat(np.arange(4), 50)
    distance = rng.uniform(0.5, 1, 200)
    distance[[13, 77, 120, 199]] = 0.01
    noise = rng.standard_normal((200, 16))
    noise *= (distance / np.linalg.norm(noise, axis=1))[:, None]
    features = 5 * np.eye(4, 16)[label] + noise
    assert ntlbg(features, 4, time_weight=0).tolist() == [13, 77, 120, 199]


# What does not matter


def test_query_and_its_scores_are_the_same(local):
    by_query = select_frames("ntlbg", local.features, 16, query=local.query)
    scores = by_query.scores
    np.testing.assert_allclose(
        scores, local.features @ local.query / np.linalg.norm(local.query), atol=1e-5
    )
    by_scores = select_frames("ntlbg", local.features, 16, scores=scores)
    np.testing.assert_array_equal(by_query.indices, by_scores.indices)
    np.testing.assert_array_equal(by_query.z, by_scores.z)
    for factor, offset in ((1e-6, 0), (100.0, 7.0)):
        other = ntlbg(local.features, 16, scores=factor * scores + offset)
        assert overlap(other, by_query.indices) >= 15 / 16


def test_length_of_the_query_does_not_matter(local):
    one = ntlbg(local.features, 16, query=local.query)
    for factor in (2.0**-90, 4.0):
        np.testing.assert_array_equal(ntlbg(local.features, 16, query=factor * local.query), one)


@pytest.mark.parametrize("video", ["local", "general"])
def test_unit_of_the_features_does_not_matter(video, request):
    v = request.getfixturevalue(video)
    one = ntlbg(v.features, 32, query=v.query)
    for factor in (2.0**-60, 2.0**40):
        scaled = ntlbg(v.features * np.float32(factor), 32, query=v.query)
        np.testing.assert_array_equal(scaled, one)
    assert overlap(ntlbg(v.features * 3.7, 32, query=v.query), one) >= 31 / 32


@pytest.mark.parametrize("options", [{}, {"whitening": "full"}, {"constraint": "equiradius"}])
@pytest.mark.parametrize("video", ["local", "general"])
def test_rotation_and_origin_of_the_features_do_not_matter(video, options, request):
    v = request.getfixturevalue(video)
    turn, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((SIZE, SIZE)))
    one = ntlbg(v.features, 32, query=v.query, **options)
    turned = ntlbg(v.features @ turn, 32, query=v.query @ turn, **options)
    moved = ntlbg(v.features + turn[0].astype(np.float32), 32, query=v.query, **options)
    # float32 decides near-ties anew
    assert overlap(turned, one) >= 30 / 32
    assert overlap(moved, one) >= 30 / 32


def test_order_of_a_long_video_does_not_matter():
    v = make_video(3, local=True, num_frames=9000)
    mixed = np.random.default_rng(0).permutation(9000)
    straight = ntlbg(v.features, 40, query=v.query, pts_seconds=np.arange(9000))
    shuffled = ntlbg(v.features[mixed], 40, query=v.query, pts_seconds=mixed)
    np.testing.assert_array_equal(np.sort(mixed[shuffled]), straight)


@pytest.mark.parametrize("chunk", [1, 100, 4095, 10**6])
def test_chunk_does_not_change_the_result(chunk, local):
    one = ntlbg(local.features, 32, query=local.query)
    assert overlap(ntlbg(local.features, 32, query=local.query, chunk=chunk), one) >= 31 / 32


@pytest.mark.parametrize("scores", [np.zeros(1500), np.full(1500, 3.0), None])
def test_scores_that_say_nothing_leave_coverage(scores, local):
    selection = select_frames("ntlbg", local.features, 16, scores=scores)
    np.testing.assert_array_equal(selection.indices, ntlbg(local.features, 16, mode="global"))
    assert selection.num_relevance == 0
    assert selection.z is None
    assert selection.p_local is None


@pytest.mark.parametrize("num_frames", [40, 20_000])
def test_equal_frames_are_spread_over_time(num_frames):
    frames = np.tile(np.float32([0.3, -2, 5]), (num_frames, 1))
    selection = select_frames("ntlbg", frames, 8, query=[1, 2, 3])
    np.testing.assert_array_equal(selection.indices, uniform(frames, 8))
    np.testing.assert_allclose(selection.weights, 1 / 8, atol=0.03)


def test_a_single_different_frame_of_a_long_still_is_found():
    frames = np.tile(np.float32([0.3, -2, 5]), (30_000, 1))
    frames[12_345] = [5, 5, 5]
    assert 12_345 in ntlbg(frames, 4)


# What the budget is spent on


@pytest.mark.parametrize(("mode", "share"), [("localized", 0.75), ("global", 0.0)])
def test_forced_modes(mode, share, local):
    selection = select_frames("ntlbg", local.features, 40, query=local.query, mode=mode)
    assert selection.num_relevance == share * 40
    assert selection.p_local == (1.0 if mode == "localized" else 0.0)


def test_mode_global_ignores_the_question(local):
    without = ntlbg(local.features, 16)
    for arguments in ({"query": local.query}, {"scores": local.features[:, 0]}):
        chosen = ntlbg(local.features, 16, mode="global", **arguments)
        np.testing.assert_array_equal(chosen, without)


def test_mode_localized_needs_a_question(local):
    with pytest.raises(QueryRequired, match="mode 'localized' needs query="):
        ntlbg(local.features, 16, mode="localized")


@given(p=st.floats(0, 1), budget=st.integers(1, 60))
@settings(max_examples=30, deadline=None)
def test_relevance_budget_follows_the_probability(p, budget):
    rng = np.random.default_rng(0)
    features, scores = rng.standard_normal((80, 4)), rng.standard_normal(80)
    selection = select_frames("ntlbg", features, budget, scores=scores, prior=p)
    share = 0.15 + 0.6 * selection.p_local**2
    assert abs(selection.num_relevance - share * budget) <= 0.5


def test_prior_moves_the_probability_and_the_budget(general):
    selections = [
        select_frames("ntlbg", general.features, 64, query=general.query, prior=prior)
        for prior in (0, 0.2, 0.5, 0.9, 1)
    ]
    probabilities = [s.p_local for s in selections]
    assert probabilities == sorted(probabilities)
    budgets = [s.num_relevance for s in selections]
    assert budgets == sorted(budgets)
    assert budgets[0] == round(0.15 * 64)
    assert budgets[-1] == round(0.75 * 64)


# What the options do

LOCAL_CHANGES = {
    "mode": "localized",
    "prior": 0.02,
    "score_whitening": False,
    "whitening": "full",
    "init": "nt",
    "constraint": "equiradius",
    "rank": 8,
    "score_rank": 2,
    "ridge": 0.01,
    "quality": 1.0,
    "min_share": 0.5,
    "max_share": 0.3,
    "share_power": 0.5,
    "tilt": 1.0,
    "localized_tilt": 3.0,
    "time_weight": 2.0,
    "training_points": 300,
    "iterations": 0,
    "candidates": 250,
}


def test_every_option_is_tried():
    fields = set(NtlbgOptions.__dataclass_fields__)
    assert fields == set(LOCAL_CHANGES) | {"chunk"}  # which must not change anything


@pytest.mark.parametrize(("name", "value"), LOCAL_CHANGES.items())
def test_every_option_changes_the_choice(name, value):
    """A video for which the evidence is mixed, so that both kinds of picks are made."""
    v = make_video(0, local=True)
    weak = v.features @ v.query.astype(np.float32)
    weak[np.concatenate(v.events)] -= 0.2
    default = select_frames("ntlbg", v.features, 64, scores=weak)
    assert 0.5 < default.p_local < 0.95
    changed = ntlbg(v.features, 64, scores=weak, **{name: value})
    assert overlap(changed, default.indices) < 0.95


def test_score_whitening_finds_needles_the_cosine_misses():
    videos = [make_video(seed, local=True) for seed in range(8)]
    with_it, without = (
        np.mean(
            [recall(v, ntlbg(v.features, 8, query=v.query, score_whitening=on)) for v in videos]
        )
        for on in (True, False)
    )
    assert with_it > without + 0.2


def test_full_whitening_hears_the_quiet_directions():
    """Two clusters in a direction of little variance, beside a loud one."""
    rng = np.random.default_rng(0)
    loud = 20 * rng.uniform(-1, 1, 400)
    quiet = np.where(np.arange(400) % 7 == 0, 1.0, -1.0)
    features = np.column_stack([loud, quiet, 0.05 * rng.standard_normal(400)])
    for whitening, sides in (("none", 1), ("full", 2)):
        chosen = ntlbg(features, 2, whitening=whitening, rank=2, time_weight=0)
        assert len(np.unique(quiet[chosen])) == sides


def test_time_weight_pulls_towards_even_times(general):
    def unevenness(weight):
        chosen = ntlbg(general.features, 30, time_weight=weight) / 1500
        return np.abs(chosen - (np.arange(30) + 0.5) / 30).max()

    assert unevenness(100.0) < 0.04
    assert unevenness(0.0) > 0.06


def test_tilt_pulls_coverage_towards_relevance(local):
    def relevance(tilt):
        options = {"min_share": 0.0, "max_share": 0.0, "tilt": tilt, "localized_tilt": 0.0}
        selection = select_frames("ntlbg", local.features, 64, query=local.query, **options)
        return selection.z[selection.indices].mean()

    assert relevance(2.0) > relevance(0.05) > relevance(0.0) - 0.05
    assert relevance(2.0) > relevance(0.0) + 0.3


def test_codebook_iterations_lower_the_error():
    videos = [make_video(seed, local=False) for seed in range(60, 66)]
    none, three = (
        np.mean(
            [
                quantisation_error(v.features, ntlbg(v.features, 16, iterations=n, init="nt"))
                for v in videos
            ]
        )
        for n in (0, 3)
    )
    assert three < 0.95 * none


def test_median_contour_is_the_original_rule(general):
    """Frames whose squared Mahalanobis distance is closest to the median: blind to directions."""
    chosen = ntlbg(general.features, 32, constraint="median_contour")
    moments = estimate_moments(general.features, 64)
    white = moments.project(general.features) / np.sqrt(moments.eigenvalues)
    distance = np.square(white).sum(axis=1)
    off = np.abs(distance - np.median(distance))
    assert off[chosen].max() <= np.sort(off)[31] * (1 + 1e-3)
    covered = quantisation_error(general.features, ntlbg(general.features, 32))
    assert quantisation_error(general.features, chosen) > 1.3 * covered


def test_contour_modes_go_by_the_question(local):
    for constraint in ("equiradius", "median_contour"):
        with_query = ntlbg(local.features, 32, query=local.query, constraint=constraint)
        without = ntlbg(local.features, 32, constraint=constraint)
        assert overlap(with_query, without) < 0.9


def test_equiradius_reports_its_contour(general):
    selection = select_frames("ntlbg", general.features, 32, constraint="equiradius")
    assert selection.num_relevance == 0
    moments = estimate_moments(general.features, 64)
    white = moments.project(general.features) / np.sqrt(moments.eigenvalues)
    radii = np.linalg.norm(white, axis=1)
    # the code vectors' contour is well inside the frames: no frame lies on it
    assert 1 < selection.contour_radius < 0.8 * np.median(radii)
    assert contour_deviation(white[selection.indices]) > 0.01
    assert select_frames("ntlbg", general.features, 32).contour_radius is None


def test_equiradius_covers_gaussian_frames():
    """What the constraint is right for: directions are spread, unlike on the median contour."""
    features = np.random.default_rng(0).standard_normal((800, 3)).astype(np.float32)
    on_contour = ntlbg(features, 4, constraint="equiradius")
    by_radius = ntlbg(features, 4, constraint="median_contour")
    assert quantisation_error(features, on_contour) < 0.8 * quantisation_error(features, by_radius)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "local"}, "mode must be one of auto, localized, global; got 'local'"),
        ({"whitening": True}, "whitening must be one of none, full; got True"),
        ({"init": None}, "init must be one of split, nt"),
        ({"constraint": "hard"}, "constraint must be one of none, equiradius, median_contour"),
        ({"score_whitening": "no"}, "score_whitening must be True or False; got 'no'"),
        ({"prior": 1.5}, "prior must be a number from 0 to 1; got 1.5"),
        ({"prior": "high"}, "prior must be a number from 0 to 1; got 'high'"),
        ({"prior": float("nan")}, "prior must be a number from 0 to 1; got nan"),
        ({"rank": 0}, "rank must be a whole number of at least 1; got 0"),
        ({"rank": 2.0}, "rank must be a whole number of at least 1; got 2.0"),
        ({"rank": True}, "rank must be a whole number of at least 1; got True"),
        ({"iterations": -1}, "iterations must be a whole number of at least 0; got -1"),
        ({"min_share": 0.8}, r"min_share \(0.8\) must not exceed max_share \(0.75\)"),
    ],
)
def test_unusable_options(options, message):
    with pytest.raises(ConfigError, match=f"option {message}"):
        ntlbg(np.ones((3, 2)), 1, **options)


def test_numbers_of_numpy_are_numbers():
    features = np.random.default_rng(0).standard_normal((20, 3))
    ntlbg(features, 3, rank=np.int64(2), prior=np.float32(0.5), tilt=0)


def test_budgets_beyond_the_split_start():
    """Above 2048 chosen frames the codebook starts from quantiles; its memory stays bounded."""
    features = np.random.default_rng(0).standard_normal((9000, 4)).astype(np.float32)
    chosen = ntlbg(features, 2500)
    assert len(np.unique(chosen)) == 2500
    error = quantisation_error(features, chosen)
    assert error < quantisation_error(features, uniform(features, 2500))
