"""From single results to means, intervals and paired tests.

V videos, S selectors. Videos are what is independent: a video's value is the mean over its
questions, and every interval and test is over videos.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ntlbg.errors import ComparisonError
from ntlbg_lab.compare.measures import METRICS
from ntlbg_lab.compare.records import Result
from ntlbg_lab.statistics import holm, mean_interval, paired_p

if TYPE_CHECKING:
    from ntlbg_lab.compare.efficiency.measured import Measured

BASELINE = "uniform"
ALL_KINDS = "all"


@dataclass(frozen=True)
class Contrast:
    """A selector's mean minus another's on the same videos. ``p_holm`` counts all selectors."""

    other: str
    difference: float
    low: float | None
    high: float | None
    p: float
    p_holm: float


@dataclass(frozen=True)
class Row:
    """One metric of one selector at one budget, for one type of question or for all."""

    kind: str
    num_frames: int
    selector: str
    metric: str
    mean: float | None
    low: float | None
    high: float | None
    videos: int
    against_baseline: Contrast | None = None
    against_best_other: Contrast | None = None


def check_divergence(results: "Iterable[Result | Measured]") -> None:
    """No two selectors may have chosen the same frames for every question at every budget.

    Such a pair is one method under two names, or two that fall back to a third.

    Raises:
        ComparisonError: naming the selectors.
    """
    chosen: dict[str, dict[tuple[int, int, int], tuple[int, ...]]] = defaultdict(dict)
    for result in results:
        place = (result.video, result.question, result.num_frames)
        chosen[result.selector][place] = tuple(result.indices)
    same = [
        pair for pair in itertools.combinations(chosen, 2) if chosen[pair[0]] == chosen[pair[1]]
    ]
    if same:
        pairs = ", ".join(f"{one} and {other}" for one, other in same)
        cases = len(next(iter(chosen.values())))
        raise ComparisonError(
            f"the same frames in all {cases} cases: {pairs}. Nothing can be said about a "
            "difference between them; leave one out, or ask for fewer frames than the video has"
        )


def summarize(results: Sequence[Result], *, pooled: bool = True, seed: int = 0) -> list[Row]:
    """All rows: types of questions x budgets x metrics x selectors.

    Args:
        pooled: also take all types of questions together.
        seed: of bootstrap and permutation.
    """
    kinds = [ALL_KINDS] * pooled + sorted({result.kind for result in results})
    budgets = sorted({result.num_frames for result in results})
    rows = []
    for kind, num_frames in itertools.product(kinds, budgets):
        cell = [r for r in results if r.num_frames == num_frames and kind in (ALL_KINDS, r.kind)]
        for metric in METRICS:
            rows += _metric_rows(kind, num_frames, metric, cell, seed)
    return rows


def video_means(results: Sequence[Result], metric: str) -> dict[str, np.ndarray]:
    """(V,) mean over a video's questions by selector, for videos where every selector has one."""
    values: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for result in results:
        known = values[result.selector]
        if (value := result.values[metric]) is not None:
            known[result.video].append(value)
    common = sorted(set.intersection(*(set(videos) for videos in values.values())))
    return {
        selector: np.array([np.mean(videos[video]) for video in common])
        for selector, videos in values.items()
    }


def _metric_rows(kind, num_frames, metric, results, seed) -> list[Row]:
    means = video_means(results, metric)
    names = list(means)
    table = np.stack(list(means.values()), axis=1)  # (V, S)
    if not len(table):
        return [Row(kind, num_frames, name, metric, None, None, None, 0) for name in names]
    low, high = mean_interval(table, seed=seed)
    baseline, best_other = _contrasts(names, table, METRICS[metric].better, seed)
    return [
        Row(
            kind, num_frames, name, metric, float(table[:, place].mean()), _known(low[place]),
            _known(high[place]), len(table), baseline.get(name), best_other.get(name),
        )
        for place, name in enumerate(names)
    ]  # fmt: skip


def _contrasts(names, table, better, seed) -> tuple[dict[str, Contrast], dict[str, Contrast]]:
    """Against the baseline, and against the best other one; by selector."""
    baseline = {name: BASELINE for name in names if BASELINE in names and name != BASELINE}
    if not better or len(names) < 2:
        return _contrast(names, table, baseline, seed), {}
    ranked = [names[place] for place in np.argsort(-better * table.mean(0), kind="stable")]
    best_other = {name: ranked[1] if name == ranked[0] else ranked[0] for name in names}
    return _contrast(names, table, baseline, seed), _contrast(names, table, best_other, seed)


def _contrast(names, table, pairs: dict[str, str], seed) -> dict[str, Contrast]:
    if not pairs:
        return {}
    place = {name: column for column, name in enumerate(names)}
    one, other = [place[name] for name in pairs], [place[name] for name in pairs.values()]
    differences = table[:, one] - table[:, other]
    low, high = mean_interval(differences, seed=seed)
    p = paired_p(differences, seed=seed)
    columns = zip(pairs.values(), differences.mean(0), low, high, p, holm(p))
    return {
        name: Contrast(reference, float(mean), _known(low), _known(high), float(p), float(p_holm))
        for name, (reference, mean, low, high, p, p_holm) in zip(pairs, columns)
    }


def _known(number: float) -> float | None:
    """JSON has no NaN."""
    return None if np.isnan(number) else float(number)
