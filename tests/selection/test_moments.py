"""The Gaussian model of the frames, against direct computations."""

import numpy as np
import pytest

from ntlbg.selection.moments import estimate_moments, oas_shrinkage


def test_moments_of_a_low_rank_video(frames):
    moments = estimate_moments(frames, rank=20)
    covariance = np.cov(frames.T, bias=True)
    variances = np.sort(np.linalg.eigvalsh(covariance))[::-1]
    np.testing.assert_allclose(moments.mean, frames.mean(axis=0), atol=1e-4)
    np.testing.assert_allclose(moments.basis.T @ moments.basis, np.eye(20), atol=1e-5)
    found = moments.eigenvalues * moments.scale**2
    np.testing.assert_allclose(found[:12], variances[:12], rtol=0.02)
    residual = moments.residual_variance * moments.scale**2
    assert residual == pytest.approx(variances[20:].mean(), rel=0.05)
    components = moments.project(frames) * moments.scale
    np.testing.assert_allclose(components, (frames - moments.mean) @ moments.basis, atol=1e-3)
    shrunk_trace = moments.eigenvalues.sum() + 60 * moments.residual_variance
    assert shrunk_trace * moments.scale**2 == pytest.approx(np.trace(covariance), rel=1e-4)


def test_shrinkage_goes_by_the_number_of_frames(frames):
    for part in (frames[:100], frames):
        spectrum = np.linalg.eigvalsh(np.cov(part.T.astype(float), bias=True))
        expected = oas_shrinkage(spectrum, 80, len(part))
        assert estimate_moments(part, rank=8).shrinkage == pytest.approx(expected, rel=1e-3)
    weights = np.repeat([1.0, 1e-9], [100, 2900])
    few = estimate_moments(frames[:100], rank=8).shrinkage
    assert estimate_moments(frames, 8, weights).shrinkage == pytest.approx(few, rel=1e-3)


def test_moments_of_few_frames_in_many_dimensions(frames):
    few = np.tile(frames[:30], (1, 5))  # 30 frames of size 400
    moments = estimate_moments(few, rank=64)
    assert moments.basis.shape == (400, 29)
    np.testing.assert_allclose(moments.basis.T @ moments.basis, np.eye(29), atol=1e-4)
    assert 0.01 < moments.shrinkage < 0.5
    assert (np.diff(moments.eigenvalues) <= 0).all()


@pytest.mark.parametrize("factor", [2.0**-60, 2.0**40])
def test_moments_are_the_same_in_any_unit(frames, factor):
    plain, scaled = (estimate_moments(frames * np.float32(f), rank=8) for f in (1, factor))
    assert scaled.scale == plain.scale * factor
    np.testing.assert_array_equal(scaled.eigenvalues, plain.eigenvalues)
    np.testing.assert_array_equal(
        scaled.project(frames * np.float32(factor)), plain.project(frames)
    )


def test_weighted_moments(frames):
    copies = np.random.default_rng(0).integers(0, 3, 3000)
    weighted = estimate_moments(frames, 8, copies.astype(float))
    repeated = estimate_moments(np.repeat(frames, copies, axis=0), 8)
    np.testing.assert_allclose(weighted.mean, repeated.mean, atol=1e-5)
    np.testing.assert_allclose(weighted.eigenvalues, repeated.eigenvalues, rtol=0.01)
    # a long video is sampled by weight
    first_third = np.repeat([3.0, 0.0], [4000, 8000])
    long = np.tile(frames, (4, 1))
    long[4000:] += 100
    sampled = estimate_moments(long, 8, first_third)
    np.testing.assert_allclose(sampled.mean, long[:4000].mean(axis=0), atol=0.05)


def test_moments_of_equal_frames_are_none_unless_a_rare_frame_differs():
    still = np.tile(np.float32([1, 2, 3, 4]), (30_000, 1))
    assert estimate_moments(still, 8) is None
    still[12_345:12_347, 2] = 3.1  # between the sampled frames
    moments = estimate_moments(still, 8)
    assert np.abs(moments.basis[:, 0]).round(3).tolist() == [0, 0, 1, 0]


def test_shrinkage_is_that_of_the_reference():
    covariance = pytest.importorskip("sklearn.covariance")
    rows = np.random.default_rng(0).standard_normal((40, 15)) * np.geomspace(3, 0.3, 15)
    rows -= rows.mean(axis=0)
    spectrum = np.linalg.eigvalsh(rows.T @ rows / 40)
    expected = covariance.OAS(assume_centered=True).fit(rows)
    # the paper's formula; scikit-learn leaves out the terms in 2 / size
    ours, theirs = oas_shrinkage(spectrum, 15, 40), expected.shrinkage_
    assert ours == pytest.approx(theirs, abs=0.02)
    assert oas_shrinkage(np.ones(15), 15, 40) == 1
