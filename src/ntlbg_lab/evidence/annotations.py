"""Where the evidence for a question lies, read from the published annotations of five data sets.

Nothing but adapters: the files stay where their authors published them. Every time becomes seconds
from the first picture. ``FORMATS`` is the whole menu.
"""

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ntlbg.data import read_json_lines, read_questions, read_text
from ntlbg.errors import DataError

# LongVideoBench's data card calls ``position`` a frame index and names no rate. The frames are
# those of a 24-fps timeline, whatever the rate of the file: the largest position over duration is
# 24 / fps of the file for files of 23.976, 25, 29.97 and 30 fps, and only with 24 do positions fall
# into scenes labelled by others (92 to 96 % within two seconds, 44 to 57 % with the file's rate).
LONGVIDEOBENCH_FPS = 24.0
PAST_THE_END = 1.01  # share of the duration; 1.003 is the largest in the validation set
SPOILT = 0.02  # share of records past the end from which on the unit must be wrong

Interval = tuple[float, float]


@dataclass(frozen=True)
class Annotation:
    """Evidence for one question, in seconds; a moment is an interval without length."""

    id: str
    video: str
    evidence: tuple[Interval, ...]
    duration: float | None = None
    kind: str | None = None


@dataclass(frozen=True)
class Annotations:
    """What a file holds. ``left_out`` are ids and reasons."""

    records: tuple[Annotation, ...]
    left_out: tuple[tuple[str, str], ...] = ()


def read_annotations(path: str | Path, format: str) -> Annotations:
    """Read a file in one of FORMATS.

    A record whose evidence lies past the end of its video is malformed and left out, and said so;
    when many do, the unit is wrong and the file is refused.

    Raises:
        DataError: naming file, record and what was expected.
    """
    path = Path(path)
    if format not in FORMATS:
        raise DataError(f"no annotation format {format!r}; there are {', '.join(FORMATS)}")
    try:
        found = list(FORMATS[format](path))
    except KeyError as error:
        raise DataError(f"{path}: not {format}: a record has no {error.args[0]!r}") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path}: not {format}: {error}") from error
    twice = [name for name, number in Counter(one.id for one in found).items() if number > 1]
    if twice:
        raise DataError(f"{path}: two questions have the id {twice[0]!r}")
    late = [record for record in found if _ends_late(record)]
    if len(late) > max(1, SPOILT * len(found)):
        raise DataError(
            f"{path}: {len(late)} of {len(found)} questions have evidence past the end of their "
            f"video, such as {late[0].id!r}; the times are not in the unit of {format}"
        )
    empty = [record for record in found if not record.evidence]
    return Annotations(
        tuple(record for record in found if record.evidence and record not in late),
        tuple((record.id, "evidence past the end of the video") for record in late)
        + tuple((record.id, "no evidence") for record in empty),
    )


def frames_to_seconds(frames: Iterable[float], fps: float) -> list[float]:
    """Times of frame numbers at a rate that somebody stated; there is no default.

    Raises:
        ValueError: a rate that is not a positive number, a frame number below zero.
    """
    if isinstance(fps, bool) or not isinstance(fps, int | float):
        raise ValueError(f"fps must be a number, got {fps!r}")
    if not (math.isfinite(fps) and fps > 0):
        raise ValueError(f"fps must be positive, got {fps!r}")
    seconds = [float(frame) / fps for frame in frames]
    if any(not math.isfinite(second) or second < 0 for second in seconds):
        raise ValueError(f"frame numbers must be finite and not negative: {list(frames)}")
    return seconds


@dataclass(frozen=True)
class ListedRecords:
    """A format of one object a question, whose times are seconds unless a rate is given.

    Attributes:
        records: reads the objects of a file.
        id, video, evidence, kind: under which keys these are.
        fps: rate at which the evidence counts frames.
    """

    records: Callable[[Path], Iterable[dict[str, Any]]]
    id: str
    video: str
    evidence: str
    kind: str = ""
    fps: float | None = None

    def __call__(self, path: Path) -> Iterator[Annotation]:
        for record in self.records(path):
            times = record[self.evidence]
            if self.fps is not None:
                times = frames_to_seconds(times, self.fps)
            yield Annotation(
                id=str(record[self.id]),
                video=str(record[self.video]),
                evidence=_intervals(times),
                duration=_duration(record["duration"], str(record[self.id])),
                kind=record.get(self.kind),
            )


def _nextgqa(path: Path) -> Iterator[Annotation]:
    """``gsub_*.json``: seconds by video and question; ids are ``video_question``.

    The file's ``fps`` belongs to the video and not to the times.
    """
    videos = read_json(path)
    for video, record in videos.items():
        for question, windows in record["location"].items():
            yield Annotation(
                id=f"{video}_{question}",
                video=str(video),
                evidence=_intervals(windows),
                duration=_duration(record["duration"], str(video)),
            )


def _lvbench(path: Path) -> Iterator[Annotation]:
    """``video_info.meta.jsonl``: seconds of ``time_reference``; ids are the ``uid``."""
    for question in read_questions(path):
        if question.id is None:
            raise ValueError(f"{question.question!r} has no uid")
        yield Annotation(question.id, question.video, tuple(question.evidence))


def _jsonl(path: Path) -> Iterator[Annotation]:
    """One object a line: ``id``, and ``evidence`` in seconds or ``evidence_frames`` with ``fps``.

    ``video``, ``duration`` and ``answer_type`` are optional; the questions of made videos fit.
    """
    for record in read_objects(path):
        identifier, duration = str(record["id"]), record.get("duration")
        yield Annotation(
            id=identifier,
            video=str(record.get("video", record.get("video_id", identifier))),
            evidence=_plain_evidence(identifier, record),
            duration=None if duration is None else _duration(duration, identifier),
            kind=record.get("answer_type"),
        )


def _plain_evidence(identifier: str, record: dict[str, Any]) -> tuple[Interval, ...]:
    if "position" in record:
        raise ValueError(
            f"{identifier!r} has a position, which counts frames of LongVideoBench's own timeline; "
            "read the file as longvideobench"
        )
    if "evidence_frames" not in record:
        return _intervals(record["evidence"])
    if "evidence" in record:
        raise ValueError(f"{identifier!r} has evidence both in seconds and in frames; give one")
    if "fps" not in record:
        raise ValueError(
            f"{identifier!r} counts evidence in frames and does not say at which rate; add fps, "
            "or give evidence in seconds"
        )
    times = frames_to_seconds(record["evidence_frames"], record["fps"])
    return tuple((time, time) for time in times)


def _intervals(found: Iterable) -> tuple[Interval, ...]:
    """Intervals from ``[start, end]`` pairs, moments from single numbers."""
    intervals = []
    for item in found:
        start, end = (item, item) if isinstance(item, int | float) else item
        if not (0 <= start <= end and math.isfinite(end)):
            raise ValueError(f"evidence must be [start, end] in seconds, got {item}")
        intervals.append((float(start), float(end)))
    return tuple(intervals)


def _duration(given: Any, identifier: str) -> float:
    seconds = float(given)
    if not (math.isfinite(seconds) and seconds >= 0):
        raise ValueError(f"{identifier!r} has the duration {seconds}; give seconds, from 0 on")
    return seconds


def _ends_late(record: Annotation) -> bool:
    if record.duration is None or not record.evidence:
        return False
    last = max(end for _, end in record.evidence)
    return last > max(PAST_THE_END * record.duration, record.duration + 1)  # whole-second durations


def read_objects(path: Path) -> Iterator[dict[str, Any]]:
    """One object a line; empty lines are passed over.

    Raises:
        DataError: naming file and line.
    """
    for number, record in read_json_lines(path):
        if not isinstance(record, dict):
            got = json.dumps(record)[:40]
            raise DataError(f"{path}:{number}: a JSON object is expected, got {got}")
        yield record


def read_json(path: Path) -> Any:
    """The value a JSON file holds.

    Raises:
        DataError: it cannot be read.
    """
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise DataError(f"{path}:{error.lineno}: not JSON ({error.msg})") from error


FORMATS: dict[str, Callable[[Path], Iterator[Annotation]]] = {
    # lvb_val.json
    "longvideobench": ListedRecords(
        read_json, "id", "video_id", "position", "question_category", fps=LONGVIDEOBENCH_FPS
    ),
    # highlight_*_release.jsonl; seconds of the clip
    "qvhighlights": ListedRecords(read_objects, "qid", "vid", "relevant_windows"),
    "nextgqa": _nextgqa,
    # cgbench.json
    "cgbench": ListedRecords(read_json, "qid", "video_uid", "clue_intervals", "sub_category"),
    "lvbench": _lvbench,
    "jsonl": _jsonl,
}
