"""Questions about videos, one JSON object a line.

Required: ``video`` (or ``video_id``, or ``image``), ``question``, ``answer``. The rest is optional.
Files of LongVideoBench, Video-MME, MLVU and LVBench, and conversations about pictures and videos
as LLaVA has them, are read as they are published (``ntlbg.question_forms``).
Times are seconds from the first picture; evidence intervals are ``[start, end)``.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from ntlbg.errors import DataError
from ntlbg.question_forms import Form, recognise
from ntlbg.text_files import MAX_LIST_BYTES, read_json, read_json_lines

# Numbers alone: a text such as "45" may be anything.
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)]
QUESTIONS = "a file of questions"
# LVBench counts its questions, and so do many lists; a number that is none names nothing.
Text = Annotated[str, Field(max_length=10**6)]  # a limit also has halves of letters refused
Id = Annotated[Text, BeforeValidator(lambda given: str(given) if type(given) is int else given)]
# What data sets call the kinds by which their results are counted: LongVideoBench; Video-MME; MLVU
# and LVBench; LongVideoBench and, from its ``duration``, Video-MME.
CATEGORIES = ("question_category", "task_type", "question_type", "duration_group")
# The answer to a question about what the video does not show.
NOT_SEEN = "I did not see that."


class QuestionRecord(BaseModel):
    """One question about one video, its answer where it is known."""

    model_config = ConfigDict(extra="allow", populate_by_name=True)

    id: Id | None = Field(None, description="unique within its file")
    video: str = Field(
        min_length=1,
        validation_alias=AliasChoices("video", "video_id", "image"),
        description="path, relative to the questions' folder or to the folder of videos",
    )
    question: str = Field(min_length=1)
    answer: str | None = Field(
        None, min_length=1, description="the answer's text, also for multiple choice"
    )
    options: list[Text] | None = Field(None, description="choices; the answer is one of them")
    answer_type: str | None = Field(
        None, description="first, last, before, after, count, exist, when, which, or your own"
    )
    duration: Seconds | None = Field(None, description="length of the video in seconds")
    evidence: list[tuple[Seconds, Seconds]] = Field(
        default_factory=list, description="intervals that must be seen to answer, in seconds"
    )

    @property
    def categories(self) -> dict[str, list[str]]:
        """Kinds of the question, by the key under which the file has them; one key, several."""
        found = {key: getattr(self, key, None) for key in CATEGORIES}
        return {key: _names(value) for key, value in found.items() if value is not None}

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


Record = TypeVar("Record", bound=QuestionRecord)


def read_samples(path: str | Path) -> Iterator[Sample]:
    """Samples of a ``.jsonl`` file, or of a ``.json`` file that holds a list.

    Raises:
        DataError: naming file, line and field.
    """
    return map(_given, _read(Path(path), Sample))


def read_questions(path: str | Path) -> Iterator[QuestionRecord]:
    """The same where answers need not be known.

    Raises:
        DataError: naming file, line and field.
    """
    return map(_given, _read(Path(path), QuestionRecord))


def read_published(path: str | Path) -> Iterator[QuestionRecord | DataError]:
    """The same; in the place of a benchmark's question that cannot be used is the reason.

    Some of MLVU's have an empty question or answer, or an answer that is none of the candidates.

    Raises:
        DataError: about all else, naming file, line and field.
    """
    return _read(Path(path), QuestionRecord)


def _given(found: Record | DataError) -> Record:
    if isinstance(found, DataError):
        raise found
    return found


def _read(path: Path, kind: type[Record]) -> Iterator[Record | DataError]:
    places: dict[str, str] = {}  # by id
    for number, record in _records(path):
        where = f"{path}:{number}"
        if not isinstance(record, dict):
            raise DataError(f"{where}: got {record!r:.80}; a question is a JSON object")
        form = recognise(record)
        for place, said in form.split(record, where):
            question = _question(form, kind, said, place)
            if isinstance(question, kind) and form.names_questions and question.id is not None:
                _check_only(question.id, place, places)
            yield question


def _question(form: Form, kind: type[Record], said: dict, where: str) -> Record | DataError:
    try:
        return _checked(kind, form.fields(said, where), where)
    except DataError as error:
        if form.benchmark:
            return error
        raise


def _checked(kind: type[Record], fields: dict, where: str) -> Record:
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "record"
        raise DataError(f"{where}: {key}: {first['msg']}") from error


def _check_only(name: str, where: str, places: dict[str, str]) -> None:
    """Keep where an id is; answers and evidence are found by it."""
    if name in places:
        raise DataError(
            f"{where}: id: {name!r} is also the id of {places[name]}; give each question its own, "
            "or none"
        )
    places[name] = where


def _names(value: Any) -> list[str]:
    return list(dict.fromkeys(map(str, value if isinstance(value, list) else [value])))


def write_samples(path: str | Path, samples: Iterable[Sample]) -> int:
    """Write a new file with one JSON object a line; returns how many."""
    lines = [sample.model_dump_json(exclude_none=True) for sample in samples]
    with open(path, "x", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in lines)
    return len(lines)


def _records(path: Path) -> Iterator[tuple[int, Any]]:
    """What a list holds, or lines do, with numbers from 1."""
    if path.suffix.lower() != ".json":
        yield from read_json_lines(path, QUESTIONS)
        return
    records = read_json(path, QUESTIONS, most=MAX_LIST_BYTES)
    if not isinstance(records, list):
        raise DataError(f"{path}: a .json file must hold a list of questions")
    yield from enumerate(records, start=1)
