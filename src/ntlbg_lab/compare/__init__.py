"""Selectors against each other: the same videos, questions and budgets for all of them.

``SUITES`` is the whole menu of videos that they are compared on.
"""

import inspect
import itertools
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ntlbg.answerers import Answerer
from ntlbg.data import Sample
from ntlbg.errors import ConfigError
from ntlbg.files import check_folder
from ntlbg.json_lines import alone_in
from ntlbg.selectors import SELECTORS
from ntlbg.system import System, load_system
from ntlbg.time_text import frames_within
from ntlbg_lab.checks import check_names, check_positive, check_selectors
from ntlbg_lab.compare.records import FILES as RECORDS
from ntlbg_lab.compare.records import (
    ComparisonQuestion,
    ComparisonStore,
    ComparisonVideo,
    SelectorResult,
    measure,
)
from ntlbg_lab.compare.summary import ComparisonRow, check_divergence, summarize
from ntlbg_lab.compare.tables import (
    COMPARISON,
    comparison_numbers,
    comparison_tables,
    write_figures,
)
from ntlbg_lab.compare.tables import FILES as FIGURES
from ntlbg_lab.evaluate import VideoCondition, VideoKind, encode_timeline, plan_video
from ntlbg_lab.evaluate.answering import MemoizedVideo
from ntlbg_lab.simulation import REGIME_NAMES, simulate_video

# By row: its selector, options, and whether each part of a question has a query.
Variants = dict[str, tuple[str, dict[str, Any], bool]]
SEEDS_APART = 100_000  # videos of different seeds are different


class HaystackSuite:
    """Hidden objects: drawn videos, the model's features and relevance, the pipeline's choice.

    Video ``number`` is the one that ``ntlbg evaluate`` asks about under the same seed and length.
    """

    variants: ClassVar[Variants] = {}
    kinds_of_video = 1
    pooled = True  # a mean over all types of questions makes sense

    def __init__(
        self,
        *,
        minutes: float = 10,
        questions: int = 8,
        seed: int = 0,
        split: str = "test",
        model: str | Answerer | System = "builtin",
    ):
        self.condition = VideoCondition(seed=seed, split=split)
        check_positive(minutes=minutes, questions=questions)
        self.system = load_system(model, pristine=True)
        self.kind, self.questions = VideoKind("compare", minutes * 60), questions

    @property
    def settings(self) -> dict[str, Any]:
        """What the results depend on."""
        return {
            "suite": "haystack", "minutes": self.kind.seconds / 60, "questions": self.questions,
            "seed": self.condition.seed, "split": self.condition.split, "model": self.system.name,
            "features": self.system.fingerprint,
        }  # fmt: skip

    def video(self, number: int) -> ComparisonVideo:
        """Draw and encode video ``number``."""
        timeline, samples = plan_video(self.kind, number, self.condition, questions=self.questions)
        known = MemoizedVideo(self.system, encode_timeline(self.system, timeline))
        times = known.index.pts_seconds
        known.retriever.event_odds(known.index)  # before the clock of the selectors runs
        questions = []
        for place, sample in enumerate(samples):
            assert sample.answer_type is not None  # made questions have one
            known.retriever.score(known.index, sample.question)
            events = [frames_within(times, start, end) for start, end in sample.evidence]
            choose = partial(self._choose, known, (number, place), sample)
            questions.append(ComparisonQuestion(sample.answer_type, events, choose))
        shots = np.searchsorted([shot.start for shot in timeline.shots], times, side="right")
        return ComparisonVideo(known.retriever.features(known.index), times, shots, questions)

    def _choose(self, known, place, sample: Sample, selector: str, num_frames: int) -> np.ndarray:
        """What the pipeline chooses; who draws, draws anew for each question."""
        generator = np.random.default_rng((self.condition.seed, *place))
        return known.choose(sample, selector, num_frames, generator=generator).indices


class SimulatedSuite:
    """Features drawn from a model of videos; one question each, whose type is the regime.

    Half of nothing and half of something is no mean to report, so regimes are not pooled.
    ``variants`` are further rows: a selector, its options, and whether it gets a query for each
    thing that the question names instead of one for all.
    """

    pooled = False
    variants: ClassVar[Variants] = {
        "dpp-whitened": ("dpp", {"score_whitening": True}, False),
        "ntlbg-parts": ("ntlbg", {}, True),
        "dpp-parts": ("dpp", {"score_whitening": True}, True),
    }

    def __init__(self, *, regimes: Sequence[str] = ("local", "global"), seed: int = 0):
        check_names("regimes", regimes, REGIME_NAMES)
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

    def video(self, number: int) -> ComparisonVideo:
        """Draw video ``number``: the regimes take turns."""
        place, kind = divmod(number, len(self.regimes))
        regime = self.regimes[kind]
        video = simulate_video(SEEDS_APART * self.seed + place, regime)
        pts_seconds = np.arange(len(video), dtype=np.float64)

        def choose(row: str, num_frames: int) -> np.ndarray:
            selector, options, in_parts = self.variants.get(row, (row, {}, False))
            return SELECTORS[selector](
                video.features, num_frames, query=video.parts if in_parts else video.query,
                pts_seconds=pts_seconds, generator=np.random.default_rng((self.seed, number)),
                **options,
            )  # fmt: skip

        question = ComparisonQuestion(regime, video.events, choose)
        return ComparisonVideo(video.features, pts_seconds, video.shots, [question])


SUITES: dict[str, type[HaystackSuite | SimulatedSuite]] = {
    "haystack": HaystackSuite,
    "simulated": SimulatedSuite,
}


FRAMES = (8, 16, 32)
FILES = RECORDS | COMPARISON.kinds | FIGURES


def compare(
    out_dir: str | Path,
    *,
    suite: str = "haystack",
    selectors: Sequence[str] | None = None,
    frames: Sequence[int] = FRAMES,
    videos: int = 12,
    progress: Callable[[str], None] | None = None,
    **settings: Any,
) -> list[ComparisonRow]:
    """Compare selectors into a folder; a killed run goes on, a finished one is only summed up.

    Leaves ``results.jsonl`` with every choice and its measures, ``summary.json``, tables as
    Markdown, CSV and LaTeX, and plots.

    Args:
        out_dir: selectors, budgets and videos can be added to a folder later.
        suite: a name in SUITES.
        selectors: names in SELECTORS, all of them by default, or in the suite's ``variants``.
        frames: budgets.
        videos: how many, of each kind the suite has.
        progress: called with a line after each video.
        settings: the suite's own.

    Raises:
        ComparisonError: two selectors chose the same frames everywhere.
        ConfigError, UnknownSelector, OutputError.
    """
    folder = Path(out_dir)
    selectors = list(dict.fromkeys(selectors or SELECTORS))
    budgets = sorted(set(frames))
    if suite not in SUITES:
        raise ConfigError(f"no suite {suite!r} of videos; there are {', '.join(SUITES)}")
    check_selectors(selectors, [*SELECTORS, *SUITES[suite].variants])
    check_positive(frames=budgets, videos=videos)
    check_folder(folder, FILES)
    accepted = inspect.signature(SUITES[suite]).parameters
    unknown = [name for name in settings if name not in accepted]
    if unknown:
        raise ConfigError(
            f"suite {suite!r} has no {', '.join(unknown)}; it has {', '.join(accepted)}"
        )
    source = SUITES[suite](**settings)
    with alone_in(folder):
        records = ComparisonStore(folder, source.settings)
        numbers = range(videos * source.kinds_of_video)
        wanted = set(itertools.product(numbers, selectors, budgets))
        _fill(records, source, wanted, progress)
    results = sorted(
        (result for result in records.records if result.block in wanted),
        key=lambda result: selectors.index(result.selector),
    )
    check_divergence(results)
    rows = summarize(results, pooled=source.pooled)
    objects = [asdict(row) for row in rows]
    COMPARISON.write(folder, comparison_tables(rows), comparison_numbers(rows), objects)
    write_figures(folder, rows)
    return rows


def _fill(records: ComparisonStore, source, wanted: set, progress) -> None:
    """Do what is wanted and not there yet, video by video."""
    todo = defaultdict(list)
    for number, selector, num_frames in sorted(wanted - records.done):
        todo[number].append((selector, num_frames))
    began = time.perf_counter()
    for done, (number, blocks) in enumerate(todo.items(), start=1):
        video = source.video(number)
        for selector, num_frames in blocks:
            records.add(judge(video, number, selector, num_frames))
        if progress:
            seconds = time.perf_counter() - began
            left = seconds / done * (len(todo) - done)
            progress(f"video {done} of {len(todo)}: {seconds:.0f} s, about {left:.0f} s left")


def judge(
    video: ComparisonVideo, number: int, selector: str, num_frames: int
) -> list[SelectorResult]:
    """Choose frames for every question about a video, and measure the choices."""
    results = []
    for place, question in enumerate(video.questions):
        began = time.process_time()  # other work on the machine does not count
        indices = question.choose(selector, num_frames)
        seconds = time.process_time() - began
        values = measure(video, question, indices) | {"seconds": seconds}
        results.append(
            SelectorResult(
                number, place, question.kind, selector, num_frames, indices.tolist(), values
            )
        )
    return results


__all__ = ["SUITES", "compare"]
