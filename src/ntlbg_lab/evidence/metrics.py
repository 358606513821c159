"""Numbers about answers and about the choice of frames.

Texts are compared as in SQuAD (Rajpurkar et al. 2016, arXiv:1606.05250): lower case, without
punctuation and articles. BLEU is sacrebleu's, ROUGE is rouge_score's. T frames, k chosen.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ntlbg.judging import normalized, same_text
from ntlbg.selectors.codebook import cell_sums, nearest_codes
from ntlbg.selectors.contour import contour_deviation
from ntlbg.selectors.gaussian import estimate_gaussian
from ntlbg.selectors.inputs import unit_rows
from ntlbg.selectors.similarity_space import DEFAULT_RANK


def token_f1(answer: str, truth: str) -> float:
    """Harmonic mean of the precision and recall of words; 1 when both are empty."""
    given, wanted = normalized(answer).split(), normalized(truth).split()
    if not given or not wanted:
        return float(given == wanted)
    common = sum((Counter(given) & Counter(wanted)).values())
    return 2 * common / (len(given) + len(wanted))


def bleu(answers: Sequence[str], truths: Sequence[str]) -> float:
    """Corpus BLEU-4 (Papineni et al. 2002), 0 to 1.

    Orders that an answer is too short for are left out, so that short answers can be right.
    """
    from sacrebleu.metrics import BLEU

    score = BLEU(effective_order=True)
    sentences = [
        score.sentence_score(answer, [truth]).score
        for answer, truth in zip(answers, truths, strict=True)
    ]
    return float(np.mean(sentences)) / 100


def rouge(answers: Sequence[str], truths: Sequence[str]) -> dict[str, float]:
    """Mean F of ROUGE-1 and ROUGE-L (Lin 2004), 0 to 1."""
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rouge1", "rougeL"], use_stemmer=True)
    pairs = [scorer.score(truth, answer) for answer, truth in zip(answers, truths, strict=True)]
    return {name: float(np.mean([pair[name].fmeasure for pair in pairs])) for name in pairs[0]}


@dataclass(frozen=True)
class Answered:
    """One question, its answer, and what the choice of frames was like."""

    answer: str
    truth: str
    kind: str | None
    selection: Mapping[str, float]
    seconds: float


def summarize_answers(answered: Sequence[Answered]) -> dict:
    """All metrics of some answers, and exact match and F1 of each answer_type.

    Raises:
        ValueError: without a single answer.
    """
    if not answered:
        raise ValueError("there are no answers to summarise")
    answers, truths = [item.answer for item in answered], [item.truth for item in answered]
    kinds: dict[str, list[Answered]] = defaultdict(list)
    for item in answered:
        kinds[item.kind or "none"].append(item)
    names = dict.fromkeys(name for item in answered for name in item.selection)
    return {
        "questions": len(answered),
        **_right(answered),
        "bleu": bleu(answers, truths),
        **rouge(answers, truths),
        "by_kind": {kind: _right(items) for kind, items in sorted(kinds.items())},
        "selection": {
            name: _mean(item.selection.get(name, float("nan")) for item in answered)
            for name in names
        },
        "seconds_per_question": _mean(item.seconds for item in answered),
    }


def _right(answered: Sequence[Answered]) -> dict[str, float | None]:
    return {
        "exact_match": _mean(same_text(item.answer, item.truth) for item in answered),
        "f1": _mean(token_f1(item.answer, item.truth) for item in answered),
    }


def _mean(values: Iterable[float]) -> float | None:
    """Of the numbers among them; None without any."""
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else None


def selection_metrics(
    features: np.ndarray,
    pts_seconds: np.ndarray,
    indices: np.ndarray,
    scores: np.ndarray | None = None,
) -> dict[str, float]:
    """What the chosen frames (k,) keep of a video; NaN where it cannot be said.

    Returns:
        coverage: share of the time no further from a chosen frame than if they were evenly spread.
        diversity: mean of 1 - cosine over pairs of chosen frames, 0 to 2.
        relevance: mean rank of the chosen frames' scores among all, 0 to 1; half by chance.
        temporal_uniformity: 1 minus the Kolmogorov distance of the times from even ones.
        contour_deviation: relative spread of the Mahalanobis radii of the frames' cell means.
        information_kept: variance explained by the nearest chosen frame, at most 1; below 0 the
            mean of all frames would explain more.
    """
    return {
        "coverage": time_coverage(pts_seconds, indices),
        "diversity": diversity(features[indices]),
        "relevance": float("nan") if scores is None else mean_rank(scores, indices),
        "temporal_uniformity": temporal_uniformity(pts_seconds, indices),
        "contour_deviation": cell_contour_deviation(features, whitened(features), indices),
        "information_kept": 1 - quantisation_error(features, indices),
    }


def time_coverage(pts_seconds: np.ndarray, indices: np.ndarray) -> float:
    """Share of the frames within half an even step of a chosen one."""
    step = (pts_seconds[-1] - pts_seconds[0]) / len(indices)
    gaps = np.abs(pts_seconds[:, None] - pts_seconds[indices][None]).min(axis=1)
    return float((gaps <= step / 2 + 1e-9).mean())


def diversity(chosen: np.ndarray) -> float:
    """Mean cosine distance over the pairs of features (k, D); NaN for a single one."""
    if len(chosen) < 2:
        return float("nan")
    unit = unit_rows(chosen)
    cosines = unit @ unit.T
    return float(1 - cosines[np.triu_indices(len(chosen), 1)].mean())


def mean_rank(scores: np.ndarray, indices: np.ndarray) -> float:
    """Mean of the chosen frames' ranks, from 0 for the lowest score to 1; ties share theirs."""
    ordered = np.sort(scores)
    below = np.searchsorted(ordered, scores[indices], "left")
    at_most = np.searchsorted(ordered, scores[indices], "right")
    return float(((below + at_most) / 2 / len(scores)).mean())


def whitened(features: np.ndarray) -> np.ndarray | None:
    """(T, r) leading components with variance 1; None when all frames are the same."""
    features = features.astype(np.float32, copy=False)
    moments = estimate_gaussian(features, DEFAULT_RANK)
    return None if moments is None else moments.whiten(features)


def cell_contour_deviation(
    features: np.ndarray, white: np.ndarray | None, indices: np.ndarray
) -> float:
    """Contour deviation of the mean vectors of the cells around the chosen frames (k,).

    The theory of the common radius is about code vectors, so it is not the frames that are
    measured: all frames of a high-dimensional video lie near one radius, whatever is chosen.

    Args:
        features: (T, D), in which the cells are.
        white: (T, r) of the same frames by :func:`whitened`, in which the radii are.

    Returns:
        NaN for a single frame, or where all frames are the same.
    """
    if white is None or len(indices) < 2:
        return float("nan")
    cells, _ = nearest_codes(features, features[indices])
    counts = np.bincount(cells, minlength=len(indices))
    filled = counts > 0
    means = cell_sums(white, cells, len(indices))[filled] / counts[filled, None]
    return contour_deviation(means) if means.any() else float("nan")


def events_hit(events: Sequence[np.ndarray], indices: np.ndarray) -> np.ndarray:
    """For each event, given as its frames, whether one of them is chosen: (E,) bool."""
    return np.array([np.isin(event, indices).any() for event in events], bool)


def event_recall(events: Sequence[np.ndarray], indices: np.ndarray) -> float:
    """Share of events with a chosen frame inside; NaN without events."""
    return float(events_hit(events, indices).mean()) if len(events) else float("nan")


def quantisation_error(features: np.ndarray, indices: np.ndarray) -> float:
    """Squared distance to the nearest chosen frame over the total variance: 1 is the mean vector's.

    NaN when all frames are the same.
    """
    centred = features - features.mean(axis=0)
    _, distances = nearest_codes(centred, centred[indices])
    variance = np.einsum("td,td->", centred, centred, dtype=np.float64)
    return float(distances.sum(dtype=np.float64) / variance) if variance else float("nan")


def shot_coverage(shots: np.ndarray, indices: np.ndarray) -> float:
    """Share of the frames whose shot has a chosen one. ``shots`` (T,): each frame's shot."""
    return float(np.isin(shots, shots[indices]).mean())


def temporal_uniformity(times: np.ndarray, indices: np.ndarray) -> float:
    """1 minus the Kolmogorov distance of the chosen times from even ones; 1 - 1/2k at best.

    Args:
        times: (T,) ascending.
        indices: (k,) ascending.
    """
    duration = times[-1] - times[0]
    if duration == 0:
        return 1.0
    position = (times[indices] - times[0]) / duration
    k = len(indices)
    above = np.arange(1, k + 1) / k - position
    return float(1 - max(above.max(), (1 / k - above).max()))
