"""``ntlbg chat``: in a terminal, and from pipes."""

import json
import subprocess
import sys

import pytest

from ntlbg.cli import app
from processes import finish, started
from terminals import COMMAND, TESTS, terminal

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    return tmp_path_factory.mktemp("index")


@pytest.fixture
def film(colour_video, tmp_path):
    path = tmp_path / "film.mp4"
    path.symlink_to(colour_video)
    return path


def piped(text, film, index, *arguments, monkeypatch):
    """Exit code, standard output and error of a chat whose questions are this text."""
    monkeypatch.setenv("NTLBG_INDEX", str(index))
    monkeypatch.setenv("PYTHONPATH", ":".join([str(TESTS), *filter(None, sys.path)]))
    command = [sys.executable, "-c", COMMAND, "chat", film, "--model", "colours", *arguments]
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with started(command, text=True, **streams) as process:
        process.stdin.write(text)
        process.stdin.close()
        process.stdin = None
        out, err = finish(process)
    return process.returncode, out, err


def test_a_talk_in_a_terminal(film, index, tmp_path):
    saved = tmp_path / "talk.json"
    with terminal(["chat", film, "--model", "colours", "-k", "4"], index) as opened:
        opened.see("> ")
        opened.type("Is it blue?\n")
        opened.see("00:2")  # a moment
        opened.see("4 of 40 frames")
        opened.see("> ")
        opened.type("/frames 2\n/span 0:05 0:20\n")
        opened.see("> ")
        opened.see("> ")
        opened.type("And when is it?\n")
        opened.see("2 of 15 frames")
        opened.see("looked for by an earlier one, too: 'Is it blue?'")
        opened.see("> ")
        opened.type("Does it fail?\n")
        opened.see("error: this one fails")
        opened.see("> ")
        opened.type("/nope\n")
        opened.see("error: there is no /nope; there are /frames, ")
        opened.type(f"/save {saved}\n")
        opened.see(f"wrote {saved}")
        opened.type("/again\nWhy?\n")
        opened.see("2 of 15 frames")
        opened.see("> ")
        before = len(opened.written)
        opened.type("\x04")
        assert opened.end() == 0
    assert "error" not in opened.written[before:]
    assert opened.written.count("looked for by an earlier one") == 1  # /again forgot it
    talk = json.loads(saved.read_text())
    assert [turn["question"] for turn in talk["turns"]] == ["Is it blue?", "And when is it?"]
    assert talk["video"] == str(film)
    assert talk["turns"][0]["usage"]["frames_used"] == 4


def test_ctrl_c_stops_the_answer_and_not_the_talk(film, index):
    with terminal(["chat", film, "--model", "colours"], index) as opened:
        opened.see("> ")
        opened.type("Is it slow?\n")
        opened.see("I begin")  # text comes while it is written
        opened.type("\x03")
        opened.see("stopped; ask on")
        opened.see("> ")
        opened.type("half a quest\x03")
        opened.see("> ")
        opened.type("Is it red?\n")
        opened.see("red")
        opened.see("frames")
        opened.see("> ")
        opened.type("/quit\n")
        assert opened.end() == 0


def test_lines_are_edited_and_called_back(film, index):
    with terminal(["chat", film, "--model", "colours", "-k", "2"], index) as opened:
        opened.see("> ")
        opened.type("Is it blue?\n")
        opened.see("2 of 40 frames")
        opened.see("> ")
        opened.type("\x1b[A")  # the line before
        opened.see("Is it blue?")
        opened.type("\x7f or red?\n")
        opened.see("2 of 40 frames")
        opened.see("> ")
        opened.type("\x04")
        assert opened.end() == 0


def test_a_pipe_has_a_question_a_line(film, index, monkeypatch):
    asked = "Is it blue?\n\n  And when is it?\n/frames 2\nIs it red?\n"
    code, out, err = piped(asked, film, index, "-k", "3", "--json", monkeypatch=monkeypatch)
    assert code == 0
    answers = [json.loads(line) for line in out.splitlines()]
    assert [one["question"] for one in answers] == ["Is it blue?", "And when is it?", "Is it red?"]
    assert [one["usage"]["frames_used"] for one in answers] == [3, 3, 2]
    assert "looked for by an earlier one" in " ".join(answers[1]["notes"])
    assert err == ""


def test_an_error_of_one_question_does_not_end_a_pipe(film, index, monkeypatch):
    asked = "Does it fail?\n/span 1 x\nIs it red?\n/quit\nIs it blue?\n"
    code, out, err = piped(asked, film, index, "-k", "2", monkeypatch=monkeypatch)
    assert code == 2
    assert err.splitlines() == [
        "error: this one fails", "error: /span 1 x: 'x' is no time; give seconds, m:ss or h:mm:ss",
    ]  # fmt: skip
    assert out.startswith("red\n")
    assert "blue" not in out
    assert "\x1b" not in out
    assert "> " not in out


def test_bytes_that_are_no_letters_are_one_error(film, index, monkeypatch):
    asked = "Is it \udce9?\nIs it red?\n"
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    command = [sys.executable, "-c", COMMAND, "chat", film, "--model", "colours"]
    monkeypatch.setenv("NTLBG_INDEX", str(index))
    monkeypatch.setenv("PYTHONPATH", ":".join([str(TESTS), *filter(None, sys.path)]))
    done = subprocess.run(
        command, input=asked.encode("utf-8", "surrogateescape"), capture_output=True
    )
    assert done.returncode == 2
    assert done.stderr.startswith(b"error: the question holds a byte that is no letter")
    assert done.stdout.startswith(b"red\n")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["missing.mp4"], "missing.mp4"),
        (["{film}", "--selector", "nope"], "nope"),
        (["{film}", "--show"], "--show shows pictures in a terminal, and standard output is none"),
        (["{film}", "--show", "--json"], "--json prints JSON and nothing else"),
    ],
)
def test_what_is_wrong_before_the_first_question_ends_it(run, film, arguments, why):
    done = run("chat", *(one.format(film=film) for one in arguments), "--model", "colours")
    assert done.exit_code == 2
    assert why in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_talk_is_saved_over_talks_alone(run, film, monkeypatch, tmp_path):
    from typer.testing import CliRunner

    place = tmp_path / "talk.json"
    lines = f"Is it red?\n/save {place}\n/save {film}\n/save {place}\n"
    done = CliRunner().invoke(app, ["chat", str(film), "--model", "colours"], input=lines)
    assert done.exit_code == 2  # the film
    assert done.stderr.count("error: ") == 1
    assert len(json.loads(place.read_text())["turns"]) == 1
    assert film.stat().st_size > 1000
