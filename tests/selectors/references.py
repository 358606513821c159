"""Published selectors once more, as plainly as they can be written: what the product must equal.

Loops and float64, one step after the other as the papers and the published programs describe them;
nothing here is fast, and nothing is shared with the package. What they choose on the inputs of
:func:`case` is stored in tests/data/selection/references.json by ``make_references.py``.
"""

import heapq
import math
from itertools import pairwise

import numpy as np
from scipy.signal import find_peaks

NUM_CASES = 200

# Low-pass taps of Daubechies' wavelet with four vanishing moments: Ten Lectures, table 6.1.
RECONSTRUCT_LOW = np.array(
    [
        0.23037781330885523,
        0.7148465705525415,
        0.6308807679295904,
        -0.02798376941698385,
        -0.18703481171888114,
        0.030841381835986965,
        0.032883011666982945,
        -0.010597401784997278,
    ]
)
RECONSTRUCT_HIGH = np.array([(-1) ** i * tap for i, tap in enumerate(RECONSTRUCT_LOW[::-1])])


# ------------------------------------------------------------------------------------ inputs


def curve(rng: np.random.Generator, kind: int, length: int) -> np.ndarray:
    """Scores from 0 to 1 of one of eight kinds."""
    time = np.arange(length)
    noise = rng.standard_normal(length)
    scores = [
        lambda: 0.25 + 0.02 * noise,
        lambda: np.cumsum(noise),
        lambda: 0.1 * rng.uniform(size=length) + (np.abs(time - rng.integers(length)) < 3),
        lambda: np.repeat(rng.uniform(size=length), 10)[:length] + 0.05 * noise,
        lambda: np.sin(time / rng.uniform(3, 40)) + 0.3 * noise,
        lambda: rng.exponential(size=length),
        lambda: rng.beta(0.5, 5, size=length),
        lambda: (
            np.exp(-(((time - rng.uniform(0, length)) / rng.uniform(3, length / 4)) ** 2))
            + 0.02 * noise
        ),
    ][kind]()
    return (scores - scores.min()) / np.ptp(scores)


def case(name: str, number: int) -> dict:
    """Input ``number`` of a selector: features, k, scores, a seed for its draws, and its rate."""
    rng = np.random.default_rng([number, *name.encode()])
    length = int(rng.choice([24, 50, 64, 100, 180]))
    scores = curve(rng, number % 8, length)
    if name in ("adaq", "q_frame"):  # of cosines' size, and of inner products'
        scores = 0.2 + scores * rng.choice([0.1, 1.0])
    shots = np.repeat(rng.standard_normal((length // 8 + 1, 12)), 8, axis=0)[:length]
    features = 2 * shots + rng.standard_normal((length, 12)) * rng.choice([0.3, 1.0])
    if name == "longvu_window":  # cosines on both sides of its threshold
        features += rng.uniform(3, 8)
    return {
        "features": features.astype(np.float32),
        "k": int(rng.choice([2, 3, 4, 7, 8, 16])),
        "scores": scores,
        "seed": number,
        "frames_per_second": float(rng.choice([0.5, 1.0, 2.0])),
    }


# ------------------------------------------------------------------------- one step each


def ranked(values: np.ndarray) -> list[int]:
    """Places by falling value, of equal ones the earlier first."""
    return sorted(range(len(values)), key=lambda i: (-values[i], i))


def filled(chosen: set[int], order: list[int], k: int) -> list[int]:
    """The chosen frames and the first others of an order, k in all."""
    chosen = list(chosen)
    for frame in order:
        if len(chosen) == k:
            break
        if frame not in chosen:
            chosen.append(frame)
    return sorted(chosen)


def unit(features: np.ndarray) -> np.ndarray:
    rows = features.astype(np.float64)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def top_k(scores, k, **_):
    return sorted(ranked(scores)[:k])


def aks(scores, k, threshold=0.8, levels=5, **_):
    """Halve at len // 2 until the k best of a part lie ``threshold`` above its mean.

    The published program gives a part int(k / 2 ** depth) frames. So that k come out in all, a
    budget is halved as a part is, and a budget of one frame is not.
    """

    def divide(part, budget, depth):
        values = [scores[i] for i in part]
        best = heapq.nlargest(k, values)
        stands_out = np.mean(best) - np.mean(values) > threshold
        if stands_out or budget == 1 or depth == levels:
            return heapq.nlargest(budget, part, key=lambda i: scores[i])
        half, share = len(part) // 2, budget // 2
        return divide(part[:half], share, depth + 1) + divide(
            part[half:], budget - share, depth + 1
        )

    return sorted(divide(list(range(len(scores))), k, 0))


def bolt(scores, k, levels="code", **_):
    """The first frames whose cumulative share of scores ** 3 reaches each level."""
    mass = [float(score) ** 3 for score in scores]
    step = (1 - 2 / k) / max(k - 1, 1)  # np.linspace(1 / k, 1 - 1 / k, k)
    wanted = [1 / k + i * step if levels == "code" else (i + 1) / k for i in range(k)]
    cumulative, total = [], 0.0
    for value in mass:
        total += value
        cumulative.append(total)
    chosen = {next(t for t, c in enumerate(cumulative) if c >= w * total) for w in wanted}
    return filled(chosen, ranked(scores), k)


def q_frame(scores, k, seed, **_):
    """Gumbel-max: the k largest of scores / 0.8 plus noise."""
    noise = np.random.default_rng(seed).gumbel(size=len(scores))
    return sorted(ranked(scores / 0.8 + noise)[:k])


def adaq(scores, k, seed, **_):
    """Draw by softmax(scores / tau) from the frames that hold 0.9973 of it; then from the rest."""
    rescaled = (scores - min(scores)) / (max(scores) - min(scores))
    tau = 0.5 * np.var(rescaled)
    chances = np.exp(scores / tau - max(scores / tau))
    chances /= chances.sum()
    valid, held = [], 0.0
    for frame in ranked(chances):
        if held >= 0.9973:
            break
        valid.append(frame)
        held += chances[frame]
    noisy = scores / tau + np.random.default_rng(seed).gumbel(size=len(scores))
    order = [frame for frame in ranked(noisy) if frame in valid]
    order += [frame for frame in ranked(noisy) if frame not in valid]
    return sorted(order[:k])


def dpp(features, k, **_):
    """Always the frame of largest variance given those chosen; kernel: cosines, 1.001 for itself.

    From the definition: the variance by a solution of the linear equations of those chosen. Equal
    to 1e-9 counts as equal, and the earlier frame is taken.
    """
    cosines = unit(features) @ unit(features).T
    np.fill_diagonal(cosines, 1.001)
    chosen = []
    for _ in range(k):
        left = [i for i in range(len(features)) if i not in chosen]
        within, across = cosines[np.ix_(chosen, chosen)], cosines[np.ix_(chosen, left)]
        variance = 1.001 - np.einsum("ci,ci->i", across, np.linalg.solve(within, across))
        chosen.append(left[ranked((variance / 1e-9).round())[0]])
    return sorted(chosen)


def k_center(features, k, **_):
    """The frame nearest to the mean, then always the one farthest from all chosen."""
    points = features.astype(np.float64)
    chosen = [int(np.linalg.norm(points - points.mean(axis=0), axis=1).argmin())]
    while len(chosen) < k:
        nearest = [min(np.linalg.norm(p - points[c]) for c in chosen) for p in points]
        chosen.append(ranked(np.array(nearest))[0])
    return sorted(chosen)


def longvu_window(features, k, **_):
    """Frames whose mean cosine with their window of 16 is below 0.83, and each window's middle."""
    rows = unit(features)
    likeness, kept = [], []
    for start in range(0, len(rows), 16):
        window = rows[start : start + 16]
        for place, row in enumerate(window):
            likeness.append(float(np.mean(window @ row)))
            if likeness[-1] < 0.83 or place == len(window) // 2:
                kept.append(start + place)
    if len(kept) > k:
        interval = len(kept) / float(k)
        return [kept[int(interval * i)] for i in range(k)]
    return filled(set(kept), ranked(-np.array(likeness)), k)


# -------------------------------------------------------------------------------- wfs_sb


def coarsest_detail(signal, levels):
    """Decompose ``levels`` times with mirrored ends, keep the last details, and go back."""

    def down(values, taps):
        mirrored = np.pad(values, len(taps) - 1, "symmetric")
        return np.convolve(mirrored, taps[::-1], "valid")[1::2]

    def up(values, taps, length):
        spread = np.zeros(2 * len(values))
        spread[::2] = values
        return np.convolve(spread, taps)[len(taps) - 2 :][:length]

    approximations = [np.asarray(signal, float)]
    for _ in range(levels - 1):
        approximations.append(down(approximations[-1], RECONSTRUCT_LOW))
    wave = up(down(approximations[-1], RECONSTRUCT_HIGH), RECONSTRUCT_HIGH, len(approximations[-1]))
    for approximation in approximations[-2::-1]:
        wave = up(wave, RECONSTRUCT_LOW, len(approximation))
    return wave


def wfs_sb(scores, features, k, **_):
    """Cut at peaks of the coarsest detail; softmax shares; MMR with relevance 2 s - 1."""
    length = len(scores)
    if k >= length:
        return list(range(length))
    change = np.abs(coarsest_detail(scores, max(1, math.floor(math.log2(length)) - 3)))
    peaks, _ = find_peaks(
        change,
        height=change.mean() + 0.5 * change.std(),
        distance=max(5, int(0.02 * length)),
        prominence=0.05 * (change.max() - change.min()),
    )
    if len(peaks) == 0:
        return filled(set(np.linspace(0, length - 1, k // 2, dtype=int)), ranked(scores), k)
    borders = [0, *peaks, length]
    parts = [range(start, end) for start, end in pairwise(borders)]
    importance = [wfs_importance(scores, part) for part in parts]
    if len(parts) > 3:
        least = max(0.05, np.mean(importance) - 1.2 * np.std(importance))
        if max(importance) >= least:
            parts = [part for part, value in zip(parts, importance) if value >= least]
            importance = [value for value in importance if value >= least]
    weights = [math.exp(value) for value in importance]
    ideal = [k * weight / sum(weights) for weight in weights]
    quotas = [math.floor(share) for share in ideal]
    remainders = np.array([share - quota for share, quota in zip(ideal, quotas)])
    for part in ranked(remainders)[: k - sum(quotas)]:
        quotas[part] += 1
    rows, chosen = unit(features), []
    for part, quota in zip(parts, quotas):
        picks = []
        while len(picks) < min(quota, len(part)):
            picks.append(most_marginal(rows, scores, part, picks))
        chosen += picks
    while len(chosen) < k:
        chosen.append(most_marginal(rows, scores, range(length), chosen))
    return sorted(chosen)


def wfs_importance(scores, part):
    values = scores[part.start : part.stop]
    return (
        0.4 * len(part) / len(scores)
        + 0.2 * np.mean(values)
        + 0.3 * np.max(values)
        + 0.1 * np.var(values) / (np.var(scores) + 1e-8)
    )


def most_marginal(rows, scores, frames, chosen):
    """The frame of largest 0.5 (2 s - 1) - 0.5 cosine; of a part's first only s counts."""
    left = [i for i in frames if i not in chosen]
    worth = [
        0.5 * (2 * scores[i] - 1) - (0.5 * max(rows[chosen] @ rows[i]) if chosen else 0)
        for i in left
    ]
    return left[int(np.argmax(worth))]


# --------------------------------------------------------------------------------- focus


def focus(scores, k, seed, frames_per_second, **_):
    """The published program: clips of 16 s, 3 pulls each, fine ones around the promising quarter.

    It draws in the order of its steps, so that the same generator gives the same frames. Where it
    ends with fewer than k, the best clips' best frames follow.
    """
    rng, length, rate = np.random.default_rng(seed), len(scores), frames_per_second
    regions = max(8, math.ceil(length / rate / 16))
    stride = max(1, length // regions)
    clips = length // stride
    size = length // clips
    pulled = []
    for clip in range(clips):
        start, end = clip * size, (clip + 1) * size - 1
        centre = (start + end) // 2
        others = [i for i in range(start, end + 1) if i != centre]
        extra = rng.choice(others, size=min(2, len(others)), replace=False) if others else []
        pulled.append([centre, *(int(i) for i in extra)])
    total = sum(len(frames) for frames in pulled)
    known = [scores[i] for frames in pulled for i in frames]
    spread = max(known) - min(known)
    bounds = []
    for frames in pulled:
        values, n = scores[frames], len(frames)
        variance = max(np.var(values), 1e-6 * spread**2)
        radius = math.sqrt(2 * math.log(total) * variance / n)
        bounds.append(np.mean(values) + radius + 3 * spread * math.log(total) / n)
    best_first = ranked(np.array(bounds))
    open_clips = best_first[: min(max(4, math.ceil(0.25 * clips)), clips)]
    scored = {i for frames in pulled for i in frames}
    scored |= focus_fine(open_clips, size, scored, length, rate, rng, regions)
    number = round(0.2 * min(k, len(scored)))
    chosen = sorted(scored, key=lambda i: (-scores[i], i))[:number]
    chosen += focus_draw(open_clips[:32], size, pulled, scores, chosen, k, rate, rng)
    order = []
    for clip in best_first:
        values = focus_estimates(clip, size, pulled, scores)
        order += [clip * size + place for place in ranked(np.array(values))]
    return filled(set(chosen), [*order, *range(clips * size, length)], k)


def focus_fine(open_clips, size, coarse, length, rate, rng, regions):
    """A pull a second in a window as long as a clip, half of them evenly, half by chance."""
    stride = min(max(1, round(rate)), max(1, length // regions))
    half = max(1, round(length / regions / 2))
    fine = set()
    for clip in open_clips:
        centre = (2 * clip * size + size - 1) // 2
        start, end = max(0, centre - half), min(length - 1, centre + half)
        window = end - start + 1
        number = max(1, window // stride)
        even = round(0.5 * number)
        if window <= even:
            places = [(start + end) // 2]
        else:
            places = [start + int(i * (window / even) + window / even / 2) for i in range(even)]
        fine |= {place for place in places if place not in coarse}
        left = [i for i in range(start, end + 1) if i not in coarse and i not in fine]
        if number > even and left:
            drawn = rng.choice(left, size=min(number - even, len(left)), replace=False)
            fine |= {int(i) for i in drawn}
    return fine


def focus_draw(open_clips, size, pulled, scores, best, k, rate, rng):
    """From each open clip the same number, by the softmax of the nearest first pull's score."""
    between = len(scores) / rate / k
    gap = 0 if between <= 0.2 else round(min(0.25 * between, 1.0) * rate)
    drawn = []
    for rank, clip in enumerate(open_clips):
        number = (k - len(best)) // len(open_clips) + (rank < (k - len(best)) % len(open_clips))
        taken = [*best, *drawn]
        free = [i for i in range(clip * size, (clip + 1) * size) if i not in taken]
        apart = [i for i in free if all(abs(i - other) >= gap for other in taken)]
        free = apart or free
        if number == 0 or not free:
            continue
        estimates = focus_estimates(clip, size, pulled, scores)
        values = np.array([estimates[i - clip * size] for i in free])
        if values.max() > values.min():
            values = (values - values.min()) / (values.max() - values.min())
        else:
            values = np.ones(len(free))
        chances = np.exp((values - values.max()) / 0.06)
        number = min(number, len(free))
        places = rng.choice(len(free), size=number, replace=False, p=chances / chances.sum())
        drawn += [free[place] for place in places]
    return drawn


def focus_estimates(clip, size, pulled, scores):
    """Of every frame of a clip the score of the nearest of its first pulls."""
    frames = pulled[clip]
    return [
        scores[min(frames, key=lambda i: abs(i - frame))]
        for frame in range(clip * size, (clip + 1) * size)
    ]


REFERENCES = {
    function.__name__: function
    for function in (top_k, aks, bolt, q_frame, adaq, focus, wfs_sb, dpp, k_center, longvu_window)
}
