"""Questions that name several things: a query for each, and frames for each."""

import numpy as np
import pytest

from ntlbg.errors import InvalidFeatures
from ntlbg.selectors import SELECTORS, select_frames
from ntlbg.selectors.turns import volume_by_turns
from ntlbg_lab.evidence.metrics import event_recall
from ntlbg_lab.simulation import simulate_video

IGNORE_QUESTIONS = [name for name, selector in SELECTORS.items() if not selector.uses_query]


@pytest.fixture(scope="module")
def hard():
    return [simulate_video(seed, "several_hard", 900) for seed in range(41, 53)]


def mean_recall(videos, name, budget, query, **options):
    found = [
        event_recall(v.events, SELECTORS[name](v.features, budget, query=query(v), **options))
        for v in videos
    ]
    return np.mean(found)


@pytest.mark.parametrize(
    ("name", "options"), [("ntlbg", {}), ("dpp", {"score_whitening": True}), ("top_k", {})]
)
def test_a_query_for_each_thing_finds_more_than_one_for_all(hard, name, options):
    whole = mean_recall(hard, name, 8, lambda v: v.query, **options)
    parts = mean_recall(hard, name, 8, lambda v: v.parts, **options)
    assert parts > whole + 0.15
    if name == "ntlbg":
        assert parts > 0.8


@pytest.mark.parametrize(("regime", "least"), [("several", 0.95), ("distractors", 0.9)])
def test_things_that_stand_out_are_all_found(regime, least):
    videos = [simulate_video(seed, regime, 900) for seed in range(10)]
    assert mean_recall(videos, "ntlbg", 8, lambda v: v.parts) >= least


def test_one_event_is_found_with_and_without_parts():
    videos = [simulate_video(seed, "one") for seed in range(8)]
    assert mean_recall(videos, "ntlbg", 8, lambda v: v.query) == 1
    assert mean_recall(videos, "ntlbg", 8, lambda v: v.parts) == 1


@pytest.mark.parametrize("name", list(SELECTORS))
@pytest.mark.parametrize("budget", [1, 2, 7, 60, 100])
def test_the_contract_holds_with_parts(name, budget):
    rng = np.random.default_rng(0)
    features, scores = rng.standard_normal((60, 16)), rng.standard_normal((3, 60))
    for given in ({"scores": scores}, {"query": rng.standard_normal((3, 16))}):
        indices = select_frames(name, features, budget, **given).indices
        assert len(set(indices.tolist())) == len(indices) == min(budget, 60)
        np.testing.assert_array_equal(indices, np.sort(indices))


@pytest.mark.parametrize("name", IGNORE_QUESTIONS)
def test_who_ignores_the_question_ignores_its_parts(name):
    features = np.random.default_rng(0).standard_normal((80, 8))
    parts = select_frames(name, features, 9, query=np.eye(8)[:3]).indices
    np.testing.assert_array_equal(parts, select_frames(name, features, 9).indices)


def test_parts_of_one_are_the_question_itself(local):
    for name in ("ntlbg", "dpp", "aks"):
        one = select_frames(name, local.features, 12, query=local.query)
        listed = select_frames(name, local.features, 12, query=local.query[None])
        np.testing.assert_array_equal(one.indices, listed.indices)
        np.testing.assert_array_equal(one.scores, listed.scores)


@pytest.mark.parametrize("name", ["top_k", "ntlbg", "dpp", "bolt", "mdp3"])
def test_no_part_is_left_out(name):
    """One thing fits by far better, and in many frames; the other in two."""
    rng = np.random.default_rng(3)
    features = rng.standard_normal((400, 24))
    scores = 0.1 * rng.standard_normal((2, 400))
    scores[0, 100:140] += 20
    scores[1, 300:302] += 2
    options = {"mode": "localized"} if name == "ntlbg" else {}
    chosen = select_frames(name, features, 6, scores=scores, **options).indices
    assert np.isin(chosen, np.arange(100, 140)).any()
    assert np.isin(chosen, [300, 301]).any()
    together = select_frames(name, features, 6, scores=scores.sum(0), **options).indices
    if name == "top_k":
        assert not np.isin(together, [300, 301]).any()


def test_parts_with_the_same_frames_are_filled_up():
    features = np.eye(20)
    scores = np.stack([np.arange(20.0)] * 3)
    chosen = select_frames("top_k", features, 7, scores=scores).indices
    assert chosen.tolist() == list(range(13, 20))


def test_turns_go_to_the_part_whose_evidence_is_seen_least():
    """One frame shows all of the first thing; four look alike what the second may be."""
    points = np.eye(6, dtype=np.float32)
    quality = np.ones((2, 6))
    quality[0, 0], quality[1, 1:5] = 9, [8, 7, 6, 5]
    evidence = np.zeros((2, 6))
    evidence[0, 0], evidence[1, 1:5] = 1, 0.25
    assert volume_by_turns(points, quality, evidence, 5).tolist() == [0, 1, 2, 3, 4]


def test_relevance_and_z_are_those_of_the_best_part():
    rng = np.random.default_rng(0)
    features, scores = rng.standard_normal((60, 16)), rng.standard_normal((3, 60))
    selection = select_frames("ntlbg", features, 9, scores=scores)
    np.testing.assert_array_equal(selection.scores, scores.max(0))
    assert selection.z.shape == (60,)


@pytest.mark.parametrize("shape", [(0, 16), (2, 15), (2, 2, 16)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(InvalidFeatures, match="query must have shape"):
        select_frames("ntlbg", np.ones((30, 16)), 4, query=np.ones(shape))


def test_log_odds_share_out_turns_by_the_odds():
    """Frames far above the usual that are still unlikely do not ask for turns."""
    rng = np.random.default_rng(4)
    features = rng.standard_normal((400, 24))
    scores = -8 + 0.1 * rng.standard_normal((2, 400))
    scores[:, 50:150] = -3 + 0.1 * rng.standard_normal((2, 100))
    scores[0, 200:202], scores[1, 300:304] = 3, 3
    chosen = select_frames("ntlbg", features, 6, scores=scores, score_unit="log_odds").indices
    assert chosen.tolist() == [200, 201, 300, 301, 302, 303]
