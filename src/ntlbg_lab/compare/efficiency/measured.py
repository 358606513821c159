"""Questions about one video, answered from frames chosen in one way: seconds and memory.

T frames of a video, D feature size, k of them chosen.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from ntlbg.choosing import choose
from ntlbg.data import Sample
from ntlbg.index.index_video import BATCH_FRAMES
from ntlbg.judging import is_right
from ntlbg.memory.measuring import MeasuredPeak, give_back_freed_memory
from ntlbg.question import parse_question
from ntlbg.retrievers import Retriever
from ntlbg.system import System
from ntlbg.types import AnswerInput, Reply, Selection, VideoIndex
from ntlbg_lab.evaluate import Condition, Kind, encode_timeline, plan_video
from ntlbg_lab.evaluate.answering import WrappedRetriever
from ntlbg_lab.haystack.timeline import Timeline, draw_frames


class Moment(NamedTuple):
    """Seconds of the processor and of the clock on the wall."""

    processor: float
    wall: float


Clock = Callable[[], Moment]


def this_moment() -> Moment:
    """Processor seconds are those of this process: other work on the machine does not count."""
    return Moment(time.process_time(), time.perf_counter())


@dataclass(frozen=True)
class Measured:
    """One question, answered once.

    Attributes:
        video, question: which.
        selector, num_frames: how frames were chosen, and how many.
        indices: (k,) the frames.
        right: the answer.
        score_seconds: of the processor, for the relevance of all frames; a part of the next.
        choose_seconds, read_seconds: of the processor.
        wall_seconds: for choosing and reading.
        video_frames: T.
        frame_seconds: of the processor, to encode one frame of this video.
        peak_bytes: highest memory of the process while all questions about the video were answered
            in this way, GPU included.
        grown_bytes: above what it was before; None where that cannot be told.
    """

    video: int
    question: int
    selector: str
    num_frames: int
    indices: list[int]
    right: bool
    score_seconds: float
    choose_seconds: float
    read_seconds: float
    wall_seconds: float
    video_frames: int
    frame_seconds: float
    peak_bytes: int
    grown_bytes: int | None

    @property
    def block(self) -> tuple[int, str, int]:
        """What is written at once: all questions about a video, in one way."""
        return self.video, self.selector, self.num_frames


@dataclass(frozen=True)
class EncodedVideo:
    """A video that was looked at, and questions about it.

    Attributes:
        number: which.
        samples: the questions.
        index: what the encoders made of it.
        frame_seconds: as in Measured.
    """

    number: int
    samples: Sequence[Sample]
    index: VideoIndex
    frame_seconds: float


def encode_video(
    system: System, kind: Kind, number: int, condition: Condition, clock: Clock
) -> EncodedVideo:
    """Draw and encode video ``number``."""
    timeline, samples = plan_video(kind, number, condition)
    index = encode_timeline(system, timeline)
    return EncodedVideo(number, samples, index, _frame_seconds(system, timeline, clock))


def _frame_seconds(system: System, timeline: Timeline, clock: Clock) -> float:
    """Processor seconds a frame of encoding the first batch again; drawing does not count."""
    frames = islice(draw_frames(timeline, system.encoders[0].image_size, 1.0), BATCH_FRAMES)
    batch = np.stack([frame for _, frame in frames])
    began = clock()
    for encoder in system.encoders:
        encoder.encode_with_notes(batch)
    return (clock().processor - began.processor) / len(batch)


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
    ask = partial(_ask, system, video, selector, num_frames, clock)
    can_grow = give_back_freed_memory()
    with MeasuredPeak() as peak:
        ask(video.samples[0])
        asked = [ask(sample) for sample in video.samples]
    grown = peak.peak_bytes - peak.bytes_before if can_grow else None
    return [
        Measured(
            video.number, place, selector, num_frames, one.selection.indices.tolist(),
            is_right(sample, one.reply.text), one.scoring, one.choosing, one.reading, one.wall,
            len(video.index), video.frame_seconds, peak.peak_bytes, grown,
        )
        for place, (sample, one) in enumerate(zip(video.samples, asked, strict=True))
    ]  # fmt: skip


class _Asked(NamedTuple):
    """One answer and its seconds."""

    selection: Selection
    reply: Reply
    scoring: float
    choosing: float
    reading: float
    wall: float


def _ask(
    system: System,
    video: EncodedVideo,
    selector: str,
    num_frames: int,
    clock: Clock,
    sample: Sample,
) -> _Asked:
    scored = _ScoringClock(system.retriever, clock)
    question = parse_question(sample.question, sample.options)
    began = clock()
    selection = choose(scored, video.index, question, selector, num_frames)
    chosen = clock()
    given = AnswerInput(video.index, scored.features(video.index), selection)
    reply = system.answerer.answer(question, given)
    read = clock()
    return _Asked(
        selection, reply, scored.seconds, chosen.processor - began.processor,
        read.processor - chosen.processor, read.wall - began.wall,
    )  # fmt: skip
