"""The Gaussian model of the frames, against direct computations."""

import numpy as np
import pytest

from ntlbg.selectors import moments as moments_module
from ntlbg.selectors.gaussian import estimate_gaussian, leading_eigenpairs, oas_shrinkage


def matrix_with(spectrum, seed=0):
    """A symmetric float32 matrix with these eigenvalues and random eigenvectors."""
    normal = np.random.default_rng(seed).standard_normal((len(spectrum), len(spectrum)))
    turn, _ = np.linalg.qr(normal)
    return ((turn * spectrum) @ turn.T).astype(np.float32)


INDEX = np.arange(1.0, 601)
SPECTRA = {
    "falls": INDEX**-1,
    "falls fast": INDEX**-3,
    "flat": np.ones(600),
    "nearly flat": INDEX**-0.2,
    "few directions": np.where(INDEX <= 10, INDEX**-1, 0),
    "one direction": np.where(INDEX <= 1, 1.0, 0),
    "a step": np.where(INDEX <= 40, 1.0, 1e-4),
}


SLOW_TO_CONVERGE = pytest.param("falls", marks=pytest.mark.thorough)


@pytest.mark.parametrize("name", [SLOW_TO_CONVERGE, *[name for name in SPECTRA if name != "falls"]])
def test_leading_eigenpairs(name):
    spectrum = SPECTRA[name]
    matrix = matrix_with(spectrum)
    values, vectors = leading_eigenpairs(matrix, 64)
    np.testing.assert_allclose(values, spectrum[:64], rtol=5e-4, atol=1e-6)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(64), atol=1e-5)
    errors = np.linalg.norm(matrix @ vectors - vectors * values, axis=0)
    assert (errors <= 1.01e-2 * values + 2e-6).all()


@pytest.mark.parametrize("name", ["falls", "falls fast", "few directions"])
def test_usual_spectra_need_no_full_decomposition(name, monkeypatch):
    sizes = []
    full = np.linalg.eigh
    monkeypatch.setattr(np.linalg, "eigh", lambda m: sizes.append(len(m)) or full(m))
    leading_eigenpairs(matrix_with(SPECTRA[name]), 64)
    assert max(sizes) < 600


def test_moments_do_not_depend_on_how_eigenpairs_are_found(monkeypatch):
    rng = np.random.default_rng(3)
    falling = np.arange(1, 601) ** -0.5
    video = (rng.standard_normal((900, 600)) * falling).astype(np.float32)
    ours = estimate_gaussian(video, 64)
    monkeypatch.setattr(moments_module, "_LEAST_SIZE_RATIO", 100)
    full = estimate_gaussian(video, 64)
    np.testing.assert_allclose(ours.eigenvalues, full.eigenvalues, rtol=1e-3)
    assert ours.residual_variance == pytest.approx(full.residual_variance, rel=1e-3)
    assert ours.shrinkage == pytest.approx(full.shrinkage, rel=1e-6)
    shared = np.linalg.svd(ours.basis[:, :32].T @ full.basis)[1]
    assert shared.min() > 0.999


def test_moments_of_a_low_rank_video(frames):
    moments = estimate_gaussian(frames, rank=20)
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
        expected = oas_shrinkage(spectrum.sum(), (spectrum**2).sum(), 80, len(part))
        assert estimate_gaussian(part, rank=8).shrinkage == pytest.approx(expected, rel=1e-3)
    weights = np.repeat([1.0, 1e-9], [100, 2900])
    few = estimate_gaussian(frames[:100], rank=8).shrinkage
    assert estimate_gaussian(frames, 8, weights).shrinkage == pytest.approx(few, rel=1e-3)


def test_moments_of_few_frames_in_many_dimensions(frames):
    few = np.tile(frames[:30], (1, 5))  # 30 frames of size 400
    moments = estimate_gaussian(few, rank=64)
    assert moments.basis.shape == (400, 29)
    np.testing.assert_allclose(moments.basis.T @ moments.basis, np.eye(29), atol=1e-4)
    assert 0.01 < moments.shrinkage < 0.5
    assert (np.diff(moments.eigenvalues) <= 0).all()


@pytest.mark.parametrize("factor", [2.0**-60, 2.0**40])
def test_moments_are_the_same_in_any_unit(frames, factor):
    plain, scaled = (estimate_gaussian(frames * np.float32(f), rank=8) for f in (1, factor))
    assert scaled.scale == plain.scale * factor
    np.testing.assert_array_equal(scaled.eigenvalues, plain.eigenvalues)
    np.testing.assert_array_equal(
        scaled.project(frames * np.float32(factor)), plain.project(frames)
    )


def test_weighted_moments(frames):
    copies = np.random.default_rng(0).integers(0, 3, 3000)
    weighted = estimate_gaussian(frames, 8, copies.astype(float))
    repeated = estimate_gaussian(np.repeat(frames, copies, axis=0), 8)
    np.testing.assert_allclose(weighted.mean, repeated.mean, atol=1e-5)
    np.testing.assert_allclose(weighted.eigenvalues, repeated.eigenvalues, rtol=0.01)
    # a long video is sampled by weight
    first_third = np.repeat([3.0, 0.0], [4000, 8000])
    long = np.tile(frames, (4, 1))
    long[4000:] += 100
    sampled = estimate_gaussian(long, 8, first_third)
    np.testing.assert_allclose(sampled.mean, long[:4000].mean(axis=0), atol=0.05)


def test_moments_of_equal_frames_are_none_unless_a_rare_frame_differs():
    still = np.tile(np.float32([1, 2, 3, 4]), (30_000, 1))
    assert estimate_gaussian(still, 8) is None
    still[12_345:12_347, 2] = 3.1  # between the sampled frames
    moments = estimate_gaussian(still, 8)
    assert np.abs(moments.basis[:, 0]).round(3).tolist() == [0, 0, 1, 0]


def test_shrinkage_is_that_of_the_reference():
    covariance = pytest.importorskip("sklearn.covariance")
    rows = np.random.default_rng(0).standard_normal((40, 15)) * np.geomspace(3, 0.3, 15)
    rows -= rows.mean(axis=0)
    spectrum = np.linalg.eigvalsh(rows.T @ rows / 40)
    expected = covariance.OAS(assume_centered=True).fit(rows)
    # the paper's formula; scikit-learn leaves out the terms in 2 / size
    ours, theirs = oas_shrinkage(spectrum.sum(), (spectrum**2).sum(), 15, 40), expected.shrinkage_
    assert ours == pytest.approx(theirs, abs=0.02)
    assert oas_shrinkage(15, 15, 15, 40) == 1


@pytest.mark.parametrize(("size", "count"), [(3, 4), (15, 6), (6, 40), (40, 15)])
def test_shrinkage_is_where_the_oracle_comes_to_rest(size, count):
    """Chen et al. 2010, equations 19 and 20: the oracle of the estimate, over and over again."""
    rows = np.random.default_rng(size).standard_normal((count, size)) * np.geomspace(3, 0.3, size)
    sample = rows.T @ rows / count
    estimate = sample
    for _ in range(300):
        product, square = np.trace(estimate @ sample), np.trace(estimate) ** 2
        share = ((1 - 2 / size) * product + square) / (
            (count + 1 - 2 / size) * product + (1 - count / size) * square
        )
        share = min(share, 1)
        estimate = (1 - share) * sample + share * np.trace(sample) / size * np.eye(size)
    found = oas_shrinkage(np.trace(sample), np.square(sample).sum(), size, count)
    assert 0.05 < found < 0.95
    assert found == pytest.approx(share, rel=1e-6)
