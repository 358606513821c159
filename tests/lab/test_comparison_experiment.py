"""The script hands its flags to the comparison."""

import json
import runpy
import sys
from pathlib import Path

import pytest

from ntlbg.errors import ComparisonError
from ntlbg_lab import compare as module
from ntlbg_lab.compare import efficiency, summarize, theory
from ntlbg_lab.compare.efficiency_rows import Efficiency
from ntlbg_lab.compare.records import METRICS, SelectorResult

SCRIPT = Path(__file__).parents[2] / "experiments" / "comparison_experiment.py"


@pytest.fixture
def run(monkeypatch):
    """Run the script; returns exit code and what it asked for."""
    asked = {}

    def compare(out_dir, **options):
        asked.update(options, out_dir=out_dir)
        if options.get("videos") == 99:
            raise ComparisonError("the same frames")
        values = dict.fromkeys(METRICS, 0.5)
        return summarize([SelectorResult(0, 0, "first", "ntlbg", 3, [1], values)])

    def measure_efficiency(out_dir, **options):
        asked.update(options, out_dir=out_dir)
        return Efficiency([], [], "asked for time and memory")

    def script(*arguments):
        asked.clear()
        monkeypatch.setattr(sys, "argv", [str(SCRIPT), *arguments])
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(SCRIPT), run_name="__main__")
        return end.value.code, asked

    monkeypatch.setattr(module, "compare", compare)
    monkeypatch.setattr(efficiency, "measure_efficiency", measure_efficiency)
    return script


def test_the_flags_of_the_original(run, capsys):
    code, asked = run("--num-representatives", "3,6,9", "--output-dir", "out",
                      "--experiment-name", "peers", "--selectors", "ntlbg,uniform")  # fmt: skip
    assert code == 0
    assert (asked["out_dir"], asked["frames"]) == (Path("out/peers"), [3, 6, 9])
    assert asked["selectors"] == ["ntlbg", "uniform"]
    assert "videos" not in asked  # as many as the command takes
    assert "| ntlbg |" in capsys.readouterr().out


def test_the_budget_comes_from_a_configuration(run, tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"video_config": {"num_representatives": 512}}))
    assert run("--config", str(path))[1]["frames"] == [512]
    assert run("--config", str(path), "--num-representatives", "5")[1]["frames"] == [5]
    assert "frames" not in run()[1]
    assert run()[1]["out_dir"] == Path("results/comparison")


def test_the_original_names_of_experiments(run, capsys, monkeypatch, tmp_path):
    code, asked = run("--experiment", "efficiency_analysis", "--videos", "3",
                      "--num-representatives", "4,8")  # fmt: skip
    assert code == 0
    assert (asked["out_dir"], asked["videos"]) == (Path("results/efficiency_analysis"), 3)
    assert asked["frames"] == [4, 8]
    assert "asked for time and memory" in capsys.readouterr().out
    monkeypatch.setattr(theory, "TABLES", {})
    monkeypatch.setattr(theory, "_write", lambda folder, rows: None)
    place = ("--experiment", "theoretical_validation", "--output-dir", str(tmp_path))
    assert run(*place)[0] == 0
    assert (tmp_path / "theoretical_validation").is_dir()
    assert run(*place, "--videos", "3")[0] == 2
    assert "theoretical_validation has no videos" in capsys.readouterr().err


def test_errors_are_one_line(run, capsys):
    code, _ = run("--videos", "99")
    assert code == 2
    assert capsys.readouterr().err == "error: the same frames\n"
