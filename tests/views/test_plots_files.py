"""``ntlbg plot``: every results file is drawn, every other file is refused in one line."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from ntlbg.cli import app
from ntlbg.errors import DataError
from ntlbg.evidence import describe_evidence
from ntlbg.selectors import select_frames
from ntlbg.types import Answer, SelectedFrames
from ntlbg.views.result_file import read_seen, save_seen
from ntlbg_lab.compare import compare
from ntlbg_lab.compare.tables import bar_panels
from ntlbg_lab.plots import answer_panels, plot_file
from roles import given

HISTORY = [{"step": 1, "loss": 5.0, "task": 4.0}, {"step": 2, "eval_task": 3.9}]
CELLS = [
    {"cell": "hour-8", "selector": "uniform", "n": 9, "right": 0.2, "interval": [0.1, 0.3]},
    {"cell": "hour-8", "selector": "ntlbg", "n": 9, "right": 0.8, "interval": [0.7, 0.9]},
    {"cell": "clip-8", "selector": "uniform", "n": 9, "right": 0.9, "interval": [0.8, 1.0]},
]


def record(video: str, answer: str, kind: str = "which", grounded: float | None = 0.5) -> dict:
    return {
        "answer": answer, "truth": "red car", "kind": kind, "dataset": "d", "video": video,
        "grounded": grounded, "selection": {"coverage": 0.25},
    }  # fmt: skip


@pytest.fixture
def seen():
    draw = np.random.default_rng(0)
    features, times = draw.normal(size=(90, 5)).astype(np.float32), np.arange(90.0)
    chosen = select_frames("ntlbg", features, 6, scores=draw.normal(size=90), pts_seconds=times)
    return given(features, times, chosen)


def moments(seen, question="Which?") -> SelectedFrames:
    return SelectedFrames(
        Path("v.mp4"), question, "ntlbg", describe_evidence(seen), {}, context=seen
    )


def names(written: list[Path]) -> list[str]:
    for path in written:
        if path.suffix == ".png":
            with Image.open(path) as picture:
                assert min(picture.size) > 200
        else:
            assert "<svg" in path.read_text()
    return [path.name for path in written]


@pytest.mark.parametrize(
    ("file", "content", "expected"),
    [
        ("history.json", json.dumps(HISTORY), "training"),
        ("summary.json", json.dumps(CELLS), "cells"),
        ("answers.jsonl", json.dumps(record("v", "red")) + "\n", "answers"),
        ("answers.jsonl", json.dumps(record("v", "a\u2028b\x85"), ensure_ascii=False), "answers"),
    ],
)
def test_a_results_file_is_drawn_by_what_it_holds(file, content, expected, tmp_path):
    (tmp_path / file).write_text(content, encoding="utf-8")
    out = CliRunner().invoke(app, ["plot", str(tmp_path / file), "--out", str(tmp_path / "plots")])
    assert out.exit_code == 0, out.output
    written = sorted((tmp_path / "plots").iterdir())
    assert names(written) == [f"{expected}.png", f"{expected}.svg"]


def test_a_comparison_is_drawn_again_as_it_was(tmp_path):
    rows = compare(
        tmp_path, suite="simulated", selectors=["uniform", "top_k"], frames=[4], videos=3,
        regimes=["local"],
    )  # fmt: skip
    written = plot_file(tmp_path / "summary.json", tmp_path / "again")
    assert names(written) == ["comparison-local.png", "comparison-local.svg"]
    for path in written:
        assert path.read_bytes() == (tmp_path / path.name).read_bytes()
    assert bar_panels(rows)[0].groups


def test_what_was_seen_is_read_back(seen, tmp_path):
    back = read_seen(save_seen(moments(seen), tmp_path))
    assert back == moments(seen)
    for name in ("features", "pts_seconds"):
        np.testing.assert_array_equal(getattr(back.context, name), getattr(seen, name))
    np.testing.assert_array_equal(back.context.selection.scores, seen.selection.scores)
    answer = Answer(
        "red",
        describe_evidence(seen),
        {},
        "Which?",
        Path("v.mp4"),
        "builtin",
        "ntlbg",
        context=seen,
    )
    back = read_seen(save_seen(answer, tmp_path))
    assert (back.text, back.question) == ("red", "Which?")


def test_what_was_seen_is_drawn_without_the_video(seen, tmp_path):
    written = plot_file(save_seen(moments(seen), tmp_path), tmp_path / "plots")
    assert names(written) == ["timeline.png", "timeline.svg", "features.png", "features.svg"]


def test_moments_without_a_question_have_no_scores(seen, tmp_path):
    chosen = select_frames("uniform", seen.features, 4, pts_seconds=seen.pts_seconds)
    plain = moments(given(seen.features, seen.pts_seconds, chosen), None)
    back = read_seen(save_seen(plain, tmp_path))
    assert (back.question, back.context.selection.scores) == (None, None)
    assert len(plot_file(tmp_path / "seen.safetensors", tmp_path)) == 4


def test_answers_are_counted_by_kind_and_their_intervals_are_over_videos():
    rows = [record("a", "red car"), record("a", "red car"), record("b", "red"),
            record("b", "blue", "when", None)]  # fmt: skip
    panels = {panel.title.splitlines()[0]: panel for panel in answer_panels(rows)}
    match, f1 = panels["exact match"], panels["F1"]
    assert match.groups == ["all", "when", "which"]
    assert match.series["d"][:, 0] == pytest.approx([2 / 4, 0, 2 / 3])
    assert f1.series["d"][2, 0] == pytest.approx((1 + 1 + 2 / 3) / 3)
    assert match.series["d"][0, 1:] == pytest.approx([0, 1])  # all of a, or all of b, drawn twice
    assert np.isnan(match.series["d"][1, 1:]).all()  # one video says nothing about others
    assert np.isnan(panels["frames inside the evidence"].series["d"][1]).all()


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("gone.json", None, "no such file"),
        ("torn.json", "[{", "1: not JSON"),
        ("torn.jsonl", '{"answer": 1}\n{', "2: not JSON"),
        ("object.json", "{}", "holds no list of results"),
        ("numbers.json", "[1]", "holds no list of results"),
        ("empty.json", "[]", "nothing in it can be drawn"),
        ("other.json", '[{"a": 1}]', "nothing in it can be drawn"),
        ("cells.json", '[{"cell": 1, "selector": 2, "right": 3}]', "is damaged (KeyError"),
        ("history.json", '[{"step": 1, "loss": "x"}, {"loss": 2}]', "is damaged (KeyError"),
        ("gone.safetensors", None, "no such file; give what an answer saw"),
        ("text.safetensors", "text", "cannot be read (Error while deserializing"),
    ],
)
def test_other_files_are_refused_in_one_line(file, content, message, tmp_path):
    path = tmp_path / file
    if content is not None:
        path.write_text(content)
    done = CliRunner().invoke(app, ["plot", str(path), "--out", str(tmp_path / "plots")])
    assert done.exit_code == 2
    assert f"{file}:{message}" in done.stderr.replace(f"{file}: ", f"{file}:")
    told = "give history.json of training" in done.stderr
    assert told or file.startswith("torn") or file.endswith(".safetensors")
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "plots").exists()


def test_weights_are_not_what_an_answer_saw(tmp_path):
    from safetensors.numpy import save_file

    save_file({"features": np.zeros(2)}, tmp_path / "model.safetensors")
    with pytest.raises(DataError, match="it has no answer, indices, pts_seconds, question"):
        plot_file(tmp_path / "model.safetensors", tmp_path)
