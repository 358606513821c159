"""How commands end where their surroundings fail, or stop them."""

import errno
import os
import resource
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from commands import ntlbg
from ntlbg.cli.ends import Terminated, exit_code, tell
from ntlbg.errors import ConfigError, WeightsError
from processes import finish, finished, python, started

PRINTING = (["--help"], ["--version"], ["config", "schema"])
FULL = "cannot be written (No space left on device)"


def raising(error, cause=None):
    def work():
        raise error from cause

    return work


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ConfigError("no such\nkey"), 2, "error: no such key\n"),
        (ConfigError("no such key \x1b[2J"), 2, "error: no such key \\x1b[2J\n"),
        (KeyboardInterrupt(), 130, "stopped; the same command goes on from what is finished\n"),
        (Terminated(15), 143, "stopped; the same command goes on from what is finished\n"),
        (BrokenPipeError(), 1, ""),
    ],
)
def test_what_a_user_causes_is_one_line(error, code, said, capsys):
    assert exit_code(raising(error)) == code
    assert capsys.readouterr().err == said


def test_other_errors_are_not_hidden_and_success_is_silent(capsys):
    assert exit_code(lambda: None) == 0
    assert capsys.readouterr().err == ""
    for error in (ZeroDivisionError(), FileNotFoundError(2, "no"), RuntimeError("a fault")):
        with pytest.raises(type(error)):
            exit_code(raising(error))


MEMORY = (
    MemoryError(),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
    ImportError("libtorch_cpu.so: failed to map segment from shared object"),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to"),
    RuntimeError("can't start new thread"),
    RuntimeError("unable to mmap 20161902 bytes from file <x>: Cannot allocate memory (12)"),
)


@pytest.mark.parametrize("error", MEMORY, ids=str)
def test_too_little_memory_is_told_with_what_is_needed(error, capsys):
    assert tell(error)
    plain = capsys.readouterr().err
    assert plain.startswith("error: not enough memory: ")
    assert "needs 2000 MB" in plain
    assert plain.count("\n") == 1
    # a loader that took it for something else
    assert exit_code(raising(WeightsError("weights of another model"), error)) == 2
    assert capsys.readouterr().err == plain


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_too_few_files_are_told_with_what_is_needed(number, capsys):
    assert tell(OSError(number, os.strerror(number)))
    assert "`ulimit -n 64`" in capsys.readouterr().err


def with_limit(kind, most):
    return partial(resource.setrlimit, kind, (most, most))


@pytest.mark.slow
@pytest.mark.parametrize("megabytes", [200, 300, 500, 800, 1000, 1300])
def test_a_limit_of_memory_ends_in_one_line(colour_video, megabytes, tmp_path):
    limit = with_limit(resource.RLIMIT_AS, megabytes << 20)
    environment = os.environ | {"NTLBG_INDEX": str(tmp_path)}
    done = ntlbg("ask", colour_video, "Is it red?", preexec_fn=limit, env=environment)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.startswith(f"error: not enough memory: a process may have {megabytes} MB")
    assert done.stderr.count("\n") == 1


def test_what_python_says_without_room_for_words_is_a_lack_of_memory(monkeypatch, capsys):
    error = SystemError("error return without exception set")
    assert not tell(error)  # without a limit it is what it is
    limit = (800 << 20, resource.RLIM_INFINITY)
    monkeypatch.setattr(resource, "getrlimit", lambda kind: limit)
    assert tell(error)
    assert "a process may have 800 MB" in capsys.readouterr().err


FILLING = {  # what fails, when the disk fills before the work and when it does after it
    "--report": ("ntlbg.scratch.tempfile.mkdtemp", "ntlbg.views.report.render"),
    "--evidence": ("ntlbg.scratch.tempfile.mkdtemp", "ntlbg.evidence.save_jpeg"),
    "--clips": ("ntlbg.scratch.tempfile.mkdtemp", "ntlbg.views.clips.write_clip"),
}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("option", FILLING)
def test_a_full_folder_names_what_was_to_be_written(
    run, tmp_path, colour_video, option, after, monkeypatch
):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(FILLING[option][after], full)
    place = tmp_path / "out" / "page.html"
    done = run("ask", colour_video, "Is it red?", "--model", "colours", option, place)
    assert done.exit_code == 2
    assert done.stderr == f"error: {place}: {FULL}; choose another folder\n"


@pytest.mark.parametrize("arguments", PRINTING, ids=" ".join)
def test_a_full_disk_is_told_once(arguments):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            python("-m", "ntlbg.cli", *arguments), stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 2
    assert done.stderr == f"error: standard output {FULL}; let it go somewhere else\n"


@pytest.mark.parametrize("arguments", PRINTING, ids=" ".join)
def test_a_reader_that_has_seen_enough_ends_it_silently(arguments):
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        python("-m", "ntlbg.cli", *arguments), stdout=write, stderr=subprocess.PIPE, text=True
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize(("closed", "code"), [(">&-", 2), ("2>&-", 0), ("<&-", 0), (">&- 2>&-", 2)])
def test_streams_that_are_closed(closed, code):
    command = f"exec {sys.executable} -m ntlbg.cli --version {closed}"
    found, said = finished(["bash", "-c", command])
    assert found == code
    told = "error: standard output is closed; let it go somewhere, as in `> /dev/null`\n"
    assert said == {">&-": told, ">&- 2>&-": ""}.get(closed, said)
    assert "Traceback" not in said


def test_errors_that_nobody_can_be_told_are_an_exit_code():
    with open("/dev/full", "w") as full:
        command = python("-m", "ntlbg.cli", "ask", "missing.mp4", "red?")
        assert subprocess.run(command, stderr=full).returncode == 2


# What was started in the background ignores Ctrl-C, and so would what the tests start.
WAITING = """
import signal, sys, time
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
from fakes import ColourAnswerer
from ntlbg import answerers
from ntlbg.cli import main
answerer = ColourAnswerer()
def wait(frames):
    print("encoding", file=sys.stderr, flush=True)
    time.sleep(60)
answerer.encoder.encode_frames = wait
answerers.ANSWERERS["colours"] = lambda choice: answerer
main()
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_command_that_is_stopped_cleans_up(colour_video, tmp_path, name):
    number = getattr(signal, name)
    command = python(
        "-c", WAITING, "ask", colour_video, "Is it red?", "--model", "colours",
        "--evidence", tmp_path / "e",
    )  # fmt: skip
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([os.path.dirname(__file__), *sys.path]),
        "NTLBG_INDEX": str(tmp_path / "index"),
    }
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with started(command, env=environment, **streams) as process:
        assert process.stderr.readline() == "encoding\n"
        process.send_signal(number)
        stdout, stderr = finish(process)
    assert process.returncode == 128 + number
    assert (stdout, stderr) == ("", "")
    assert not (tmp_path / "e").exists()
    assert not list(Path(tmp_path).rglob("*.tmp"))
