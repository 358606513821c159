"""``ntlbg evaluate``: one condition at a time into a folder that keeps them all."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ntlbg.answerers import Answerer
from ntlbg.answerers.builtin import load_builtin_answerer
from ntlbg.data import Sample
from ntlbg.errors import ConfigError, UnknownSelector
from ntlbg.files import check_folder, staged_directory
from ntlbg.marks import MARKDOWN, as_markdown_file, csv_table, json_rows
from ntlbg.selectors import SELECTORS
from ntlbg.system import System, load_system
from ntlbg_lab.evaluate.answering import KnownVideo, Outcome, answer_block
from ntlbg_lab.evaluate.recognition import (
    Footage,
    RecognitionRow,
    judge_names,
    name_frames,
    summarize_recognition,
)
from ntlbg_lab.evaluate.records import Records
from ntlbg_lab.evaluate.summary import Row, SeedRow, over_weights, summarize
from ntlbg_lab.evaluate.tables import SHOWN, as_csv, as_markdown
from ntlbg_lab.evaluate.videos import KINDS, Condition, Kind, encode_timeline, plan_video
from ntlbg_lab.haystack.timeline import Timeline

BUDGETS = (4, 8, 16, 32)
COMPARED = ("uniform", "top_k", "ntlbg")
ANSWER_FRAMES = 30  # an answer takes about as long as drawing and encoding so many frames

Say = Callable[[str], None]
FILES = {
    "summary.json": json_rows("the summary of an evaluation", "cell", "selector", "right"),
    "recognition.json": json_rows(
        "recognition by an evaluation", *RecognitionRow.__dataclass_fields__
    ),
    "over_weights.json": json_rows("means over weights", *SeedRow.__dataclass_fields__),
    "evaluation.md": MARKDOWN,
    "evaluation.csv": csv_table("the table of an evaluation", as_csv([])),
}


@dataclass(frozen=True)
class Report:
    """All rows about the weights that were asked for, under every condition in the folder."""

    rows: list[Row]
    recognition: list[RecognitionRow]
    videos: list[Footage]

    def as_markdown(self) -> str:
        """Tables for people."""
        return as_markdown(self.rows, self.recognition, self.videos)


@dataclass(frozen=True)
class _Task:
    """A video, its questions, and the blocks of answers that are missing."""

    kind: Kind
    number: int
    timeline: Timeline
    samples: list[Sample]
    blocks: list[tuple[str, str, str, int, str, int]]

    @property
    def work(self) -> float:
        """In frames drawn and encoded."""
        return self.kind.seconds + ANSWER_FRAMES * len(self.samples) * len(self.blocks)


def run(
    out_dir: str | Path,
    *,
    kinds: Sequence[str] = tuple(KINDS),
    frames: Sequence[int] = BUDGETS,
    selectors: Sequence[str] = COMPARED,
    questions: int = 500,
    per_video: int | None = None,
    condition: Condition | None = None,
    weights: Sequence[str | Path] = (),
    model: str | Answerer | System = "builtin",
    progress: Say | None = None,
) -> Report:
    """Answer questions about made videos, and count.

    A killed run goes on with the next video. What the folder already holds is not done again, so
    kinds, budgets, selectors, conditions and weights can be added by further calls. Leaves
    ``answers.jsonl`` with every answer, ``videos.jsonl``, ``summary.json``, ``recognition.json``,
    ``evaluation.md`` and ``evaluation.csv``.

    Args:
        kinds: names in KINDS.
        frames: budgets; clips are read as a whole, whatever they are.
        selectors: names in SELECTORS; clips are read with ``uniform``, where all are the same.
        questions: for each kind of video, selector and budget, or a few more or less.
        per_video: questions about each video; by default as the kind says.
        condition: seed, split, styles and wordings.
        weights: files of trained weights of the built-in model, each a group of rows.
        model: what answers where there are no ``weights``.

    Raises:
        ConfigError, UnknownSelector, WeightsError, DataError, OutputError.
    """
    folder, condition = Path(out_dir), condition or Condition()
    _check(kinds, frames, selectors, questions, per_video)
    check_folder(folder, FILES)
    records, used = Records(folder), []
    for path in weights or (None,):
        own = model if path is None else load_builtin_answerer(Path(path), pristine=True)
        system = load_system(own, pristine=True)
        used.append(system.fingerprint)
        todo = [
            task
            for name in dict.fromkeys(kinds)
            for task in _tasks(
                records, KINDS[name], condition, used[-1], frames=frames, selectors=selectors,
                questions=questions, per_video=per_video,
            )
        ]  # fmt: skip
        _work_through(todo, system, records, progress)
    return _report(folder, records, used)


def _tasks(
    records, kind, condition, weights, *, frames, selectors, questions, per_video
) -> list[_Task]:
    """The videos of a kind with something missing."""
    per_video = per_video or kind.questions
    cells = [(selector, k) for k in sorted(set(frames)) for selector in dict.fromkeys(selectors)]
    if kind.clip:
        cells = [("uniform", round(kind.seconds))]
    found = []
    for number in range(-(-questions // per_video)):
        timeline, samples = plan_video(kind, number, condition, questions=per_video)
        blocks = [(weights, condition.name, kind.name, number, *cell) for cell in cells]
        missing = [block for block in blocks if not records.done(block, samples)]
        if missing:
            found.append(_Task(kind, number, timeline, samples, missing))
    return found


def _work_through(
    tasks: Sequence[_Task], system: System, records: Records, progress: Say | None
) -> None:
    began, done, whole = time.perf_counter(), 0.0, sum(task.work for task in tasks)
    for place, task in enumerate(tasks, start=1):
        outcomes, video = _answer(task, system)
        records.add(outcomes, video)
        done += task.work
        if progress:
            seconds = time.perf_counter() - began
            left = seconds * (whole - done) / done
            progress(
                f"{task.kind.name}: video {place} of {len(tasks)}, {_right(outcomes)}; "
                f"{seconds / 60:.1f} minutes, about {left / 60:.1f} left"
            )


def _answer(task: _Task, system: System) -> tuple[list[Outcome], Footage]:
    """Draw and encode a video once, and answer everything about it."""
    began = time.process_time()
    index = encode_timeline(system, task.timeline)
    seconds = time.process_time() - began
    known = KnownVideo(system, index)
    outcomes = [
        outcome for block in task.blocks for outcome in answer_block(known, task.samples, block)
    ]
    named = name_frames(system, index.features[system.encoders[0].name])
    return outcomes, Footage(
        *task.blocks[0][:4],
        frames=len(index),
        seconds=round(seconds, 2),
        named={} if named is None else judge_names(task.timeline, index.pts_seconds, named),
        done=[block[4:] for block in task.blocks],
    )


def _right(outcomes: Sequence[Outcome]) -> str:
    groups: dict[str, list[bool]] = {}
    for outcome in outcomes:
        groups.setdefault(outcome.selector, []).append(outcome.right)
    return ", ".join(f"{name} {sum(right) / len(right):.2f}" for name, right in groups.items())


def _report(folder: Path, records: Records, weights: Sequence[str]) -> Report:
    rows = summarize(o for o in records.outcomes if o.weights in weights)
    videos = [video for video in records.videos if video.weights in weights]
    recognition = summarize_recognition(videos)
    report = Report(rows, recognition, videos)
    with staged_directory(folder, FILES) as stage:
        contents = {
            "summary.json": _for_plots(rows),
            "recognition.json": [asdict(row) for row in recognition],
            "over_weights.json": [asdict(row) for row in over_weights(rows)],
        }
        for name, content in contents.items():
            (stage / name).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        (stage / "evaluation.md").write_text(as_markdown_file(report.as_markdown()), "utf-8")
        (stage / "evaluation.csv").write_text(as_csv(rows, recognition), encoding="utf-8")
    return report


def _check(kinds, frames, selectors, questions, per_video) -> None:
    """Before a model is loaded, not after."""
    unknown = [name for name in kinds if name not in KINDS]
    if unknown or not kinds:
        raise ConfigError(f"unknown kinds of videos {unknown}: choose from {', '.join(KINDS)}")
    unknown = [name for name in selectors if name not in SELECTORS]
    if unknown:
        raise UnknownSelector(f"no selectors {unknown}; there are {', '.join(SELECTORS)}")
    least = min([*frames, questions, 1 if per_video is None else per_video], default=0)
    if not frames or not selectors or least < 1:
        raise ConfigError(
            f"frames {list(frames)}, selectors {list(selectors)}, questions {questions} and "
            f"questions a video {per_video} must all be there and positive"
        )


def _for_plots(rows: Sequence[Row]) -> list[dict]:
    """Rows whose cells have names of their own where there are several conditions or weights."""
    several = len({(row.condition, row.weights) for row in rows}) > 1
    labels = [
        f"{row.cell}, {row.condition}, {row.weights[:SHOWN]}" if several else row.cell
        for row in rows
    ]
    return [asdict(row) | {"cell": label} for row, label in zip(rows, labels, strict=True)]
