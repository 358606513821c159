"""CPU time and quality of every selector in the same run, for an hour at one frame a second.

    python benchmarks/selection.py [--repeats 5] [--sizes 3600x64 20000x128 100000x512]
        [--selectors ntlbg uniform ...]

One thread. Prints the median CPU seconds of each method, the ratio to ``ntlbg``, and the
quantisation error (mean squared distance to the nearest chosen frame; the mean frame gives 1).
The features are made: shots of recurring scenes, 768 numbers a frame, float32.
"""

import argparse
import os
import statistics
import time

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy

import numpy as np
from sklearn.cluster import MiniBatchKMeans

from ntlbg.selectors import SELECTORS, select_frames
from ntlbg.selectors.contour import snap
from ntlbg_lab.evidence.metrics import quantisation_error

SIZE = 768


def make_features(num_frames: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Unit frames (T, SIZE) and a unit query that four of them fit."""
    rng = np.random.default_rng(seed)
    falling = np.arange(1, SIZE + 1, dtype=np.float32) ** -0.5
    num_shots = num_frames // 30
    scenes = rng.standard_normal((num_shots // 4, SIZE), dtype=np.float32) * falling
    shots = 0.5 * rng.standard_normal((num_shots, SIZE), dtype=np.float32) * falling
    shots += scenes[rng.integers(len(scenes), size=num_shots)]
    features = shots[np.sort(rng.integers(num_shots, size=num_frames))]
    features += 0.25 * rng.standard_normal((num_frames, SIZE), dtype=np.float32) * falling
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    query = rng.standard_normal(SIZE).astype(np.float32)
    query /= np.linalg.norm(query)
    features[num_frames // 3 :][:4] += 0.3 * query
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    return features, query


def ntlbg_global(features, query, num_frames):
    return SELECTORS["ntlbg"](features, num_frames, mode="global")


def ntlbg_with_weights_and_spans(features, query, num_frames):
    return select_frames("ntlbg", features, num_frames, query=query).indices


def k_means_and_snap(features, query, num_frames):
    """scikit-learn's MiniBatchKMeans, then the frame nearest to each centre."""
    means = MiniBatchKMeans(num_frames, batch_size=4096, n_init=1, random_state=0).fit(features)
    return snap(features, means.cluster_centers_)


def published(name):
    def choose(features, query, num_frames):
        return SELECTORS[name](features, num_frames, query=query)

    return choose


METHODS = {name: published(name) for name in SELECTORS}
METHODS |= {
    method.__name__: method
    for method in (ntlbg_global, ntlbg_with_weights_and_spans, k_means_and_snap)
}


def cpu_seconds(method, features, query, num_frames, repeats: int) -> tuple[float, np.ndarray]:
    """Median CPU time after one warm-up call, and the frames chosen."""
    chosen = method(features, query, num_frames)
    times = []
    for _ in range(repeats):
        start = time.process_time()
        method(features, query, num_frames)
        times.append(time.process_time() - start)
    return statistics.median(times), chosen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--sizes", nargs="+", default=["3600x64"])
    parser.add_argument("--selectors", nargs="+", default=list(METHODS), choices=list(METHODS))
    arguments = parser.parse_args()
    for size in arguments.sizes:
        num_frames, budget = map(int, size.split("x"))
        features, query = make_features(num_frames)
        print(f"\nT={num_frames:,} d={SIZE} k={budget}, median of {arguments.repeats}")
        print(f"{'method':32}{'CPU s':>9}{'x ntlbg':>9}{'error':>8}")
        reference = None
        for name in dict.fromkeys(["ntlbg", *arguments.selectors]):
            method = METHODS[name]
            seconds, chosen = cpu_seconds(method, features, query, budget, arguments.repeats)
            reference = reference or seconds
            error = quantisation_error(features, chosen)
            print(f"{name:32}{seconds:9.4f}{seconds / reference:9.3f}{error:8.3f}", flush=True)


if __name__ == "__main__":
    main()
