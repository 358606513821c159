"""The parts that simulated frames and queries are made of; see ``ntlbg_lab.simulation.simulation``.

T frames, D feature size.
"""

from functools import reduce

import numpy as np

IMAGE_SIZE = 224
TEXT_SIZE = 32  # directions that only texts have: the modality gap
FEATURE_SIZE = IMAGE_SIZE + TEXT_SIZE
# share of a frame's energy
CONE, _VIDEO, _SCENE, _SHOT, _DRIFT, _NOISE = 0.55, 0.10, 0.20, 0.06, 0.03, 0.06
_NOISE_MEMORY = 0.5  # correlation of the noise of neighbouring frames
_DRIFT_FRAMES = 30.0  # after which the drift has forgotten
_SHOT_SPREAD = 0.9  # standard deviation of log length
_SHOT_MEDIANS = (4.0, 40.0)  # seconds; log-uniform, one a video
_SCENE_RETURNS = 0.5  # chance that a shot shows an earlier scene
# the query: along the cone, along what scenes vary in, along the concept of the events
_QUERY_CONE, _QUERY_SCENES, QUERY_CONCEPT = 0.27, 0.26, 0.55


def cut_into_shots(
    rng: np.random.Generator, num_frames: int, own_shot: list[np.ndarray]
) -> np.ndarray:
    """Number of each frame's shot (T,); the events given are shots of their own."""
    median = np.exp(rng.uniform(*np.log(_SHOT_MEDIANS)))
    lengths = np.maximum(1, rng.lognormal(np.log(median), _SHOT_SPREAD, num_frames).round())
    starts = np.zeros(num_frames, bool)
    borders = np.cumsum(lengths.astype(np.int64))
    starts[borders[borders < num_frames]] = True
    for event in own_shot:
        starts[event[1:]] = False
        starts[[event[0], min(event[-1] + 1, num_frames - 1)]] = True
    starts[0] = False
    return np.cumsum(starts)


def make_frames(rng: np.random.Generator, shots: np.ndarray, cone: np.ndarray) -> np.ndarray:
    """Sum of the parts of every frame: (T, D) float32, not scaled."""
    num_frames, num_shots = len(shots), shots[-1] + 1
    scenes = np.arange(num_shots)
    for shot in np.flatnonzero(rng.random(num_shots) < _SCENE_RETURNS):
        scenes[shot] = scenes[rng.integers(shot)] if shot else 0
    parts = (
        (_SHOT, directions(rng, num_shots, 1.0)),
        (_SCENE, directions(rng, num_shots, 1.0)[scenes]),
        (_VIDEO, directions(rng, 1, 1.0)),
        (CONE, cone),
    )
    features = reduce(np.add, (np.float32(np.sqrt(share)) * part for share, part in parts))[shots]
    drift = wander(rng, num_frames, 1.0, np.exp(-1 / _DRIFT_FRAMES))
    noise = wander(rng, num_frames, 0.5, _NOISE_MEMORY)
    features += np.float32(np.sqrt(_DRIFT)) * drift
    features += np.float32(np.sqrt(_NOISE)) * noise
    return features


def directions(rng: np.random.Generator, count: int, power: float) -> np.ndarray:
    """Unit image features whose variance falls along the axes as i**-power: (count, D)."""
    vectors = np.zeros((count, FEATURE_SIZE), np.float32)
    vectors[:, :IMAGE_SIZE] = rng.standard_normal((count, IMAGE_SIZE), np.float32)
    vectors[:, :IMAGE_SIZE] *= (np.arange(1, IMAGE_SIZE + 1) ** (-power / 2)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def wander(rng: np.random.Generator, count: int, power: float, memory: float) -> np.ndarray:
    """Directions in which neighbours have the correlation ``memory``: (count, D)."""
    steps = directions(rng, count, power)
    kept, fresh = np.float32(memory), np.float32(np.sqrt(1 - memory**2))
    for i in range(1, count):
        steps[i] = fresh * steps[i] + kept * steps[i - 1]
    return steps


def make_query(rng: np.random.Generator, cone: np.ndarray, concept: np.ndarray) -> np.ndarray:
    """Unit query: what it shares with images, and a remainder that only texts have."""
    query = _QUERY_CONE * cone + _QUERY_SCENES * directions(rng, 1, 1.0)[0]
    query += QUERY_CONCEPT * concept
    text = rng.standard_normal(TEXT_SIZE)
    text /= np.linalg.norm(text)
    query[IMAGE_SIZE:] = np.sqrt(max(1 - query @ query, 0)) * text
    return query
