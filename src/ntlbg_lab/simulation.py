"""Videos as features alone, with known shots and events: to study selection without video.

A frame is a unit vector, as an image encoder gives it: a cone that all images share, what the
whole video has in common, a scene, a shot, a slow drift and noise. A query lies at a background
cosine that varies from shot to shot; in a *local* video it also fits a few short events. All
amounts are in the constants below. They are chosen so that cosines look like CLIP's at one frame a
second; nothing here was fitted to real scores. Only _QUERY_CONCEPT was fitted, to published event
recalls of selectors.

A question may also name one *thing* or several, each shown for a few seconds: a direction that the
frames of its events gain, by how much differs from event to event. The question's query is a
weighted sum of those of its things. *Lookalikes* are long shots that fit one of the things a
little. These amounts come from a description of an independent study in which one query for each
thing found .87 to 1.00 of the events and one query for all .58 to .89.

T frames, D feature size, P things.
"""

from dataclasses import dataclass

import numpy as np

from ntlbg.errors import ConfigError

_IMAGE_SIZE = 224
_TEXT_SIZE = 32  # _directions that only texts have: the modality gap
FEATURE_SIZE = _IMAGE_SIZE + _TEXT_SIZE
# share of a frame's energy
_CONE, _VIDEO, _SCENE, _SHOT, _DRIFT, _NOISE = 0.55, 0.10, 0.20, 0.06, 0.03, 0.06
_NOISE_MEMORY = 0.5  # correlation of the noise of neighbouring frames
_DRIFT_FRAMES = 30.0  # after which the drift has forgotten
_SHOT_SPREAD = 0.9  # standard deviation of log length
_SHOT_MEDIANS = (4.0, 40.0)  # seconds; log-uniform, one a video
_SCENE_RETURNS = 0.5  # chance that a shot shows an earlier scene
# the query: along the cone, along what scenes vary in, along the concept of the events
_QUERY_CONE, _QUERY_SCENES, _QUERY_CONCEPT = 0.27, 0.26, 0.55
_SHORTEST, _LONGEST = 600, 20_000  # frames; T is log-uniform between
_LONGEST_OF_THINGS = 3_600  # questions that name things are about ten minutes to an hour
_CROSS_FADES = 0.3  # share of cuts
_BLURRED = 0.02  # share of frames
_BLUR_KEEPS = 0.5  # of what a frame has beyond the cone
_EVENT_COUNTS = (0.47, 0.39, 0.09, 0.02, 0.03)  # chance of 1 to 5: LongVideoBench, validation
_OWN_SHOT = 0.5  # share of events that are short shots of their own
_GAIN_SPREAD = 0.012
_DISTRACTORS = (2, 5)  # shots, least and most
_DISTRACTOR_LIKENESS = 0.5  # cosine of a distractor's direction with the concept
_JUNK_NOISE = 0.05
# of questions that name things
_EVENT_SECONDS = (2, 8)
_GAIN = (0.22, 0.42)  # of an event along its thing's direction, before frames get length 1
_LOOKALIKE_GAIN = (0.08, 0.20)
_LOOKALIKE_SECONDS = (20, 90)
_WEIGHTS = (0.5, 1.0)  # of a thing in the query for all


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


REGIME_NAMES = (*REGIMES, *THINGS)


@dataclass(frozen=True)
class SimulatedVideo:
    """A video of one frame a second.

    Attributes:
        features: (T, D) float32 unit frames.
        query: (D,) float32 unit query.
        parts: (P, D) float32 unit queries, one for each thing that the question names.
        events: frames of each event, ascending and disjoint; none in the regime ``global``.
        shots: (T,) int64 number of each frame's shot, ascending.
        regime: a name in REGIME_NAMES.
    """

    features: np.ndarray
    query: np.ndarray
    parts: np.ndarray
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
        regime: a name in REGIME_NAMES.
        num_frames: T, at least 600; drawn log-uniformly from 600 to 20,000 when left out, to 3,600
            where the question names things.

    Raises:
        ConfigError: no such regime, or too few frames to hold five events.
    """
    if regime not in REGIME_NAMES:
        raise ConfigError(f"no regime {regime!r}; there are {', '.join(REGIME_NAMES)}")
    if num_frames is not None and num_frames < _SHORTEST:
        raise ConfigError(f"num_frames must be at least {_SHORTEST}; got {num_frames}")
    rng = np.random.default_rng(seed)
    longest = _LONGEST if regime in REGIMES else _LONGEST_OF_THINGS
    if num_frames is None:
        num_frames = int(np.exp(rng.uniform(np.log(_SHORTEST), np.log(longest))))
    if regime in THINGS:
        return SimulatedVideo(*_simulate_things(rng, num_frames, THINGS[regime]), regime)
    kind = REGIMES[regime]
    events = []
    if kind.local:
        count = 1 + int(rng.choice(len(_EVENT_COUNTS), p=_EVENT_COUNTS))
        events = _apart(rng, num_frames, rng.integers(*kind.event_seconds, count, endpoint=True))
    own_shot = [event for event in events if rng.random() < _OWN_SHOT]
    shots = _cut_into_shots(rng, num_frames, own_shot)
    cone = _directions(rng, 1, 0.0)[0]
    features = _make_frames(rng, shots, cone)
    _add_nuisance(rng, features, shots, cone, kind.junk)
    concept = _directions(rng, 1, 1.0 if kind.concept_from_scenes else 0.0)[0]
    query = _make_query(rng, cone, concept)
    if kind.local:
        _add_distractors(rng, features, shots, concept, kind.distractor_gain)
        for event in events:
            features[event] += (rng.normal(kind.gain, _GAIN_SPREAD) / _QUERY_CONCEPT) * concept
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    return SimulatedVideo(
        features=features,
        query=query.astype(np.float32),
        parts=query[None].astype(np.float32),
        events=tuple(events),
        shots=shots,
        regime=regime,
    )


def _simulate_things(
    rng: np.random.Generator, num_frames: int, kind: Things
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[np.ndarray, ...], np.ndarray]:
    """Frames (T, D), query (D,), its parts (P, D), events as frames, shots (T,)."""
    shots = _cut_into_shots(rng, num_frames, [])
    cone = _directions(rng, 1, 0.0)[0]
    features = _make_frames(rng, shots, cone)
    concepts = _directions(rng, int(rng.integers(*kind.things, endpoint=True)), 0.0)
    parts = np.stack([_make_query(rng, cone, concept) for concept in concepts])
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
    order = rng.permutation(len(lengths))
    runs = dict(zip(order.tolist(), _apart(rng, num_frames, lengths[order]), strict=True))
    events = [runs[number] for number in range(len(shown))]
    lookalikes = [runs[number] for number in range(len(shown), len(lengths))]
    for event, thing in zip(events, shown, strict=True):
        features[event] += kind.strength * np.float32(rng.uniform(*_GAIN)) * concepts[thing]
    for run in lookalikes:
        features[run] += np.float32(rng.uniform(*_LOOKALIKE_GAIN)) * rng.choice(concepts)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    query = rng.uniform(*_WEIGHTS, len(parts)) @ parts
    query /= np.linalg.norm(query)
    events.sort(key=lambda event: event[0])
    return features, query.astype(np.float32), parts.astype(np.float32), tuple(events), shots


def _apart(rng: np.random.Generator, num_frames: int, lengths: np.ndarray) -> list[np.ndarray]:
    """Disjoint runs of frames of these lengths, in order of time, a frame apart at least."""
    before = np.sort(rng.integers(0, num_frames - lengths.sum() - len(lengths), len(lengths)))
    starts = before + np.concatenate([[0], np.cumsum(lengths[:-1] + 1)])
    return [np.arange(start, start + length) for start, length in zip(starts, lengths, strict=True)]


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


def _make_frames(rng: np.random.Generator, shots: np.ndarray, cone: np.ndarray) -> np.ndarray:
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
    features = np.asarray(sum(np.float32(np.sqrt(share)) * part for share, part in parts))[shots]
    drift = _wander(rng, num_frames, 1.0, np.exp(-1 / _DRIFT_FRAMES))
    noise = _wander(rng, num_frames, 0.5, _NOISE_MEMORY)
    features += np.float32(np.sqrt(_DRIFT)) * drift
    features += np.float32(np.sqrt(_NOISE)) * noise
    return features


def _directions(rng: np.random.Generator, count: int, power: float) -> np.ndarray:
    """Unit image features whose variance falls along the axes as i**-power: (count, D)."""
    vectors = np.zeros((count, FEATURE_SIZE), np.float32)
    vectors[:, :_IMAGE_SIZE] = rng.standard_normal((count, _IMAGE_SIZE), np.float32)
    vectors[:, :_IMAGE_SIZE] *= (np.arange(1, _IMAGE_SIZE + 1) ** (-power / 2)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def _wander(rng: np.random.Generator, count: int, power: float, memory: float) -> np.ndarray:
    """Directions in which neighbours have the correlation ``memory``: (count, D)."""
    steps = _directions(rng, count, power)
    kept, fresh = np.float32(memory), np.float32(np.sqrt(1 - memory**2))
    for i in range(1, count):
        steps[i] = fresh * steps[i] + kept * steps[i - 1]
    return steps


def _make_query(rng: np.random.Generator, cone: np.ndarray, concept: np.ndarray) -> np.ndarray:
    """Unit query: what it shares with images, and a remainder that only texts have."""
    query = _QUERY_CONE * cone + _QUERY_SCENES * _directions(rng, 1, 1.0)[0]
    query += _QUERY_CONCEPT * concept
    text = rng.standard_normal(_TEXT_SIZE)
    text /= np.linalg.norm(text)
    query[_IMAGE_SIZE:] = np.sqrt(max(1 - query @ query, 0)) * text
    return query


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
