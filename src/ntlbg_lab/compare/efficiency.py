"""Time and memory: frames that were chosen, against as many and more at equal distances.

Against uniform sampling of as many frames, of as many as it needs to answer as often right, and of
all. Videos are the made ones of ``ntlbg evaluate``; the same questions for every way. T frames of a
video, k of them chosen.
"""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ntlbg.answerers import Answerer
from ntlbg.budget import plan_frames
from ntlbg.choosing import choose
from ntlbg.data import Sample
from ntlbg.errors import ConfigError
from ntlbg.files import check_folder
from ntlbg.index.index_video import BATCH_FRAMES
from ntlbg.json_lines import records_kind
from ntlbg.judging import is_right
from ntlbg.memory.measuring import MeasuredPeak, give_back_freed_memory
from ntlbg.question import parse_question
from ntlbg.retrievers import Retriever
from ntlbg.system import System, load_system
from ntlbg.types import AnswerInput, VideoIndex
from ntlbg_lab.checks import check_positive, check_selectors
from ntlbg_lab.compare.efficiency_rows import (
    ALL_FRAMES,
    AS_MANY_FRAMES,
    AS_MANY_RIGHT,
    EFFICIENCY,
    Efficiency,
    EfficiencyContrast,
    Measured,
    Way,
    WayRow,
    against,
    doubled,
    efficiency_numbers,
    efficiency_tables,
    way_row,
)
from ntlbg_lab.compare.records import COMPARISON_RESULTS, SETTINGS, ComparisonStore
from ntlbg_lab.compare.summary import BASELINE, check_divergence
from ntlbg_lab.evaluate import VideoCondition, VideoKind, encode_timeline, plan_video
from ntlbg_lab.evaluate.answering import WrappedRetriever
from ntlbg_lab.haystack.timeline import draw_frames

RESULTS_FILE = "efficiency.jsonl"
FILES = EFFICIENCY.kinds | SETTINGS | {RESULTS_FILE: records_kind(Measured, COMPARISON_RESULTS)}
Say = Callable[[str], None]


class Moment(NamedTuple):
    """Seconds of the processor and of the clock on the wall."""

    processor: float
    wall: float


Clock = Callable[[], Moment]


def this_moment() -> Moment:
    """Processor seconds are those of this process: other work on the machine does not count."""
    return Moment(time.process_time(), time.perf_counter())


def measure_efficiency(
    out_dir: str | Path,
    *,
    selectors: Sequence[str] = ("ntlbg",),
    frames: Sequence[int] = (8,),
    videos: int = 4,
    minutes: float = 10,
    questions: int = 4,
    seed: int = 0,
    split: str = "test",
    model: str | Answerer | System = "builtin",
    clock: Clock = this_moment,
    progress: Say | None = None,
) -> Efficiency:
    """Measure answering into a folder; a killed run goes on with the next video.

    Leaves ``efficiency.jsonl`` with every question, ``efficiency.json``, and tables as Markdown,
    CSV and LaTeX. Reading all frames takes most of the time.

    Args:
        selectors: names in SELECTORS, each of which is set against ``uniform``.
        frames: budgets.
        videos, minutes, questions: how many videos, how long, and questions about each.
        seed, split: of the videos.
        model: what answers from features; a model that reads pictures is refused.
        clock: what time it is.

    Raises:
        ComparisonError: a selector chose the frames of uniform sampling everywhere.
        ConfigError, UnknownSelector, WeightsError, DataError, OutputError.
    """
    import torch

    selectors, budgets = list(dict.fromkeys(selectors)), sorted(set(frames))
    check_selectors(selectors)
    if not selectors or BASELINE in selectors:
        raise ConfigError(
            f"selectors {selectors}: give others than {BASELINE}, against which they are measured"
        )
    check_positive(frames=budgets, videos=videos, questions=questions, minutes=minutes)
    condition = VideoCondition(seed=seed, split=split)
    folder, kind = Path(out_dir), VideoKind("efficiency", minutes * 60, questions)
    check_folder(folder, FILES)
    system = load_system(model, pristine=True)
    if system.answerer.wants.pictures:
        raise ConfigError(
            f"model {system.name!r} reads pictures, and this suite has features only; give "
            "builtin or the folder of a trained reader"
        )
    settings = {
        "suite": "efficiency", "minutes": minutes, "questions": questions, "seed": seed,
        "split": split, "model": system.name, "features": system.fingerprint,
        "threads": torch.get_num_threads(),
    }  # fmt: skip
    looked_at = math.ceil(kind.seconds - 1e-9)  # a frame a second, as they are drawn
    plan, notes = plan_frames(
        system.answerer, parse_question("When?"), system.encoders[0].image_size, looked_at,
        num_frames=looked_at,
    )  # fmt: skip
    most, note = plan.num_frames, " ".join(notes) or None
    if budgets[-1] >= most:
        raise ConfigError(
            f"frames {budgets[-1]}: {most} frames are all that are read of {minutes:g} minutes; "
            "choose fewer, or longer videos"
        )
    records = ComparisonStore(folder, settings, RESULTS_FILE, Measured)
    run = _Run(records, system, kind, condition, range(videos), most, clock, progress)
    ways = [(name, number) for number in budgets for name in selectors]
    found = Efficiency(*run.rows(ways), note)
    EFFICIENCY.write(folder, efficiency_tables(found), efficiency_numbers(found), asdict(found))
    return found


@dataclass
class _Run:
    """What is measured, as it is needed: the budgets of uniform sampling follow from answers."""

    records: ComparisonStore
    system: System
    kind: VideoKind
    condition: VideoCondition
    videos: range
    most_frames: int
    clock: Clock
    progress: Say | None
    warm: bool = False
    encoded: dict[int, "EncodedVideo"] = field(default_factory=dict)  # some MB for ten minutes

    def rows(self, ways: Sequence[Way]) -> tuple[list[WayRow], list[EfficiencyContrast]]:
        """What some ways of choosing take, and those of uniform sampling beside them."""
        whole = (BASELINE, self.most_frames)
        evenly = [(BASELINE, number) for _, number in ways]
        self._measure([*ways, *evenly, whole])
        used = list(dict.fromkeys([*ways, *evenly]))
        check_divergence(one for way in used for one in self._of(way))
        rows: list[EfficiencyContrast] = []
        for way in ways:
            tried = self._until_as_right(way)
            used += tried
            others = {
                AS_MANY_FRAMES: self._of((BASELINE, way[1])),
                AS_MANY_RIGHT: self._of(tried[-1]) if self._as_right(tried[-1], way) else [],
                ALL_FRAMES: self._of(whole),
            }
            rows += [against(self._of(way), name, other) for name, other in others.items()]
        shown = [way_row(self._of(way)) for way in dict.fromkeys([*used, whole])]
        return shown, rows

    def _until_as_right(self, way: Way) -> list[Way]:
        """Uniform sampling of k, 2 k, 4 k ... all frames, up to the first that is as often right.

        More frames need not mean more right answers, so that every step is measured.
        """
        tried = []
        for number in doubled(way[1], self.most_frames):
            tried.append((BASELINE, number))
            self._measure(tried[-1:])
            if self._as_right(tried[-1], way):
                break
        return tried

    def _as_right(self, one: Way, other: Way) -> bool:
        right, wanted = (sum(found.right for found in self._of(way)) for way in (one, other))
        return right >= wanted

    def _of(self, way: Way) -> list[Measured]:
        return [
            one
            for one in self.records.records
            if (one.selector, one.num_frames) == way and one.video in self.videos
        ]

    def _measure(self, ways: Iterable[Way]) -> None:
        """Measure what is missing, video by video."""
        ways = list(dict.fromkeys(ways))
        for number in self.videos:
            missing = [way for way in ways if (number, *way) not in self.records.done]
            began = time.perf_counter()
            for way in missing:
                if number not in self.encoded:
                    self.encoded[number] = encode_video(
                        self.system, self.kind, number, self.condition, self.clock
                    )
                block = self.system, self.encoded[number], *way, self.clock
                if not self.warm:  # what libraries take once is no part of what comes first
                    measure_block(*block)
                    self.warm = True
                self.records.add(measure_block(*block))
            if missing and self.progress:
                named = ", ".join(f"{selector} {number}" for selector, number in missing)
                seconds = time.perf_counter() - began
                self.progress(f"video {number + 1} of {len(self.videos)}, {named}: {seconds:.0f} s")


@dataclass(frozen=True)
class EncodedVideo:
    """Which video was looked at, questions about it, what the encoders made of it.

    ``frame_seconds`` as in Measured.
    """

    number: int
    samples: Sequence[Sample]
    index: VideoIndex
    frame_seconds: float


def encode_video(
    system: System, kind: VideoKind, number: int, condition: VideoCondition, clock: Clock
) -> EncodedVideo:
    """Draw and encode video ``number``.

    The first batch is encoded again for the seconds a frame: drawing does not count.
    """
    timeline, samples = plan_video(kind, number, condition)
    index = encode_timeline(system, timeline)
    frames = islice(draw_frames(timeline, system.encoders[0].image_size, 1.0), BATCH_FRAMES)
    batch = np.stack([frame for _, frame in frames])
    began = clock()
    for encoder in system.encoders:
        encoder.encode_with_notes(batch)
    seconds = (clock().processor - began.processor) / len(batch)
    return EncodedVideo(number, samples, index, seconds)


class _ScoringClock(WrappedRetriever):
    """A retriever that knows how many processor seconds it spent on the relevance of frames."""

    def __init__(self, inner: Retriever, clock: Clock):
        super().__init__(inner)
        self.clock, self.seconds = clock, 0.0

    def score(self, index: VideoIndex, text: str) -> np.ndarray:
        """As the other one, timed."""
        return self._on_clock(super().score, index, text)

    def event_odds(self, index: VideoIndex) -> np.ndarray | None:
        """As the other one, timed."""
        return self._on_clock(super().event_odds, index)

    def _on_clock(self, work: Callable, *arguments: Any) -> Any:
        began = self.clock()
        found = work(*arguments)
        self.seconds += self.clock().processor - began.processor
        return found


def measure_block(
    system: System, video: EncodedVideo, selector: str, num_frames: int, clock: Clock
) -> list[Measured]:
    """Answer every question about a video from frames chosen in one way.

    The first one is answered once more before, without the clock: what a model does only once, for
    a video or a number of frames, is left out.
    """

    def ask(sample: Sample) -> tuple[list[int], bool, float, float, float, float]:
        """Frames, whether the answer is right, and the seconds, as in Measured."""
        scored = _ScoringClock(system.retriever, clock)
        question = parse_question(sample.question, sample.options)
        began = clock()
        selection = choose(scored, video.index, question, selector, num_frames)
        chosen = clock()
        given = AnswerInput(video.index, scored.features(video.index), selection)
        reply = system.answerer.answer(question, given)
        read = clock()
        return (
            selection.indices.tolist(), bool(is_right(sample, reply.text)), scored.seconds,
            chosen.processor - began.processor, read.processor - chosen.processor,
            read.wall - began.wall,
        )  # fmt: skip

    can_grow = give_back_freed_memory()
    with MeasuredPeak() as peak:
        ask(video.samples[0])
        asked = [ask(sample) for sample in video.samples]
    grown = peak.peak_bytes - peak.bytes_before if can_grow else None
    whole = len(video.index), video.frame_seconds, peak.peak_bytes, grown
    return [
        Measured(video.number, place, selector, num_frames, *one, *whole)
        for place, one in enumerate(asked)
    ]
