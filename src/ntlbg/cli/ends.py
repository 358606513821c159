"""How a command ends: in one line and an exit code where its surroundings fail, else silently.

What a shell gives a command may be closed, full or too little, and a command may be stopped: by
Ctrl-C, by ``kill``, by a terminal that goes away, by a reader that has seen enough.
"""

import errno
import io
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from ntlbg.errors import NtlbgError, OutputError
from ntlbg.visible import shortened, visible

WRONG = 2
INTERRUPTED = 130  # what a shell expects after Ctrl-C
UNREAD = 1  # nobody reads what is printed any more; as of Python's own tools
# Addresses that `ntlbg ask` takes with the built-in model: of `ulimit -v` 1,500 MB were too few.
NEEDED_MEGABYTES = 2000
# Streams, index, film, weights, and the libraries' own: set by hand, well above what was seen.
NEEDED_FILES = 64
# By the system, of a path.
_REFUSALS = (errno.ENAMETOOLONG, errno.ELOOP, errno.EACCES, errno.EPERM, errno.EROFS)
# What libraries say of either, in words only.
_NO_ROOM = (
    "failed to map segment", "cannot allocate memory", "can't allocate memory", "unable to mmap",
    "not enough memory", "can't start new thread", "unable to allocate", "bad_alloc",
    "unable to open shared memory",
)  # fmt: skip
_TOO_MANY = "too many open files"


class Terminated(KeyboardInterrupt):
    """Another signal than that of Ctrl-C; whoever cleans up for the one does so for the other."""

    def __init__(self, number: int):
        super().__init__(number)
        self.number = number


def exit_code(work: Callable[[], object]) -> int:
    """Do the work of a process; 0, or as it exits.

    2 for what a user can cause, which is told in one line; 128 and the number of the signal that
    stopped it. Where nobody reads what is printed it ends silently.
    """
    _obey_signals()
    try:
        _open_streams()
        code = _done(work)
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        code = UNREAD
    except OutputError as error:
        with suppress(OutputError, BrokenPipeError):
            tell(error)
        code = WRONG
    _let_go()
    return code


def _done(work: Callable[[], object]) -> int:
    try:
        work()
    except SystemExit as end:
        return int(end.code or 0)
    except KeyboardInterrupt as stop:
        print("stopped; the same command goes on from what is finished", file=sys.stderr)
        return stopped(stop)
    except BrokenPipeError:
        raise
    except (NtlbgError, MemoryError, OSError, ImportError, RuntimeError, SystemError) as error:
        if not tell(error):
            raise
        return WRONG
    return 0


def stopped(stop: KeyboardInterrupt) -> int:
    """The exit code."""
    return 128 + stop.number if isinstance(stop, Terminated) else INTERRUPTED


def tell(error: BaseException) -> bool:
    """One line on stderr, if the error is one that a user can cause; else False."""
    said = str(error) if isinstance(error, NtlbgError) else _refusal(error)
    said = _shortage(error) or said
    if said is not None:
        print(f"error: {visible(' '.join(said.split()))}", file=sys.stderr, flush=True)
    return said is not None


def _refusal(error: BaseException) -> str | None:
    """What the system says of a path that nobody asked about before; None for other errors."""
    number, name = getattr(error, "errno", None), getattr(error, "filename", None)
    if number == errno.ENOENT and name is None and not _has_folder():  # os.getcwd
        return "the folder that this was started in is not there any more; change to another one"
    if number not in _REFUSALS or not isinstance(error, OSError):
        return None
    shown = shortened(os.fsdecode(name or "a path"))
    return f"{shown}: cannot be used ({error.strerror}); name another place"


def _has_folder() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True


def _shortage(error: BaseException | None) -> str | None:
    """What there is too little of, if that is behind an error; else None."""
    while error is not None:
        number, said = getattr(error, "errno", None), str(error).lower()
        if number in (errno.EMFILE, errno.ENFILE) or _TOO_MANY in said:
            return _too_few_files()
        is_memory = isinstance(error, MemoryError) or number == errno.ENOMEM
        # what Python's own C code says now and then where no room was left for the exception
        is_memory |= isinstance(error, SystemError) and _limit_of_memory() is not None
        if is_memory or any(words in said for words in _NO_ROOM):
            return _too_little_memory()
        error = error.__cause__ if error.__suppress_context__ else error.__context__
    return None


def _too_few_files() -> str:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return (
        f"a process may have {soft} files open here, and {NEEDED_FILES} may be needed; run "
        f"`ulimit -n {NEEDED_FILES}` before"
    )


def _too_little_memory() -> str:
    limit = _limit_of_memory()
    have = "none is left here" if limit is None else f"a process may have {limit >> 20} MB here"
    return (
        f"not enough memory: {have}, and the built-in model needs {NEEDED_MEGABYTES} MB, others "
        "more; free some, or raise the limit (`ulimit -v`)"
    )


def _limit_of_memory() -> int | None:
    """In bytes; None where a process may have all there is."""
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if soft == resource.RLIM_INFINITY else soft


def _obey_signals() -> None:
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # not under nohup
            signal.signal(number, _terminate)


def _terminate(number: int, _frame: object) -> None:
    signal.signal(number, signal.SIG_DFL)  # whoever asks twice does not wait
    raise Terminated(number)


class _Stream(io.TextIOWrapper):
    """Standard output or error, which tells once what fails; a closed pipe stays what it is."""

    def __init__(self, descriptor: int, called: str, like: Any):
        super().__init__(
            io.BufferedWriter(io.FileIO(descriptor, "wb", closefd=False)),
            encoding=like.encoding,
            errors="backslashreplace",  # file names need not be UTF-8
            line_buffering=like.line_buffering,
            write_through=like.write_through,
        )
        self._called, self._is_told = called, False

    def write(self, text: str) -> int:
        with self._told():
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with self._told():
            super().flush()

    def is_empty(self) -> bool:
        """Whether all that was printed has gone where it should."""
        try:
            super().flush()
        except OSError:
            return False
        return True

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as error:
            if self._is_told:
                return
            self._is_told = True
            raise OutputError(
                f"{self._called} cannot be written ({error.strerror}); let it go somewhere else"
            ) from error


def _open_streams() -> None:
    """Streams that tell what fails, but for those that somebody else put in their place.

    Raises:
        OutputError: standard output is closed.
    """
    if sys.stderr is None:  # nobody can be told
        sys.stderr = io.StringIO()
    elif sys.stderr is sys.__stderr__:
        sys.stderr = _Stream(2, "standard error", sys.stderr)
    if sys.stdout is None:
        sys.stdout = io.StringIO()
        raise OutputError("standard output is closed; let it go somewhere, as in `> /dev/null`")
    if sys.stdout is sys.__stdout__:
        sys.stdout = _Stream(1, "standard output", sys.stdout)


def _let_go() -> None:
    """What could not be printed is not tried again when the interpreter ends."""
    for descriptor, stream in ((1, sys.stdout), (2, sys.stderr)):
        if isinstance(stream, _Stream) and not stream.is_empty():
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, descriptor)
            os.close(nowhere)
