"""What an NTLBG model makes of a question and of the frames, for people to look at.

T frames, K chosen ones, D feature size, r covariance rank, W words of the question.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from transformers.feature_extraction_utils import BatchFeature

from ntlbg.models.modeling_outputs import NtlbgOutput
from ntlbg.models.ntlbg.contour import contour_level
from ntlbg.models.ntlbg.modeling_ntlbg import NtlbgForConditionalGeneration
from ntlbg.models.ntlbg.processing_ntlbg import NtlbgProcessor
from ntlbg.models.ntlbg.woodbury import inner_products, mahalanobis_and_logdet
from ntlbg.selectors.gaussian import estimate_gaussian
from ntlbg.types import Selection


@dataclass(frozen=True)
class LossPart:
    """One term of the training loss; ``value`` is None where only a run of training knows it."""

    name: str
    value: float | None
    meaning: str


# The model's inputs with the true answer as labels, and what it returned for them.
Losses = Callable[[BatchFeature, NtlbgOutput], Sequence[LossPart]]


@dataclass(frozen=True)
class Plane:
    """Frames and N(mu_Q, Sigma_Q) in the plane through the frames' mean and mu_Q.

    The first axis leads from the frames' mean, the origin, to mu_Q; along the second the frames
    vary most of all directions at a right angle to the first. So mu_Q lies in the plane, and
    frames are projected onto it.

    Attributes:
        size: D, the dimensions that are projected.
        points: (T, 2).
        mean: (2,), mu_Q.
        covariance: (2, 2), of the projected Gaussian.
    """

    size: int
    points: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray

    def ellipse(self, level: float) -> tuple[float, float, float]:
        """Half axes, larger first, and the angle of the larger one in degrees.

        The shadow of the ellipsoid (x - mu)' Sigma^-1 (x - mu) = ``level``: its points lie on or
        inside.
        """
        variances, axes = np.linalg.eigh(self.covariance)
        small, large = np.sqrt(level * variances)
        return float(large), float(small), float(np.degrees(np.arctan2(axes[1, 1], axes[0, 1])))


@dataclass(frozen=True)
class Attention:
    """How NTLBG attention judged all frames of a video for one question.

    Attributes:
        question: as asked.
        answer: the true one.
        words: W words of the question, signs among them, in order.
        word_weights: (W,) share of each word in the direction of mu_Q; they sum to 1.
        pts_seconds: (T,).
        chosen: (K,) int64 ascending, the selected frames.
        distances: (T,) squared Mahalanobis distances to mu_Q under Sigma_Q.
        level: c, of the ellipsoid around mu_Q that the contour loss asks code vectors to share.
        plane: frames and Gaussian as a picture.
        losses: parts of the training loss for the true answer.
    """

    question: str
    answer: str
    words: Sequence[str]
    word_weights: np.ndarray
    pts_seconds: np.ndarray
    chosen: np.ndarray
    distances: np.ndarray
    level: float
    plane: Plane
    losses: Sequence[LossPart]


@dataclass(frozen=True)
class RichPoints:
    """The k rich representative points R = [r; c; w; t] of one question.

    Attributes:
        question: what was asked.
        pts_seconds: t (k,).
        feature_norms: norm of r (k,).
        context: c (k, C), the temporal context around each frame.
        weights: w (k, 2), relevance among the selected frames and share of the video.
    """

    question: str
    pts_seconds: np.ndarray
    feature_norms: np.ndarray
    context: np.ndarray
    weights: np.ndarray


def attention_of(
    model: NtlbgForConditionalGeneration,
    processor: NtlbgProcessor,
    question: str,
    answer: str,
    features: np.ndarray,
    pts_seconds: np.ndarray,
    selection: Selection,
    losses: Losses,
) -> Attention:
    """One forward pass with the true answer as labels; call it without gradient."""
    inputs = processor(question, features, pts_seconds, selection, answer=answer)
    inputs = inputs.to(model.device)
    output = model(**inputs, logits_at_labels=True, use_cache=False)
    found = output.statistics
    words, places = processor.query_words(question)
    mean, factor, diagonal = (
        value[0, 0].double().cpu().numpy() for value in (found.mean, found.factor, found.diagonal)
    )
    return Attention(
        question=question,
        answer=answer,
        words=words,
        word_weights=np.bincount(
            places, found.token_weights[0, 0].double().cpu().numpy(), len(words)
        ),
        pts_seconds=pts_seconds,
        chosen=selection.indices,
        distances=found.distances[0, 0].double().cpu().numpy(),
        level=_level(inputs["video_features"], output),
        plane=plane_of(features, mean, factor, diagonal),
        losses=losses(inputs, output),
    )


def _level(features: torch.Tensor, output: NtlbgOutput) -> float:
    """c of the first question, as the contour loss has it."""
    found, codes, weights = (output[name] for name in ("statistics", "codes", "weights"))
    gaussian = (found.mean, found.factor, found.diagonal)
    products = inner_products(features, codes, *gaussian)
    codes_to_mean, _ = mahalanobis_and_logdet(codes, *gaussian)
    return contour_level(weights.unsqueeze(1), products, codes_to_mean)[0, 0].item()


def plane_of(
    features: np.ndarray, mean: np.ndarray, factor: np.ndarray, diagonal: np.ndarray
) -> Plane:
    """Features (T, D), mu_Q (D,) and Sigma_Q = U U' + diag(d), U (D, r), d (D,), in two axes."""
    centre = features.mean(axis=0, dtype=np.float64)
    centred, toward = features - centre, mean - centre
    first = _unit(toward) if toward.any() else _widest(centred, toward)
    axes = np.stack([first, _widest(centred, first)])  # (2, D)
    spread = axes @ factor
    return Plane(
        size=len(mean),
        points=centred @ axes.T,
        mean=axes @ toward,
        covariance=spread @ spread.T + (axes * diagonal) @ axes.T,
    )


def _widest(centred: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """The direction (D,) of largest variance of points (T, D) at a right angle to a unit axis.

    Of the two signs the one that the farthest point has.
    """
    rest = centred - np.outer(centred @ axis, axis)
    moments = estimate_gaussian(rest.astype(np.float32), rank=1)
    if moments is None:  # all are the same: any direction will do
        widest = np.eye(len(axis))[np.abs(axis).argmin()]
    else:
        widest = moments.basis[:, 0].astype(np.float64)
    widest = _unit(widest - (widest @ axis) * axis)
    along = rest @ widest
    return widest * (-1.0 if along[np.abs(along).argmax()] < 0 else 1.0)


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def rich_points_of(
    model: NtlbgForConditionalGeneration,
    inputs: Mapping[str, torch.Tensor],
    question: str,
    pts_seconds: np.ndarray,
) -> RichPoints:
    """The rich points of one question, from the model's inputs and the times (K,) of the frames."""
    text = ("input_ids", "attention_mask")
    visual = {name: value for name, value in inputs.items() if name not in text}
    points = model.represent(**visual, with_codes=False)["representative_points"][0]
    sizes = list(model.config.rich_point_parts.values())
    feature, context, weight, _ = points.float().split(sizes, dim=-1)
    return RichPoints(
        question=question,
        pts_seconds=pts_seconds,
        feature_norms=feature.norm(dim=-1).cpu().numpy(),
        context=context.cpu().numpy(),
        weights=weight.cpu().numpy(),
    )
