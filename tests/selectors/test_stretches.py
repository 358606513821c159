"""Near-identical neighbours count as one picture, for every selector."""

import numpy as np
import pytest

from ntlbg.selectors import SELECTORS, select_distinct, select_frames
from ntlbg.selectors.stretches import find_stretches

SLIDES = 11


def slides(seconds: int = 12, noise: float = 0.003) -> np.ndarray:
    """(T, 32) of eleven pictures, each on screen for so long, with a codec's noise."""
    rng = np.random.default_rng(0)
    features = np.repeat(rng.standard_normal((SLIDES, 32)), seconds, axis=0)
    features += noise * rng.standard_normal(features.shape)
    return features.astype(np.float32)


@pytest.mark.parametrize("name", list(SELECTORS))
@pytest.mark.parametrize("noise", [0.0, 0.003])
def test_all_slides_are_seen_before_one_is_seen_twice(name, noise):
    features = slides(noise=noise)
    scores = features @ features[50]  # one slide fits the question
    selection = select_distinct(SELECTORS[name], features, 16, scores=scores)
    assert len(selection) == 16
    assert selection.num_pictures == SLIDES
    assert set(selection.indices // 12) == set(range(SLIDES))
    eight = select_distinct(SELECTORS[name], features, 8, scores=scores)
    assert len(set(eight.indices // 12)) == len(eight) == 8


def test_without_it_one_slide_takes_several_frames():
    features = slides()
    for name in ("top_k", "aks"):
        chosen = select_frames(name, features, 16, scores=features @ features[50]).indices
        assert len(set(chosen // 12)) < SLIDES


def test_the_rest_of_the_budget_goes_far_from_what_is_chosen():
    features = slides(noise=0)
    chosen = select_distinct(SELECTORS["top_k"], features, 22, scores=features[:, 0]).indices
    assert np.bincount(chosen // 12).tolist() == [2] * SLIDES
    everything = select_distinct(SELECTORS["ntlbg"], features, 500)
    np.testing.assert_array_equal(everything.indices, np.arange(132))


@pytest.mark.parametrize("name", ["ntlbg", "dpp", "k_center", "facility_location"])
def test_a_still_stretch_does_not_hide_a_brief_small_event(name):
    """Three seconds that differ from a still background by a fraction of what slides do."""
    rng = np.random.default_rng(1)
    still = np.tile(rng.standard_normal(32), (300, 1))
    still += 0.002 * rng.standard_normal(still.shape)
    still[200:203] += 0.2 * rng.standard_normal(32)
    selection = select_distinct(SELECTORS[name], still.astype(np.float32), 4)
    assert np.isin(selection.indices, np.arange(200, 203)).any()


def test_what_is_shown_for_seconds_keeps_its_frames():
    features = slides(seconds=4)
    assert len(set(find_stretches(features, np.arange(44.0)))) == 44
    assert len(set(find_stretches(features, 10 * np.arange(44.0)))) == SLIDES
    assert len(set(find_stretches(slides(4, noise=0), np.arange(44.0)))) == SLIDES


def test_a_slow_change_is_no_still_stretch():
    angle = np.linspace(0, np.pi, 400)
    features = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    stretches = find_stretches(features, np.arange(400.0))
    assert stretches[0] == 0
    assert set(np.diff(stretches)) <= {0, 1}
    assert 15 < stretches[-1] < 60


def test_pictures_that_differ_little_are_told_apart_where_all_do():
    features = np.ones((132, 32), np.float32)
    features += 0.003 * slides(noise=0)
    assert find_stretches(features, np.arange(132.0))[-1] + 1 == SLIDES


def test_weights_spans_and_scores_are_of_all_frames():
    features, times = slides(), 2.0 * np.arange(132)
    scores = features @ features[50]
    selection = select_distinct(SELECTORS["ntlbg"], features, 8, scores=scores, pts_seconds=times)
    assert selection.weights.sum() == pytest.approx(1)
    assert (selection.weights >= 12 / 132 - 1e-9).all()
    np.testing.assert_allclose(selection.scores, scores)
    assert selection.z.shape == (132,)
    for index, (start, end) in zip(selection.indices, selection.spans, strict=True):
        assert start <= 24 * (index // 12)
        assert end >= 24 * (index // 12) + 22
    assert 50 // 12 in selection.indices // 12


def test_the_order_of_frames_does_not_matter():
    features, times = slides(), np.arange(132.0)
    mixed = np.random.default_rng(2).permutation(132)
    for name in ("ntlbg", "uniform", "dpp"):
        scores = features[:, 0].astype(np.float64)
        straight = select_distinct(
            SELECTORS[name], features, 5, scores=scores, pts_seconds=times
        ).indices
        shuffled = select_distinct(
            SELECTORS[name], features[mixed], 5, scores=scores[mixed], pts_seconds=times[mixed]
        ).indices
        np.testing.assert_array_equal(np.sort(mixed[shuffled]), straight)


def test_a_video_without_still_stretches_is_chosen_from_as_ever(local):
    for name in ("ntlbg", "dpp", "aks"):
        usual = select_frames(name, local.features, 16, query=local.query)
        distinct = select_distinct(SELECTORS[name], local.features, 16, query=local.query)
        np.testing.assert_array_equal(usual.indices, distinct.indices)
        np.testing.assert_array_equal(usual.weights, distinct.weights)
        assert distinct.num_pictures == len(local.features)


@pytest.mark.parametrize("name", [name for name in SELECTORS if SELECTORS[name].uses_query])
def test_frames_that_are_kept_are_chosen_whatever_else_is(name):
    """In the place of one of their own slide, else of the least relevant one."""
    features = slides()
    scores = (features @ features[50]).astype(np.float64)
    usual = select_distinct(SELECTORS[name], features, 4, scores=scores)
    others = [slide for slide in range(SLIDES) if slide not in set(usual.indices // 12)]
    kept = [12 * others[0] + 5, int(usual.indices[1]) // 12 * 12 + 7]
    found = select_distinct(SELECTORS[name], features, 4, scores=scores, kept=kept)
    assert set(kept) < set(found.indices)
    assert len(set(found.indices // 12)) == len(found) == 4
    worst = int(usual.indices[np.argmin(scores[usual.indices])])
    stay = set(usual.indices // 12) - {kept[1] // 12}
    assert stay - {worst // 12} <= set(found.indices // 12)
    assert found.weights.sum() == pytest.approx(1)


def test_of_one_stretch_the_first_kept_frame_is_chosen():
    features, kept = slides(), [30, 28, 100]
    scores = (features @ features[50]).astype(np.float64)
    found = select_distinct(SELECTORS["top_k"], features, 4, scores=scores, kept=kept)
    assert {30, 100} < set(found.indices)
    assert 28 not in found.indices
