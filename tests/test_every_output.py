"""Every command with every input as every output, and with what is not ours in its place.

A command without a row here, or a path among its options that is in no row, fails.
"""

import inspect
import json
import os
import shutil
import socket
import typing
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file
from typer.main import get_command

from commands import assert_one_error
from ntlbg.cli import app
from ntlbg.config import Config, to_json

CONFIGS = Path(__file__).parents[1] / "configs"


class Place(NamedTuple):
    """Where a command writes: a file, or files of these names in a folder.

    ``{out}`` in the arguments is the place, other names in braces are inputs.
    """

    arguments: str
    names: tuple[str, ...] = ()


class Row(NamedTuple):
    reads: tuple[str, ...] = ()  # parameters
    writes: tuple[tuple[str, Place], ...] = ()  # parameter, place


def drawn(*names):
    return tuple(f"{name}.{suffix}" for name in names for suffix in ("png", "svg"))


CLIPS = ("01_00-00-00.mp4", "clips.edl", "clips.csv")
KEPT = ("answers.jsonl", "videos.jsonl")
ROWS = {
    "ask": Row(("video",), (
        ("report", Place("ask {film} red? --model colours --report {out}")),
        ("evidence", Place("ask {film} red? --model colours --evidence {out}",
                           ("frame_000010_00-10.jpg",))),
        ("save_plots", Place("ask {film} red? --model colours --save-plots {out}",
                             (*drawn("timeline", "features"), "seen.safetensors"))),
        ("clips", Place("ask {film} red? --model colours -k 2 --clips {out}", CLIPS)),
    )),
    "answer": Row(("questions", "videos"), (
        ("out", Place("answer {questions} {out} --model colours")),
        ("out", Place("answer {list} {out} --model colours")),
    )),
    "select": Row(("video",), (
        ("out", Place("select {film} --model colours --out {out}",
                      ("frame_000010_00-10.jpg", "contact_sheet.jpg", "selection.json",
                       "seen.safetensors"))),
        ("clips", Place("select {film} --model colours -k 2 --clips {out}", CLIPS)),
    )),
    "chat": Row(("video",)),  # what it saves is named while it runs
    "index": Row(("videos",)),  # and a cache of its own
    "transcript": Row(("video",)),
    "screen-text": Row(("video", "recogniser")),
    "chapters": Row(("video",)),
    "mcp": Row(("root",)),
    "serve": Row(("root", "state")),  # a folder of its own; one with other files is refused
    "enrol": Row(("images",), (
        ("", Place("enrol red {picture}", ("red.safetensors",))),
        ("", Place("enrol --remove red", ("red.safetensors",))),
    )),
    "haystack": Row((), (
        ("out_dir", Place("haystack {out} --minutes 0.1",
                          ("haystack-test-0-000.mp4", "questions.jsonl"))),
    )),
    "demo": Row(("config",), (
        ("out", Place("demo --out {out} --minutes 1 --config {config} --save-plots",
                      ("report.html", "answers.json", *drawn("plots/when", "plots/attention"),
                       "film-1-minutes-2024/haystack-film-2024.mp4"))),
    )),
    "train": Row(("file", "config"), (
        ("output", Place("train --config {builtin} --output {out}",
                         ("vision.safetensors", "reading.log.json", "model.safetensors",
                          "selection.checkpoints/checkpoint-7",
                          "vision.checkpoints/checkpoint-7/mine.txt"))),
        ("output", Place("train {longvu} --output {out}",
                         ("training.json", "history.json", "config.json", "model.safetensors",
                          "tokenizer.json", "checkpoint-7", "checkpoint-7/mine.txt"))),
    )),
    "fetch": Row(),  # a cache of its own
    "evaluate": Row(("weights",), (
        ("out_dir", Place("evaluate {out} --weights {weights}",
                          (*KEPT, "summary.json", "recognition.json", "over_weights.json",
                           "evaluation.md", "evaluation.csv"))),
    )),
    "compare": Row(("tower",), (
        ("out_dir", Place("compare {out}",
                          ("results.jsonl", "settings.json", "summary.json", "comparison.md",
                           "comparison.csv", "comparison.tex",
                           *drawn("comparison", "question-types-8")))),
        ("out_dir", Place("compare {out} --suite ablation",
                          (*KEPT, *(f"ablation.{end}" for end in ("json", "md", "csv", "tex"))))),
        ("out_dir", Place("compare {out} --suite theory",
                          (*(f"theory.{end}" for end in ("jsonl", "md", "csv", "tex")),
                           *drawn("median-radius")))),
        ("out_dir", Place("compare {out} --suite efficiency",
                          (*(f"efficiency.{end}" for end in ("jsonl", "json", "md", "csv", "tex")),
                           "settings.json"))),
    )),
    "evidence": Row(("annotations", "selections")),
    "plot": Row(("file",), (("out", Place("plot {history} --out {out}", drawn("training"))),)),
    "plan": Row(("config",)),
    "config generate": Row(("config",), (
        ("output", Place("config generate --output {out}")),
        ("output", Place("config generate --config {config} --output {out}")),
        ("output", Place("config generate --experiment sota_comparison --config {config} "
                         "--output {out}", ("ntlbg.json", "uniform.json"))),
    )),
    "config validate": Row(("config", "check_index")),
    "config analyze": Row(("config",)),
    "config optimize": Row(("config",), (
        ("output", Place("config optimize --config {config} --output {out}")),
    )),
    "config schema": Row(),
    "convert longvu": Row(("source",), (
        ("destination", Place("convert longvu {folder} {out} --siglip {folder}",
                              ("config.json", "model.safetensors", "tokenizer.json"))),
    )),
}  # fmt: skip
PLACES = [
    pytest.param(place, id=f"{name}-{parameter}-{number}")
    for name, row in ROWS.items()
    for number, (parameter, place) in enumerate(row.writes)
]


def commands(group=None, before=""):
    """Names of all commands, and the functions behind them; those of ``lab`` come only once."""
    group = group or get_command(app)
    for name in set(group.list_commands(None)) - {"lab"}:
        command = group.get_command(None, name)
        if hasattr(command, "list_commands"):
            yield from commands(command, f"{before}{name} ")
        else:
            yield before + name, inspect.unwrap(command.callback)


FILMS = (("video", str), ("videos", list[str]))  # files, or addresses: text


def takes_path(hint):
    return hint is Path or any(map(takes_path, typing.get_args(hint)))


def test_every_command_and_every_path_has_its_row():
    found = dict(commands())
    assert found.keys() == ROWS.keys()
    for name, function in found.items():
        row = ROWS[name]
        hints = typing.get_type_hints(function)
        paths = {name for name, hint in hints.items() if takes_path(hint) or (name, hint) in FILMS}
        assert paths == {*row.reads, *(parameter for parameter, _ in row.writes)} - {""}, name


@pytest.fixture
def inputs(tmp_path, colour_video):
    folder = tmp_path / "in"
    (folder / "model").mkdir(parents=True)
    shutil.copy(colour_video, folder / "film.mp4")
    rows = [{"video": "film.mp4", "question": "red?", "answer": "red"}]
    (folder / "q.jsonl").write_text(json.dumps(rows[0]) + "\n")
    (folder / "q.json").write_text(json.dumps(rows))
    (folder / "config.json").write_text(to_json(Config()))
    (folder / "history.json").write_text('[{"step": 1, "loss": 2.0}]')
    (folder / "model/config.json").write_text('{"model_type": "cambrian_qwen"}')
    shutil.copy(CONFIGS / "builtin.json", folder / "builtin.json")
    shutil.copy(CONFIGS / "longvu_video.json", folder / "longvu.json")
    Image.new("RGB", (40, 40), "red").save(folder / "red.png")
    save_file({"mine": np.zeros(3)}, folder / "weights.safetensors")
    return {
        "film": folder / "film.mp4", "questions": folder / "q.jsonl", "list": folder / "q.json",
        "picture": folder / "red.png", "config": folder / "config.json",
        "history": folder / "history.json", "builtin": folder / "builtin.json",
        "longvu": folder / "longvu.json", "weights": folder / "weights.safetensors",
        "folder": folder / "model",
    }  # fmt: skip


@pytest.fixture
def attempt(run, inputs, tmp_path, monkeypatch):
    """Run with a place as the output; what is enrolled is in ``out/objects``."""
    monkeypatch.setenv("NTLBG_CACHE", str(tmp_path / "cache"))

    def invoke(place, out):
        if not out.is_dir() or "enrol" not in place.arguments:
            return run(*place.arguments.format(out=out, **inputs).split())
        monkeypatch.setenv("NTLBG_DATA", str(out))
        return run(*place.arguments.format(**inputs).split())

    return invoke


def content(root):
    """Every file's bytes and every other thing's kind, by path."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        if path.is_file() and not path.is_symlink()
        else (path.lstat().st_mode, path.is_symlink() and os.readlink(path))
        for path in sorted(root.rglob("*"))
        if path.relative_to(root).parts[0] != "index"  # of features
    }


def targets(place, root):
    """What to give as output, and where the file or files will be."""
    root.mkdir(exist_ok=True)
    if not place.names:
        yield root / "out", root / "out"
    inside = "objects/" if place.arguments.startswith("enrol") else ""
    for number, name in enumerate(place.names):
        folder = root / f"out{number}"
        (folder / inside / name).parent.mkdir(parents=True)
        yield folder, folder / inside / name


def refused(attempt, place, out, root, *, late=False):
    before = content(root)
    done = attempt(place, out)
    if late:  # a pipe that nobody reads: known when it is written to
        assert (done.exit_code, done.stdout) == (2, "")
        assert done.stderr.splitlines()[-1].startswith("error: ")
    else:
        assert_one_error(done)
    assert content(root) == before, place.arguments


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("how", ["link", "hard link"])
def test_an_input_is_not_written_through_a_link(attempt, inputs, tmp_path, place, how):
    for name, given in inputs.items():
        if f"{{{name}}}" not in place.arguments or given.is_dir():
            continue
        for out, file in targets(place, tmp_path / name):
            if how == "link":
                file.symlink_to(os.path.relpath(given, file.parent))
            else:
                file.parent.mkdir(parents=True, exist_ok=True)
                os.link(given, file)
            refused(attempt, place, out, tmp_path)


@pytest.mark.parametrize("place", PLACES)
def test_an_input_is_not_an_output(attempt, inputs, tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    for name, given in inputs.items():
        if f"{{{name}}}" in place.arguments and "{out}" in place.arguments:
            refused(attempt, place, given, tmp_path)
            refused(attempt, place, Path(os.path.relpath(given)), tmp_path)


FOREIGN = {
    "notes": b"my notes",
    "object": b'{"mine": 1}',
    "list": b'[{"mine": 1}]',
    "page": b"<!doctype html><p>mine",
    "jpeg": b"\xff\xd8\xff\xe0mine",
    "png": b"\x89PNG\r\n\x1a\nmine",
    "svg": b"<?xml version='1.0'?><svg/>",
    "film": b"\x00\x00\x00\x18ftypmp42",
    "tensors": b"\x02\0\0\0\0\0\0\0{}",
}


@pytest.mark.parametrize("place", PLACES)
def test_a_file_of_another_kind_is_left_as_it_is(attempt, tmp_path, place):
    for out, file in targets(place, tmp_path / "x"):
        for foreign in FOREIGN.values():
            file.write_bytes(foreign)
            refused(attempt, place, out, tmp_path)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", ["fifo", "socket", "folder"])
@pytest.mark.parametrize("linked", [False, True])
def test_what_is_no_regular_file_is_left_as_it_is(attempt, tmp_path, place, kind, linked):
    if kind == "folder" and (place.names and "checkpoint-7" in " ".join(place.names)):
        pytest.skip("folders of that name are checkpoints")
    for out, file in targets(place, tmp_path / "x"):
        target = tmp_path / "target" if linked else file
        if linked:
            file.symlink_to(target)
        if not target.exists():
            make(kind, target)
        late = kind == "fifo" and not place.names and not place.arguments.startswith("answer")
        refused(attempt, place, out, tmp_path, late=late)


def make(kind, path):
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        (path / "mine").mkdir(parents=True)
    else:
        here = os.getcwd()
        os.chdir(path.parent)  # names of sockets are short
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
        os.chdir(here)


@pytest.mark.parametrize("place", [
    pytest.param(place, id=str(number))
    for number, place in enumerate((
        *(place for _, place in (*ROWS["ask"].writes, *ROWS["answer"].writes)),
        *(place for _, place in (*ROWS["select"].writes, *ROWS["plot"].writes)),
        *(place for _, place in ROWS["config generate"].writes),
    ))
])  # fmt: skip
def test_a_command_replaces_what_it_wrote(attempt, tmp_path, place):
    out = tmp_path / "new" / "out"
    for _ in range(2):
        done = attempt(place, out)
        assert done.exit_code == 0, done.output
    link = tmp_path / "link"
    link.symlink_to(out)
    assert attempt(place, link).exit_code == 0
    assert link.is_symlink()
