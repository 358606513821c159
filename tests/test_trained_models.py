"""What training leaves is a model: three steps on two films of a minute, then every command.

One step for each stage, so the vision tower has moved too.
"""

import json
import runpy
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

import ntlbg
from ntlbg.answerers import load_answerer
from ntlbg.cli import app
from ntlbg.config import to_json
from ntlbg.encoders import ENCODERS
from ntlbg.models.builtin.loading import load_vision_tower
from ntlbg.train.run import run as train
from ntlbg_lab.haystack import make_videos
from small_experiment import small_config

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
NAME = "my-model"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Two films with questions in ``films``, a configuration, and the model trained by it."""
    folder = tmp_path_factory.mktemp("trained")
    make_videos(folder / "films", num_videos=2, minutes=1, questions=3, fps=2, size=(128, 224))
    sets = [{"name": "films", "path": str(folder / "films")}]
    keys = {
        "output_dir": str(folder / NAME),
        "training_config.max_steps": 3,
        "training_config.eval_steps": 3,
        "training_config.save_steps": 3,
        "dataset_config.train_datasets": [sets[0] | {"weight": 1.0}],
        "dataset_config.val_datasets": sets,
        "dataset_config.test_datasets": sets,
    }
    config = small_config(folder, **keys)
    (folder / "config.json").write_text(to_json(config))
    train(config, say=lambda line: None)
    return folder


@pytest.fixture
def model(place):
    return str(place / NAME)


@pytest.fixture(scope="module")
def film(place):
    return str(sorted((place / "films").glob("*.mp4"))[0])


def run(*command) -> str:
    done = CliRunner().invoke(app, [str(part) for part in command], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def script(monkeypatch, capsys, name, *flags) -> str:
    monkeypatch.setattr(sys, "argv", [name, *map(str, flags)])
    with pytest.raises(SystemExit) as left:
        runpy.run_path(str(ROOT / name), run_name="__main__")
    said = capsys.readouterr()
    assert not left.value.code, said.err
    return said.out + said.err


def test_the_vision_tower_learned_from_pixels(place):
    stored = load_file(place / NAME / "model.safetensors")
    tower = load_vision_tower(dtype=torch.float32).state_dict()
    moved = {
        name
        for name in tower
        if f"vision_tower.{name}" in stored
        and not torch.equal(stored[f"vision_tower.{name}"].float(), tower[name])
    }
    assert any(name.startswith("tail.") for name in moved)
    assert any(name.startswith("head.") for name in moved)
    assert not any(name.startswith("vision_tower.trunk") for name in stored)


def test_frames_are_seen_with_the_trained_tower_and_looked_at_as_in_training(model, film):
    answerer = load_answerer(model)
    assert answerer.retriever.encoders[0].fingerprint != ENCODERS["builtin"]().fingerprint
    answer = ntlbg.ask(film, "Is there an owl?", model=model)
    assert answer.model == NAME
    assert len(answer.evidence) == 8  # of 60 frames an eighth is 7, and 8 are chosen at least
    assert len(ntlbg.ask(film, "Is there an owl?", model=model, num_frames=3).evidence) == 3


def test_ask_and_select(model, film):
    found = json.loads(run("ask", film, "What appears first?", "--model", model, "--json"))
    assert found["model"] == NAME
    assert found["usage"]["frames_used"] == 8
    found = json.loads(run("select", film, "What appears first?", "--model", model, "--json"))
    assert len(found["evidence"]) == 8


def test_answer(model, place, tmp_path):
    out = tmp_path / "answers.jsonl"
    run("answer", place / "films", out, "--model", model)
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(rows) == 6
    assert {row["settings"]["model"] for row in rows} == {NAME}
    builtin = load_answerer("builtin", pristine=True)
    assert builtin.fingerprint not in {row["settings"]["weights"] for row in rows}


def test_demo(model, tmp_path):
    run("demo", "--model", model, "--minutes", 1, "--pictures-only", "--out", tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert NAME in page
    assert "How the frames were chosen" in page
    assert "The built-in model knows" not in page


def test_evaluate_and_compare(model, tmp_path):
    flags = ("--kind", "clip-8", "--questions", 2, "--per-video", 2)
    rows = json.loads(run("evaluate", tmp_path / "e", *flags, "--model", model, "--json"))["rows"]
    assert {row["weights"] for row in rows} == {load_answerer(model).fingerprint}
    flags = ("--videos", 1, "--minutes", 0.5, "--questions", 2, "-k", 4)
    chosen = ("--selector", "uniform", "--selector", "ntlbg")
    run("compare", tmp_path / "c", *flags, *chosen, "--model", model)
    assert NAME in (tmp_path / "c" / "settings.json").read_text()


def test_scripts_show_what_was_trained(place, tmp_path, monkeypatch, capsys):
    config = place / "config.json"
    flags = ("--config", config, "--minutes", 1, "--pictures_only", "--out", tmp_path / "demo")
    assert "the model is what training left in" in script(
        monkeypatch, capsys, "scripts/demo.py", *flags
    )
    assert NAME in (tmp_path / "demo" / "report.html").read_text()
    flags = ("--config", config, "--output-dir", tmp_path)
    said = script(monkeypatch, capsys, "experiments/evaluate_experiment.py", *flags)
    assert f"answering with {NAME}" in said
    summary = json.loads((tmp_path / "evaluation" / "summary.json").read_text())
    assert (summary["model"], summary["all"]["questions"]) == (NAME, 6)
    flags += ("--untrained", "--experiment-name", "before")
    script(monkeypatch, capsys, "experiments/evaluate_experiment.py", *flags)
    summary = json.loads((tmp_path / "before" / "summary.json").read_text())
    assert summary["model"].endswith("base, not trained")
