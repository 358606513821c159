"""The whole comparison in small: drawn videos, a model that knows colours."""

import json
import signal
import subprocess

import numpy as np
import pytest
from typer.testing import CliRunner

from fakes import ColourAnswerer
from ntlbg.cli import app
from ntlbg.errors import ComparisonError, ConfigError, UnknownSelector
from ntlbg.selectors import SELECTORS
from ntlbg_lab import compare as module
from ntlbg_lab.compare import SUITES, compare
from ntlbg_lab.compare.records import RESULTS_FILE
from ntlbg_lab.evaluate import KINDS, VideoCondition, plan_video
from processes import finished, python, started, wait_for

SMALL = {"minutes": 1, "questions": 8, "split": "val"}
CHOICE = ("video", "question", "kind", "selector", "num_frames", "indices")


@pytest.fixture
def small(monkeypatch):
    """Settings of a small comparison; pictures are drawn by the one test that looks at them."""
    monkeypatch.setattr(module, "write_figures", lambda folder, rows: None)
    return {**SMALL, "model": ColourAnswerer()}


def choices(folder):
    """Everything about the results that does not depend on the clock."""
    lines = (folder / RESULTS_FILE).read_text(encoding="utf-8").splitlines()
    found = []
    for line in map(json.loads, lines):
        values = {k: v for k, v in line["values"].items() if k != "seconds"}
        found.append(({key: line[key] for key in CHOICE}, values))
    return sorted(found, key=str)


def test_a_folder_of_results_tables_and_plots(tmp_path):
    lines = []
    rows = compare(
        tmp_path, selectors=["uniform", "ntlbg"], frames=[2, 4], videos=2, progress=lines.append,
        model=ColourAnswerer(), **SMALL,
    )  # fmt: skip
    assert len(choices(tmp_path)) == 2 * 8 * 2 * 2
    assert [line.split(":")[0] for line in lines] == ["video 1 of 2", "video 2 of 2"]
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        "results.jsonl", "settings.json", "summary.json", "comparison.md", "comparison.csv",
        "comparison.tex", "comparison.png", "comparison.svg", "question-types-2.png",
        "question-types-2.svg", "question-types-4.png", "question-types-4.svg",
    }  # fmt: skip
    assert len(json.loads((tmp_path / "summary.json").read_text())) == len(rows)
    for budget in (2, 4):
        assert all(len(c["indices"]) == budget for c, _ in choices(tmp_path)
                   if c["num_frames"] == budget)  # fmt: skip


def test_an_interrupted_run_goes_on_and_ends_the_same(tmp_path, small, monkeypatch):
    options = {"selectors": ["uniform", "top_k"], "frames": [2, 3], "videos": 2}
    compare(tmp_path / "whole", **options, **small)
    judge, calls = module.judge, []

    def interrupted(*arguments):
        calls.append(arguments[1:])
        if len(calls) == 6:
            raise KeyboardInterrupt
        return judge(*arguments)

    monkeypatch.setattr(module, "judge", interrupted)
    with pytest.raises(KeyboardInterrupt):
        compare(tmp_path / "torn", **options, **small)
    compare(tmp_path / "torn", **options, **small)
    assert len(calls) == 8 + 1  # nothing was done twice but the block that failed
    assert choices(tmp_path / "torn") == choices(tmp_path / "whole")


def test_selectors_budgets_and_videos_can_be_added(tmp_path, small, monkeypatch):
    compare(tmp_path / "a", selectors=["uniform"], frames=[2], videos=1, **small)
    compare(tmp_path / "a", selectors=["uniform", "top_k"], frames=[2, 3], videos=2, **small)
    compare(tmp_path / "b", selectors=["uniform", "top_k"], frames=[2, 3], videos=2, **small)
    assert choices(tmp_path / "a") == choices(tmp_path / "b")
    assert (tmp_path / "a/comparison.md").read_text().count("2 videos") == 2
    monkeypatch.setattr(module, "judge", None)  # all is there
    rows = compare(tmp_path / "a", selectors=["uniform"], frames=[3], videos=1, **small)
    assert {(row.selector, row.num_frames) for row in rows} == {("uniform", 3)}


def test_every_selector_takes_part(tmp_path, small):
    """None is skipped: the model scores frames for those that need it."""
    for selector in SELECTORS:
        compare(tmp_path / selector, selectors=[selector], frames=[3], videos=1, **small)
        found = choices(tmp_path / selector)
        assert len(found) == 8
        assert all(len(choice["indices"]) == 3 for choice, _ in found)


def test_the_gate_fails_the_run_before_tables_are_written(tmp_path, small, monkeypatch):
    monkeypatch.setitem(SELECTORS, "twin", SELECTORS["uniform"])
    with pytest.raises(ComparisonError, match="cases: uniform and twin"):
        compare(tmp_path, selectors=["uniform", "twin"], frames=[3], videos=1, **small)
    assert {path.name for path in tmp_path.iterdir()} == {"results.jsonl", "settings.json"}


def test_recall_is_that_of_the_evidence(tmp_path, small):
    compare(tmp_path, selectors=["top_k"], frames=[4], videos=1, **small)
    suite = SUITES["haystack"](**small)
    _, samples = plan_video(suite.kind, 0, suite.condition, questions=8)
    for choice, values in choices(tmp_path):
        chosen = np.array(choice["indices"], float)  # a frame a second
        evidence = samples[choice["question"]].evidence
        hits = [((chosen >= a) & (chosen < b)).any() for a, b in evidence]
        assert values["recall"] == (pytest.approx(np.mean(hits)) if hits else None)


def test_videos_are_those_of_evaluate():
    suite = SUITES["haystack"](model=ColourAnswerer(), minutes=10, seed=5)
    ours, _ = plan_video(suite.kind, 3, suite.condition, questions=8)
    theirs, _ = plan_video(KINDS["ten-minutes"], 3, VideoCondition(seed=5))
    assert ours == theirs


def test_selectors_that_draw_draw_anew_for_each_question(tmp_path, small):
    compare(tmp_path, selectors=["random"], frames=[4], videos=2, **small)
    drawn = {tuple(choice["indices"]) for choice, _ in choices(tmp_path)}
    assert len(drawn) > 12


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"suite": "films"}, ConfigError, "no suite 'films' of videos; there are haystack"),
        ({"selectors": ["best"]}, UnknownSelector, r"no selectors \['best'\]"),
        ({"frames": [0]}, ConfigError, "must be positive"),
        ({"videos": 0}, ConfigError, "must be positive"),
        ({"split": "exam"}, ConfigError, "split 'exam'"),
        ({"minutes": 0}, ConfigError, "must be positive"),
        ({"regimes": ["local"]}, ConfigError, "suite 'haystack' has no regimes"),
        ({"suite": "simulated", "regimes": ["hard"]}, ConfigError, r"no regimes \['hard'\]"),
        ({"suite": "simulated", "minutes": 3}, ConfigError, "suite 'simulated' has no minutes"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_any_work(tmp_path, options, error, message):
    with pytest.raises(error, match=message):
        compare(tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_a_folder_of_other_settings_is_refused(tmp_path, small):
    compare(tmp_path, selectors=["uniform"], frames=[2], videos=1, **small)
    with pytest.raises(ConfigError, match="seed 0, not 1"):
        compare(tmp_path, selectors=["uniform"], frames=[2], videos=1, seed=1, **small)


PARTS = ["ntlbg-parts", "dpp-parts"]
SIMULATED = ("--suite", "simulated", "--regime", "local", "--selector", "uniform",
             "--selector", "top_k", "-k", "4", "--videos", "3", "--json")  # fmt: skip


def test_simulated_videos_from_the_command_line(tmp_path):
    done = CliRunner().invoke(app, ["compare", str(tmp_path), *SIMULATED])
    assert done.exit_code == 0, done.output
    rows = json.loads(done.stdout)["rows"]
    assert {row["kind"] for row in rows} == {"local"}
    assert {row["videos"] for row in rows if row["metric"] == "recall"} == {3}
    assert "video 3 of 3" in done.stderr


def test_the_command_says_what_is_wrong_in_one_line(tmp_path):
    done = CliRunner().invoke(app, ["compare", str(tmp_path), "--suite", "films"])
    assert (done.exit_code, done.stdout) == (2, "")
    there = "haystack, simulated, ablation, efficiency, theory"
    assert done.stderr == f"error: no suite 'films'; there are {there}\n"
    shown = CliRunner().invoke(app, ["compare", "--help"]).stdout
    for suite in there.split(", "):
        assert suite in shown


@pytest.mark.thorough
@pytest.mark.slow
def test_a_killed_command_goes_on(tmp_path):
    command = python("-m", "ntlbg.cli", "compare")
    code, said = finished([*command, tmp_path / "whole", *SIMULATED])
    assert code == 0, said
    path = tmp_path / "torn" / RESULTS_FILE
    with started([*command, path.parent, *SIMULATED], stderr=subprocess.DEVNULL) as first:
        wait_for(lambda: path.is_file() and path.stat().st_size, first)
        first.send_signal(signal.SIGKILL)
    code, said = finished([*command, path.parent, *SIMULATED])
    assert code == 0, said
    assert choices(path.parent) == choices(tmp_path / "whole")


def test_theory_has_no_options(tmp_path):
    done = CliRunner().invoke(
        app, ["compare", str(tmp_path / "out"), "--suite", "theory", "-k", "3"]
    )
    assert done.exit_code == 2
    assert done.stderr == "error: suite 'theory' has no frames\n"
    assert not (tmp_path / "out").exists()


def test_a_query_for_each_thing_is_a_row(tmp_path):
    asked = {"suite": "simulated", "regimes": ["several_hard"], "frames": [8], "videos": 6}
    rows = compare(tmp_path, selectors=["ntlbg", "dpp", "dpp-whitened", *PARTS], **asked)
    recall = {row.selector: row.mean for row in rows if row.metric == "recall"}
    assert recall["ntlbg-parts"] > recall["ntlbg"] + 0.2
    assert recall["dpp-parts"] > recall["dpp-whitened"] + 0.2
    with pytest.raises(UnknownSelector, match="ntlbg-parts"):
        compare(tmp_path, suite="haystack", selectors=PARTS)
