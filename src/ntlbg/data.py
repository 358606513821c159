"""Questions about videos, one JSON object a line.

Required: ``video`` (or ``video_id``, or ``image``), ``question``, ``answer``. The rest is optional.
Records in the form of LLaVA, ``conversations`` about an ``image`` or a ``video``, are read as well,
each pair of turns as a question (``ntlbg.conversations``).
Times are seconds from the first picture; evidence intervals are ``[start, end)``.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError, model_validator

from ntlbg.conversations import is_conversation, questions_of
from ntlbg.errors import DataError

Seconds = Annotated[float, Field(ge=0)]
# The answer to a question about what the video does not show.
NOT_SEEN = "I did not see that."


class QuestionRecord(BaseModel):
    """One question about one video, its answer where it is known."""

    model_config = ConfigDict(extra="allow", populate_by_name=True)

    id: str | None = Field(None, description="unique within its file")
    video: str = Field(
        min_length=1,
        validation_alias=AliasChoices("video", "video_id", "image"),
        description="path, relative to the questions' folder or to the folder of videos",
    )
    question: str = Field(min_length=1)
    answer: str | None = Field(
        None, min_length=1, description="the answer's text, also for multiple choice"
    )
    options: list[str] | None = Field(None, description="choices; the answer is one of them")
    answer_type: str | None = Field(
        None, description="first, last, before, after, count, exist, when, which, or your own"
    )
    duration: Seconds | None = Field(None, description="length of the video in seconds")
    evidence: list[tuple[Seconds, Seconds]] = Field(
        default_factory=list, description="intervals that must be seen to answer, in seconds"
    )

    @model_validator(mode="after")
    def _answer_is_an_option(self):
        known = self.answer is not None and self.options is not None
        if known and self.answer not in self.options:
            raise ValueError(f"answer {self.answer!r} is not one of the options {self.options}")
        if any(end < start for start, end in self.evidence):
            raise ValueError(f"evidence must be [start, end] with start <= end: {self.evidence}")
        return self


class Sample(QuestionRecord):
    """A question whose answer is known."""

    answer: str = Field(min_length=1, description="the answer's text, also for multiple choice")


def read_samples(path: str | Path) -> Iterator[Sample]:
    """Samples of a ``.jsonl`` file, or of a ``.json`` file that holds a list.

    Raises:
        DataError: naming file, line and field.
    """
    return _read(Path(path), Sample)


def read_questions(path: str | Path) -> Iterator[QuestionRecord]:
    """The same where answers need not be known.

    Raises:
        DataError: naming file, line and field.
    """
    return _read(Path(path), QuestionRecord)


def _read(path: Path, kind: type[QuestionRecord]) -> Iterator:
    for number, record in _list(path) if path.suffix == ".json" else read_json_lines(path):
        for where, question in _questions(record, f"{path}:{number}"):
            try:
                yield kind.model_validate(question)
            except ValidationError as error:
                first = error.errors()[0]
                key = ".".join(str(part) for part in first["loc"]) or "record"
                raise DataError(f"{where}: {key}: {first['msg']}") from error


def _questions(record: Any, where: str) -> Iterable[tuple[str, Any]]:
    """The questions of a record, and where they are."""
    return questions_of(record, where) if is_conversation(record) else [(where, record)]


def write_samples(path: str | Path, samples: Iterable[Sample]) -> int:
    """Write a new file with one JSON object a line; returns how many."""
    lines = [sample.model_dump_json(exclude_none=True) for sample in samples]
    with open(path, "x", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in lines)
    return len(lines)


def read_json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """Line numbers, from 1, and what the lines of a file hold; empty lines are passed over.

    Only a line feed ends a line: JSON strings may hold U+2028 and others at which
    ``str.splitlines`` splits.

    Raises:
        DataError: naming file and line.
    """
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except json.JSONDecodeError as error:
                raise DataError(f"{path}:{number}: not JSON ({error.msg})") from error


def read_text(path: Path) -> str:
    """A file's text.

    Raises:
        DataError: it is missing or not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")  # some editors put a mark in front
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as UTF-8 text ({error})") from error


def _list(path: Path) -> Iterator[tuple[int, Any]]:
    try:
        records = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise DataError(f"{path}:{error.lineno}: not JSON ({error.msg})") from error
    if not isinstance(records, list):
        raise DataError(f"{path}: a .json file must hold a list of questions")
    yield from enumerate(records, start=1)
