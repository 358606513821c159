"""That a failing test leaves no process behind, and that waiting notices what will never come."""

import os
import subprocess
from pathlib import Path

import psutil
import pytest

import processes
from processes import finish, finished, python, started, wait_for

SLEEPER = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)", "{mark}"])
print("sleeping", flush=True)
time.sleep(1000)
"""
FAILING = """
import subprocess
from processes import python, started

def test_in_a_block():
    with started(python("-c", {code!r}, {mark!r}), stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        assert False

def test_without_one():
    subprocess.Popen(python("-c", {code!r}, {mark!r}), stdout=subprocess.PIPE).stdout.readline()
    assert False
"""


def running(mark: str) -> list[psutil.Process]:
    found = psutil.process_iter(["cmdline", "status"])
    return [p for p in found if mark in (p.info["cmdline"] or []) and p.status() != "zombie"]


@pytest.mark.parametrize("name", ["test_in_a_block", "test_without_one"])
def test_a_failing_test_leaves_no_process(tmp_path, name):
    mark = f"sleeper-{os.getpid()}-{name}"
    here = Path(__file__).parent
    code = SLEEPER.format(mark=mark)
    (tmp_path / "test_failing.py").write_text(FAILING.format(code=code, mark=mark))
    (tmp_path / "conftest.py").write_text("from processes import no_process_left\n")
    environment = os.environ | {"PYTHONPATH": str(here)}
    command = python("-m", "pytest", "-p", "no:cacheprovider", "-k", name, tmp_path)
    code, said = finished(command, env=environment, cwd=tmp_path)
    assert (code, "1 failed" in said) == (1, True), said
    assert ("left running" in said) == (name == "test_without_one")
    assert not running(mark)


def test_what_stands_still_is_noticed(monkeypatch):
    monkeypatch.setattr(processes, "STILL_SECONDS", 0.5)
    command = python("-c", "import time; print('x', flush=True); time.sleep(1000)")
    with started(command, stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        with pytest.raises(AssertionError, match="stands still"):
            wait_for(lambda: False, process)
        with pytest.raises(AssertionError, match="stands still"):
            finish(process)


def test_what_ends_early_is_noticed():
    with (
        started(python("-c", "raise SystemExit(3)")) as process,
        pytest.raises(AssertionError, match="code 3"),
    ):
        wait_for(lambda: False, process)


def test_what_works_is_waited_for(monkeypatch, tmp_path):
    monkeypatch.setattr(processes, "STILL_SECONDS", 5)
    made = tmp_path / "made"
    work = f"import time\nwhile time.process_time() < .3: pass\nopen({str(made)!r}, 'w')"
    with started(python("-c", work)) as process:
        wait_for(made.exists, process)
    assert finished(python("-c", "print('said')")) == (0, "said\n")
