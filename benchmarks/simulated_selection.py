"""Every selector on simulated videos whose shots and events are known, as a Markdown table.

    python benchmarks/simulated_selection.py [--regimes local global] [--videos 60] [--seed 700000]
    python benchmarks/simulated_selection.py --prior correct none wrong --budgets 8 16 32

The same videos for every selector. Prints mean and standard error over videos of: the share of
events with a chosen frame inside (regimes with events), quantisation error (1 is what the mean
frame gives), share of frames whose shot is shown, and how even the choice is in time. Then the
paired difference of ``ntlbg`` to every other, with its standard error. One thread; ``--jobs`` runs
videos side by side.

``--prior`` asks instead what is gained by knowing beforehand whether a question is about a few
moments, right or wrong: ``ntlbg`` with such a prior, and without one but with shares that let the
evidence of the scores decide, against the DPP that finds most events and facility location that
covers most.
"""

import argparse
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy

import numpy as np

from ntlbg.selectors import SELECTORS
from ntlbg_lab.evidence.metrics import (
    event_recall,
    quantisation_error,
    shot_coverage,
    temporal_uniformity,
)
from ntlbg_lab.simulation import REGIMES, SimulatedVideo, simulate_video

METRICS = ("event recall", "quantisation error", "shot coverage", "temporal uniformity")
# name in the table: selector, options
METHODS: dict[str, tuple[str, dict]] = {name: (name, {}) for name in SELECTORS}
MOST_EVENTS, BEST_COVER = "dpp, whitened scores", "facility_location"
METHODS[MOST_EVENTS] = ("dpp", {"score_whitening": True})
# where a published code and its paper disagree, the selectors' defaults are the code's
METHODS["bolt, paper"] = ("bolt", {"levels": "paper"})
METHODS["focus, paper"] = ("focus", {"version": "paper"})
# P(a few moments) of a question that is, as sure as words alone ever are
PRIORS = {"correct": 0.9, "none": 0.5, "wrong": 0.1}
# all frames for coverage without clear evidence, all for relevance with it
ONE_SIDE = {"min_share": 0.0, "max_share": 1.0, "share_power": 12.0}


def prior_methods(regime: str, kinds: list[str]) -> dict[str, tuple[str, dict]]:
    """The table's rows for questions of this regime: ``ntlbg`` with priors, and its rivals."""
    methods = {}
    for kind in kinds:
        prior = PRIORS[kind] if REGIMES[regime].local else 1 - PRIORS[kind]
        methods[f"ntlbg, prior {kind}"] = ("ntlbg", {"prior": prior})
    methods["ntlbg, prior none, all or nothing"] = ("ntlbg", ONE_SIDE)
    return methods | {name: METHODS[name] for name in (MOST_EVENTS, BEST_COVER)}


def measure(video: SimulatedVideo, indices: np.ndarray) -> tuple[float, ...]:
    """The METRICS of one choice."""
    return (
        event_recall(video.events, indices),
        quantisation_error(video.features, indices),
        shot_coverage(video.shots, indices),
        temporal_uniformity(np.arange(len(video)), indices),
    )


def run_video(
    seed: int, regime: str, methods: dict[str, tuple[str, dict]], budgets: list[int]
) -> np.ndarray:
    """All methods on one video: (methods, budgets, metrics)."""
    video = simulate_video(seed, regime)
    return np.array(
        [
            [
                measure(video, SELECTORS[name](video.features, k, query=video.query, **options))
                for k in budgets
            ]
            for name, options in methods.values()
        ]
    )


def run_regime(
    regime: str, seeds: range, methods: dict, budgets: list[int], jobs: int
) -> np.ndarray:
    """(videos, methods, budgets, metrics)."""
    job: Callable[[int], np.ndarray] = partial(
        run_video, regime=regime, methods=methods, budgets=budgets
    )
    if jobs == 1:
        return np.stack([job(seed) for seed in seeds])
    with ProcessPoolExecutor(jobs) as pool:
        return np.stack(list(pool.map(job, seeds)))


def print_table(title: str, rows: list[str], budgets: list[int], values: np.ndarray) -> None:
    """Mean ± standard error: values (videos, methods, budgets); nothing where they are NaN."""
    if np.isnan(values).any():
        return
    mean, error = values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(len(values))
    print(f"\n**{title}**\n")
    print("| selector | " + " | ".join(f"k={k}" for k in budgets) + " |")
    print("|---" * (len(budgets) + 1) + "|")
    for row, means, errors in zip(rows, mean, error):
        cells = " | ".join(f"{m:.3f} ± {e:.3f}" for m, e in zip(means, errors))
        print(f"| {row} | {cells} |")


def print_regime(regime: str, results: np.ndarray, names: list[str], budgets: list[int]) -> None:
    for i, metric in enumerate(METRICS):
        title = f"{regime}: {metric}, mean ± standard error"
        print_table(title, names, budgets, results[..., i])
    reference = results[:, [names.index("ntlbg")]]
    for i, metric in enumerate(METRICS[:2]):
        title = f"{regime}: {metric}, ntlbg minus the other, paired"
        print_table(title, names, budgets, (reference - results)[..., i])


def print_goals(regime: str, results: np.ndarray, names: list[str], budgets: list[int]) -> None:
    """Both aims at once: the events of a DPP, the coverage of facility location."""
    recall, error = results[..., 0], results[..., 1]
    dpp, cover = names.index(MOST_EVENTS), names.index(BEST_COVER)
    for title, values in (
        ("event recall, mean ± standard error", recall),
        (f"event recall minus {MOST_EVENTS}, paired", recall - recall[:, [dpp]]),
        (f"quantisation error over {BEST_COVER}'s, paired", error / error[:, [cover]]),
    ):
        print_table(f"{regime}: {title}", names, budgets, values)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--regimes", nargs="+", default=["local", "global"], choices=list(REGIMES))
    parser.add_argument("--selectors", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--prior", nargs="+", choices=list(PRIORS), help="of the question's kind")
    parser.add_argument("--budgets", nargs="+", type=int, default=[8, 16, 32, 64, 128])
    parser.add_argument("--videos", type=int, default=60)
    parser.add_argument("--seed", type=int, default=700_000, help="of the first video")
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    chosen = {name: METHODS[name] for name in dict.fromkeys(["ntlbg", *arguments.selectors])}
    seeds, budgets = range(arguments.seed, arguments.seed + arguments.videos), arguments.budgets
    print(f"{len(seeds)} videos a regime, seeds {seeds[0]} to {seeds[-1]}")
    for regime in arguments.regimes:
        methods = prior_methods(regime, arguments.prior) if arguments.prior else chosen
        results = run_regime(regime, seeds, methods, budgets, arguments.jobs)
        show = print_goals if arguments.prior else print_regime
        show(regime, results, list(methods), budgets)


if __name__ == "__main__":
    main()
