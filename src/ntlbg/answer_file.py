"""Answers to a file of questions about videos, line by line, so that a stopped run goes on.

A line holds ``id`` and ``pts_seconds``, so ``ntlbg evidence`` can judge the same file.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ntlbg.answer_settings import as_asked, settings_of
from ntlbg.answerers import Answerer
from ntlbg.data import QuestionRecord, read_published
from ntlbg.datasets import question_file, video_folder
from ntlbg.encoders import Encoder
from ntlbg.errors import ConfigError, DataError, QuestionError, VideoError, VideoNotFound
from ntlbg.files import check_output
from ntlbg.generation import GREEDY, Generation, check_written
from ntlbg.index.passages import USUAL_WORDS, Words
from ntlbg.index.store import FeatureIndex
from ntlbg.intervals import mean_over_questions
from ntlbg.json_lines import RecordFile, alone, records_kind
from ntlbg.judging import is_right
from ntlbg.pipeline import ask
from ntlbg.selectors import check_selector
from ntlbg.system import System, load_system
from ntlbg.text.meaning import TextEncoder
from ntlbg.text_files import as_whole_number
from ntlbg.time_text import all_seen
from ntlbg.types import Answer
from ntlbg.video_files import VIDEO_FOLDERS, find_source
from ntlbg.views.tables import interval_text, markdown_table

WRITTEN = "what `ntlbg answer` writes there"
ALL = "all"
Asked = QuestionRecord | DataError  # a question, or why it cannot be asked


@dataclass(frozen=True)
class AnswerRow:
    """One answer.

    Attributes:
        place: number of the question in its file, from 1.
        pts_seconds, scores: times and relevance of the frames that were read.
        truth, type: as the file says.
        right: see :func:`ntlbg.judging.is_right`; None where the truth is not known.
        seen: all evidence among the frames; None without any.
        settings: model, weights, encoder if one was named, budget and selector.
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
        categories: by what a benchmark counts by, such as ``task_type``, and there by category.
    """

    questions: int
    answered: int
    failed: list[str]
    right: dict[str, RightShare]
    seen: float | None
    categories: dict[str, dict[str, RightShare]] = field(default_factory=dict)

    def as_markdown(self) -> str:
        """A table of what is right, if that is known, and a line about all."""
        lines = [f"{self.answered} of {self.questions} questions answered"]
        if self.seen is not None:
            lines[0] += f", all evidence read for {self.seen:.2f} of those that have any"
        shares = self.right | {
            f"{key}: {name}": share
            for key, found in self.categories.items()
            for name, share in found.items()
        }
        body = [
            [name, str(share.n), f"{share.right:.3f}",
             interval_text(*share.interval or (None, None))]
            for name, share in shares.items()
        ]  # fmt: skip
        table = markdown_table([["type", "n", "right", "95 %"], *body]) if body else ""
        return "\n\n".join(filter(None, (table, lines[0])))


def answer_file(
    questions: str | Path,
    out: str | Path,
    *,
    videos: str | Path | None = None,
    model: str | Answerer | System = "builtin",
    encoder: str | Encoder | None = None,
    endpoint: str | None = None,
    model_options: Mapping[str, Any] | None = None,
    num_frames: int | None = None,
    max_visual_tokens: int | None = None,
    fps: float | None = None,
    selector: str | None = None,
    selector_options: Mapping[str, Any] | None = None,
    max_frames: int | None = None,
    words: Words = USUAL_WORDS,
    text_encoder: str | TextEncoder | None = None,
    generation: Generation = GREEDY,
    index: FeatureIndex | None = None,
    progress: Callable[[int, float], None] | None = None,
) -> Summary:
    """Answer all questions of a file, or of a folder with one, into a file of JSON lines.

    What the file of answers holds already is not asked again. A question whose video cannot be
    read is left out, and asked again by the next run; so is one that a benchmark publishes without
    words, or with an answer that is no option. The other arguments are those of
    :func:`ntlbg.pipeline.ask`; each video is encoded once.

    Args:
        videos: the folder of the videos; None: they lie beside the questions.
        progress: called with questions done and the share done.

    Raises:
        DataError: the questions cannot be read, or ``out`` holds something else.
        ConfigError: ``out`` holds answers to other questions, or given with other settings.
        NtlbgError: what else a user can cause, but for errors of single videos and questions.
    """
    file, out = question_file(Path(questions)), Path(out)
    folder = video_folder(file, videos, "videos")
    asked = _readable(file)
    for question in asked:
        if isinstance(question, QuestionRecord):
            check_written(question.options, generation)
    check_selector(selector, num_frames, selector_options, asked=True)
    check_output(out, records_kind(AnswerRow, WRITTEN), inputs=[file])
    system = load_system(model, encoder=encoder, endpoint=endpoint, model_options=model_options,
                         text_encoder=text_encoder)  # fmt: skip
    settings = settings_of(
        system, words, generation, encoder=encoder, text_encoder=text_encoder,
        num_frames=num_frames, max_visual_tokens=max_visual_tokens, fps=fps, selector=selector,
        selector_options=selector_options, max_frames=max_frames,
    )  # fmt: skip
    out.parent.mkdir(parents=True, exist_ok=True)
    with alone(out):
        kept = RecordFile(out, AnswerRow, WRITTEN, partial(_checked, out, asked, settings))
        failed: list[str] = []
        done = {row.place for row in kept.records}
        for place, question in enumerate(asked, start=1):
            if place in done:
                continue
            if isinstance(question, DataError):
                failed.append(f"question {place}: {question}")
                continue
            try:
                answer = ask(
                    _source(folder, question.video), question.question, options=question.options,
                    model=system, num_frames=num_frames, max_visual_tokens=max_visual_tokens,
                    fps=fps, selector=selector,
                    selector_options=selector_options, max_frames=max_frames,
                    generation=generation, words=words, index=index,
                )  # fmt: skip
            except (VideoError, QuestionError) as error:
                failed.append(f"question {place}: {error}")
                continue
            kept.add([_row(place, question, answer, settings)])
            if progress:
                progress(len(kept.records), len(kept.records) / len(asked))
    return summarize(kept.records, asked, failed)


def _readable(file: Path) -> list[Asked]:
    """The questions, and why some of a benchmark's cannot be asked."""
    asked = list(read_published(file))
    if not asked:
        raise DataError(f"{file}: holds no question")
    wrong = [found for found in asked if isinstance(found, DataError)]
    if len(wrong) == len(asked):
        raise wrong[0]
    return asked


def _checked(
    out: Path, asked: Sequence[Asked], settings: dict, rows: list[AnswerRow]
) -> list[AnswerRow]:
    for row in rows:
        _check_row(out, row, asked, settings)
    return rows


def _check_row(out: Path, row: AnswerRow, asked: Sequence[Asked], settings: dict) -> None:
    # a folder may be called otherwise now: its weights tell the model
    names = [
        name for name in settings if name != "model" and row.settings.get(name) != settings[name]
    ]
    if names:
        told = (as_asked(name, row.settings.get(name)) for name in names)
        words = ", ".join(dict.fromkeys(told))
        raise ConfigError(
            f"{out} holds answers of other settings: choose another file, or ask {words}"
        )
    if not 1 <= row.place <= len(asked) or _key(asked[row.place - 1]) != _key(row):
        raise ConfigError(
            f"{out} holds an answer to {row.question!r} about {row.video}, which is not "
            f"question {row.place} of this file: choose another file for the answers"
        )


def _key(record: Asked | AnswerRow) -> tuple | None:
    if isinstance(record, DataError):
        return None
    return record.video, record.question, record.options


def _source(folder: Path, video: str) -> Path:
    found = find_source(folder, video)
    if found is None:
        raise VideoNotFound(
            f"{folder / video}: no such video, with no ending of a video and in none of "
            f"{', '.join(f'{name}/' for name in VIDEO_FOLDERS)} there; name the folder of the "
            "videos (--videos)"
        )
    return found


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


def summarize(
    rows: Sequence[AnswerRow], asked: Sequence[Asked], failed: Sequence[str] = ()
) -> Summary:
    """Shares of right answers, together, for each type and for each category of a benchmark."""
    known = [row for row in rows if row.right is not None]
    groups = {ALL: known} if known else {}
    for name in sorted({row.type for row in known if row.type is not None} - {ALL}):
        groups[name] = [row for row in known if row.type == name]
    seen = [row.seen for row in rows if row.seen is not None]
    return Summary(
        questions=len(asked),
        answered=len(rows),
        failed=list(failed),
        right={name: _share(found) for name, found in groups.items()},
        seen=float(np.mean(seen)) if seen else None,
        categories=_by_category(known, asked),
    )


def _by_category(
    rows: Sequence[AnswerRow], asked: Sequence[Asked]
) -> dict[str, dict[str, RightShare]]:
    groups: dict[str, dict[str, list[AnswerRow]]] = {}
    for row in rows:
        question = asked[row.place - 1]
        assert isinstance(question, QuestionRecord)  # `_check_row` has looked at what was kept
        for key, names in question.categories.items():
            for name in names:
                groups.setdefault(key, {}).setdefault(name, []).append(row)
    return {
        key: {name: _share(found[name]) for name in sorted(found, key=_numbers_first)}
        for key, found in groups.items()
    }


def _numbers_first(name: str) -> tuple[int, str]:
    """In the order of their size: LongVideoBench counts by the seconds 15, 60, 600 and 3600."""
    number = as_whole_number(name)
    return (10**9 if number is None else number), name


def _share(rows: Sequence[AnswerRow]) -> RightShare:
    right, low, high = mean_over_questions((row.video, bool(row.right)) for row in rows)
    return RightShare(len(rows), right, None if np.isnan([low, high]).any() else (low, high))
