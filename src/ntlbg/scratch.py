"""A folder of this process beside the place of a result, gone whatever happens.

A process locks its own as long as it lives; what a killed one left there is not locked, and is
removed by the next one that works in the same place.
"""

import errno
import fcntl
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from safetensors import SafetensorError

from ntlbg.disk_space import SOMETHING, check_space
from ntlbg.errors import OutputError

PREFIX = ".ntlbg-stage-"
_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{16}\.tmp")
ELSEWHERE = "choose another folder"
_swept: set[Path] = set()  # folders that this process has looked through for what others left
# Of errors that name no file, those that mean writing.
_WRITING = {
    errno.EACCES,
    errno.EDQUOT,
    errno.EFBIG,
    errno.ENOSPC,
    errno.EPERM,
    errno.EROFS,
}
# Another process takes an empty folder back only when it ends a look at it, which it seldom does.
TRIES = 10
T = TypeVar("T")
# safetensors has one error for all it does, and it is no OSError.
_NOT_SAVED = "Error while serializing: I/O error"


@contextmanager
def scratch_folder(folder: Path, shown: Path, needed: float = SOMETHING) -> Iterator[Path]:
    """A new folder in a folder, which is made if need be; both go again if they stay empty.

    Args:
        needed: bytes that will be written there, at the very least.

    Raises:
        OutputError: about ``shown``, where nothing, or not so much, can be written.
    """
    missing: list[Path] = []
    with told(shown):
        check_space(folder, needed, ELSEWHERE, shown=shown)
    try:
        missing = [place for place in (folder, *folder.parents) if not place.exists()]
        stage, lock = in_made_folder(folder, _swept_own_folder)
    except OSError as error:
        _remove_empty(missing)
        raise OutputError(_message(shown, error)) from error
    try:
        yield stage
    except OSError as error:
        if not _is_about(folder, error):
            raise
        raise OutputError(_message(shown, error)) from error
    except SafetensorError as error:
        if not str(error).startswith(_NOT_SAVED):
            raise
        raise OutputError(_message(shown, error)) from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        os.close(lock)
        _remove_empty(missing)


def in_made_folder(folder: Path, make: Callable[[Path], T]) -> T:
    """What ``make`` makes in a folder, which is made if need be.

    Another process may have made the folder, and take it back before anything is in it.

    Raises:
        OSError: nothing can be made there.
    """
    for _ in range(TRIES):
        with suppress(FileNotFoundError):
            folder.mkdir(parents=True, exist_ok=True)
            return make(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return make(folder)


def _swept_own_folder(folder: Path) -> tuple[Path, int]:
    _remove_left_behind(folder)
    return _own_folder(folder)


@contextmanager
def own_folder(folder: Path) -> Iterator[Path]:
    """A new folder in one that there is; what dead processes left there goes.

    Raises:
        OSError: nothing can be written there.
    """
    stage, lock = _swept_own_folder(folder)
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        os.close(lock)


@contextmanager
def own_file(path: Path) -> Iterator[Path]:
    """An empty file beside the place of a result; what dead processes left there goes, once.

    Whoever the umask lets read it can: not of tempfile, whose files are for their owner alone.

    Raises:
        OSError: nothing can be written there.
    """
    if path.parent not in _swept:
        _swept.add(path.parent)
        _remove_files_left_behind(path.parent)
    temporary, lock = _locked_file(path)
    try:
        yield temporary
    finally:
        if temporary.exists():  # it is not in its place
            with suppress(FileNotFoundError):
                os.unlink(temporary)
        os.close(lock)


def _locked_file(path: Path) -> tuple[Path, int]:
    while True:
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
        lock = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        with suppress(OSError):  # no locks on this disk: then nobody takes it for left behind
            fcntl.flock(lock, fcntl.LOCK_EX)
        if temporary.exists():
            return temporary, lock
        os.close(lock)  # taken for left behind before it was locked


def _remove_files_left_behind(folder: Path) -> None:
    for left in folder.glob(".*.tmp"):
        if not _TEMPORARY.fullmatch(left.name):
            continue
        with suppress(OSError):  # locked, gone, or somebody else's
            lock = os.open(left, os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(left)
            finally:
                os.close(lock)


def _own_folder(folder: Path) -> tuple[Path, int]:
    """A new folder, and the descriptor that says by its lock that this process lives."""
    while True:
        stage = Path(tempfile.mkdtemp(prefix=PREFIX, dir=folder))
        with suppress(FileNotFoundError):  # taken for left behind before it was locked
            lock = os.open(stage, os.O_RDONLY)
            with suppress(OSError):  # no locks on this disk: then nobody takes it for left behind
                fcntl.flock(lock, fcntl.LOCK_EX)
            if stage.exists():
                return stage, lock
            os.close(lock)


def _remove_left_behind(folder: Path) -> None:
    """What dead processes left; a living one holds the lock of its own."""
    for left in folder.glob(f"{PREFIX}*"):
        with suppress(OSError):  # locked, gone, or somebody else's
            lock = os.open(left, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
            finally:
                os.close(lock)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Wait until no other process moves results into a folder, and keep others waiting."""
    lock = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a disk without locks
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Errors of the system become an OutputError about a path."""
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise OutputError(_message(path, error)) from error


def _remove_empty(folders: list[Path]) -> None:
    """Take back folders that were created and stayed empty, innermost first."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def _is_about(folder: Path, error: OSError) -> bool:
    """Whether writing into the folder failed, rather than reading something else."""
    if not isinstance(error.filename, str | bytes | os.PathLike):
        return error.errno in _WRITING
    return Path(os.fsdecode(error.filename)).absolute().is_relative_to(folder.absolute())


def _message(path: Path, error: Exception) -> str:
    why = getattr(error, "strerror", None) or error
    return f"{path}: cannot be written ({why}); {ELSEWHERE}"
