"""The whole evaluation in small: drawn videos, a model that knows colours."""

import csv
import json

import numpy as np
import pytest
from typer.testing import CliRunner

from fakes import ColourAnswerer, ColourRetriever
from ntlbg import answerers
from ntlbg.cli import app
from ntlbg.errors import ConfigError, DataError, UnknownSelector
from ntlbg.marks import as_markdown_file
from ntlbg.system import System
from ntlbg.types import Reply
from ntlbg_lab.evaluate import KINDS, VideoCondition, VideoKind, plan_video
from ntlbg_lab.evaluate import run as module
from ntlbg_lab.evaluate.answering import MemoizedVideo, Outcome
from ntlbg_lab.evaluate.run import evaluate_videos
from ntlbg_lab.evaluate.work import ANSWERS_FILE, VIDEOS_FILE
from ntlbg_lab.haystack.pictures import STYLES
from ntlbg_lab.plots import plot_file
from ntlbg_lab.tables import as_markdown
from roles import index_of

MINUTE = VideoKind("minute", 60, questions=4)
EXTRA = VideoKind("extra", 60, questions=4, extras=4)
SMALL = {"kinds": ["minute"], "frames": [2, 4], "questions": 8}
VAL = VideoCondition(split="val")


@pytest.fixture(autouse=True)
def minute(monkeypatch):
    """A short kind of video."""
    monkeypatch.setitem(KINDS, "minute", MINUTE)


def lines(folder, name=ANSWERS_FILE):
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


def answers(folder):
    """Everything about the answers that does not depend on the clock."""
    found = [{k: v for k, v in line.items() if k != "seconds"} for line in lines(folder)]
    return sorted(found, key=lambda line: json.dumps(line, sort_keys=True))


def test_a_folder_of_answers_and_tables(tmp_path):
    said = []
    answerer = ColourAnswerer()
    report = evaluate_videos(tmp_path, model=answerer, condition=VAL, progress=said.append, **SMALL)
    assert {path.name for path in tmp_path.iterdir()} == {
        "answers.jsonl", "videos.jsonl", "summary.json", "recognition.json", "over_weights.json",
        "evaluation.md", "evaluation.csv",
    }  # fmt: skip
    assert answerer.encoder.encoded == 2 * 60  # every video once, for all selectors and budgets
    assert len(lines(tmp_path)) == 2 * 4 * 3 * 2
    assert [line.split(",")[0] for line in said] == [
        "minute: video 1 of 2", "minute: video 2 of 2",
    ]  # fmt: skip
    assert {(row.cell, row.selector, row.n, row.videos) for row in report.rows} == {
        (cell, selector, 8, 2)
        for cell in ("minute-2", "minute-4")
        for selector in ("uniform", "top_k", "ntlbg")
    }
    assert report.recognition == []  # this model has no words
    table = (tmp_path / "evaluation.csv").read_text()
    found = csv.DictReader(table.splitlines())
    right = {
        (r["cell"], r["selector"]): float(r["value"]) for r in found if r["quantity"] == "right"
    }
    assert right == {(row.cell, row.selector): row.right for row in report.rows}
    assert (tmp_path / "evaluation.md").read_text() == as_markdown_file(
        as_markdown(report.tables())
    )
    assert plot_file(tmp_path / "summary.json", tmp_path)


def test_a_killed_run_goes_on_with_the_next_video(tmp_path, monkeypatch):
    evaluate_videos(tmp_path / "whole", model=ColourAnswerer(), condition=VAL, **SMALL)
    add, calls = module.EvaluationStore.add, []

    def killed(self, outcomes, video):
        calls.append(video.video)
        if len(calls) == 2:
            with (self.folder / ANSWERS_FILE).open("a") as file:  # answers without their video
                file.write(json.dumps(outcomes[0].__dict__) + "\n" + '{"weights": "col')
            raise KeyboardInterrupt
        add(self, outcomes, video)

    monkeypatch.setattr(module.EvaluationStore, "add", killed)
    with pytest.raises(KeyboardInterrupt):
        evaluate_videos(tmp_path / "torn", model=ColourAnswerer(), condition=VAL, **SMALL)
    assert not (tmp_path / "torn" / "summary.json").exists()
    answerer = ColourAnswerer()
    evaluate_videos(tmp_path / "torn", model=answerer, condition=VAL, **SMALL)
    assert calls == [0, 1, 1]
    assert answerer.encoder.encoded == 60
    assert answers(tmp_path / "torn") == answers(tmp_path / "whole")


def test_budgets_selectors_and_conditions_can_be_added(tmp_path):
    small = {"kinds": ["minute"], "questions": 4, "model": ColourAnswerer()}
    evaluate_videos(tmp_path, condition=VAL, frames=[2], selectors=["uniform"], **small)
    evaluate_videos(tmp_path, condition=VAL, frames=[2, 3], selectors=["uniform", "top_k"], **small)
    before = answers(tmp_path)
    assert len(before) == 4 * 4
    held_out = VideoCondition(split="val", wordings="held_out")
    report = evaluate_videos(tmp_path, condition=held_out, frames=[2], **small)
    assert len({json.dumps(line) for line in lines(tmp_path)}) == 4 * 4 + 4 * 3
    assert {row.condition for row in report.rows} == {VAL.name, held_out.name}
    labels = [row["cell"] for row in json.loads((tmp_path / "summary.json").read_text())]
    assert len(set(labels)) == 3  # a plot can tell the conditions apart
    answerer = ColourAnswerer()
    again = evaluate_videos(tmp_path, condition=held_out, frames=[2], **small | {"model": answerer})
    assert answerer.encoder.encoded == 0
    assert again.rows == report.rows


def test_a_folder_with_answers_to_other_questions_is_refused(tmp_path):
    small = SMALL | {"model": ColourAnswerer(), "condition": VAL}
    evaluate_videos(tmp_path, **small)
    with pytest.raises(ConfigError, match="other questions about video 0 of 'minute'"):
        evaluate_videos(tmp_path, per_video=5, **small)
    (tmp_path / VIDEOS_FILE).write_text("[]\n")
    with pytest.raises(DataError, match=r"videos\.jsonl: not what"):
        evaluate_videos(tmp_path, **small)


def test_several_weights_are_rows_of_their_own(tmp_path, monkeypatch):
    """And the table over them has mean and deviation."""

    def load(path, *, pristine):
        assert pristine  # what somebody taught it is not measured
        answerer = ColourAnswerer()
        answerer.fingerprint = path.stem * 8
        if path.stem == "b":
            monkeypatch.setattr(answerer, "answer", lambda *a, **k: Reply("never", None, 0))
        return answerer

    monkeypatch.setattr(module, "load_builtin_answerer", load)
    evaluate_videos(tmp_path, weights=["a.safetensors"], condition=VAL, **SMALL)
    report = evaluate_videos(
        tmp_path, weights=["a.safetensors", "b.safetensors"], condition=VAL, **SMALL
    )
    assert {row.weights for row in report.rows} == {"a" * 8, "b" * 8}
    (row,) = [
        r for r in json.loads((tmp_path / "over_weights.json").read_text())
        if (r["cell"], r["selector"]) == ("minute-4", "ntlbg")
    ]  # fmt: skip
    right = [r.right for r in report.rows if (r.cell, r.selector) == ("minute-4", "ntlbg")]
    assert row["mean"] == pytest.approx(np.mean(right), abs=1e-3)
    assert row["deviation"] == pytest.approx(np.std(right, ddof=1), abs=1e-3)
    assert "mean ± standard deviation" in as_markdown(report.tables())
    only = evaluate_videos(tmp_path, weights=["a.safetensors"], condition=VAL, **SMALL)
    assert {row.weights for row in only.rows} == {"a" * 8}  # the others stay in the file


def test_clips_are_read_as_a_whole(tmp_path):
    report = evaluate_videos(
        tmp_path, kinds=["clip-8"], questions=6, model=ColourAnswerer(), condition=VAL
    )
    (row,) = report.rows
    assert (row.cell, row.selector, row.choice) == ("clip-8", "uniform", None)
    assert {line["num_frames"] for line in lines(tmp_path)} == {8}
    seen = [line["seen"] for line in lines(tmp_path) if line["seen"] is not None]
    assert seen
    assert np.mean(seen) > 0.8


class Counting(ColourRetriever):
    """Counts how often it reads frames."""

    def __init__(self, encoder):
        super().__init__(encoder)
        self.scored = []

    def score(self, index, text):
        self.scored.append((len(index), text))
        return super().score(index, text)


def test_frames_are_scored_and_read_once():
    answerer = ColourAnswerer()
    retriever = Counting(answerer.encoder)
    _, (sample, *_) = plan_video(MINUTE, 0, VAL)
    features = np.random.default_rng(0).random((60, 4), np.float32)
    reader = MemoizedVideo(System(retriever, answerer), index_of(features, np.arange(60.0)))
    first = reader.answer(sample, "top_k", 4)
    other = reader.answer(sample, "uniform", 4)
    again = reader.answer(sample, "top_k", 4)
    assert [first[2], other[2], again[2]] == [False, False, True]
    assert again[1] is first[1]
    assert len(answerer.inputs) == 2
    assert [size for size, _ in retriever.scored].count(60) == 1
    assert reader.answer(sample.model_copy(update={"options": ["a", "b"]}), "top_k", 4)[2] is False


def test_no_question_is_asked_twice():
    for number in range(3):
        _, samples = plan_video(KINDS["three-hours"], number, VAL)
        keys = [(sample.question, *(sample.options or ())) for sample in samples]
        assert len(set(keys)) == len(keys) > 40


def test_extra_questions_are_counted_apart(tmp_path, monkeypatch):
    monkeypatch.setitem(KINDS, "extra", EXTRA)
    options = SMALL | {"kinds": ["extra"], "questions": 4}
    report = evaluate_videos(tmp_path, model=ColourAnswerer(), condition=VAL, **options)
    assert {row.n for row in report.rows} == {4}
    absent = {row.by_type["absent"].n for row in report.rows}
    assert absent == {2}
    assert {row.not_seen.n for row in report.rows} == absent
    assert {row.by_type["order"].n + row.by_type["both"].n for row in report.rows} == {2}


def test_as_many_questions_as_asked_for_even_where_they_repeat():
    clip = VideoKind("clip", 8, questions=80, clip=True, multiple_choice=False)
    _, samples = plan_video(clip, 0, VideoCondition(split="val", wordings="held_out"))
    assert len(samples) == 80
    assert len({sample.question for sample in samples}) < 80


def test_more_questions_begin_with_the_same_ones():
    few, many = (plan_video(MINUTE, 1, VAL, questions=number)[1] for number in (4, 12))
    assert [s.question for s in many[: len(few)]] == [s.question for s in few]


def test_conditions_have_names_of_their_own():
    names = [
        VideoCondition(**changes).name
        for changes in (
            {}, {"seed": 1}, {"split": "val"}, {"wordings": "held_out"},
            {"styles": ("/art/open.zip",)},
        )
    ]  # fmt: skip
    assert len(set(names)) == 5
    assert "open" in names[-1]
    assert "/" not in names[-1]
    assert VideoCondition(styles=STYLES).name == VideoCondition().name


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"kinds": ["films"]}, ConfigError, r"no kinds of videos \['films'\]"),
        ({"kinds": []}, ConfigError, r"kinds \[\]"),
        ({"frames": [0]}, ConfigError, r"frames \[0\].*positive"),
        ({"questions": 0}, ConfigError, "questions 0"),
        ({"per_video": 0}, ConfigError, "questions a video 0"),
        ({"selectors": ["best"]}, UnknownSelector, r"no selectors \['best'\]"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_before_any_work(tmp_path, options, error, message):
    with pytest.raises(error, match=message):
        evaluate_videos(tmp_path / "out", model=ColourAnswerer(), **options)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("wrong", [{"split": "validation"}, {"wordings": "other"}])
def test_an_unknown_split_is_not_taken_for_another(wrong):
    with pytest.raises(ConfigError, match="choose from"):
        VideoCondition(**wrong)


def test_the_command(tmp_path, monkeypatch):
    monkeypatch.setitem(answerers.ANSWERERS, "builtin", lambda choice: ColourAnswerer())
    monkeypatch.setattr(answerers, "_loaded", answerers._loaded.__wrapped__)
    options = ["--kind", "minute", "-k", "3", "--questions", "4", "--split", "val"]
    done = CliRunner().invoke(app, ["evaluate", str(tmp_path), *options, "--json"])
    assert done.exit_code == 0, done.output
    assert {row["selector"] for row in json.loads(done.stdout)["rows"]} == {
        "uniform", "top_k", "ntlbg",
    }  # fmt: skip
    text = CliRunner().invoke(app, ["evaluate", str(tmp_path), *options])
    assert "| minute-3 | ntlbg | 4 | 1 |" in text.stdout
    wrong = CliRunner().invoke(app, ["evaluate", str(tmp_path), "--split", "validation"])
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith("error: split 'validation': choose from train, val, test")


def test_every_answer_is_kept(tmp_path):
    evaluate_videos(tmp_path, model=ColourAnswerer(), condition=VAL, **SMALL)
    for line in lines(tmp_path):
        _, samples = plan_video(MINUTE, line["video"], VAL)
        sample = samples[line["place"]]
        assert (line["question"], line["truth"]) == (sample.question, sample.answer)
        key = Outcome(**line).cell_key
        assert (key.selector, key.num_frames) == (line["selector"], line["num_frames"])
