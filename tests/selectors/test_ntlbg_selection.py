"""The NTLBG selector: what it finds, what it ignores, and what it spends its budget on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ntlbg.errors import QueryRequired
from ntlbg.question import parse_question
from ntlbg.selectors import SELECTORS, select_frames
from selection_simulator import SIZE, make_video, overlap, quantisation_error, recall

ntlbg = SELECTORS["ntlbg"]
uniform = SELECTORS["uniform"]


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


def test_a_short_busy_part_of_a_long_video_is_covered():
    """Sixteen looks within 160 of 6,000 frames; a training point every 60 frames misses them."""
    rng = np.random.default_rng(0)
    label = np.zeros(6000, int)
    label[3000:3160] = np.repeat(np.arange(1, 17), 10)
    unrest = np.where(label > 0, 0.2, 0.01)[:, None]
    features = 3 * np.eye(17, 32)[label] + unrest * rng.standard_normal((6000, 32))
    assert len(np.unique(label[ntlbg(features, 20, training_points=100)])) >= 14


def test_a_pick_is_typical_of_its_cell():
    """Without relevance the frame nearest to the cell's mean is taken."""
    rng = np.random.default_rng(0)
    label = np.repeat(np.arange(4), 50)
    distance = rng.uniform(0.5, 1, 200)
    distance[[13, 77, 120, 199]] = 0.01
    noise = rng.standard_normal((200, 16))
    noise *= (distance / np.linalg.norm(noise, axis=1))[:, None]
    features = 5 * np.eye(4, 16)[label] + noise
    assert ntlbg(features, 4, mode="global", time_weight=0).tolist() == [13, 77, 120, 199]


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


@pytest.mark.parametrize("scores", [np.zeros(1500), np.full(1500, 3.0)])
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
    without = ntlbg(local.features, 16, mode="global")
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
    options = {"min_share": 0, "max_share": 1, "share_power": 12}
    selection = select_frames("ntlbg", features, budget, scores=scores, prior=p, **options)
    assert abs(selection.num_relevance - selection.p_local**12 * budget) <= 0.5


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


def film_with_brief_events(seed: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Ten minutes of shots of a few backgrounds, and nine things shown for 2 to 5 seconds."""
    rng = np.random.default_rng(seed)
    backgrounds = (rng.standard_normal(64) + 0.3 * rng.standard_normal((5, 64))) / 8
    shots = np.repeat(rng.integers(5, size=60), rng.integers(8, 45, 60))[:600]
    features = backgrounds[shots] + 0.02 * rng.standard_normal((600, 64))
    starts = 60 * np.arange(9) + rng.integers(10, 50, 9)
    events = [np.arange(start, start + rng.integers(2, 6)) for start in starts]
    for event in events:
        features[event] += 1.2 * rng.standard_normal(64) / 8
    return features.astype(np.float32), events


def test_the_words_of_a_question_move_the_selection(local):
    def num_relevance(question):
        prior = parse_question(question).intent.localized_prior
        return select_frames("ntlbg", local.features, 32, query=local.query, prior=prior)

    about, when = num_relevance("What is this video about?"), num_relevance("When is it shown?")
    assert about.p_local < when.p_local
    assert about.num_relevance <= when.num_relevance


def test_an_overview_shows_what_stands_out():
    """Without a question, of nine planted events: as many as the best of those who cover."""
    found: dict[str, list[int]] = {}
    error: dict[str, list[float]] = {}
    for features, events in map(film_with_brief_events, range(4)):
        for name in ("ntlbg", "k_center", "max_info", "facility_location", "dpp"):
            chosen = SELECTORS[name](features, 8)
            hit = sum(bool(np.isin(event, chosen).any()) for event in events)
            found.setdefault(name, []).append(hit)
            error.setdefault(name, []).append(quantisation_error(features, chosen))
    total = {name: sum(hits) for name, hits in found.items()}
    assert total["ntlbg"] == max(total.values())
    assert total["ntlbg"] >= 4 * 6
    assert np.mean(error["ntlbg"]) < np.mean(error["max_info"])
    covered = [ntlbg(film_with_brief_events(seed)[0], 8, mode="global") for seed in range(4)]
    events = [film_with_brief_events(seed)[1] for seed in range(4)]
    only_cover = sum(
        bool(np.isin(event, chosen).any())
        for chosen, planted in zip(covered, events, strict=True)
        for event in planted
    )
    assert only_cover < total["ntlbg"]
