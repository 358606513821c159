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
from ntlbg_lab.compare.records import METRICS, SelectorResult
from ntlbg_lab.statistics import PairedDifference, known, mean_interval, paired_differences

if TYPE_CHECKING:
    from ntlbg_lab.compare.efficiency_rows import Measured

BASELINE = "uniform"
ALL_KINDS = "all"


@dataclass(frozen=True)
class SelectorContrast(PairedDifference):
    """A selector's mean minus another's on the same videos. ``p_holm`` counts all selectors."""

    other: str


@dataclass(frozen=True)
class ComparisonRow:
    """One metric of one selector at one budget, for one type of question or for all."""

    kind: str
    num_frames: int
    selector: str
    metric: str
    mean: float | None
    low: float | None
    high: float | None
    videos: int
    against_baseline: SelectorContrast | None = None
    against_best_other: SelectorContrast | None = None


Contrasts = dict[str, SelectorContrast]  # by selector


def check_divergence(results: "Iterable[SelectorResult | Measured]") -> None:
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


def summarize(results: Sequence[SelectorResult], *, pooled: bool = True) -> list[ComparisonRow]:
    """All rows: types of questions x budgets x metrics x selectors.

    Args:
        pooled: also take all types of questions together.
    """
    kinds = [ALL_KINDS] * pooled + sorted({result.kind for result in results})
    budgets = sorted({result.num_frames for result in results})
    rows = []
    for kind, num_frames in itertools.product(kinds, budgets):
        cell = [r for r in results if r.num_frames == num_frames and kind in (ALL_KINDS, r.kind)]
        for metric in METRICS:
            rows += _metric_rows(kind, num_frames, metric, cell)
    return rows


def video_means(results: Sequence[SelectorResult], metric: str) -> dict[str, np.ndarray]:
    """(V,) mean over a video's questions by selector, for videos where every selector has one."""
    values: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for result in results:
        videos = values[result.selector]
        if (value := result.values[metric]) is not None:
            videos[result.video].append(value)
    common = sorted(set.intersection(*(set(videos) for videos in values.values())))
    return {
        selector: np.array([np.mean(videos[video]) for video in common])
        for selector, videos in values.items()
    }


def _metric_rows(kind, num_frames, metric, results) -> list[ComparisonRow]:
    means = video_means(results, metric)
    names = list(means)
    table = np.stack(list(means.values()), axis=1)  # (V, S)
    if not len(table):
        return [
            ComparisonRow(kind, num_frames, name, metric, None, None, None, 0) for name in names
        ]
    low, high = mean_interval(table)
    baseline, best_other = _contrasts(names, table, METRICS[metric].better)
    return [
        ComparisonRow(
            kind, num_frames, name, metric, float(table[:, place].mean()), known(low[place]),
            known(high[place]), len(table), baseline.get(name), best_other.get(name),
        )
        for place, name in enumerate(names)
    ]  # fmt: skip


def _contrasts(names, table, better) -> tuple[Contrasts, Contrasts]:
    """Against the baseline, and against the best other one; by selector."""
    baseline = {name: BASELINE for name in names if BASELINE in names and name != BASELINE}
    if not better or len(names) < 2:
        return _contrast(names, table, baseline), {}
    ranked = [names[place] for place in np.argsort(-better * table.mean(0), kind="stable")]
    best_other = {name: ranked[1] if name == ranked[0] else ranked[0] for name in names}
    return _contrast(names, table, baseline), _contrast(names, table, best_other)


def _contrast(names, table, pairs: dict[str, str]) -> Contrasts:
    if not pairs:
        return {}
    place = {name: column for column, name in enumerate(names)}
    one, other = [place[name] for name in pairs], [place[name] for name in pairs.values()]
    differences = table[:, one] - table[:, other]
    found = paired_differences(differences)
    return {
        name: SelectorContrast(**vars(one), other=other)
        for (name, other), one in zip(pairs.items(), found)
    }
