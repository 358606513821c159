"""Calibrated relevance: the matched filter, the scale, the evidence for a localised question."""

import numpy as np
import pytest

from ntlbg.selectors import select_frames
from ntlbg.selectors.gaussian import estimate_gaussian
from ntlbg.selectors.relevance import (
    is_informative,
    localised_probability,
    robust_z,
    whiten_scores,
)
from selection_simulator import make_video


def correlation(a, b) -> float:
    return float(np.corrcoef(a, b)[0, 1])


@pytest.mark.parametrize(("ridge", "raw"), [(0.01, 0.5), (1.0, 0.97), (10.0, 0.998)])
def test_score_whitening_is_the_dense_matched_filter(frames, ridge, raw):
    query = np.random.default_rng(1).standard_normal(80)
    moments = estimate_gaussian(frames, rank=12)
    scores = frames @ query
    whitened = whiten_scores(scores, moments.project(frames), moments, rank=12, ridge=ridge)
    spread = moments.eigenvalues - moments.residual_variance
    sigma = (moments.basis * spread) @ moments.basis.T + moments.residual_variance * np.eye(80)
    ridged = sigma + ridge * moments.eigenvalues.mean() * np.eye(80)
    dense = (frames - frames.mean(axis=0)) @ np.linalg.solve(ridged, query)
    assert correlation(whitened, dense) > 0.99999
    assert correlation(scores, dense) < raw  # it is not the cosine already


def test_score_whitening_is_near_the_filter_of_the_true_covariance(frames):
    """Here the components beyond the damped ones are known, too, but treated as noise."""
    query = np.random.default_rng(1).standard_normal(80)
    moments = estimate_gaussian(frames, rank=64)
    whitened = whiten_scores(frames @ query, moments.project(frames), moments, rank=32, ridge=1.0)
    covariance = np.cov(frames.T)
    ridged = covariance + np.linalg.eigvalsh(covariance)[-32:].mean() * np.eye(80)
    dense = (frames - frames.mean(axis=0)) @ np.linalg.solve(ridged, query)
    assert correlation(whitened, dense) > 0.999


def test_score_whitening_finds_what_the_cosine_does_not(frames):
    """A frame that moved along the query, where the video moves along other directions."""
    rng = np.random.default_rng(2)
    moments = estimate_gaussian(frames, rank=32)
    loud, quiet = moments.basis[:, 0], moments.basis[:, 31]
    query, moved = loud + quiet, frames.copy()
    moved[700] = frames[rng.integers(3000)] + 3 * quiet
    scores = moved @ query
    moments = estimate_gaussian(moved, rank=32)
    whitened = whiten_scores(scores, moments.project(moved), moments, rank=12, ridge=0.1)
    assert robust_z(scores)[700] < 3
    assert robust_z(whitened)[700] > 3.5
    assert robust_z(whitened).argmax() == 700


def test_score_whitening_takes_scores_in_any_unit(frames):
    moments = estimate_gaussian(frames, rank=16)
    components = moments.project(frames)
    scores = np.random.default_rng(3).standard_normal(3000) + 0.3 * components[:, 0]
    plain = whiten_scores(scores, components, moments, rank=8, ridge=1.0)
    for factor, offset in ((1e-30, 0), (1e6, -1e7), (-2, 5)):
        other = whiten_scores(factor * scores + offset, components, moments, rank=8, ridge=1.0)
        np.testing.assert_allclose(other / factor, plain, atol=1e-5)


def test_score_whitening_leaves_scores_without_relation_to_the_frames(frames):
    moments = estimate_gaussian(frames, rank=16)
    components = moments.project(frames)
    scores = np.random.default_rng(4).standard_normal(3000)
    scores -= components @ np.linalg.lstsq(components, scores)[0]
    whitened = whiten_scores(scores, components, moments, rank=8, ridge=1.0)
    np.testing.assert_allclose(whitened, scores - scores.mean(), atol=1e-3)


def test_calibrated_normal_scores_are_standard_normal():
    z = robust_z(5 + 3 * np.random.default_rng(0).standard_normal(20_000))
    assert np.median(z) == pytest.approx(0, abs=1e-12)
    assert z.std() == pytest.approx(1, abs=0.02)


def test_relevant_frames_do_not_inflate_the_scale():
    scores = np.random.default_rng(0).standard_normal(2000)
    scores[:200] += 10
    z = robust_z(scores)
    assert z[200:].std() == pytest.approx(1, abs=0.15)
    assert z[:200].mean() > 7
    assert scores.std() > 3  # what a plain standard deviation would divide by


def test_the_unit_is_halfway_between_what_the_lower_sixth_and_the_middle_half_say():
    """A flat law from 0 to 1: half of it is within 1/4 of the median, a sixth below 0.1587."""
    scores = np.linspace(0, 1, 100_001)
    unit = ((0.5 - 0.1587) + 0.25 / 0.6745) / 2
    np.testing.assert_allclose(robust_z(scores), (scores - 0.5) / unit, rtol=1e-3, atol=1e-6)


def test_calibration_ignores_unit_and_offset():
    scores = np.random.default_rng(0).gamma(2, size=500)
    np.testing.assert_allclose(robust_z(1e-9 * scores + 1e-7), robust_z(scores), rtol=1e-5)


def test_calibration_of_scores_that_are_mostly_equal():
    """A detector says 0 nearly everywhere."""
    scores = np.zeros(1000)
    scores[[3, 500]] = 1.0
    z = robust_z(scores)
    assert np.isfinite(z).all()
    assert z[3] == pytest.approx(1 / scores.std())
    assert z[0] == 0


def test_evidence_rises_with_the_number_and_size_of_hits():
    rng = np.random.default_rng(0)
    background = rng.standard_normal(3000)
    probability = []
    for hits, shift in ((0, 0), (3, 4), (3, 7), (30, 4)):
        z = background.copy()
        z[:hits] = shift
        probability.append(localised_probability(z, prior=0.5))
    assert probability[0] < 0.6
    assert probability[1] < probability[2]
    assert probability[1] < probability[3]
    assert probability[2] > 0.99


def test_a_lower_tail_takes_half_of_the_evidence_away():
    def log_odds(z):
        return -np.log(1 / localised_probability(z, 0.5) - 1)

    z = np.random.default_rng(0).standard_normal(3000)
    z[:10] = 6
    one_sided = log_odds(z)
    z[10:20] = -6
    assert one_sided > 8
    assert log_odds(z) == pytest.approx(one_sided / 2, rel=0.02)
    assert log_odds(-z[10:]) == pytest.approx(one_sided, rel=0.02)
    assert log_odds(np.minimum(z, 3)) < 0  # a lower tail alone


def test_evidence_by_hand():
    """All frames at z = 1: log ratio m - m^2 / 2 at the least shift, and no decoy."""
    assert localised_probability(np.ones(9), 0.5) == pytest.approx(1 / (1 + np.exp(-0.0)))
    assert localised_probability(np.zeros(9), 0.5) == pytest.approx(1 / (1 + np.exp(2)))
    # m = 2.5 gains most: 7.5 - 3.125, of which one frame in nine sees the gain
    z = np.array([3.0] + [0.0] * 8)
    gains = [np.log((np.exp(3 * m) + 8) / 9) - m * m / 2 for m in (2, 2.5, 3, 3.5, 4)]
    assert localised_probability(z, 0.5) == pytest.approx(1 / (1 + np.exp(-max(gains))))


@pytest.mark.parametrize("shift", [2, 2.5, 3, 3.5, 4])
def test_evidence_of_frames_at_each_shift(shift):
    """log ratio at the matching shift: shift^2 - shift^2 / 2, more than at any other."""
    odds = 1 / localised_probability(np.full(5, float(shift)), 0.5) - 1
    assert -np.log(odds) == pytest.approx(shift**2 / 2, rel=1e-6)


def test_prior_adds_to_the_log_odds():
    def log_odds(p):
        return np.log(p / (1 - p))

    z = np.random.default_rng(0).standard_normal(500)
    even = log_odds(localised_probability(z, 0.5))
    for prior in (0.01, 0.3, 0.9):
        posterior = log_odds(localised_probability(z, prior))
        assert posterior - even == pytest.approx(log_odds(prior))
    assert localised_probability(z, 0.0) < 1e-9
    assert localised_probability(z, 1.0) > 1 - 1e-9


def test_wild_scores_keep_the_evidence_finite():
    assert localised_probability(np.array([0.0, 1e12, -1e12, 3]), 0.5) <= 1
    assert localised_probability(np.array([0.0, 0, 0, 1e12]), 0.5) > 0.9


def test_probability_is_higher_on_local_than_on_global_questions():
    videos = [
        (make_video(seed, local=True), make_video(1000 + seed, local=False)) for seed in range(10)
    ]
    local, general = (
        [select_frames("ntlbg", v.features, 8, query=v.query).p_local for v in group]
        for group in zip(*videos)
    )
    assert np.mean(local) > np.mean(general) + 0.3
    assert min(local) > np.median(general)


@pytest.mark.parametrize(
    ("scores", "informative"),
    [(None, False), ([2.0, 2, 2], False), ([1.0, 1 + 1e-9, 1], False), ([1.0, 1.01, 1], True)],
)
def test_scores_that_say_nothing(scores, informative):
    assert is_informative(None if scores is None else np.array(scores)) == informative
