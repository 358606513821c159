"""Where the evidence for a question lies, read from the published annotations of five data sets.

Nothing but adapters: the files stay where their authors published them. Every time becomes seconds
from the first picture. ``FORMATS`` is the whole menu.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ntlbg.data import read_questions
from ntlbg.errors import DataError
from ntlbg.text_files import MAX_LIST_BYTES, read_json, read_json_lines

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
    except ValueError as error:
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


def frames_to_seconds(frames: Any, fps: Any) -> list[float]:
    """Times of frame numbers at a rate that somebody stated; there is no default.

    Raises:
        ValueError: a rate that is not a positive number, or no list of numbers from 0 on.
    """
    if not _is_number(fps):
        raise ValueError(f"fps must be a number, got {fps!r:.80}")
    if not (math.isfinite(fps) and fps > 0):
        raise ValueError(f"fps must be positive, got {fps!r}")
    seconds = [frame / fps for frame in numbers_from_zero(frames, "frame numbers")]
    if not all(map(math.isfinite, seconds)):
        raise ValueError(f"fps must be larger, got {fps!r}")
    return seconds


def numbers_from_zero(values: Any, what: str) -> list[float]:
    """A list of finite numbers that are not negative, and nothing else.

    A text has elements too: "45" would be the fourth and the fifth second.

    Raises:
        ValueError: it is something else.
    """
    if not isinstance(values, list) or not all(map(_is_number, values)):
        raise ValueError(f"{what} must be a list of numbers, got {values!r:.80}")
    numbers = list(map(float, values))
    if any(not math.isfinite(number) or number < 0 for number in numbers):
        raise ValueError(f"{what} must be finite and not negative: {values!r:.80}")
    return numbers


def name_of(record: dict[str, Any], key: str) -> str:
    """An id or the name of a video: text, or a whole number as text.

    Raises:
        ValueError: the record has none, or something else.
    """
    name = _value(record, key)
    if type(name) is int or (isinstance(name, str) and name):
        return str(name)
    raise ValueError(f"{key} must be text or a whole number, got {name!r:.80}")


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
            with _about(identifier := name_of(record, self.id)):
                times = _value(record, self.evidence)
                if self.fps is not None:
                    times = frames_to_seconds(times, self.fps)
                yield Annotation(
                    id=identifier,
                    video=name_of(record, self.video),
                    evidence=_intervals(times),
                    duration=_duration(_value(record, "duration")),
                    kind=_kind(record, self.kind),
                )


def _nextgqa(path: Path) -> Iterator[Annotation]:
    """``gsub_*.json``: seconds by video and question; ids are ``video_question``.

    The file's ``fps`` belongs to the video and not to the times.
    """
    for video, record in _object(_read_json(path), "the file").items():
        with _about(video):
            name_of({"video": video}, "video")
            about = _object(record, "a video")
            duration = _duration(_value(about, "duration"))
            for question, windows in _object(_value(about, "location"), "location").items():
                yield Annotation(f"{video}_{question}", video, _intervals(windows), duration)


def _lvbench(path: Path) -> Iterator[Annotation]:
    """``video_info.meta.jsonl``: seconds of ``time_reference``; ids are the ``uid``."""
    for question in read_questions(path):
        if question.id is None:
            raise ValueError(f"{question.question!r:.80} has no uid")
        yield Annotation(question.id, question.video, tuple(question.evidence))


def _jsonl(path: Path) -> Iterator[Annotation]:
    """One object a line: ``id``, and ``evidence`` in seconds or ``evidence_frames`` with ``fps``.

    ``video``, ``duration`` and ``answer_type`` are optional; the questions of made videos fit.
    """
    for record in read_objects(path):
        with _about(identifier := name_of(record, "id")):
            named = [key for key in ("video", "video_id") if record.get(key) is not None]
            duration = record.get("duration")
            yield Annotation(
                id=identifier,
                video=name_of(record, named[0]) if named else identifier,
                evidence=_plain_evidence(record),
                duration=None if duration is None else _duration(duration),
                kind=_kind(record, "answer_type"),
            )


def _plain_evidence(record: dict[str, Any]) -> tuple[Interval, ...]:
    if "position" in record:
        raise ValueError(
            "there is a position, which counts frames of LongVideoBench's own timeline; "
            "read the file as longvideobench"
        )
    if "evidence_frames" not in record:
        return _intervals(_value(record, "evidence"))
    if "evidence" in record:
        raise ValueError("there is evidence both in seconds and in frames; give one")
    if "fps" not in record:
        raise ValueError(
            "evidence is counted in frames, and nothing says at which rate; add fps, "
            "or give evidence in seconds"
        )
    times = frames_to_seconds(record["evidence_frames"], record["fps"])
    return tuple((time, time) for time in times)


@contextmanager
def _about(identifier: str) -> Iterator[None]:
    """Name the record in what is raised about it."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{identifier!r}: {error}") from error


def _value(record: dict[str, Any], key: str) -> Any:
    if key not in record:
        raise ValueError(f"a record has no {key!r}")
    return record[key]


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} must be a JSON object, got {value!r:.80}")
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _intervals(found: Any) -> tuple[Interval, ...]:
    """Intervals from ``[start, end]`` pairs, moments from single numbers."""
    if not isinstance(found, list):
        raise ValueError(f"evidence must be a list of [start, end], got {found!r:.80}")
    intervals = []
    for item in found:
        pair = [item, item] if _is_number(item) else item
        if not isinstance(pair, list) or len(pair) != 2:
            raise ValueError(f"evidence must be [start, end] in seconds, got {item!r:.80}")
        start, end = numbers_from_zero(pair, "evidence")
        if end < start:
            raise ValueError(f"evidence must be [start, end] with start <= end, got {item}")
        intervals.append((start, end))
    return tuple(intervals)


def _duration(given: Any) -> float:
    if not _is_number(given) or not (math.isfinite(given) and given >= 0):
        raise ValueError(f"the duration is {given!r:.80}; give a number of seconds, from 0 on")
    return float(given)


def _kind(record: dict[str, Any], key: str) -> str | None:
    kind = record.get(key)
    if kind is None or isinstance(kind, str):
        return kind
    raise ValueError(f"{key} must be text, got {kind!r:.80}")


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
            raise DataError(f"{path}:{number}: a JSON object is expected, got {record!r:.40}")
        yield record


def _read_json(path: Path) -> Any:
    return read_json(path, "a file of annotations", most=MAX_LIST_BYTES)


def _read_list(path: Path) -> list[dict[str, Any]]:
    records = _read_json(path)
    if not isinstance(records, list):
        raise ValueError(f"the file must hold a list of records, got {records!r:.40}")
    return [_object(record, "a record") for record in records]


FORMATS: dict[str, Callable[[Path], Iterator[Annotation]]] = {
    # lvb_val.json
    "longvideobench": ListedRecords(
        _read_list, "id", "video_id", "position", "question_category", fps=LONGVIDEOBENCH_FPS
    ),
    # highlight_*_release.jsonl; seconds of the clip
    "qvhighlights": ListedRecords(read_objects, "qid", "vid", "relevant_windows"),
    "nextgqa": _nextgqa,
    # cgbench.json
    "cgbench": ListedRecords(_read_list, "qid", "video_uid", "clue_intervals", "sub_category"),
    "lvbench": _lvbench,
    "jsonl": _jsonl,
}
