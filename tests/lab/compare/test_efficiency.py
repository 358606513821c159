"""Time and memory in small: drawn videos, a model whose seconds and answers are made."""

import csv
import json
import time
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from fakes import ColourAnswerer, ColourRetriever
from ntlbg import answerers, budget
from ntlbg.cli import app
from ntlbg.errors import ComparisonError, ConfigError, DataError, OutputError, UnknownSelector
from ntlbg.memory.devices import Device
from ntlbg.question import parse_question
from ntlbg.selectors import SELECTORS
from ntlbg.types import Plan, Reply
from ntlbg_lab.compare import efficiency as module
from ntlbg_lab.compare.efficiency import RESULTS_FILE, Moment, measure_efficiency
from ntlbg_lab.compare.efficiency_rows import doubled
from ntlbg_lab.evaluate import VideoCondition, VideoKind, plan_video

FRAMES = 60  # of a minute
SMALL = {"minutes": 1, "questions": 3, "split": "val", "frames": [4], "videos": 2}
ENCODING, SCORING, READING = 0.01, 0.5, 1.0  # processor seconds a frame, a call, a frame
WALL = 3  # seconds on the wall for each of the processor


class Time:
    """A clock that stands still until somebody works."""

    def __init__(self):
        self.seconds = 0.0

    def work(self, seconds):
        self.seconds += seconds

    def now(self):
        return Moment(self.seconds, WALL * self.seconds)


class TimedRetriever(ColourRetriever):
    """Scores the evidence of known questions highest, in known seconds."""

    def __init__(self, encoder, time, about):
        super().__init__(encoder)
        self.time, self.about = time, about

    def score(self, index, text):
        self.time.work(SCORING)
        scores = np.full(len(index), -9.0)
        for sample in self.about(text):
            for start, end in sample.evidence:
                scores[int(np.ceil(start)) : int(np.ceil(end))] = 9.0
        return scores


class TimedAnswerer(ColourAnswerer):
    """Takes known seconds, and is right where all of the evidence is read.

    ``can_read``: with more frames it is never right.
    """

    def __init__(self, *, videos=2, can_read=FRAMES):
        super().__init__()
        self.time, self.can_read, self.said = Time(), can_read, None
        kind, condition = (
            VideoKind("efficiency", FRAMES, SMALL["questions"]),
            VideoCondition(split="val"),
        )
        self.samples = [plan_video(kind, number, condition)[1] for number in range(videos)]
        self.retriever = TimedRetriever(self.encoder, self.time, self.about)
        encode = self.encoder.encode_frames

        def encode_slowly(frames):
            self.time.work(ENCODING * len(frames))
            return encode(frames)

        self.encoder.encode_frames = encode_slowly

    def about(self, question):
        return [sample for found in self.samples for sample in found if sample.question == question]

    def answer(self, question, given):
        self.time.work(READING * len(given.times))
        (sample,) = self.about(question.text)
        right = len(given.times) <= self.can_read and all_read(given.times, sample)
        return Reply(truth(sample) if right else "no idea", None, len(given.times))


def truth(sample):
    """An answer that counts as right."""
    if sample.answer_type == "when" and sample.options is None:
        return f"00:{int(sample.evidence[0][0]):02d}"
    return sample.answer


def all_read(times, sample):
    """Whether a frame of each piece of evidence is among those at some times."""
    return all(any(a <= time < b for time in times) for a, b in sample.evidence)


def measured(folder, answerer=None, **options):
    answerer = answerer or TimedAnswerer()
    given = SMALL | {"model": answerer, "clock": answerer.time.now} | options
    return measure_efficiency(folder, **given)


def lines(folder):
    return [json.loads(line) for line in (folder / RESULTS_FILE).read_text().splitlines()]


def against(found, other):
    (row,) = [row for row in found.against if row.other == other]
    return row


def test_ratios_are_those_of_the_seconds_that_were_worked(tmp_path):
    found = measured(tmp_path)
    equal, whole = against(found, "as many frames"), against(found, "all frames")
    scored = [line["score_seconds"] for line in lines(tmp_path) if line["selector"] == "ntlbg"]
    assert min(scored) >= SCORING
    assert all(score / SCORING == pytest.approx(round(score / SCORING)) for score in scored)
    score = np.mean(scored)
    assert equal.ratios["answer_seconds"].value == pytest.approx(1)
    assert whole.other_frames == FRAMES
    answering = (score + FRAMES * READING) / (score + 4 * READING)
    assert whole.ratios["answer_seconds"].value == pytest.approx(answering)
    assert whole.ratios["wall_seconds"].value == pytest.approx(answering)
    looked = FRAMES * ENCODING + score + 4 * READING  # every frame, for four of them
    bare = 4 * ENCODING + 4 * READING  # what uniform sampling needs
    assert equal.ratios["first_seconds"].value == pytest.approx(bare / looked)
    assert bare < looked
    low, high = whole.ratios["answer_seconds"].low, whole.ratios["answer_seconds"].high
    assert low <= answering <= high
    (row,) = [row for row in found.ways if row.selector == "ntlbg"]
    assert (row.n, row.videos, row.look_seconds) == (6, 2, pytest.approx(FRAMES * ENCODING))
    assert row.read_seconds == pytest.approx(4 * READING)
    assert row.answer_seconds == pytest.approx(np.median(scored) + 4 * READING)
    assert row.mean_seconds == pytest.approx(score + 4 * READING)
    assert row.wall_seconds == pytest.approx(WALL * row.answer_seconds)


def test_what_is_done_only_once_is_left_out(tmp_path):
    """The first call of each way takes a minute, and is not in the seconds."""
    answerer, seen = TimedAnswerer(), set()
    answer = answerer.answer

    def slow_at_first(question, given):
        key = (id(given.features), len(given.selection))
        answerer.time.work(0 if key in seen else 60)
        seen.add(key)
        return answer(question, given)

    answerer.answer = slow_at_first
    measured(tmp_path, answerer)
    assert max(line["read_seconds"] for line in lines(tmp_path)) == pytest.approx(FRAMES)


def test_a_slower_selector_shows_as_slower(tmp_path, monkeypatch):
    answerer = TimedAnswerer()
    choose = SELECTORS["ntlbg"].choose

    def choose_slowly(inputs, options):
        answerer.time.work(6.0)
        return choose(inputs, options)

    slow = replace(SELECTORS["ntlbg"], name="slow", choose=choose_slowly)
    monkeypatch.setitem(SELECTORS, "slow", slow)
    found = measured(tmp_path, answerer, selectors=["top_k", "slow"])
    speeds = {
        row.selector: row.ratios["answer_seconds"].value
        for row in found.against
        if row.other == "as many frames"
    }
    assert speeds["top_k"] == pytest.approx(1)
    assert speeds["slow"] < 0.6
    seconds = {row.selector: row.choose_seconds for row in found.ways}
    assert seconds["slow"] >= seconds["top_k"] + 6


def test_uniform_sampling_that_is_as_often_right(tmp_path):
    """Against counting by hand, which evidence lies at the middles of k equal intervals."""
    answerer = TimedAnswerer()
    found = measured(tmp_path, answerer)
    row = against(found, "as many right")
    ours = sum(line["right"] for line in lines(tmp_path) if line["selector"] == "ntlbg")

    def right(k):
        times = np.floor((np.arange(k) + 0.5) / k * FRAMES)
        return sum(all_read(times, sample) for found in answerer.samples for sample in found)

    expected = next(k for k in (4, 8, 16, 32, 60) if right(k) >= ours)
    assert right(4) < ours <= right(60)
    assert row.other_frames == expected
    assert row.right_difference == pytest.approx((ours - right(expected)) / 6)
    budgets = {line["num_frames"] for line in lines(tmp_path) if line["selector"] == "uniform"}
    assert budgets == {k for k in (4, 8, 16, 32) if k <= expected} | {60}


def test_a_model_that_is_never_as_often_right_says_so(tmp_path):
    found = measured(tmp_path, TimedAnswerer(can_read=4))
    row = against(found, "as many right")
    assert (row.other_frames, row.right_difference, row.ratios) == (None, None, {})
    assert "| as many right: never | – |" in (tmp_path / "efficiency.md").read_text()
    tried = [row.num_frames for row in found.ways if row.selector == "uniform"]
    assert tried == [4, 8, 16, 32, 60]


def test_more_frames_need_not_be_better(tmp_path):
    """What only eight frames or fewer tell is looked for in the order of the frames read."""
    answerer = TimedAnswerer()
    answer = answerer.answer

    def by_number(question, given):
        known = {4: 0, 8: 6, 16: 0, 32: 0, 60: 6}[len(given.selection)]
        chosen = given.selection.scores[given.selection.indices].max() > 0
        reply = answer(question, given)
        return replace(
            reply, text=truth(answerer.about(question.text)[0]) if known or chosen else "no"
        )

    answerer.answer = by_number
    found = measured(tmp_path, answerer)
    assert against(found, "as many right").other_frames == 8
    assert [(row.selector, row.num_frames) for row in found.ways] == [
        ("ntlbg", 4), ("uniform", 4), ("uniform", 8), ("uniform", 60),
    ]  # fmt: skip


def test_budgets_double_up_to_all():
    assert doubled(8, 600) == [8, 16, 32, 64, 128, 256, 512, 600]
    assert doubled(8, 16) == [8, 16]


def test_files_and_numbers(tmp_path):
    found = measured(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "efficiency.jsonl", "settings.json", "efficiency.json", "efficiency.md", "efficiency.csv",
        "efficiency.tex",
    }  # fmt: skip
    kept = json.loads((tmp_path / "efficiency.json").read_text())
    assert [row["other"] for row in kept["against"]] == [
        "as many frames", "as many right", "all frames",
    ]  # fmt: skip
    table = list(csv.DictReader((tmp_path / "efficiency.csv").read_text().splitlines()))
    (whole,) = [
        row for row in table
        if (row["other"], row["quantity"]) == ("all frames", "answer_seconds_ratio")
    ]  # fmt: skip
    assert float(whole["value"]) == against(found, "all frames").ratios["answer_seconds"].value
    assert (whole["selector"], whole["num_frames"], whole["other_frames"]) == ("ntlbg", "4", "60")
    assert (tmp_path / "efficiency.tex").read_text().count(r"\toprule") == 2
    assert "| ntlbg, 4 | as many frames: 4 frames |" in (tmp_path / "efficiency.md").read_text()


def test_memory_is_that_of_the_frames_that_are_read(tmp_path):
    """The model takes two megabytes a frame while it reads."""
    answerer = TimedAnswerer()
    answer = answerer.answer

    def hungry(question, given):
        taken = np.ones(len(given.selection) * 2 * 10**6 // 8)
        time.sleep(0.1 if len(given.selection) == FRAMES else 0)  # for the peak to be seen
        assert taken.all()
        return answer(question, given)

    answerer.answer = hungry
    found = measured(tmp_path, answerer, videos=1)
    grown = {row.num_frames: row.grown_bytes for row in found.ways if row.selector == "uniform"}
    if grown[FRAMES] is None:
        pytest.skip("freed memory cannot be given back here")
    assert 100e6 < grown[FRAMES] < 150e6
    assert grown[4] < 40e6
    whole = against(found, "all frames").ratios
    assert whole["grown_bytes"].value > 2.5
    assert 1 < whole["peak_bytes"].value < whole["grown_bytes"].value
    assert whole["grown_bytes"].low is None  # one video says nothing about others


def test_an_interrupted_run_goes_on_and_measures_nothing_twice(tmp_path, monkeypatch):
    whole = measured(tmp_path / "whole")
    measure, calls = module.measure_block, []

    def interrupted(system, video, *way_and_clock):
        calls.append((video.number, *way_and_clock[:2]))
        if len(calls) == 5:
            raise KeyboardInterrupt
        return measure(system, video, *way_and_clock)

    monkeypatch.setattr(module, "measure_block", interrupted)
    with pytest.raises(KeyboardInterrupt):
        measured(tmp_path / "torn")
    path = tmp_path / "torn" / RESULTS_FILE
    before = path.read_text()
    path.write_text(before + '{"video": 1, "quest')
    found = measured(tmp_path / "torn")
    assert path.read_text().startswith(before)
    places = [(line["video"], line["selector"], line["num_frames"]) for line in lines(path.parent)]
    assert len(places) == 3 * len(set(places))
    assert [row.right for row in found.ways] == [row.right for row in whole.ways]
    assert [row.answer_seconds for row in found.ways] == pytest.approx(
        [row.answer_seconds for row in whole.ways]
    )
    monkeypatch.setattr(module, "measure_block", None)  # all is there
    monkeypatch.setattr(module, "encode_video", None)
    assert measured(path.parent) == found


def test_a_model_that_cannot_read_all_frames(tmp_path, monkeypatch):
    """The built-in model has 8192 positions: 1349 frames, and here fewer in memory."""
    few = Plan(20, 8, 8, 20), ["60 frames are too many"]
    monkeypatch.setattr(module, "plan_frames", lambda *_, **__: few)
    found = measured(tmp_path)
    assert against(found, "all frames").other_frames == 20
    assert (tmp_path / "efficiency.md").read_text().endswith("60 frames are too many\n")
    with pytest.raises(ConfigError, match="frames 20: 20 frames are all that are read of 1 min"):
        measured(tmp_path, frames=[20])


def test_what_is_read_of_an_hour_by_a_model_of_8192_positions(monkeypatch):
    monkeypatch.setattr(budget, "main_memory", lambda: Device("CPU", 10**11, is_gpu=False))
    answerer = ColourAnswerer()
    answerer.context_length, answerer.stamp_tokens = 8192, 5
    plan, [note] = module.plan_frames(
        answerer, parse_question("When?"), (224, 224), 3600, num_frames=3600
    )
    assert plan.num_frames == (8192 - 96) // 6
    assert note.endswith(f"{plan.num_frames} frames are used")


def test_a_selector_that_is_uniform_sampling_is_no_comparison(tmp_path, monkeypatch):
    monkeypatch.setitem(SELECTORS, "twin", replace(SELECTORS["uniform"], name="twin"))
    with pytest.raises(ComparisonError, match="the same frames in all 6 cases: twin and uniform"):
        measured(tmp_path, selectors=["twin"])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"selectors": ["best"]}, UnknownSelector, r"no selectors \['best'\]; there are"),
        ({"selectors": ["uniform"]}, ConfigError, "give others than uniform"),
        ({"frames": [0]}, ConfigError, r"frames \[0\].*must be positive"),
        ({"videos": 0}, ConfigError, "videos 0"),
        ({"minutes": 0}, ConfigError, "minutes 0"),
        ({"split": "exam"}, ConfigError, "split 'exam'"),
        ({"frames": [4, 60]}, ConfigError, "frames 60: 60 frames are all"),
        ({"model": ColourAnswerer(pictures=True)}, ConfigError, "'colours' reads pictures"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_any_work(tmp_path, options, error, message):
    with pytest.raises(error, match=message):
        measured(tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ['{"mine": 1}\n', "my notes", '{"video": 0}\n'])
def test_a_foreign_file_is_refused(tmp_path, text):
    (tmp_path / RESULTS_FILE).write_text(text)
    with pytest.raises((DataError, OutputError), match="not results of a comparison"):
        measured(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [RESULTS_FILE]
    assert (tmp_path / RESULTS_FILE).read_text() == text


def test_a_folder_of_other_settings_is_refused(tmp_path):
    measured(tmp_path, videos=1)
    with pytest.raises(ConfigError, match="seed 0, not 1"):
        measured(tmp_path, videos=1, seed=1)


def test_the_command(tmp_path, monkeypatch):
    monkeypatch.setitem(answerers.ANSWERERS, "builtin", lambda choice: TimedAnswerer())
    monkeypatch.setattr(answerers, "_loaded", answerers._loaded.__wrapped__)
    options = ["compare", str(tmp_path / "out"), "--suite", "efficiency", "--videos", "1",
               "--minutes", "1", "--questions", "3", "--split", "val", "-k", "4"]  # fmt: skip
    done = CliRunner().invoke(app, [*options, "--json"])
    assert done.exit_code == 0, done.output
    assert {row["selector"] for row in json.loads(done.stdout)["ways"]} == {"ntlbg", "uniform"}
    assert "video 1 of 1, ntlbg 4, uniform 4, uniform 60: " in done.stderr
    done = CliRunner().invoke(app, options)
    assert "### Chosen frames against uniform sampling" in done.stdout
    refused = CliRunner().invoke(app, [*options, "--regime", "local", "--tiny"])
    assert refused.exit_code == 2
    assert refused.stderr == "error: suite 'efficiency' has no regimes, tiny\n"
