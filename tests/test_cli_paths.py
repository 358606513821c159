"""Paths that no system takes, folders that are gone, narrow terminals: one line each."""

import json
import os
import re

import pytest

from commands import assert_one_error, ntlbg

ASK = ("red?", "--model", "colours", "-k", 2)
LONG = ("x" * 5000, "y" * 300, "y" * 300 + "/z", "a/" * 2500 + "f")


@pytest.mark.parametrize("name", LONG, ids=["long", "part", "folder", "deep"])
@pytest.mark.parametrize(
    "command",
    [
        "ask {} red? --model colours",
        "ask {film} red? --model colours --report {}",
        "ask {film} red? --model colours --evidence {}",
        "ask {film} red? --model colours --save-plots {}",
        "ask {film} red? --model colours --clips {}",
        "ask {film} red? --model colours --subtitles {}",
        "ask {film} red? --model {}",
        "ask {film} red? --model {}.gguf",
        "ask {film} red? --model colours --encoder {}",
        "answer {} out --model colours",
        "answer {questions} {} --model colours",
        "select {film} --model colours --out {}",
        "index {film} --encoder {}",
        "transcript {}",
        "transcript {film} --listen --model {}",
        "screen-text {film} --recogniser {}",
        "enrol red {}",
        "train {}",
        "config generate --output {}",
        "convert longvu {} out",
        "evidence {}",
        "plot {}",
        "haystack {} --minutes 0.1",
    ],
)
def test_names_that_are_too_long_end_in_one_line(
    run, colour_video, tmp_path, monkeypatch, command, name
):
    monkeypatch.chdir(tmp_path)
    questions = tmp_path / "q.jsonl"
    questions.write_text(json.dumps({"video": str(colour_video), "question": "red?"}) + "\n")
    done = run(*command.format(name, film=colour_video, questions=questions).split())
    assert_one_error(done)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "index") == ["q.jsonl"]


@pytest.mark.parametrize("name", LONG, ids=["long", "part", "folder", "deep"])
def test_a_question_about_such_a_file_fails_alone(run, colour_video, tmp_path, name):
    rows = [{"video": name, "question": "red?"}, {"video": str(colour_video), "question": "red?"}]
    (tmp_path / "q.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = run("answer", tmp_path / "q.jsonl", tmp_path / "out", "--model", "colours")
    assert done.exit_code == 2
    assert "error: question 1: " in done.stderr
    assert len((tmp_path / "out").read_text().splitlines()) == 1


def test_a_folder_that_may_not_be_looked_into_fails_alone(run, colour_video, tmp_path, monkeypatch):
    """As of another user; the one that runs tests may be allowed everything."""
    from pathlib import Path

    is_file = Path.is_file

    def refused(path):
        if "closed" in path.parts:
            raise PermissionError(13, "Permission denied", str(path))
        return is_file(path)

    monkeypatch.setattr(Path, "is_file", refused)
    test_a_question_about_such_a_file_fails_alone(run, colour_video, tmp_path, "closed/film.mp4")


@pytest.mark.parametrize(
    "command",
    [
        ("ask", "film.mp4", *ASK),
        ("ask", "{film}", *ASK, "--report", "r.html"),
        ("select", "{film}", "--model", "colours", "--out", "o"),
        ("answer", "q", "o", "--model", "colours"),
        ("index", "film.mp4"),
        ("config", "generate"),
        ("haystack", "h", "--minutes", "0.1"),
        ("evaluate", "e"),
        ("train", "c"),
    ],
    ids=lambda command: command[0],
)
def test_a_working_folder_that_is_gone_ends_in_one_line(
    run, colour_video, tmp_path, monkeypatch, command
):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert_one_error(run(*(str(word).format(film=colour_video) for word in command)))


@pytest.mark.parametrize("columns", [1, 20])
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii", "cp1252"])
def test_narrow_terminals_and_other_encodings_show_all(columns, encoding, tmp_path):
    environment = os.environ | {"COLUMNS": str(columns), "PYTHONIOENCODING": encoding}
    for command in (["--help"], ["ask", "--help"], ["ask", "\u4e8c\x1b[2J.mp4", "red?"]):
        done = ntlbg(*command, env=environment, encoding=encoding)
        assert "Traceback" not in done.stderr
        assert done.returncode == (2 if "red?" in command else 0), done.stderr
        assert "\x1b[2J" not in done.stderr


@pytest.mark.parametrize("columns", [1, 20])
def test_an_answer_has_all_its_moments_on_a_narrow_terminal(
    run, colour_video, monkeypatch, columns
):
    monkeypatch.setenv("COLUMNS", str(columns))
    done = run("ask", colour_video, *ASK, "--option", "red", "--option", "blue")
    assert done.exit_code == 0, done.output
    assert len(re.findall(r"00:\d\d", done.stdout)) == 2
