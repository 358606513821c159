"""Answering what is left to answer in a folder, video by video.

Every answer is kept as JSON lines, so that a killed run goes on with the next video.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ntlbg.data import Sample
from ntlbg.errors import ConfigError
from ntlbg.files import check_folder
from ntlbg.json_lines import RecordFile, records_kind
from ntlbg.judging import STRICT_TOLERANCE, is_open_time, is_right
from ntlbg.system import System
from ntlbg.time_text import all_seen
from ntlbg.types import Reply, Selection, VideoIndex
from ntlbg_lab.evaluate import VideoCondition, VideoKind, encode_timeline, plan_video
from ntlbg_lab.evaluate.answering import CellKey, Outcome
from ntlbg_lab.evaluate.recognition import EvaluatedVideo, judge_names, name_frames
from ntlbg_lab.haystack.timeline import Timeline

ANSWERS_FILE, VIDEOS_FILE = "answers.jsonl", "videos.jsonl"
EVALUATION_RECORDS = "what `ntlbg evaluate` writes there"
FILES = {
    ANSWERS_FILE: records_kind(Outcome, EVALUATION_RECORDS),
    VIDEOS_FILE: records_kind(EvaluatedVideo, EVALUATION_RECORDS),
}


class EvaluationStore:
    """The answers and videos in a folder.

    Kinds of videos, budgets, selectors, conditions and weights may be added to later. A video's
    line is written after its answers and names the cells that are there; answers without one are
    from a killed run and are dropped.

    Raises:
        DataError: the folder's files are not what was written there.
        OutputError: the folder cannot be written.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        check_folder(folder, FILES)
        folder.mkdir(parents=True, exist_ok=True)
        self.videos = RecordFile(folder / VIDEOS_FILE, EvaluatedVideo, EVALUATION_RECORDS)
        whole = {key for video in self.videos.records for key in video.cell_keys}
        self.answers = RecordFile(
            folder / ANSWERS_FILE, Outcome, EVALUATION_RECORDS,
            lambda found: [outcome for outcome in found if outcome.cell_key in whole],
        )  # fmt: skip
        self._asked: dict[CellKey, list[str]] = defaultdict(list)
        for one in self.answers.records:
            self._asked[one.cell_key].append(one.question)

    def done(self, key: CellKey, samples: Sequence[Sample]) -> bool:
        """Whether the questions about a video were answered, for one selector and budget.

        Raises:
            ConfigError: other questions were.
        """
        wanted = [sample.question for sample in samples]
        if key in self._asked and self._asked[key] != wanted:
            raise ConfigError(
                f"{self.folder} holds answers to other questions about video {key.video} of "
                f"{key.kind!r}: choose another folder, or as many questions a video as before"
            )
        return key in self._asked

    def add(self, outcomes: Sequence[Outcome], video: EvaluatedVideo) -> None:
        """What was answered about a video; first the answers, then that they are there."""
        self.answers.add(outcomes)
        self.videos.add([video])


ANSWER_FRAMES = 30  # an answer takes about as long as drawing and encoding so many frames

Say = Callable[[str], None]
# The frames for a question of a cell, what is said about them, and whether that was known.
AnswerFunction = Callable[[Sample, CellKey], tuple[Selection, Reply, bool]]
# From a system and a video.
AnswerAbout = Callable[[System, VideoIndex], AnswerFunction]


@dataclass(frozen=True)
class VideoTask:
    """A video, its questions, and the cells of answers that are missing."""

    kind: VideoKind
    timeline: Timeline
    samples: list[Sample]
    cells: list[CellKey]

    @property
    def work(self) -> float:
        """In frames drawn and encoded."""
        return self.kind.seconds + ANSWER_FRAMES * len(self.samples) * len(self.cells)


def tasks_left(
    store: EvaluationStore,
    weights: str,
    kind: VideoKind,
    condition: VideoCondition,
    cells: Sequence[tuple[str, int]],
    *,
    videos: int,
    questions: int | None = None,
) -> list[VideoTask]:
    """The first ``videos`` of a kind, those with something missing in ``cells``.

    Args:
        cells: selector, or whatever stands in its place, and budget.
        questions: about each video; by default as the kind says.

    Raises:
        ConfigError: the folder holds answers to other questions about them.
    """
    found = []
    for number in range(videos):
        timeline, samples = plan_video(kind, number, condition, questions=questions)
        keys = [CellKey(weights, condition.name, kind.name, number, *cell) for cell in cells]
        missing = [key for key in keys if not store.done(key, samples)]
        if missing:
            found.append(VideoTask(kind, timeline, samples, missing))
    return found


def work_through(
    tasks: Sequence[VideoTask],
    system: System,
    store: EvaluationStore,
    answer_about: AnswerAbout,
    progress: Say | None,
) -> None:
    """Do what is left; what is done with a video is written at once."""
    began, done, whole = time.perf_counter(), 0.0, sum(task.work for task in tasks)
    for place, task in enumerate(tasks, start=1):
        outcomes, video = _work_on(task, system, answer_about)
        store.add(outcomes, video)
        done += task.work
        if progress:
            seconds = time.perf_counter() - began
            left = seconds * (whole - done) / done
            progress(
                f"{task.kind.name}: video {place} of {len(tasks)}, {_right(outcomes)}; "
                f"{seconds / 60:.1f} minutes, about {left / 60:.1f} left"
            )


def _work_on(
    task: VideoTask, system: System, answer_about: AnswerAbout
) -> tuple[list[Outcome], EvaluatedVideo]:
    """Draw and encode a video once, and answer everything about it."""
    began = time.process_time()
    index = encode_timeline(system, task.timeline)
    seconds = time.process_time() - began
    answer = answer_about(system, index)
    outcomes = []
    for key in task.cells:
        for place, sample in enumerate(task.samples):
            assert sample.answer_type is not None  # made questions have one
            began = time.process_time()  # other work on the machine does not count
            selection, reply, reused = answer(sample, key)
            spent = time.process_time() - began
            strict = is_right(sample, reply.text, tolerance=STRICT_TOLERANCE)
            outcomes.append(
                Outcome(
                    **asdict(key),
                    place=place,
                    type=sample.answer_type,
                    multiple_choice=sample.options is not None,
                    question=sample.question,
                    truth=sample.answer,
                    answer=reply.text,
                    right=bool(is_right(sample, reply.text)),
                    strict=strict if is_open_time(sample) else None,
                    seen=all_seen(index.pts_seconds[selection.indices], sample.evidence),
                    seconds=round(spent, 4),
                    reused=reused,
                )
            )
    named = name_frames(system, index.features[system.encoders[0].name])
    key = task.cells[0]
    return outcomes, EvaluatedVideo(
        *(key.weights, key.condition, key.kind, key.video),
        frames=len(index),
        seconds=round(seconds, 2),
        named={} if named is None else judge_names(task.timeline, index.pts_seconds, named),
        done=[(key.selector, key.num_frames) for key in task.cells],
    )


def _right(outcomes: Sequence[Outcome]) -> str:
    groups: dict[str, list[bool]] = {}
    for one in outcomes:
        groups.setdefault(one.selector, []).append(one.right)
    return ", ".join(f"{name} {sum(right) / len(right):.2f}" for name, right in groups.items())
