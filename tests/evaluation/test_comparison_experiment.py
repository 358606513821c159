"""The script hands its flags to the comparison."""

import json
import runpy
import sys
from pathlib import Path

import pytest

from ntlbg.errors import ComparisonError
from ntlbg.evaluation import compare as module
from ntlbg.evaluation.compare import summarize
from ntlbg.evaluation.compare.measures import METRICS
from ntlbg.evaluation.compare.records import Result

SCRIPT = Path(__file__).parents[2] / "experiments" / "comparison_experiment.py"


@pytest.fixture
def run(monkeypatch):
    """Run the script; returns exit code and what it asked for."""
    asked = {}

    def compare(out_dir, **options):
        asked.update(options, out_dir=out_dir)
        if options["videos"] == 99:
            raise ComparisonError("the same frames")
        values = dict.fromkeys(METRICS, 0.5)
        return summarize([Result(0, 0, "first", "ntlbg", 3, [1], values)])

    def script(*arguments):
        asked.clear()
        monkeypatch.setattr(sys, "argv", [str(SCRIPT), *arguments])
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(SCRIPT), run_name="__main__")
        return end.value.code, asked

    monkeypatch.setattr(module, "compare", compare)
    return script


def test_the_flags_of_the_original(run, capsys):
    code, asked = run("--num-representatives", "3,6,9", "--output-dir", "out",
                      "--experiment-name", "peers", "--selectors", "ntlbg,uniform")  # fmt: skip
    assert code == 0
    assert (asked["out_dir"], asked["frames"]) == (Path("out/peers"), [3, 6, 9])
    assert (asked["selectors"], asked["videos"]) == (["ntlbg", "uniform"], 12)
    assert "| ntlbg |" in capsys.readouterr().out


def test_the_budget_comes_from_a_configuration(run, tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"video_config": {"num_representatives": 512}}))
    assert run("--config", str(path))[1]["frames"] == [512]
    assert run("--config", str(path), "--num-representatives", "5")[1]["frames"] == [5]
    assert run()[1]["frames"] == [8, 16, 32]


def test_errors_are_one_line(run, capsys):
    code, _ = run("--videos", "99")
    assert code == 2
    assert capsys.readouterr().err == "error: the same frames\n"
