"""Commands that tests start: they end with the test, and no clock decides whether they pass."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psutil
import pytest

# A process that waits for something that never comes uses no processor time. A slow one does, so
# this limit is missed on no machine, however slow or busy it is.
STILL_SECONDS = 120
# For what takes a moment, where nobody can tell slow from never.
PATIENCE = 600


@contextmanager
def started(command: list, **options) -> Iterator[subprocess.Popen]:
    """A running command; it and what it started are killed at the end of the block."""
    command = [str(word) for word in command]
    with subprocess.Popen(command, start_new_session=True, **options) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def wait_for(condition: Callable[[], object], process: subprocess.Popen) -> None:
    """Until the condition holds; fails when the process ends or stands still before it does."""
    watch = _Watch(process)
    while not condition():
        assert process.poll() is None, f"ended with code {process.returncode}"
        watch.check()
        time.sleep(0.005)


def finish(process: subprocess.Popen) -> tuple[str | None, str | None]:
    """What it writes to stdout and stderr until it ends; fails when it stands still."""
    watch = _Watch(process)
    while True:
        with suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=1)
        watch.check()


def finished(command: list, **options) -> tuple[int, str]:
    """Exit code of a command, and all that it said."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with started(command, **streams, **options) as process:
        said, _ = finish(process)
    return process.returncode, said


class _Watch:
    """Fails when a process and its children have used no processor time for STILL_SECONDS."""

    def __init__(self, process: subprocess.Popen):
        self.process, self.used, self.since = process, -1.0, time.monotonic()

    def check(self) -> None:
        used = _processor_seconds(self.process.pid)
        if used != self.used:
            self.used, self.since = used, time.monotonic()
        still = time.monotonic() - self.since
        assert still < STILL_SECONDS, f"{self.process.args} stands still"


def _processor_seconds(pid: int) -> float:
    total = 0.0
    with suppress(psutil.NoSuchProcess):
        whole = psutil.Process(pid)
        for process in (whole, *whole.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                total += sum(process.cpu_times()[:2])
    return total


@pytest.fixture(scope="module", autouse=True)
def no_process_left() -> Iterator[None]:
    """A module whose tests leave a process behind fails, and the process is killed."""
    before = _children()
    yield
    left = [process for process in _children() if process not in before]
    names = []
    for process in left:
        with suppress(psutil.NoSuchProcess):
            names.append(" ".join(process.cmdline()))
            process.kill()
            process.wait()
    assert not names, f"left running: {names}"


def _children() -> list[psutil.Process]:
    """Of this process, but for the helper of multiprocessing, which lives as long as it does."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            ours = "multiprocessing.resource_tracker" in " ".join(process.cmdline())
            if not ours and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def python(*arguments) -> list[str]:
    """A command line of this interpreter."""
    return [sys.executable, *map(str, arguments)]
