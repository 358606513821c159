"""Answers to the questions of a configuration's data sets, and the metrics that it names.

Two such evaluations of the same questions, before and after, tell whether training helped.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from ntlbg.answerers.ntlbg import NtlbgAnswerer
from ntlbg.answerers.ntlbg_folder import load_ntlbg_answerer
from ntlbg.answerers.ntlbg_vl import NtlbgVLAnswerer
from ntlbg.choosing import choose
from ntlbg.config import Config, load_config
from ntlbg.config.blocks import VideoConfig
from ntlbg.datasets import DatasetItem
from ntlbg.errors import DataError
from ntlbg.feature_loader import FeatureLoader, QuestionFeatures, load_datasets
from ntlbg.files import check_folder, staged_directory
from ntlbg.intervals import mean_over_questions
from ntlbg.judging import same_text
from ntlbg.marks import json_lines, json_object
from ntlbg.memory.measuring import MeasuredPeak
from ntlbg.models.ntlbg.building import build_reader
from ntlbg.models.ntlbg.modeling_ntlbg_vl import NtlbgVLForConditionalGeneration
from ntlbg.question import parse_question
from ntlbg.retrievers.ntlbg import NtlbgRetriever
from ntlbg.text_files import read_json_lines
from ntlbg.train.picture_objective import answerer_of, features_size, frames_for
from ntlbg.train.question_trainer import TELL_SECONDS
from ntlbg.types import AnswerInput, Question, VideoIndex
from ntlbg_lab.evidence.metrics import (
    Answered,
    selection_metrics,
    summarize_answers,
)

Answering = NtlbgAnswerer | NtlbgVLAnswerer
# Kinds of questions that are about when something is, rather than what.
TEMPORAL_KINDS = ("first", "last", "before", "after", "when", "temporal", "order")
LONG_SECONDS = 600.0


@dataclass(frozen=True)
class AnswerRecord(Answered):
    """One answer and all that the metrics need.

    Attributes:
        dataset: its data set; video_seconds: length of the video.
        times: of the chosen frames, in seconds.
        grounded: share of the chosen frames inside the evidence; None without evidence.
    """

    dataset: str
    question: str
    video: str
    video_seconds: float
    times: list[float]
    grounded: float | None


ANSWERS_FILE = "answers.jsonl"
FILES = {
    ANSWERS_FILE: json_lines("answers with their measures", *AnswerRecord.__dataclass_fields__),
    "summary.json": json_object("the summary of an evaluation", "metrics", "all", "datasets"),
}


def evaluate_questions(
    config: str | Path | Config,
    output_dir: str | Path,
    *,
    model: str | Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> dict:
    """Answer every test question and write ``answers.jsonl`` and ``summary.json``.

    Args:
        model: the folder that training left; None is the base model with parts that never trained.

    Returns:
        the summary: the model, all metrics together and for each data set, and the memory that it
        took.

    Raises:
        ConfigError, DataError, VideoError, WeightsError, OutputError.
    """
    config = config if isinstance(config, Config) else load_config(config)
    check_folder(output_dir, FILES)
    with MeasuredPeak() as peak:
        answerer, records = _answer_all(config, model, progress)
    summary = {"model": answerer.name} | summarize(records, config) | {"memory": peak.to_dict()}
    with staged_directory(output_dir, FILES) as stage:
        lines = [json.dumps(asdict(record), ensure_ascii=False) for record in records]
        (stage / ANSWERS_FILE).write_text("".join(f"{line}\n" for line in lines), "utf-8")
        (stage / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", "utf-8")
    return summary


def _answer_all(
    config: Config, model: str | Path | None, progress
) -> tuple[Answering, list[AnswerRecord]]:
    entries = config.dataset_config.test_datasets
    entries = tuple(one for one in entries if config.evaluation_config.names(one.name))
    if not entries:
        raise DataError(
            "dataset_config.test_datasets: there are no test questions; name a set of them"
        )
    sets = load_datasets(entries)
    answerer, reader = _answerer_and_reader(config, [item for s in sets for item in s], model)
    if progress:
        progress(f"answering with {answerer.name}")
    records: list[AnswerRecord] = []
    began, number = time.perf_counter(), sum(map(len, sets))
    told = began
    for entry, items in zip(entries, sets, strict=True):
        for item in items:
            read = reader.read(item, entry.max_length)
            records.append(answer_question(answerer, read, config, entry.name))
            now = time.perf_counter()
            if progress and (len(records) == number or now - told > TELL_SECONDS):
                told = now
                progress(_so_far(records, number, now - began))
    return answerer, records


def _so_far(records: Sequence[AnswerRecord], number: int, seconds: float) -> str:
    right = np.mean([same_text(record.answer, record.truth) for record in records])
    left = seconds * (number - len(records)) / len(records)
    return (
        f"{len(records)} of {number} questions, {right:.3f} right so far; "
        f"{seconds:.0f} s, about {left:.0f} left"
    )


def _answerer_and_reader(
    config: Config, items: Sequence[DatasetItem], folder: str | Path | None
) -> tuple[Answering, FeatureLoader]:
    """What answers, and what reads the videos, with the vision tower of the one that answers."""
    if folder is None:
        return _untrained(config, items)
    films = any(not item.has_features for item in items)
    answerer = load_ntlbg_answerer(Path(folder), films=films)
    reader = FeatureLoader(config, encoder=next(iter(answerer.encoders), None))
    given, wanted = reader.feature_size(items), answerer.model.config.feature_size
    if given != wanted:
        raise DataError(
            f"{folder}: reads features of size {wanted}, and those of the test questions have "
            f"{given}; give features of the encoder that it was trained with"
        )
    return answerer, reader


def _untrained(config: Config, items: Sequence[DatasetItem]) -> tuple[Answering, FeatureLoader]:
    """The videos are encoded by who reads them."""
    gpu = torch.cuda.is_available()
    half = {"fp16": torch.float16, "bf16": torch.bfloat16}
    dtype = half.get(config.hardware_config.mixed_precision) if gpu else None
    reader = FeatureLoader(config)
    size = features_size(config, reader, items)
    model, processor = build_reader(config, size, dtype or torch.float32)
    name = f"{config.model.base_model}, not trained"
    model = model.to("cuda" if gpu else "cpu").eval()
    if isinstance(model, NtlbgVLForConditionalGeneration):
        return answerer_of(model, processor, config, reader, name)
    retriever = NtlbgRetriever(model, processor, None, track=config.model.feature_encoder)
    return NtlbgAnswerer(retriever, name=name, fingerprint=name), reader


def answer_question(
    answerer: Answering, read: QuestionFeatures, config: Config, dataset: str
) -> AnswerRecord:
    """Choose frames for one question, answer it, and measure both."""
    sample, began = read.sample, time.perf_counter()
    question = parse_question(sample.question, sample.options)
    given = _chosen(answerer, read, question, config.video_config)
    reply = answerer.answer(question, given)
    seconds = time.perf_counter() - began
    measures = selection_metrics(
        read.features, read.pts_seconds, given.selection.indices, given.selection.scores
    )
    return AnswerRecord(
        answer=reply.text,
        truth=sample.answer,
        kind=sample.answer_type,
        selection=measures,
        seconds=seconds,
        dataset=dataset,
        question=sample.question,
        video=sample.video,
        video_seconds=float(read.pts_seconds[-1] - read.pts_seconds[0]),
        times=given.times.tolist(),
        grounded=_grounded(given.times, sample.evidence),
    )


def _chosen(
    answerer: Answering, read: QuestionFeatures, question: Question, video: VideoConfig
) -> AnswerInput:
    """What ``ask`` would give the answerer."""
    if isinstance(answerer, NtlbgVLAnswerer):
        return frames_for(answerer, read, question, video.frame_selector)
    retriever = answerer.own_retriever()
    index = VideoIndex(read.pts_seconds, {retriever.track: read.features})
    number = video.representatives_for(len(read.features))
    selection = choose(retriever, index, question, video.frame_selector, number)
    return AnswerInput(index, retriever.features(index), selection)


def _grounded(times: np.ndarray, evidence: Sequence[tuple[float, float]]) -> float | None:
    if not evidence:
        return None
    inside = [any(start <= at < end for start, end in evidence) for at in times]
    return float(np.mean(inside))


def summarize(records: Sequence[AnswerRecord], config: Config) -> dict:
    """All metrics together, for each data set, and those that ``evaluation_config`` names."""
    sets: dict[str, list[AnswerRecord]] = {}
    for record in records:
        sets.setdefault(record.dataset, []).append(record)
    wanted = config.evaluation_config
    return {
        "metrics": {name: NAMED_METRICS[name](records) for name in wanted.metrics},
        "all": summarize_answers(records),
        "datasets": {
            name: summarize_answers(found) | {"target": wanted.target(name)}
            for name, found in sets.items()
        },
    }


def _share_right(records: Sequence[AnswerRecord]) -> float | None:
    right = [same_text(record.answer, record.truth) for record in records]
    return float(np.mean(right)) if right else None


def _grounding(records: Sequence[AnswerRecord]) -> float | None:
    known = [record.grounded for record in records if record.grounded is not None]
    return float(np.mean(known)) if known else None


NAMED_METRICS: dict[str, Callable[[Sequence[AnswerRecord]], float | None]] = {
    "accuracy": _share_right,
    # of questions about order and time
    "temporal_consistency": lambda records: _share_right(
        [record for record in records if record.kind in TEMPORAL_KINDS]
    ),
    # of questions about videos of ten minutes and more
    "long_video_comprehension": lambda records: _share_right(
        [record for record in records if record.video_seconds >= LONG_SECONDS]
    ),
    "grounding_precision": _grounding,
    # questions per second, the video being encoded
    "inference_speed": lambda records: len(records) / sum(record.seconds for record in records),
}


def gain(before: str | Path, after: str | Path) -> str:
    """What two folders of ``experiments/evaluate_experiment.py`` say about training.

    Shares right by text, but for case, articles and punctuation; 95 % of the difference is a
    bootstrap over videos, and none for a single one.

    Raises:
        DataError: a folder holds no answers, or they are answers to different questions.
    """
    (asked, first), (asked_after, second) = (_answers(Path(folder)) for folder in (before, after))
    if asked != asked_after:
        raise DataError(f"{before} and {after} hold answers to different questions; ask the same")
    videos = [video for _, video, _ in asked]
    difference, low, high = mean_over_questions(zip(videos, second - first, strict=True))
    known = "no interval" if np.isnan(low) else f"{low:+.3f} to {high:+.3f}, 95 %"
    return (
        f"right before {first.mean():.3f}, after {second.mean():.3f}: {difference:+.3f} ({known}), "
        f"{len(videos)} questions about {len(set(videos))} videos"
    )


def _answers(folder: Path) -> tuple[list[tuple[str, str, str]], np.ndarray]:
    """Data set, video and question of each answer, and whether it is right, 0 or 1."""
    file = folder / ANSWERS_FILE
    rows = [row for _, row in read_json_lines(file)]
    try:
        asked = [(row["dataset"], row["video"], row["question"]) for row in rows]
        right = [same_text(row["answer"], row["truth"]) for row in rows]
    except (KeyError, TypeError) as error:
        raise DataError(f"{file}: no answers of an evaluation ({error!r})") from error
    if not rows:
        raise DataError(f"{file}: holds no answer")
    return asked, np.array(right, dtype=np.float64)
