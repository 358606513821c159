"""What a question says about time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntlbg import grounding
from ntlbg_lab.haystack.questions import TEMPLATES


def test_a_named_time_outweighs_every_score():
    scores, times = np.array([5.0, 0.0, 0.0, 9.0, 1.0]), np.arange(5.0)
    heeded = grounding.heed_times(scores, times, [1.0])
    assert set(np.argsort(-heeded)[:3]) == {0, 1, 2}
    assert heeded[3] < heeded[1]


def test_times_the_video_does_not_have_change_nothing():
    scores, times = np.array([5.0, 0.0, 1.0]), np.arange(3.0)
    assert grounding.heed_times(scores, times, [500.0]) is scores
    assert grounding.heed_times(scores, times, []) is scores


@pytest.mark.parametrize(
    ("question", "seconds"),
    [
        ("What is at 02:05?", [125.0]),
        ("Between 1:00:00 and 61:30?", [3600.0, 3690.0]),
        ("Is the ratio 3:75 or 7?", []),
        ("What appears first?", []),
    ],
)
def test_clock_times_are_read(question, seconds):
    assert grounding.mentioned_seconds(question) == seconds


@pytest.mark.parametrize(
    ("question", "direction"),
    [
        ("What appears right after the guitar?", 1),
        ("Which object comes next?", 1),
        ("What preceded the owl?", -1),
        ("Just before the bus, what was shown?", -1),
        ("What object is seen before all others?", 0),
        ("What object is seen after all others?", 0),
        ("Is the cat before the dog or after the dog?", 0),
        ("When does the guitar appear?", 0),
    ],
)
def test_direction_is_read_from_the_words(question, direction):
    assert grounding.neighbour_direction(question) == direction


def needles(*moments, length=400):
    """Background at -6 nats, other objects at 1, the named one at 8."""
    scores = np.full(length, -6.0)
    for start, value in moments:
        scores[start : start + 3] = value
    return scores, np.arange(float(length))


@pytest.mark.parametrize(("direction", "neighbour", "far"), [(1, 260, 350), (-1, 120, 30)])
def test_the_nearest_object_on_the_right_side_is_found(direction, neighbour, far):
    scores, times = needles((30, 1), (120, 1), (200, 8), (260, 1), (350, 1))
    found = grounding.heed_order(scores, 2 * scores, times, direction)
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
    found = grounding.ground_scores(scores, times, question)
    assert {best, best + 1, best + 2} >= set(np.argsort(-found, kind="stable")[:2].tolist())
    assert found[120:123].max() < found.max() - 3


def test_order_does_not_matter_for_shuffled_frames():
    scores, times = needles((30, 1), (200, 8), (260, 1))
    shuffled = np.random.default_rng(0).permutation(len(scores))
    found = grounding.heed_order(scores, 2 * scores, times, 1)
    again = grounding.heed_order(scores[shuffled], 2 * scores[shuffled], times[shuffled], 1)
    np.testing.assert_allclose(again, found[shuffled])


def test_without_the_named_object_nothing_changes():
    scores, times = needles((30, -1), (200, -2))
    assert grounding.heed_order(scores, 2 * scores, times, 1) is scores


@given(st.lists(st.floats(-60, 60), min_size=1, max_size=40), st.sampled_from([1, -1]))
def test_grounded_scores_are_finite_and_the_best_frame_stays_best(values, direction):
    scores = np.array(values)
    times = np.arange(float(len(values)))
    found = grounding.heed_order(scores, 2 * scores, times, direction)
    assert np.isfinite(found).all()
    assert found.max() == scores.max()


def test_both_rules_work_from_the_question():
    scores, times = needles((30, 1), (200, 8), (260, 1))
    after = grounding.ground_scores(scores, times, "What came after the owl?")
    assert after[260] > after[30]
    at = grounding.ground_scores(scores, times, "What is shown at 00:31?")
    assert at.argmax() in (30, 31, 32)
    assert grounding.ground_scores(scores, times, "When is the owl shown?") is scores


def test_event_odds_decide_about_order_and_are_asked_only_then():
    """A doubtful scene comes first; by their scores alone its frames would be the first event."""
    scores, times = needles((30, 4), (200, 4))
    odds = np.where(scores > 0, 5.0, -9.0)
    odds[30:33] = -9.0

    found = grounding.ground_scores(scores, times, "Which object appears first?", lambda: odds)
    assert found[200:203].min() > found[30:33].max() + 3

    def never():
        raise AssertionError("the question is not about order")

    assert grounding.ground_scores(scores, times, "When is the owl shown?", never) is scores


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
    monkeypatch.setattr(grounding, "BLOCK_FRAMES", 16)
    rng = np.random.default_rng(length)
    features, times = rng.standard_normal((length, 5)), np.sort(rng.uniform(0, 40, length))
    expected = by_hand(features, times)
    np.testing.assert_allclose(grounding.recurrence(features, times), expected, atol=1e-12)
    assert length < 20 or (expected != 0).any()


def test_a_scene_recurs_and_a_short_event_does_not():
    rng = np.random.default_rng(0)
    scene, event = np.eye(8)[0], np.eye(8)[1]
    features = scene + 0.1 * rng.standard_normal((300, 8))
    features[100:104] = event + 0.1 * rng.standard_normal((4, 8))
    found = grounding.recurrence(features, np.arange(300.0))
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
        found = grounding.ground_scores(scores, times, question)
        assert found[30:33].max() == found[120:123].max() == grounding.SURE
        assert (np.argsort(-found, kind="stable")[:3] >= 30).all()


@pytest.mark.parametrize("kind", list(TEMPLATES))
def test_what_is_asked_in_order(kind):
    for wording in TEMPLATES[kind]:
        question = wording.format(
            name="owl", other="bus", article="an owl", other_article="a bus", time="01:00"
        )
        in_order = kind in ("first", "last", "before", "after")
        assert grounding.asks_what_in_order(question) == in_order, question
    for question in ("How does the game end?", "Why is he last?", "Who wins after the break?"):
        assert not grounding.asks_what_in_order(question)


@pytest.mark.parametrize("kind", ["order", "both", "count", "exist", "first", "last", "when"])
def test_wordings_are_understood(kind):
    for wording in TEMPLATES[kind]:
        question = wording.format(
            name="owl", other="bus", article="an owl", other_article="a bus", time="01:00"
        )
        assert grounding.names_pair(question) == (kind in ("order", "both")), question
        assert grounding.asks_count(question) == (kind == "count"), question
        assert grounding.asks_when(question) == (kind == "when"), question
        assert grounding.asks_about_events(question) == (kind in ("first", "last")), question
        about_one = kind in ("both", "count", "exist", "when")
        assert kind == "order" or grounding.asks_about_one(question) == about_one, question
        assert grounding.first_or_last_of_two(question) == (kind == "order"), question
        denied = kind in ("both", "count", "exist")
        assert grounding.can_be_denied(question) == denied, question
