"""Mean and covariance of a video's frames: low rank plus isotropic, with shrinkage.

T frames, D feature size, r rank, n sampled frames.
Sigma = V diag(eigenvalues) V' + residual_variance (I - V V').
"""

from dataclasses import dataclass

import numpy as np

from ntlbg.selection.inputs import blocks
from ntlbg.selection.nets import quantile_points

# Enough frames for a covariance of rank 64; the cost of the moments stops growing here.
_MAX_SAMPLE = 8192
# Relative to the features' size. Rounding in float32 leaves about 1e-7.
_SAME_FRAME = 1e-6
# Relative to the largest eigenvalue. Smaller ones are rounding error of a float32 product.
_RANK_FLOOR = 1e-6


@dataclass(frozen=True)
class Moments:
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


def estimate_moments(
    features: np.ndarray, rank: int, weights: np.ndarray | None = None
) -> Moments | None:
    """Moments of the frames, or None when all frames are the same.

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
    spectrum, basis = _principal_directions(centred, shares, rank)
    size = features.shape[1]
    shrinkage = oas_shrinkage(spectrum, size, 1 / np.square(shares).sum())
    r = basis.shape[1]
    isotropic = spectrum.sum() / size
    # Without other directions any value will do; the least of the known ones fits in.
    residual = spectrum[r:].sum() / (size - r) if size > r else spectrum[-1]
    eigenvalues = (1 - shrinkage) * spectrum[:r] + shrinkage * isotropic
    return Moments(
        mean=mean,
        basis=basis,
        eigenvalues=eigenvalues,
        residual_variance=float((1 - shrinkage) * residual + shrinkage * isotropic),
        shrinkage=shrinkage,
        scale=scale,
    )


def oas_shrinkage(spectrum: np.ndarray, size: int, num_effective: float) -> float:
    """Oracle-approximating shrinkage of a covariance towards a multiple of the identity.

    Chen, Wiesel, Eldar & Hero 2010, IEEE Trans. Signal Processing 58(10).

    Args:
        spectrum: eigenvalues of the sample covariance; missing ones are zero.
        size: D.
        num_effective: number of frames, or 1 / sum(weights**2) for weighted ones.

    Returns:
        The weight of the identity, 0 to 1.
    """
    trace, trace_of_square = spectrum.sum(), np.square(spectrum).sum()
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
) -> tuple[np.ndarray, np.ndarray]:
    """Spectrum of the weighted covariance, descending, and its leading eigenvectors (D, r)."""
    rows = centred * np.sqrt(shares)[:, None].astype(np.float32)
    num_rows, size = rows.shape
    gram = rows @ rows.T if num_rows < size else rows.T @ rows
    # Products in float32 suffice after centring; the decomposition needs float64.
    spectrum, vectors = np.linalg.eigh(gram.astype(np.float64))
    spectrum, vectors = np.maximum(spectrum[::-1], 0), vectors[:, ::-1]
    r = min(rank, int((spectrum > _RANK_FLOOR * spectrum[0]).sum()))
    basis = vectors[:, :r].astype(np.float32)
    if num_rows < size:
        basis = rows.T @ basis
        basis /= np.linalg.norm(basis, axis=0)
    return spectrum, basis
