"""Videos as features alone, with known shots and events: to study selection without video.

A frame is a unit vector, as an image encoder gives it: a cone that all images share, what the
whole video has in common, a scene, a shot, a slow drift and noise. A query lies at a background
cosine that varies from shot to shot; in a *local* video it also fits a few short events. All
amounts are in the constants below and in ``simulated_frames``. They are chosen so that cosines look
like CLIP's at one frame a second; nothing here was fitted to real scores. Only QUERY_CONCEPT was
fitted, to published event recalls of selectors. Questions that name several things are in
``simulated_things``.

T frames, D feature size.
"""

from dataclasses import dataclass

import numpy as np

from ntlbg.errors import ConfigError
from ntlbg_lab.simulation.simulated_frames import (
    CONE,
    QUERY_CONCEPT,
    cut_into_shots,
    directions,
    make_frames,
    make_query,
)
from ntlbg_lab.simulation.simulated_things import THINGS, simulate_things

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
        return SimulatedVideo(*simulate_things(rng, num_frames, THINGS[regime]), regime)
    kind = REGIMES[regime]
    events = _place_events(rng, num_frames, kind) if kind.local else []
    own_shot = [event for event in events if rng.random() < _OWN_SHOT]
    shots = cut_into_shots(rng, num_frames, own_shot)
    cone = directions(rng, 1, 0.0)[0]
    features = make_frames(rng, shots, cone)
    _add_nuisance(rng, features, shots, cone, kind.junk)
    concept = directions(rng, 1, 1.0 if kind.concept_from_scenes else 0.0)[0]
    query = make_query(rng, cone, concept)
    if kind.local:
        _add_distractors(rng, features, shots, concept, kind.distractor_gain)
        for event in events:
            features[event] += (rng.normal(kind.gain, _GAIN_SPREAD) / QUERY_CONCEPT) * concept
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    return SimulatedVideo(
        features=features,
        query=query.astype(np.float32),
        parts=query[None].astype(np.float32),
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


def _add_nuisance(
    rng: np.random.Generator, features: np.ndarray, shots: np.ndarray, cone: np.ndarray, junk: float
) -> None:
    """Cross-fades, blurred frames and junk, in place."""
    cuts = 1 + np.flatnonzero(np.diff(shots))
    fades = cuts[rng.random(len(cuts)) < _CROSS_FADES]
    features[fades] = (features[fades] + features[fades - 1]) / 2
    blurred = rng.random(len(features)) < _BLURRED
    bare = np.sqrt(CONE) * cone
    features[blurred] = bare + _BLUR_KEEPS * (features[blurred] - bare)
    frames = np.flatnonzero(rng.random(len(features)) < junk)
    prototypes = bare + np.sqrt(1 - CONE) * directions(rng, 2, 0.0)  # black, and a title
    features[frames] = prototypes[rng.integers(2, size=len(frames))]
    features[frames] += np.sqrt(_JUNK_NOISE) * directions(rng, len(frames), 0.5)


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
        other = directions(rng, 1, 0.0)[0]
        direction = _DISTRACTOR_LIKENESS * concept
        direction = direction + np.sqrt(1 - _DISTRACTOR_LIKENESS**2) * other
        raised = gain / (QUERY_CONCEPT * _DISTRACTOR_LIKENESS)
        features[shots == shot] += raised * direction
