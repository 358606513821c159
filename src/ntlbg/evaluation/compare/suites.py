"""The videos that selectors are compared on. ``SUITES`` is the whole menu."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ntlbg.backends import Backend, load_backend
from ntlbg.data import Sample
from ntlbg.errors import ConfigError
from ntlbg.evaluation.compare.measures import Footage, Question
from ntlbg.evaluation.haystack import Cell, encode_timeline, plan_video
from ntlbg.haystack import SPLITS
from ntlbg.pipeline import choose_frames
from ntlbg.selection import SELECTORS
from ntlbg.selection.simulation import REGIMES, simulate_video

SEEDS_APART = 100_000  # videos of different seeds are different


class HaystackSuite:
    """Hidden objects: drawn videos, the model's features and relevance, the pipeline's choice.

    Video ``number`` is the one that ``ntlbg evaluate`` asks about under the same seed and length.
    """

    kinds_of_video = 1
    pooled = True  # a mean over all types of questions makes sense

    def __init__(
        self,
        *,
        minutes: float = 10,
        questions: int = 8,
        seed: int = 0,
        split: str = "test",
        model: str | Backend = "builtin",
    ):
        if split not in SPLITS:
            raise ConfigError(f"split {split!r}: choose from {', '.join(SPLITS)}")
        if minutes <= 0 or questions < 1:
            raise ConfigError(f"minutes and questions must be positive: {minutes}, {questions}")
        self.backend = load_backend(model)
        self.cell = Cell("compare", minutes * 60, 0)
        self.questions, self.seed, self.split = questions, seed, split

    @property
    def settings(self) -> dict[str, Any]:
        """What the results depend on."""
        return {
            "suite": "haystack", "minutes": self.cell.seconds / 60, "questions": self.questions,
            "seed": self.seed, "split": self.split, "model": self.backend.name,
            "features": self.backend.encoder.fingerprint,
        }  # fmt: skip

    def footage(self, number: int) -> Footage:
        """Draw and encode video ``number``."""
        timeline, samples = plan_video(
            self.cell, number, questions=self.questions, seed=self.seed, split=self.split
        )
        pts_seconds, features = encode_timeline(self.backend, timeline)
        pipeline = _Pipeline(self.backend, features, pts_seconds, samples, (self.seed, number))
        questions = [
            Question(
                sample.answer_type,
                [frames_within(pts_seconds, a, b) for a, b in sample.evidence],
                partial(pipeline.choose, place),
            )
            for place, sample in enumerate(samples)
        ]
        starts = [shot.start for shot in timeline.shots]
        shots = np.searchsorted(starts, pts_seconds, side="right")
        return Footage(features, pts_seconds, shots, questions)


def frames_within(pts_seconds: np.ndarray, start: float, end: float) -> np.ndarray:
    """Frames of ``[start, end)``: int64 ascending."""
    return np.flatnonzero((pts_seconds >= start) & (pts_seconds < end))


class _Pipeline:
    """One video in the pipeline, its frames scored before the clock of the selectors runs."""

    def __init__(
        self, backend, features, pts_seconds, samples: list[Sample], seed: tuple[int, ...]
    ):
        self.selector_options = backend.selector_options
        self.features, self.pts_seconds, self.seed = features, pts_seconds, seed
        self.questions = [sample.question for sample in samples]
        self.scores = {text: backend.score_frames(features, text) for text in self.questions}
        self.odds = backend.event_odds(features, pts_seconds)

    def score_frames(self, features: np.ndarray, question: str) -> np.ndarray:
        """As the backend does."""
        return self.scores[question]

    def event_odds(self, features: np.ndarray, pts_seconds: np.ndarray) -> np.ndarray | None:
        """As the backend does."""
        return self.odds

    def choose(self, place: int, selector: str, num_frames: int) -> np.ndarray:
        """What the pipeline chooses for a question; who draws, draws anew for each."""
        selection = choose_frames(
            self, self.features, self.pts_seconds, self.questions[place], selector, num_frames,
            generator=np.random.default_rng((*self.seed, place)),
        )  # fmt: skip
        return selection.indices


class SimulatedSuite:
    """Features drawn from a model of videos; one question each, whose type is the regime.

    Half of nothing and half of something is no mean to report, so regimes are not pooled.
    """

    pooled = False

    def __init__(self, *, regimes: Sequence[str] = ("local", "global"), seed: int = 0):
        unknown = [name for name in regimes if name not in REGIMES]
        if unknown:
            raise ConfigError(f"no regimes {unknown}; there are {', '.join(REGIMES)}")
        self.regimes, self.seed = tuple(dict.fromkeys(regimes)), seed

    @property
    def kinds_of_video(self) -> int:
        return len(self.regimes)

    @property
    def settings(self) -> dict[str, Any]:
        """What the results depend on."""
        return {
            "suite": "simulated", "regimes": list(self.regimes), "seed": self.seed, "questions": 1,
        }  # fmt: skip

    def footage(self, number: int) -> Footage:
        """Draw video ``number``: the regimes take turns."""
        place, kind = divmod(number, len(self.regimes))
        regime = self.regimes[kind]
        video = simulate_video(SEEDS_APART * self.seed + place, regime)
        pts_seconds = np.arange(len(video), dtype=np.float64)

        def choose(selector: str, num_frames: int) -> np.ndarray:
            return SELECTORS[selector](
                video.features, num_frames, query=video.query, pts_seconds=pts_seconds,
                generator=np.random.default_rng((self.seed, number)),
            )  # fmt: skip

        question = Question(regime, video.events, choose)
        return Footage(video.features, pts_seconds, video.shots, [question])


SUITES: dict[str, Callable[..., Any]] = {"haystack": HaystackSuite, "simulated": SimulatedSuite}
