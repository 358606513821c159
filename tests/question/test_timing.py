"""What a question says about time, applied to relevance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntlbg.question import Intent, parse_question, timing


def timed(scores, times, question, *event_odds):
    intent = parse_question(question).intent
    return timing.apply_question_timing(scores, times, intent, *event_odds)


def test_a_named_time_outweighs_every_score():
    scores, times = np.array([5.0, 0.0, 0.0, 9.0, 1.0]), np.arange(5.0)
    boosted = timing.boost_named_times(scores, times, Intent(times_seconds=(1.0,)))
    assert set(np.argsort(-boosted)[:3]) == {0, 1, 2}
    assert boosted[3] < boosted[1]


def test_times_the_video_does_not_have_change_nothing():
    scores, times = np.array([5.0, 0.0, 1.0]), np.arange(3.0)
    assert timing.boost_named_times(scores, times, Intent(times_seconds=(500.0,))) is scores
    assert timing.boost_named_times(scores, times, Intent()) is scores


@pytest.mark.parametrize(
    ("question", "inside"),
    [
        ("What appears between 0:50 and 1:10?", range(50, 71)),
        ("What appears from 0:20 to 1:20?", range(20, 81)),
        ("What is seen between 10 and 20 seconds, and at 1:00?", [*range(10, 21), 59, 60, 61]),
    ],
)
def test_all_of_a_stretch_of_time_outweighs_every_score(question, inside):
    scores, times = needles((15, 3), (55, 3), (200, 8))
    found = timed(scores, times, question)
    inside = np.isin(times, [*inside])
    assert found[inside].min() > found[~inside].max() + 5
    assert found[~inside].max() <= np.median(scores)
    # within it what is more relevant stays so
    ranked = np.argsort(-found[inside], kind="stable")[:3]
    assert set(np.flatnonzero(inside)[ranked]) <= {15, 16, 17, 55, 56, 57, 59, 60, 61}


def test_a_stretch_of_time_that_the_video_has_not_changes_nothing():
    scores, times = needles((200, 8))
    assert timed(scores, times, "What appears between 9:00 and 9:10?") is scores
    assert timed(scores, times[::-1] * 10, "What appears between 0:31 and 0:39?") is scores


@pytest.mark.parametrize(
    ("question", "beyond", "nearest"),
    [
        ("What appears before 0:30?", range(30), (20, 21, 22)),
        ("What is shown right after 0:30?", range(31, 400), (120, 121, 122)),
        ("What appears after 64 seconds?", range(65, 400), (120, 121, 122)),
    ],
)
def test_what_comes_next_to_a_time_is_not_at_the_time(question, beyond, nearest):
    scores, times = needles((5, 1), (20, 1), (29, -6), (30, 8), (64, -5), (120, 1), (350, 1))
    scores[31:33] = -6.0
    found = timed(scores, times, question)
    outside = np.setdiff1d(np.arange(400), [*beyond])
    assert found[outside].max() <= np.median(scores)
    assert found.max() > scores.max() + 10
    assert set(np.argsort(-found, kind="stable")[:3].tolist()) == set(nearest)
    mixed = np.random.default_rng(0).permutation(400)
    np.testing.assert_allclose(timed(scores[mixed], times[mixed], question), found[mixed])


def test_next_to_a_time_that_the_video_has_not_nothing_changes():
    scores, times = needles((200, 8))
    assert timed(scores, times, "What appears after 9:00?") is scores
    assert timed(scores, times, "What appears before 0:00?") is scores


@pytest.mark.parametrize(
    ("question", "frames"),
    [
        ("What is at 0:03?", [2, 3, 4]),
        ("What is between 0:03 and 0:05?", [3, 4, 5]),
        ("What is before 0:02?", [0, 1]),
        ("What is after 0:07?", [8, 9]),
        ("What is it?", []),
    ],
)
def test_frames_that_a_question_names(question, frames):
    mask = timing.named_frames(np.arange(10.0), parse_question(question).intent)
    assert np.flatnonzero(mask).tolist() == frames


def needles(*moments, length=400):
    """Background at -6 nats, other objects at 1, the named one at 8."""
    scores = np.full(length, -6.0)
    for start, value in moments:
        scores[start : start + 3] = value
    return scores, np.arange(float(length))


@pytest.mark.parametrize(("direction", "neighbour", "far"), [(1, 260, 350), (-1, 120, 30)])
def test_the_nearest_object_on_the_right_side_is_found(direction, neighbour, far):
    scores, times = needles((30, 1), (120, 1), (200, 8), (260, 1), (350, 1))
    found = timing.score_neighbours(scores, 2 * scores, times, direction)
    best = set(np.argsort(-found, kind="stable")[:5].tolist())
    assert {200, 201, 202} <= best
    assert best & {neighbour, neighbour + 1, neighbour + 2}
    assert found[far : far + 3].max() < found[neighbour : neighbour + 3].max() - 1
    other_side = 30 if direction == 1 else 350
    assert found[other_side : other_side + 3].max() <= np.median(scores)


@pytest.mark.parametrize(
    ("question", "best"),
    [
        ("Which object appears first?", 30),
        ("What object does the video start with?", 30),
        ("What is seen before all others?", 30),
        ("Which object appears last?", 350),
        ("What object is seen after all others?", 350),
    ],
)
def test_first_and_last_are_found_among_equals(question, best):
    scores, times = needles((30, 4), (120, 4), (200, 4), (350, 4))
    found = timed(scores, times, question)
    assert {best, best + 1, best + 2} >= set(np.argsort(-found, kind="stable")[:2].tolist())
    assert found[120:123].max() < found.max() - 3


def test_order_does_not_matter_for_shuffled_frames():
    scores, times = needles((30, 1), (200, 8), (260, 1))
    shuffled = np.random.default_rng(0).permutation(len(scores))
    found = timing.score_neighbours(scores, 2 * scores, times, 1)
    again = timing.score_neighbours(scores[shuffled], 2 * scores[shuffled], times[shuffled], 1)
    np.testing.assert_allclose(again, found[shuffled])


def test_without_the_named_object_nothing_changes():
    scores, times = needles((30, -1), (200, -2))
    assert timing.score_neighbours(scores, 2 * scores, times, 1) is scores


@given(st.lists(st.floats(-60, 60), min_size=1, max_size=40), st.sampled_from([1, -1]))
def test_timed_scores_are_finite_and_the_best_frame_stays_best(values, direction):
    scores = np.array(values)
    times = np.arange(float(len(values)))
    found = timing.score_neighbours(scores, 2 * scores, times, direction)
    assert np.isfinite(found).all()
    assert found.max() == scores.max()


def test_both_rules_work_from_the_question():
    scores, times = needles((30, 1), (200, 8), (260, 1))
    after = timed(scores, times, "What came after the owl?")
    assert after[260] > after[30]
    at = timed(scores, times, "What is shown at 00:31?")
    assert at.argmax() in (30, 31, 32)
    assert timed(scores, times, "When is the owl shown?") is scores


def test_event_odds_decide_about_order_and_are_asked_only_then():
    """A doubtful scene comes first; by their scores alone its frames would be the first event."""
    scores, times = needles((30, 4), (200, 4))
    odds = np.where(scores > 0, 5.0, -9.0)
    odds[30:33] = -9.0

    found = timed(scores, times, "Which object appears first?", lambda: odds)
    assert found[200:203].min() > found[30:33].max() + 3

    def never():
        raise AssertionError("the question is not about order")

    assert timed(scores, times, "When is the owl shown?", never) is scores


def by_hand(features, times):
    """The tenth largest cosine among frames more than six seconds away."""
    found = []
    for feature, time in zip(features, times):
        far = features[np.abs(times - time) > 6]
        cosines = sorted(f @ feature / np.linalg.norm(f) / np.linalg.norm(feature) for f in far)
        found.append(cosines[-10] if len(cosines) >= 10 else 0.0)
    return np.array(found)


@pytest.mark.parametrize("length", [1, 9, 15, 23, 60])
def test_recurrence_is_the_likeness_with_the_tenth_far_frame(length, monkeypatch):
    monkeypatch.setattr(timing, "BLOCK_FRAMES", 16)
    rng = np.random.default_rng(length)
    features, times = rng.standard_normal((length, 5)), np.sort(rng.uniform(0, 40, length))
    expected = by_hand(features, times)
    np.testing.assert_allclose(timing.recurrence_similarity(features, times), expected, atol=1e-12)
    assert length < 20 or (expected != 0).any()


def test_a_scene_recurs_and_a_short_event_does_not():
    rng = np.random.default_rng(0)
    scene, event = np.eye(8)[0], np.eye(8)[1]
    features = scene + 0.1 * rng.standard_normal((300, 8))
    features[100:104] = event + 0.1 * rng.standard_normal((4, 8))
    found = timing.recurrence_similarity(features, np.arange(300.0))
    assert found[100:104].max() < 0.5
    assert np.delete(found, range(100, 104)).min() > 0.8


def test_two_named_objects_matter_as_much():
    """And the first of two is not the first of all."""
    scores, times = needles((30, 7), (120, 4), (200, 4))
    for question in (
        "Which appears first, the owl or the bus?",
        "Is the owl or the bus seen first?",
        "Do both an owl and a bus appear?",
    ):
        found = timed(scores, times, question)
        assert found[30:33].max() == found[120:123].max() == timing.PAIR_CEILING
        assert (np.argsort(-found, kind="stable")[:3] >= 30).all()
