"""Every selector on simulated videos whose shots and events are known, as a Markdown table.

    python benchmarks/simulated_selection.py [--regimes local global] [--videos 60] [--seed 700000]

The same videos for every selector. Prints mean and standard error over videos of: the share of
events with a chosen frame inside (regimes with events), quantisation error (1 is what the mean
frame gives), share of frames whose shot is shown, and how even the choice is in time. Then the
paired difference of ``ntlbg`` to every other, with its standard error. One thread; ``--jobs`` runs
videos side by side.
"""

import argparse
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy

import numpy as np

from ntlbg.selection import SELECTORS
from ntlbg.selection.quality import (
    event_recall,
    quantisation_error,
    shot_coverage,
    temporal_uniformity,
)
from ntlbg.selection.simulation import REGIMES, SimulatedVideo, simulate_video

BUDGETS = (8, 16, 32, 64, 128)
METRICS = ("event recall", "quantisation error", "shot coverage", "temporal uniformity")
# name in the table: selector, options
METHODS: dict[str, tuple[str, dict]] = {name: (name, {}) for name in SELECTORS}
METHODS["dpp, whitened scores"] = ("dpp", {"score_whitening": True})


def measure(video: SimulatedVideo, indices: np.ndarray) -> tuple[float, ...]:
    """The METRICS of one choice."""
    return (
        event_recall(video.events, indices),
        quantisation_error(video.features, indices),
        shot_coverage(video.shots, indices),
        temporal_uniformity(np.arange(len(video)), indices),
    )


def run_video(seed: int, regime: str, methods: dict[str, tuple[str, dict]]) -> np.ndarray:
    """All methods on one video: (methods, budgets, metrics)."""
    video = simulate_video(seed, regime)
    return np.array(
        [
            [
                measure(video, SELECTORS[name](video.features, k, query=video.query, **options))
                for k in BUDGETS
            ]
            for name, options in methods.values()
        ]
    )


def run_regime(regime: str, seeds: range, methods: dict, jobs: int) -> np.ndarray:
    """(videos, methods, budgets, metrics)."""
    job: Callable[[int], np.ndarray] = partial(run_video, regime=regime, methods=methods)
    if jobs == 1:
        return np.stack([job(seed) for seed in seeds])
    with ProcessPoolExecutor(jobs) as pool:
        return np.stack(list(pool.map(job, seeds)))


def print_table(title: str, rows: list[str], values: np.ndarray) -> None:
    """Mean ± standard error: values (videos, methods, budgets)."""
    mean, error = values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(len(values))
    print(f"\n**{title}**\n")
    print("| selector | " + " | ".join(f"k={k}" for k in BUDGETS) + " |")
    print("|---" * (len(BUDGETS) + 1) + "|")
    for row, means, errors in zip(rows, mean, error):
        cells = " | ".join(f"{m:.3f} ± {e:.3f}" for m, e in zip(means, errors))
        print(f"| {row} | {cells} |")


def print_regime(regime: str, results: np.ndarray, methods: dict) -> None:
    names = list(methods)
    for i, metric in enumerate(METRICS):
        values = results[..., i]
        if not np.isnan(values).any():
            print_table(f"{regime}: {metric}, mean ± standard error", names, values)
    reference = results[:, [names.index("ntlbg")]]
    for i, metric in enumerate(METRICS[:2]):
        values = (reference - results)[..., i]
        if not np.isnan(values).any():
            print_table(f"{regime}: {metric}, ntlbg minus the other, paired", names, values)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--regimes", nargs="+", default=["local", "global"], choices=list(REGIMES))
    parser.add_argument("--selectors", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--videos", type=int, default=60)
    parser.add_argument("--seed", type=int, default=700_000, help="of the first video")
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    methods = {name: METHODS[name] for name in dict.fromkeys(["ntlbg", *arguments.selectors])}
    seeds = range(arguments.seed, arguments.seed + arguments.videos)
    print(f"{len(seeds)} videos a regime, seeds {seeds[0]} to {seeds[-1]}")
    for regime in arguments.regimes:
        print_regime(regime, run_regime(regime, seeds, methods, arguments.jobs), methods)


if __name__ == "__main__":
    main()
