"""``ntlbg evaluate``: one condition at a time into a folder that keeps them all."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ntlbg.answerers import Answerer
from ntlbg.answerers.builtin import load_builtin_answerer
from ntlbg.errors import ConfigError
from ntlbg.files import check_folder
from ntlbg.json_lines import alone_in
from ntlbg.system import System, load_system
from ntlbg.types import VideoIndex
from ntlbg_lab.checks import check_names, check_positive, check_selectors
from ntlbg_lab.evaluate import KINDS, VideoCondition
from ntlbg_lab.evaluate.answering import MemoizedVideo
from ntlbg_lab.evaluate.recognition import (
    EvaluatedVideo,
    RecognitionRow,
    summarize_recognition,
)
from ntlbg_lab.evaluate.summary import EvaluationRow, over_weights, summarize
from ntlbg_lab.evaluate.tables import (
    EVALUATION,
    FINGERPRINT_DIGITS,
    evaluation_numbers,
    evaluation_tables,
)
from ntlbg_lab.evaluate.work import (
    AnswerFunction,
    EvaluationStore,
    Say,
    VideoTask,
    tasks_left,
    work_through,
)
from ntlbg_lab.tables import Parts

BUDGETS = (4, 8, 16, 32)
COMPARED = ("uniform", "top_k", "ntlbg")


@dataclass(frozen=True)
class EvaluationReport:
    """All rows about the weights that were asked for, under every condition in the folder."""

    rows: list[EvaluationRow]
    recognition: list[RecognitionRow]
    videos: list[EvaluatedVideo]

    def tables(self) -> Parts:
        """For people."""
        return evaluation_tables(self.rows, self.recognition, self.videos)


def evaluate_videos(
    out_dir: str | Path,
    *,
    kinds: Sequence[str] = tuple(KINDS),
    frames: Sequence[int] = BUDGETS,
    selectors: Sequence[str] = COMPARED,
    questions: int = 500,
    per_video: int | None = None,
    condition: VideoCondition | None = None,
    weights: Sequence[str | Path] = (),
    model: str | Answerer | System = "builtin",
    progress: Say | None = None,
) -> EvaluationReport:
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
    folder, condition = Path(out_dir), condition or VideoCondition()
    check_names("kinds of videos", kinds, KINDS)
    check_selectors(selectors)
    asked = {} if per_video is None else {"questions_a_video": per_video}
    check_positive(frames=list(frames), questions=questions, **asked)
    if not kinds or not selectors:
        raise ConfigError(f"kinds {list(kinds)} and selectors {list(selectors)}: give one at least")
    check_folder(folder, EVALUATION.kinds)
    with alone_in(folder):
        records, used = EvaluationStore(folder), []
        for path in weights or (None,):
            own = model if path is None else load_builtin_answerer(Path(path), pristine=True)
            system = load_system(own, pristine=True)
            used.append(system.fingerprint)
            todo: list[VideoTask] = []
            for kind in (KINDS[name] for name in dict.fromkeys(kinds)):
                cells = [
                    (name, k) for k in sorted(set(frames)) for name in dict.fromkeys(selectors)
                ]
                number = per_video or kind.questions
                todo += tasks_left(
                    records, used[-1], kind, condition,
                    [("uniform", round(kind.seconds))] if kind.clip else cells,
                    videos=math.ceil(questions / number), questions=number,
                )  # fmt: skip
            work_through(todo, system, records, _answer_about, progress)
        return _report(folder, records, used)


def _answer_about(system: System, index: VideoIndex) -> AnswerFunction:
    video = MemoizedVideo(system, index)
    return lambda sample, key: video.answer(sample, key.selector, key.num_frames)


def _report(folder: Path, records: EvaluationStore, weights: Sequence[str]) -> EvaluationReport:
    rows = summarize(o for o in records.answers.records if o.weights in weights)
    videos = [video for video in records.videos.records if video.weights in weights]
    recognition = summarize_recognition(videos)
    report = EvaluationReport(rows, recognition, videos)
    others = ([asdict(row) for row in found] for found in (recognition, over_weights(rows)))
    numbers = evaluation_numbers(rows, recognition)
    EVALUATION.write(folder, report.tables(), numbers, _for_plots(rows), *others)
    return report


def _for_plots(rows: Sequence[EvaluationRow]) -> list[dict]:
    """Rows whose cells have names of their own where there are several conditions or weights."""
    several = len({(row.condition, row.weights) for row in rows}) > 1
    labels = [
        f"{row.cell}, {row.condition}, {row.weights[:FINGERPRINT_DIGITS]}" if several else row.cell
        for row in rows
    ]
    return [asdict(row) | {"cell": label} for row, label in zip(rows, labels, strict=True)]
