"""Small videos whose content is known: shots of recurring scenes, junk, and planted events.

Frames are unit vectors, as an image encoder gives them: a cone all frames share, a scene, a shot,
and noise. A query lies at a background cosine that varies with the shot; in a *local* video it
also fits a few short events. In a *global* one it fits nothing in particular.
"""

from dataclasses import dataclass

import numpy as np

SIZE = 128


@dataclass(frozen=True)
class Video:
    features: np.ndarray  # (T, SIZE) float32
    query: np.ndarray  # (SIZE,)
    events: list[np.ndarray]  # frames of each
    shots: np.ndarray  # (T,) shot of each frame


def make_video(seed: int, *, local: bool, num_frames: int = 1500) -> Video:
    rng = np.random.default_rng(seed)
    lengths = np.maximum(2, rng.lognormal(np.log(12), 0.9, num_frames).astype(int))
    shots = np.repeat(np.arange(num_frames), lengths)[:num_frames]
    num_shots = shots[-1] + 1
    scene_of_shot = rng.integers(max(2, num_shots // 2), size=num_shots)
    cone, concept = directions(rng, 2, power=0)
    features = (
        np.sqrt(0.6) * cone
        + np.sqrt(0.22) * directions(rng, num_shots)[scene_of_shot][shots]
        + np.sqrt(0.08) * directions(rng, num_shots)[shots]
        + np.sqrt(0.06) * directions(rng, num_frames, power=0.25)
    )
    events = plant(rng, features, concept) if local else []
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    # What the query shares with the shots hides what it shares with the events.
    query = 0.25 * cone + concept + 1.5 * directions(rng, 1)[0]
    return Video(features.astype(np.float32), query, events, shots)


def plant(rng, features, concept) -> list[np.ndarray]:
    events = []
    for start in np.sort(rng.choice(len(features) - 10, size=rng.integers(1, 4), replace=False)):
        frames = np.arange(start, start + rng.integers(2, 5))
        features[frames] += 0.4 * concept
        events.append(frames)
    return events


def directions(rng, count: int, power: float = 0.5) -> np.ndarray:
    """Unit vectors whose variance falls along the axes, as an encoder's does."""
    vectors = rng.standard_normal((count, SIZE)) * np.arange(1, SIZE + 1.0) ** -power
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def recall(video: Video, indices: np.ndarray) -> float:
    """Share of events with a chosen frame inside."""
    return float(np.mean([np.isin(event, indices).any() for event in video.events]))


def quantisation_error(features: np.ndarray, indices: np.ndarray) -> float:
    """Mean squared distance to the nearest chosen frame; 1 is what the mean vector gives."""
    features = features.astype(np.float64)
    nearest = np.full(len(features), np.inf)
    for index in indices:
        nearest = np.minimum(nearest, np.square(features - features[index]).sum(axis=1))
    return float(nearest.sum() / np.square(features - features.mean(axis=0)).sum())


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Share of ``one`` that is in ``other``."""
    return len(np.intersect1d(one, other)) / len(one)
