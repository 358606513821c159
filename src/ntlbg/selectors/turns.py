"""A question that names several things: each is a question of its own, and the choices are joined.

P parts, T frames, N candidates, S size of a point, k chosen.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ntlbg.selectors.inputs import Inputs
from ntlbg.selectors.result import SelectorOutput

# Added to every squared norm, relative to their mean: copies keep a volume.
_JITTER = 1e-3


def choose_by_turns(inputs: Inputs, choose: Callable[[Inputs], SelectorOutput]) -> SelectorOutput:
    """Every part chooses its share of the frames with any selector; none is left out.

    The first parts get what does not divide; with fewer frames than parts the first ones get a
    frame each. Where parts chose the same frame, they add their next most relevant ones by turns,
    out of those that each would choose with the whole budget.
    """
    parts, k = inputs.of_parts(), inputs.num_frames
    shares = [k // len(parts) + (place < k % len(parts)) for place in range(len(parts))]
    picks = [
        choose(replace(part, num_frames=share))
        for part, share in zip(parts, shares, strict=True)
        if share
    ]
    chosen = set(np.concatenate([pick.frames for pick in picks]).tolist())
    if len(chosen) < k:
        _add_by_turns(chosen, [_best_first(part, choose(part)) for part in parts], k)
    z = None if any(pick.z is None for pick in picks) else np.max([p.z for p in picks], axis=0)
    return SelectorOutput(np.array(sorted(chosen), np.int64), z=z)


def _best_first(part: Inputs, picks: SelectorOutput) -> deque[int]:
    order = np.argsort(-part.relevance()[picks.frames], kind="stable")
    return deque(picks.frames[order].tolist())


def _add_by_turns(chosen: set[int], queues: list[deque[int]], num_frames: int) -> None:
    """From the front of each queue what is not there yet; queues hold ``num_frames`` each."""
    turns = deque(queues)
    while len(chosen) < num_frames:
        queue = turns[0]
        turns.rotate(-1)
        while queue and queue[0] in chosen:
            queue.popleft()
        if queue:
            chosen.add(queue.popleft())


def volume_by_turns(
    points: np.ndarray, quality: np.ndarray, evidence: np.ndarray, num_points: int
) -> np.ndarray:
    """Greedy log-volume for several parts: what one part has shown counts for all.

    As :func:`ntlbg.selectors.diversity.greedy_log_volume`, but each step belongs to a part and goes
    by that part's quality. Every part has one turn. Then always the one whose evidence is seen
    least: of its evidence, the share that lies outside the span of what was taken. A part that
    stands out needs one frame, one that several shots resemble gets more.

    Args:
        points: (N, S) float32, centred.
        quality: (P, N) positive.
        evidence: (P, N) at least 0, how likely a frame is to be what a part means, to a factor.
        num_points: k, at most N.

    Returns:
        (k,) int64 distinct positions in the order chosen.
    """
    norms = np.einsum("ns,ns->n", points, points).astype(np.float64)
    whole = norms + _JITTER * norms.mean()
    residual = whole.copy()
    evidence = evidence / evidence.sum(axis=1, keepdims=True)
    rows = np.zeros((num_points, len(points)), np.float32)
    chosen = np.empty(num_points, np.int64)
    for step in range(num_points):
        unseen = evidence @ (residual / whole)
        part = step if step < len(quality) else int(unseen.argmax())
        gain = np.square(quality[part], dtype=np.float64) * residual
        gain[chosen[:step]] = -np.inf
        best = chosen[step] = int(gain.argmax())
        pivot = np.sqrt(max(residual[best], np.finfo(np.float32).tiny))
        kernel = points @ points[best]
        rows[step] = (kernel - rows[:step, best] @ rows[:step]) / np.float32(pivot)
        residual = np.maximum(residual - rows[step].astype(np.float64) ** 2, 0)
    return chosen
