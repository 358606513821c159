"""Answers to a file of questions about videos, line by line, so that a stopped run goes on.

A line holds ``id`` and ``pts_seconds``, so ``ntlbg evidence`` can judge the same file.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ntlbg.answerers import Answerer, Habits
from ntlbg.data import QuestionRecord, read_questions
from ntlbg.datasets import find_source, question_file
from ntlbg.errors import ConfigError, DataError, QuestionError, VideoError
from ntlbg.files import check_output
from ntlbg.generation import GREEDY, Generation, check_written
from ntlbg.index.store import FeatureIndex
from ntlbg.intervals import mean_over_questions
from ntlbg.json_lines import RecordFile, alone, records_kind
from ntlbg.judging import is_right
from ntlbg.pipeline import ask
from ntlbg.selectors import check_selector
from ntlbg.system import System, load_system
from ntlbg.time_text import all_seen
from ntlbg.types import Answer
from ntlbg.views.tables import interval_text, markdown_table

WRITTEN = "what `ntlbg answer` writes there"
ALL = "all"
AS_TRAINED = "as trained"  # the number of frames, where the model decides it
# Of the settings whose option has another name.
_FLAGS = {"num_frames": "--frames", "selector_options": "--selector-option"}


@dataclass(frozen=True)
class AnswerRow:
    """One answer.

    Attributes:
        place: number of the question in its file, from 1.
        pts_seconds, scores: times and relevance of the frames that were read.
        truth, type: as the file says.
        right: see :func:`ntlbg.judging.is_right`; None where the truth is not known.
        seen: all evidence among the frames; None without any.
        settings: model, weights, budget and selector.
    """

    place: int
    id: str | None
    video: str
    question: str
    options: list[str] | None
    type: str | None
    answer: str
    option_scores: list[float] | None
    found: float | None
    notes: list[str]
    pts_seconds: list[float]
    scores: list[float] | None
    truth: str | None
    right: bool | None
    seen: bool | None
    settings: dict


@dataclass(frozen=True)
class RightShare:
    """``right`` of ``n`` questions, and its interval: a bootstrap over videos, if several."""

    n: int
    right: float
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class Summary:
    """What a file of answers holds.

    Attributes:
        questions, answered: how many the file of questions holds, and how many have an answer.
        failed: why the others have none.
        right: by type, all together first; empty where no answer is known.
        seen: share of the questions with evidence whose evidence was all read; None without any.
    """

    questions: int
    answered: int
    failed: list[str]
    right: dict[str, RightShare]
    seen: float | None

    def as_markdown(self) -> str:
        """A table of what is right, if that is known, and a line about all."""
        lines = [f"{self.answered} of {self.questions} questions answered"]
        if self.seen is not None:
            lines[0] += f", all evidence read for {self.seen:.2f} of those that have any"
        body = [
            [name, str(share.n), f"{share.right:.3f}",
             interval_text(*share.interval or (None, None))]
            for name, share in self.right.items()
        ]  # fmt: skip
        table = markdown_table([["type", "n", "right", "95 %"], *body]) if body else ""
        return "\n\n".join(filter(None, (table, lines[0])))


def answer_file(
    questions: str | Path,
    out: str | Path,
    *,
    model: str | Answerer | System = "builtin",
    num_frames: int | None = None,
    fps: float | None = None,
    selector: str | None = None,
    selector_options: Mapping[str, Any] | None = None,
    max_frames: int | None = None,
    generation: Generation = GREEDY,
    index: FeatureIndex | None = None,
    progress: Callable[[int, float], None] | None = None,
) -> Summary:
    """Answer all questions of a file, or of a folder with one, into a file of JSON lines.

    What the file of answers holds already is not asked again. A question whose video cannot be
    read is left out, and asked again by the next run. The other arguments are those of
    :func:`ntlbg.pipeline.ask`; each video is encoded once.

    Args:
        progress: called with questions done and the share done.

    Raises:
        DataError: the questions cannot be read, or ``out`` holds something else.
        ConfigError: ``out`` holds answers to other questions, or given with other settings.
        NtlbgError: what else a user can cause, but for errors of single videos and questions.
    """
    file, out = question_file(Path(questions)), Path(out)
    asked = list(read_questions(file))
    if not asked:
        raise DataError(f"{file}: holds no question")
    for question in asked:
        check_written(question.options, generation)
    check_selector(selector, num_frames, selector_options, asked=True)
    check_output(out, records_kind(AnswerRow, WRITTEN), inputs=[file])
    system = load_system(model)
    settings = {
        "model": system.name,
        "weights": system.fingerprint,
        "num_frames": num_frames or _usual_frames(system.habits),
        "fps": system.habits.fps if fps is None else fps,
        "selector": selector or system.habits.selector,
        "max_frames": system.habits.max_frames if max_frames is None else max_frames,
        **asdict(generation),
        "selector_options": dict(selector_options) if selector_options else None,
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    with alone(out):
        kept = RecordFile(out, AnswerRow, WRITTEN, partial(_checked, out, asked, settings))
        failed: list[str] = []
        done = {row.place for row in kept.records}
        for place, question in enumerate(asked, start=1):
            if place in done:
                continue
            try:
                answer = ask(
                    _source(file, question), question.question, options=question.options,
                    model=system, num_frames=num_frames, fps=fps, selector=selector,
                    selector_options=selector_options, max_frames=max_frames,
                    generation=generation, index=index,
                )  # fmt: skip
            except (VideoError, QuestionError) as error:
                failed.append(f"question {place}: {error}")
                continue
            kept.add([_row(place, question, answer, settings)])
            if progress:
                progress(len(kept.records), len(kept.records) / len(asked))
    return summarize(kept.records, len(asked), failed)


def _usual_frames(habits: Habits) -> int | str:
    return habits.num_frames if habits.frames_of is None else AS_TRAINED


def _checked(
    out: Path, asked: Sequence[QuestionRecord], settings: dict, rows: list[AnswerRow]
) -> list[AnswerRow]:
    for row in rows:
        _check_row(out, row, asked, settings)
    return rows


def _check_row(out: Path, row: AnswerRow, asked: Sequence[QuestionRecord], settings: dict) -> None:
    if not isinstance(row.place, int) or not isinstance(row.settings, dict):
        raise DataError(f"{out}: not {WRITTEN}; choose another place")
    # a folder may be called otherwise now: its weights tell the model
    names = [
        name for name in settings if name != "model" and row.settings.get(name) != settings[name]
    ]
    if names:
        words = ", ".join(_as_asked(name, row.settings.get(name)) for name in names)
        raise ConfigError(
            f"{out} holds answers of other settings: choose another file, or ask {words}"
        )
    if not 1 <= row.place <= len(asked) or _key(asked[row.place - 1]) != _key(row):
        raise ConfigError(
            f"{out} holds an answer to {row.question!r} about {row.video}, which is not "
            f"question {row.place} of this file: choose another file for the answers"
        )


def _as_asked(name: str, value: Any) -> str:
    """A setting in the words of the command line."""
    if name == "weights":
        return "with the weights of then"
    flag = _FLAGS.get(name, f"--{name.replace('_', '-')}")
    if value is None or value == AS_TRAINED:
        return f"without {flag}"
    if not isinstance(value, dict):
        return f"with {flag} {value}"
    texts = {key: one if isinstance(one, str) else json.dumps(one) for key, one in value.items()}
    return f"with {' '.join(f'{flag} {key}={text}' for key, text in texts.items())}"


def _key(record: QuestionRecord | AnswerRow) -> tuple:
    return record.video, record.question, record.options


def _source(file: Path, question: QuestionRecord) -> Path:
    """The video's file; one that is not there is named as the questions name it."""
    found = find_source(file.parent, question.video)
    return file.parent / question.video if found is None else found


def _row(place: int, question: QuestionRecord, answer: Answer, settings: dict) -> AnswerRow:
    times = np.array([item.pts_seconds for item in answer.evidence])
    scores = [item.score for item in answer.evidence if item.score is not None]
    return AnswerRow(
        place=place,
        id=question.id,
        video=question.video,
        question=question.question,
        options=question.options,
        type=question.answer_type,
        answer=answer.text,
        option_scores=answer.option_scores,
        found=answer.found,
        notes=answer.notes,
        pts_seconds=times.tolist(),
        scores=scores if len(scores) == len(times) else None,
        truth=question.answer,
        right=is_right(question, answer.text),
        seen=all_seen(times, question.evidence),
        settings=settings,
    )


def summarize(rows: Sequence[AnswerRow], questions: int, failed: Sequence[str] = ()) -> Summary:
    """Shares of right answers, together and for each type."""
    known = [row for row in rows if row.right is not None]
    groups = {ALL: known} if known else {}
    for name in sorted({row.type for row in known if row.type is not None} - {ALL}):
        groups[name] = [row for row in known if row.type == name]
    seen = [row.seen for row in rows if row.seen is not None]
    return Summary(
        questions=questions,
        answered=len(rows),
        failed=list(failed),
        right={name: _share(found) for name, found in groups.items()},
        seen=float(np.mean(seen)) if seen else None,
    )


def _share(rows: Sequence[AnswerRow]) -> RightShare:
    right, low, high = mean_over_questions((row.video, bool(row.right)) for row in rows)
    return RightShare(len(rows), right, None if np.isnan([low, high]).any() else (low, high))
