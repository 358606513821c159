"""Videos as features alone, with known shots and events: to study selection without video.

A frame is a unit vector, as an image encoder gives it: a cone that all images share, what the
whole video has in common, a scene, a shot, a slow drift and noise. A query lies at a background
cosine that varies from shot to shot; in a *local* video it also fits a few short events. All
amounts are in the constants below. They are chosen so that cosines look like CLIP's at one frame
a second; nothing here was fitted to real scores. Only _QUERY_CONCEPT was fitted, to published event
recalls of selectors.

T frames, D feature size.
"""

from dataclasses import dataclass

import numpy as np

from ntlbg.errors import ConfigError

IMAGE_SIZE = 224
TEXT_SIZE = 32  # directions that only texts have: the modality gap
FEATURE_SIZE = IMAGE_SIZE + TEXT_SIZE
_SHORTEST, _LONGEST = 600, 20_000  # frames; T is log-uniform between
# share of a frame's energy
_CONE, _VIDEO, _SCENE, _SHOT, _DRIFT, _NOISE = 0.55, 0.10, 0.20, 0.06, 0.03, 0.06
_NOISE_MEMORY = 0.5  # correlation of the noise of neighbouring frames
_DRIFT_FRAMES = 30.0  # after which the drift has forgotten
_SHOT_SPREAD = 0.9  # standard deviation of log length
_SHOT_MEDIANS = (4.0, 40.0)  # seconds; log-uniform, one a video
_SCENE_RETURNS = 0.5  # chance that a shot shows an earlier scene
_CROSS_FADES = 0.3  # share of cuts
_BLURRED = 0.02  # share of frames
_BLUR_KEEPS = 0.5  # of what a frame has beyond the cone
# the query: along the cone, along what scenes vary in, along the concept of the events
_QUERY_CONE, _QUERY_SCENES, _QUERY_CONCEPT = 0.27, 0.26, 0.55
_EVENT_COUNTS = (0.47, 0.39, 0.09, 0.02, 0.03)  # chance of 1 to 5: LongVideoBench, validation
_OWN_SHOT = 0.5  # share of events that are short shots of their own
_GAIN_SPREAD = 0.012
_DISTRACTORS = (2, 5)  # shots, least and most
_DISTRACTOR_LIKENESS = 0.5  # cosine of a distractor's direction with the concept
_JUNK_NOISE = 0.05


@dataclass(frozen=True)
class Regime:
    """What kind of question, and how hard.

    Attributes:
        local: whether there are events that the query fits.
        gain: how much an event raises the cosine with the query.
        distractor_gain: the same of whole shots that fit the query in part.
        junk: share of frames that are black, or titles.
        event_seconds: least and most length of an event.
        concept_from_scenes: draw the events' direction as scenes are drawn, so that it lies where
            the video varies most.
    """

    local: bool = True
    gain: float = 0.08
    distractor_gain: float = 0.05
    junk: float = 0.005
    event_seconds: tuple[int, int] = (1, 5)
    concept_from_scenes: bool = False


REGIMES: dict[str, Regime] = {
    "local": Regime(),
    "global": Regime(local=False),
    "weak": Regime(gain=0.05, distractor_gain=0.03),
    "toppc": Regime(concept_from_scenes=True),
    "junk": Regime(junk=0.03),
    "long": Regime(event_seconds=(10, 40)),
}


@dataclass(frozen=True)
class SimulatedVideo:
    """A video of one frame a second.

    Attributes:
        features: (T, D) float32 unit frames.
        query: (D,) float32 unit query.
        events: frames of each event, ascending and disjoint; none in the regime ``global``.
        shots: (T,) int64 number of each frame's shot, ascending.
        regime: a key of REGIMES.
    """

    features: np.ndarray
    query: np.ndarray
    events: tuple[np.ndarray, ...]
    shots: np.ndarray
    regime: str

    def __len__(self) -> int:
        return len(self.features)


def simulate_video(
    seed: int, regime: str = "local", num_frames: int | None = None
) -> SimulatedVideo:
    """Make a video; equal arguments make equal videos.

    Args:
        seed: of everything that is drawn.
        regime: a key of REGIMES.
        num_frames: T, at least 600; drawn log-uniformly from 600 to 20,000 when left out.

    Raises:
        ConfigError: no such regime, or too few frames to hold five events.
    """
    if regime not in REGIMES:
        raise ConfigError(f"no regime {regime!r}; there are {', '.join(REGIMES)}")
    if num_frames is not None and num_frames < _SHORTEST:
        raise ConfigError(f"num_frames must be at least {_SHORTEST}; got {num_frames}")
    rng = np.random.default_rng(seed)
    if num_frames is None:
        num_frames = int(np.exp(rng.uniform(np.log(_SHORTEST), np.log(_LONGEST))))
    kind = REGIMES[regime]
    events = _place_events(rng, num_frames, kind) if kind.local else []
    own_shot = [event for event in events if rng.random() < _OWN_SHOT]
    shots = _cut_into_shots(rng, num_frames, own_shot)
    cone = _directions(rng, 1, 0.0)[0]
    features = _frames(rng, shots, cone)
    _add_nuisance(rng, features, shots, cone, kind.junk)
    concept = _directions(rng, 1, 1.0 if kind.concept_from_scenes else 0.0)[0]
    query = _query(rng, cone, concept)
    if kind.local:
        _add_distractors(rng, features, shots, concept, kind.distractor_gain)
        for event in events:
            features[event] += (rng.normal(kind.gain, _GAIN_SPREAD) / _QUERY_CONCEPT) * concept
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    return SimulatedVideo(
        features=features,
        query=query.astype(np.float32),
        events=tuple(events),
        shots=shots,
        regime=regime,
    )


def _place_events(rng: np.random.Generator, num_frames: int, kind: Regime) -> list[np.ndarray]:
    """Disjoint runs of frames, in order of time, at least a frame apart."""
    count = 1 + int(rng.choice(len(_EVENT_COUNTS), p=_EVENT_COUNTS))
    lengths = rng.integers(kind.event_seconds[0], kind.event_seconds[1] + 1, count)
    free = num_frames - lengths.sum() - count
    before = np.sort(rng.integers(0, free, count))
    starts = before + np.concatenate([[0], np.cumsum(lengths[:-1] + 1)])
    return [np.arange(start, start + length) for start, length in zip(starts, lengths)]


def _cut_into_shots(
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


def _frames(rng: np.random.Generator, shots: np.ndarray, cone: np.ndarray) -> np.ndarray:
    """Sum of the parts of every frame: (T, D) float32, not scaled."""
    num_frames, num_shots = len(shots), shots[-1] + 1
    scenes = np.arange(num_shots)
    for shot in np.flatnonzero(rng.random(num_shots) < _SCENE_RETURNS):
        scenes[shot] = scenes[rng.integers(shot)] if shot else 0
    parts = (
        (_SHOT, _directions(rng, num_shots, 1.0)),
        (_SCENE, _directions(rng, num_shots, 1.0)[scenes]),
        (_VIDEO, _directions(rng, 1, 1.0)),
        (_CONE, cone),
    )
    features = sum(np.float32(np.sqrt(share)) * part for share, part in parts)[shots]
    drift = _wander(rng, num_frames, 1.0, np.exp(-1 / _DRIFT_FRAMES))
    noise = _wander(rng, num_frames, 0.5, _NOISE_MEMORY)
    features += np.float32(np.sqrt(_DRIFT)) * drift
    features += np.float32(np.sqrt(_NOISE)) * noise
    return features


def _directions(rng: np.random.Generator, count: int, power: float) -> np.ndarray:
    """Unit image features whose variance falls along the axes as i**-power: (count, D)."""
    vectors = np.zeros((count, FEATURE_SIZE), np.float32)
    vectors[:, :IMAGE_SIZE] = rng.standard_normal((count, IMAGE_SIZE), np.float32)
    vectors[:, :IMAGE_SIZE] *= (np.arange(1, IMAGE_SIZE + 1) ** (-power / 2)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def _wander(rng: np.random.Generator, count: int, power: float, memory: float) -> np.ndarray:
    """Directions in which neighbours have the correlation ``memory``: (count, D)."""
    steps = _directions(rng, count, power)
    memory, fresh = np.float32(memory), np.float32(np.sqrt(1 - memory**2))
    for i in range(1, count):
        steps[i] = fresh * steps[i] + memory * steps[i - 1]
    return steps


def _add_nuisance(
    rng: np.random.Generator, features: np.ndarray, shots: np.ndarray, cone: np.ndarray, junk: float
) -> None:
    """Cross-fades, blurred frames and junk, in place."""
    cuts = 1 + np.flatnonzero(np.diff(shots))
    fades = cuts[rng.random(len(cuts)) < _CROSS_FADES]
    features[fades] = (features[fades] + features[fades - 1]) / 2
    blurred = rng.random(len(features)) < _BLURRED
    bare = np.sqrt(_CONE) * cone
    features[blurred] = bare + _BLUR_KEEPS * (features[blurred] - bare)
    frames = np.flatnonzero(rng.random(len(features)) < junk)
    prototypes = bare + np.sqrt(1 - _CONE) * _directions(rng, 2, 0.0)  # black, and a title
    features[frames] = prototypes[rng.integers(2, size=len(frames))]
    features[frames] += np.sqrt(_JUNK_NOISE) * _directions(rng, len(frames), 0.5)


def _query(rng: np.random.Generator, cone: np.ndarray, concept: np.ndarray) -> np.ndarray:
    """Unit query: what it shares with images, and a remainder that only texts have."""
    query = _QUERY_CONE * cone + _QUERY_SCENES * _directions(rng, 1, 1.0)[0]
    query += _QUERY_CONCEPT * concept
    text = rng.standard_normal(TEXT_SIZE)
    text /= np.linalg.norm(text)
    query[IMAGE_SIZE:] = np.sqrt(max(1 - query @ query, 0)) * text
    return query


def _add_distractors(
    rng: np.random.Generator,
    features: np.ndarray,
    shots: np.ndarray,
    concept: np.ndarray,
    gain: float,
) -> None:
    """Shots that fit the query in part, in place."""
    count = min(rng.integers(_DISTRACTORS[0], _DISTRACTORS[1] + 1), shots[-1] + 1)
    for shot in rng.choice(shots[-1] + 1, count, replace=False):
        other = _directions(rng, 1, 0.0)[0]
        direction = _DISTRACTOR_LIKENESS * concept
        direction = direction + np.sqrt(1 - _DISTRACTOR_LIKENESS**2) * other
        raised = gain / (_QUERY_CONCEPT * _DISTRACTOR_LIKENESS)
        features[shots == shot] += raised * direction
