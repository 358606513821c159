"""Every option of the NTLBG selector does what it says."""

import numpy as np
import pytest

from ntlbg.errors import ConfigError
from ntlbg.selectors import SELECTORS, NtlbgOptions, select_frames
from ntlbg.selectors.contour import contour_deviation
from ntlbg.selectors.gaussian import estimate_gaussian
from ntlbg.selectors.ntlbg import _Relevance, _snap_to_frames
from selection_simulator import make_video, overlap, quantisation_error, recall

ntlbg = SELECTORS["ntlbg"]
uniform = SELECTORS["uniform"]

LOCAL_CHANGES = {
    "mode": "localized",
    "prior": 0.02,
    "score_whitening": False,
    "whitening": "full",
    "init": "nt",
    "constraint": "equiradius",
    "rank": 8,
    "score_rank": 2,
    "ridge": 1.0,
    "quality": 1.0,
    "quality_cap": 1.0,
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
    base = {"prior": 0.2, "quality": 0.05}  # volume counts, so that it matters who is a candidate
    default = select_frames("ntlbg", v.features, 64, scores=weak, **base)
    assert 0.5 < default.p_local < 0.95
    changed = ntlbg(v.features, 64, scores=weak, **(base | {name: value}))
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
        options = {"mode": "global", "rank": 2, "time_weight": 0}
        chosen = ntlbg(features, 2, whitening=whitening, **options)
        assert len(np.unique(quiet[chosen])) == sides


def test_time_weight_pulls_towards_even_times(general):
    def unevenness(weight):
        chosen = ntlbg(general.features, 30, mode="global", time_weight=weight) / 1500
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
    moments = estimate_gaussian(general.features, 64)
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
    moments = estimate_gaussian(general.features, 64)
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
        ({"rank": 0}, "rank must be a whole number from 1 to 1000000; got 0"),
        ({"rank": 2.0}, "rank must be a whole number from 1 to 1000000; got 2.0"),
        ({"rank": True}, "rank must be a whole number from 1 to 1000000; got True"),
        ({"iterations": -1}, "iterations must be a whole number from 0 to 1000; got -1"),
        (
            {"min_share": 0.8, "max_share": 0.75},
            r"min_share \(0.8\) must not exceed max_share \(0.75\)",
        ),
    ],
)
def test_unusable_options(options, message):
    with pytest.raises(ConfigError, match=f"option {message}"):
        ntlbg(np.ones((3, 2)), 1, **options)


def test_defaults():
    """Chosen together, by simulation; a change of one asks for new measurements."""
    assert NtlbgOptions() == NtlbgOptions(
        mode="auto",
        prior=0.5,
        score_whitening=True,
        whitening="none",
        init="split",
        constraint="none",
        chunk=4096,
        rank=64,
        score_rank=64,
        ridge=0.1,
        quality=0.2,
        min_share=0.15,
        max_share=0.75,
        share_power=2.0,
        tilt=0.05,
        localized_tilt=0.7,
        time_weight=0.2,
        training_points=2048,
        iterations=3,
        candidates=2048,
    )


NUMBERS = {
    name: field.default
    for name, field in NtlbgOptions.__dataclass_fields__.items()
    if not isinstance(field.default, (str, bool))
}


@pytest.mark.parametrize("name", NUMBERS)
def test_least_values_are_usable_and_lesser_ones_are_not(name, local):
    least = 0 if isinstance(NUMBERS[name], float) or name == "iterations" else 1
    options = {"min_share": 0, "max_share": 0} if name.endswith("_share") else {name: least}
    assert len(ntlbg(local.features, 9, query=local.query, **options)) == 9
    with pytest.raises(ConfigError, match=f"option {name} must be .*; got {least - 1}"):
        NtlbgOptions(**{name: least - 1})


def test_numbers_of_numpy_are_numbers():
    features = np.random.default_rng(0).standard_normal((20, 3))
    ntlbg(features, 3, rank=np.int64(2), prior=np.float32(0.5), tilt=0)


def test_budgets_beyond_the_split_start():
    """Above 2048 chosen frames the codebook starts from quantiles; its memory stays bounded."""
    features = np.random.default_rng(0).standard_normal((8400, 4)).astype(np.float32)
    chosen = ntlbg(features, 2100)
    assert len(np.unique(chosen)) == 2100
    error = quantisation_error(features, chosen)
    assert error < quantisation_error(features, uniform(features, 2100))


def test_a_high_cap_lets_the_best_scores_lead():
    """Thousands of frames beyond the cap look alike to the default."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((2000, 32)).astype(np.float32)
    scores = rng.normal(0, 0.1, 2000)
    scores[::4] += 30  # far beyond what the spread of the others explains
    best = np.arange(0, 2000, 400)
    scores[best] += 5
    sharp = {"mode": "localized", "score_whitening": False, "max_share": 1.0, "quality": 1.0}
    capped, free = (
        ntlbg(features, 8, scores=scores, quality_cap=cap, **sharp) for cap in (12.0, 1e3)
    )
    assert set(best) <= set(free.tolist())
    assert not set(best) <= set(capped.tolist())


def test_relevance_picks_come_from_eight_candidates_each():
    """The last candidate adds the most volume and is taken; the next one would add more."""
    rng = np.random.default_rng(5)
    ranking = rng.permutation(400)
    scores = np.empty(400)
    scores[ranking] = -np.arange(400.0)
    features = 0.01 * rng.standard_normal((400, 6)).astype(np.float32)
    features[ranking[23], 0] += 5
    features[ranking[24], 1] += 7
    alone = {"min_share": 1, "max_share": 1, "quality": 0, "score_whitening": False}
    chosen = ntlbg(features, 3, scores=scores, mode="localized", candidates=1, **alone)
    assert ranking[23] in chosen
    assert set(chosen) <= set(ranking[:24])


def test_a_question_that_is_not_about_moments_does_not_push_relevance_away():
    v = make_video(0, local=True)
    options = {"query": v.query, "prior": 1e-9, "min_share": 0}
    without = select_frames("ntlbg", v.features, 32, localized_tilt=0, **options)
    assert without.p_local < 0.4
    chosen = ntlbg(v.features, 32, localized_tilt=5, **options)
    np.testing.assert_array_equal(chosen, without.indices)


@pytest.mark.parametrize("constraint", ["none", "median_contour"])
def test_one_frame_beyond_all_bounds_counts_as_one_at_the_bound(constraint):
    v = make_video(1, local=True)
    options = {"score_whitening": False, "constraint": constraint, "mode": "localized"}
    scores = np.random.default_rng(0).standard_normal(len(v.features))
    found = []
    for largest in (13, 25):
        scores[77] = largest
        found.append(ntlbg(v.features, 24, scores=scores, **options))
    np.testing.assert_array_equal(*found)


def test_a_frame_is_not_snapped_to_when_it_was_picked_for_relevance():
    """A code vector beside a picked frame, which rounding puts nearer than the frame's own."""
    rng = np.random.default_rng(0)
    options, relevance = NtlbgOptions(), _Relevance(None, None, 4)
    for _ in range(20):
        space = (300 + rng.standard_normal((40, 5))).astype(np.float32)
        picks = np.array([3, 9, 20, 31])
        beside = space[picks] + np.float32(1e-4) * rng.standard_normal((4, 5)).astype(np.float32)
        codes = np.concatenate([space[picks], beside])
        frames = _snap_to_frames(space, codes, picks, relevance, options)
        assert len(np.unique(frames)) == len(frames)
        assert set(picks) <= set(frames)
