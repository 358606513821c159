"""Commands in a terminal of their own: what they write, and what somebody types."""

import os
import pty
import select
import struct
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import ioctl
from pathlib import Path

from processes import started, wait_for

TESTS = Path(__file__).parent
# Opening it makes it the terminal that signals of its keys come from.
_TAKE = "import os, sys; os.open(os.ttyname(0), os.O_RDWR); os.execv(sys.argv[1], sys.argv[1:])"
# The command, with the model ``colours`` of the tests, which can be slow and can fail.
COMMAND = """
import sys, time
from fakes import ColourAnswerer
from ntlbg import answerers
from ntlbg.answerers import Wants
from ntlbg.cli import main
from ntlbg.errors import QuestionError

class Answerer(ColourAnswerer):
    def __init__(self):
        super().__init__()
        self.wants = Wants(talk=True)

    def answer(self, question, given):
        if "slow" in question.text:
            given.on_text("I begin")
            time.sleep(3600)
        if "fail" in question.text:
            raise QuestionError("this one fails")
        return super().answer(question, given)

answerer = Answerer()
answerers.ANSWERERS["colours"] = lambda choice: answerer
main()
"""


class Terminal:
    """Of a running command.

    Attributes:
        written: all that it wrote so far.
    """

    def __init__(self, process, descriptor: int):
        self.process, self.descriptor, self.written = process, descriptor, ""
        self._bytes, self._place = b"", 0

    def type(self, text: str) -> None:
        """Keys, as ``"\\x03"`` for Ctrl-C."""
        os.write(self.descriptor, text.encode())

    def see(self, text: str) -> None:
        """Wait until this is written, after what was seen before."""
        wait_for(lambda: self._read() and text in self.written[self._place :], self.process)
        self._place = self.written.index(text, self._place) + len(text)

    def end(self) -> int:
        """Wait for the end; the exit code."""
        while self._read():
            pass
        return self.process.wait()

    def _read(self) -> bool:
        """What is there; False at the end."""
        if not select.select([self.descriptor], [], [], 0.05)[0]:
            return self.process.poll() is None
        try:
            piece = os.read(self.descriptor, 1 << 16)
        except OSError:  # Linux says so where the other end is closed
            return False
        self._bytes += piece
        self.written = self._bytes.decode("utf-8", "replace").replace("\r\n", "\n")
        return bool(piece)


@contextmanager
def terminal(
    arguments: list, index: Path, *, columns: int = 80, **environment: str
) -> Iterator[Terminal]:
    """``ntlbg`` with these arguments, in a terminal of so many columns."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    known = ("PATH", "HOME", "LD_LIBRARY_PATH", "NTLBG_CACHE", "OMP_NUM_THREADS")
    clean = {name: os.environ[name] for name in known if name in os.environ}
    # what is imported here is imported there
    paths = os.pathsep.join([str(TESTS), *filter(None, sys.path)])
    clean |= {"PYTHONPATH": paths, "NTLBG_INDEX": str(index), "LC_ALL": "C.UTF-8"}
    clean |= {"TERM": "xterm-256color"} | environment
    command = [sys.executable, "-c", _TAKE, sys.executable, "-c", COMMAND, *arguments]
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), theirs)
    try:
        with started(command, env=clean, **streams) as process:
            os.close(theirs)
            theirs = -1
            yield Terminal(process, ours)
    finally:
        os.close(ours)
        if theirs >= 0:
            os.close(theirs)


def answered(arguments: list, index: Path, **options) -> tuple[int, str]:
    """Exit code, and all that a command wrote to its terminal."""
    with terminal(arguments, index, **options) as opened:
        code = opened.end()
        return code, opened.written
