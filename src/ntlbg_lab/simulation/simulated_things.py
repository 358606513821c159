"""Simulated videos for questions that name one thing or several, each shown for a few seconds.

A thing is a direction that the frames of its events gain, by how much differs from event to event.
The question's query is a weighted sum of those of its things. *Lookalikes* are long shots that
fit one of the things a little. The amounts come from a description of an independent study in
which one query for each thing found .87 to 1.00 of the events and one query for all .58 to .89.

T frames, D feature size, P things.
"""

from dataclasses import dataclass

import numpy as np

from ntlbg_lab.simulation.simulated_frames import (
    cut_into_shots,
    directions,
    make_frames,
    make_query,
)

_EVENT_SECONDS = (2, 8)
_GAIN = (0.22, 0.42)  # of an event along its thing's direction, before frames get length 1
_LOOKALIKE_GAIN = (0.08, 0.20)
_LOOKALIKE_SECONDS = (20, 90)
_WEIGHTS = (0.5, 1.0)  # of a thing in the query for all


@dataclass(frozen=True)
class Things:
    """What a question names.

    Attributes:
        things: least and most number of different things.
        times: how often each is shown, least and most.
        strength: of the events' gain.
        lookalikes: least and most number of long shots that look a little like one of them.
    """

    things: tuple[int, int] = (1, 1)
    times: tuple[int, int] = (1, 1)
    strength: float = 1.0
    lookalikes: tuple[int, int] = (0, 0)


THINGS: dict[str, Things] = {
    "one": Things(),
    "repeated": Things(times=(3, 6)),
    "several": Things(things=(2, 4)),
    "several_hard": Things(things=(3, 5), strength=0.62, lookalikes=(4, 8)),
    "distractors": Things(things=(2, 4), lookalikes=(4, 8)),
}


def simulate_things(
    rng: np.random.Generator, num_frames: int, kind: Things
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[np.ndarray, ...], np.ndarray]:
    """Frames (T, D), query (D,), its parts (P, D), events as frames, shots (T,)."""
    shots = cut_into_shots(rng, num_frames, [])
    cone = directions(rng, 1, 0.0)[0]
    features = make_frames(rng, shots, cone)
    concepts = directions(rng, int(rng.integers(*kind.things, endpoint=True)), 0.0)
    parts = np.stack([make_query(rng, cone, concept) for concept in concepts])
    shown = np.repeat(
        np.arange(len(concepts)), rng.integers(*kind.times, len(concepts), endpoint=True)
    )
    num_lookalikes = rng.integers(*kind.lookalikes, endpoint=True)
    lengths = np.concatenate(
        [
            rng.integers(*_EVENT_SECONDS, len(shown), endpoint=True),
            rng.integers(*_LOOKALIKE_SECONDS, num_lookalikes, endpoint=True),
        ]
    )
    runs = _place(rng, num_frames, lengths)
    events, lookalikes = runs[: len(shown)], runs[len(shown) :]
    for event, thing in zip(events, shown, strict=True):
        features[event] += kind.strength * np.float32(rng.uniform(*_GAIN)) * concepts[thing]
    for run in lookalikes:
        features[run] += np.float32(rng.uniform(*_LOOKALIKE_GAIN)) * rng.choice(concepts)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    query = rng.uniform(*_WEIGHTS, len(parts)) @ parts
    query /= np.linalg.norm(query)
    in_order = tuple(sorted(events, key=lambda event: event[0]))
    return features, query.astype(np.float32), parts.astype(np.float32), in_order, shots


def _place(rng: np.random.Generator, num_frames: int, lengths: np.ndarray) -> list[np.ndarray]:
    """Disjoint runs of frames of these lengths, a frame apart at least, in a random order."""
    order = rng.permutation(len(lengths))
    ordered = lengths[order]
    before = np.sort(rng.integers(0, num_frames - ordered.sum() - len(ordered), len(ordered)))
    starts = before + np.concatenate([[0], np.cumsum(ordered[:-1] + 1)])
    runs = [np.arange(start, start + n) for start, n in zip(starts, ordered, strict=True)]
    return [runs[place] for place in np.argsort(order)]
