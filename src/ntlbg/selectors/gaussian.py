"""Mean and covariance of a video's frames: low rank plus isotropic, with shrinkage.

T frames, D feature size, r rank, n sampled frames.
Sigma = V diag(eigenvalues) V' + residual_variance (I - V V').
"""

from dataclasses import dataclass

import numpy as np

from ntlbg.selectors.inputs import blocks
from ntlbg.selectors.quasi_random import quantile_points

# Enough frames for a covariance of rank 64; the cost of the moments stops growing here.
_MAX_SAMPLE = 8192
# Relative to the features' size. Rounding in float32 leaves about 1e-7.
_SAME_FRAME = 1e-6
# Relative to the largest eigenvalue. Smaller ones are rounding error of a float32 product.
_RANK_FLOOR = 1e-6
# Subspace iteration: further directions carried along, and when a pair is good enough: its residual
# relative to its eigenvalue, whose own error is of the order of the square.
_OVERSAMPLING = 64
_RESIDUAL = 1e-2
_FIRST_LOOK = 2  # iterations before there can be anything to see
_MAX_ITERATIONS = 7
# For a matrix fewer times larger than the directions carried the full decomposition is as fast.
_LEAST_SIZE_RATIO = 4


@dataclass(frozen=True)
class GaussianModel:
    """Gaussian model of the frames, in units of ``scale``.

    Attributes:
        mean: (D,) float32, in the features' own units.
        basis: (D, r) float32 orthonormal principal directions, largest variance first.
        eigenvalues: (r,) float64 shrunk variances along ``basis``, over ``scale`` squared.
        residual_variance: shrunk variance of every other direction, over ``scale`` squared.
        shrinkage: weight of the isotropic part, 0 to 1.
        scale: power of two near the spread of the features, so that squares keep their precision.
    """

    mean: np.ndarray
    basis: np.ndarray
    eigenvalues: np.ndarray
    residual_variance: float
    shrinkage: float
    scale: float

    def project(self, features: np.ndarray) -> np.ndarray:
        """Principal components of the frames, centred: (T, r) float32, in units of ``scale``."""
        basis = self.basis / np.float32(self.scale)
        components = features @ basis
        components -= self.mean @ basis  # after the product: no centred (T, D) copy
        return components

    def whiten(self, features: np.ndarray) -> np.ndarray:
        """Principal components of the frames with variance 1: (T, r) float32."""
        return self.project(features) / np.sqrt(self.eigenvalues).astype(np.float32)


def estimate_gaussian(
    features: np.ndarray, rank: int, weights: np.ndarray | None = None
) -> GaussianModel | None:
    """GaussianModel of the frames, or None when all frames are the same.

    Args:
        features: (T, D) float32.
        rank: largest r; fewer when the frames span fewer directions.
        weights: (T,) share of each frame; equal when left out.
    """
    sample, shares = _sample(features, weights)
    mean = (shares @ sample.astype(np.float64)).astype(np.float32)
    scale = _scale(sample, mean)
    if scale is None and len(sample) < len(features):
        sample, shares = _sample_of_changes(features, mean)
        mean = (shares @ sample.astype(np.float64)).astype(np.float32)
        scale = _scale(sample, mean)
    if scale is None:
        return None
    centred = (sample - mean) / np.float32(scale)
    variances, basis, trace, trace_of_square = _principal_directions(centred, shares, rank)
    size, r = basis.shape
    shrinkage = oas_shrinkage(trace, trace_of_square, size, 1 / np.square(shares).sum())
    isotropic = trace / size
    # Without other directions any value will do; the least of the known ones fits in.
    residual = max(trace - variances.sum(), 0) / (size - r) if size > r else variances[-1]
    eigenvalues = (1 - shrinkage) * variances + shrinkage * isotropic
    return GaussianModel(
        mean=mean,
        basis=basis,
        eigenvalues=eigenvalues,
        residual_variance=float((1 - shrinkage) * residual + shrinkage * isotropic),
        shrinkage=shrinkage,
        scale=scale,
    )


def oas_shrinkage(trace: float, trace_of_square: float, size: int, num_effective: float) -> float:
    """Oracle-approximating shrinkage of a covariance towards a multiple of the identity.

    Chen, Wiesel, Eldar & Hero 2010, IEEE Trans. Signal Processing 58(10).

    Args:
        trace, trace_of_square: of the sample covariance S: tr S and tr S S.
        size: D.
        num_effective: number of frames, or 1 / sum(weights**2) for weighted ones.

    Returns:
        The weight of the identity, 0 to 1.
    """
    numerator = (1 - 2 / size) * trace_of_square + trace**2
    denominator = (num_effective + 1 - 2 / size) * (trace_of_square - trace**2 / size)
    return float(min(1.0, numerator / denominator)) if denominator > 0 else 1.0


def _sample(features: np.ndarray, weights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """At most _MAX_SAMPLE frames, evenly spread over the weights, and their shares."""
    num_frames = len(features)
    if weights is None:
        weights = np.full(num_frames, 1 / num_frames)
    if num_frames <= _MAX_SAMPLE:
        return features, weights / weights.sum()
    chosen = quantile_points(weights, _MAX_SAMPLE)
    return features[chosen], np.full(len(chosen), 1 / len(chosen))


def _sample_of_changes(features: np.ndarray, usual: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where every sampled frame looks the same: the frames that do not, and one for the rest."""
    limit = _SAME_FRAME * np.abs(usual).max()
    differs = np.concatenate(
        [np.abs(features[part] - usual).max(axis=1) > limit for part in blocks(len(features))]
    )
    different = np.flatnonzero(differs)[:_MAX_SAMPLE]
    shares = np.full(len(different) + 1, 1 / len(features))
    shares[-1] -= shares.sum() - 1
    return features[np.append(different, np.argmin(differs))], shares


def _scale(sample: np.ndarray, mean: np.ndarray) -> float | None:
    """Power of two near the largest deviation from the mean; None when it is rounding error."""
    largest = max(float(np.abs(sample[block] - mean).max()) for block in blocks(len(sample)))
    if largest <= _SAME_FRAME * float(np.abs(mean).max()) or largest < np.finfo(np.float32).tiny:
        return None
    return float(2.0 ** np.ceil(np.log2(largest)))


def _principal_directions(
    centred: np.ndarray, shares: np.ndarray, rank: int
) -> tuple[np.ndarray, np.ndarray, float, float]:
    """The weighted covariance S: leading variances (r,) and eigenvectors (D, r), tr S, tr S S."""
    rows = centred * np.sqrt(shares)[:, None].astype(np.float32)
    num_rows, size = rows.shape
    gram = rows @ rows.T if num_rows < size else rows.T @ rows
    variances, vectors = leading_eigenpairs(gram, rank)
    kept = variances > _RANK_FLOOR * variances[0]
    variances, basis = variances[kept], vectors[:, kept]
    if num_rows < size:
        basis = rows.T @ basis
        basis /= np.linalg.norm(basis, axis=0)
    trace = float(np.trace(gram, dtype=np.float64))
    return variances, basis, trace, float(np.linalg.norm(gram)) ** 2


def leading_eigenpairs(matrix: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray]:
    """Largest eigenvalues of a positive semidefinite matrix (N, N) float32, and their vectors.

    Subspace iteration (Halko, Martinsson & Tropp 2011, SIAM Review 53:217-288) takes half the time
    of the full decomposition, which comes in where the matrix is small or the spectrum flat.

    Returns:
        (r,) float64 descending, at least 0, and (N, r) float32 orthonormal; r = min(rank, N).
    """
    if len(matrix) >= _LEAST_SIZE_RATIO * (rank + _OVERSAMPLING):
        found = _iterate_subspace(matrix, rank)
        if found is not None:
            return found
    # Products in float32 suffice after centring; the decomposition needs float64.
    values, vectors = np.linalg.eigh(matrix.astype(np.float64))
    values, vectors = values[::-1][:rank], vectors[:, ::-1][:, :rank]
    return np.maximum(values, 0), vectors.astype(np.float32)


def _iterate_subspace(matrix: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Eigenpairs as from :func:`leading_eigenpairs`, or None when the iteration is too slow."""
    start = np.random.default_rng(0).standard_normal((len(matrix), rank + _OVERSAMPLING))
    image = matrix @ start.astype(np.float32)
    for iteration in range(_MAX_ITERATIONS):
        space, _ = np.linalg.qr(image)
        image = matrix @ space
        if iteration < _FIRST_LOOK:
            continue
        ritz, turn = np.linalg.eigh((space.T @ image).astype(np.float64))
        ritz, turn = np.maximum(ritz[::-1], 0), turn[:, ::-1][:, :rank].astype(np.float32)
        values, vectors = ritz[:rank], space @ turn
        errors = np.linalg.norm(image @ turn - vectors * values.astype(np.float32), axis=0)
        excess = (errors / np.maximum(_RESIDUAL * values, _RANK_FLOOR * values[0])).max()
        if excess <= 1:
            return values, vectors
        shrinks_by = ritz[-1] / max(values[-1], np.finfo(np.float32).tiny)  # every iteration
        if excess * shrinks_by ** (_MAX_ITERATIONS - 1 - iteration) > 1:
            break
    return None
