"""The one place where files are written: nothing is half-written, nothing else is destroyed.

The rule, for every command: an existing file is replaced only where it is of the kind that is
written there (``ntlbg.marks``), and never where it is an input of the command. An empty file may
be replaced. It is asked before the work, and again when results are moved in. Links are followed.
A report or configuration may go into a pipe that is read or a character device; nothing else may.

Results are made in a folder of this process beside their place (``ntlbg.scratch``), and moved in
when complete.
"""

import json
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ntlbg.disk_space import SOMETHING
from ntlbg.errors import DataError, OutputError
from ntlbg.marks import Kind, json_object
from ntlbg.scratch import locked, own_file, scratch_folder, told
from ntlbg.text_files import read_json

ANY = "*"  # as a pattern: of files whose names are known only when they are made
Inputs = Iterable[str | os.PathLike | None]
Kinds = Mapping[str, Kind]  # by name, or by pattern such as "*.png"


@contextmanager
def staged_file(
    path: str | Path,
    kind: Kind,
    *,
    inputs: Inputs = (),
    stream: bool = False,
    needed: float = SOMETHING,
) -> Iterator[Path]:
    """A temporary path that replaces ``path`` when the block succeeds.

    Args:
        inputs: files that must not be replaced; None stands for none.
        stream: write into a pipe or character device as it stands, rather than refuse it.
        needed: bytes that will be written, at the very least.

    Raises:
        OutputError: the file cannot be written there, or is not to be replaced.
    """
    path = Path(path)
    if stream and _is_stream(path, inputs):
        with tempfile.TemporaryDirectory(prefix="ntlbg-") as folder:
            made = Path(folder) / "made"
            yield made
            _pour(made, path)
        return
    _check_file(path, kind, inputs)
    place = Path(os.path.realpath(path))
    with scratch_folder(place.parent, path, needed) as stage:
        yield stage / place.name
        _move_in(stage, place.parent, {place.name: kind}, inputs, shown=path)


@contextmanager
def staged_directory(
    path: str | Path,
    kinds: Kinds,
    *,
    inputs: Inputs = (),
    anew: str | None = None,
    needed: float = SOMETHING,
) -> Iterator[Path]:
    """A temporary folder whose files move into ``path`` when the block succeeds.

    Files of the same name and kind are replaced, others stay. An exception leaves ``path`` as it
    was, and one that is not about files in ``path`` stays what it is.

    Args:
        kinds: of every file that the block may make.
        inputs: files or folders that must not be replaced; None stands for none.
        anew: a pattern of ``kinds``; earlier files of that name and kind are removed.
        needed: bytes that will be written, at the very least.

    Raises:
        OutputError: the folder cannot be created or written, or a file there is not to be replaced.
    """
    path = Path(path)
    _check_folder(path, kinds, inputs)
    folder = Path(os.path.realpath(path))
    with scratch_folder(folder, path, needed) as stage:
        yield stage
        _move_in(stage, folder, kinds, inputs, anew=anew)


def check_output(
    path: str | Path,
    kind: Kind,
    *,
    inputs: Inputs = (),
    stream: bool = False,
    needed: float = SOMETHING,
) -> None:
    """Fail before the work rather than after it, as :func:`staged_file` would.

    Raises:
        OutputError: the file cannot be written there, or is not to be replaced.
    """
    if not (stream and _is_stream(Path(path), inputs)):
        with staged_file(path, kind, inputs=inputs, needed=needed):
            pass


def check_folder(
    path: str | Path, kinds: Kinds, *, inputs: Inputs = (), needed: float = SOMETHING
) -> None:
    """Fail before the work rather than after it, as :func:`staged_directory` would.

    Raises:
        OutputError: nothing can be written into the folder, or a file there is not to be replaced.
    """
    with staged_directory(path, kinds, inputs=inputs, needed=needed):
        pass


def replace_content(path: Path, content: bytes) -> None:
    """Write a file of a cache, whose names are its own; its folder is made if need be.

    Atomic: readers see the old file or the new one, also when this process is killed. Whoever the
    umask lets read it can: a team may share an index.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with own_file(path) as temporary:
        with open(temporary, "r+b") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)


def keep_json(path: Path, content: dict[str, Any]) -> dict[str, Any]:
    """What a file holds; where there is none, ``content`` is written there first.

    Raises:
        DataError: the file holds no JSON object.
        OutputError: it cannot be written.
    """
    kind = json_object("settings", *content)
    _check_plain(path)
    if not path.is_file():
        with staged_file(path, kind) as stage:
            stage.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        return content
    try:
        found = read_json(path, "a file of settings")
    except DataError as error:
        raise DataError(f"{error}; choose another folder") from error
    if not isinstance(found, dict):
        raise DataError(f"{path}: holds no settings; choose another folder")
    return found


def remove_own(path: Path, kind: Kind) -> bool:
    """Remove a file, or the link to one; returns whether it was there.

    Raises:
        OutputError: it is of another kind, or cannot be removed.
    """
    _check_file(path, kind, ())
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise OutputError(f"{path}: cannot be removed ({error.strerror})") from error
    return True


def check_regular(path: Path) -> bool:
    """Whether there is a file, which is a regular one.

    Raises:
        OutputError: there is something else, or it cannot be asked.
    """
    with told(path):
        _check_plain(path)
        return _status(path) is not None


def _status(path: str | os.PathLike) -> os.stat_result | None:
    try:
        return os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _is_stream(path: Path, inputs: Inputs) -> bool:
    """Whether it is a pipe or a character device, which is written to as it stands."""
    with told(path):
        status = _status(path)
        _check_no_input(path, status, inputs)
    return status is not None and (stat.S_ISFIFO(status.st_mode) or stat.S_ISCHR(status.st_mode))


def _pour(made: Path, stream: Path) -> None:
    with told(stream):
        # a pipe that nobody reads is an error, not a wait
        descriptor = os.open(stream, os.O_WRONLY | os.O_NONBLOCK)
        os.set_blocking(descriptor, True)
        with open(descriptor, "wb") as out, made.open("rb") as file:
            shutil.copyfileobj(file, out)


def _check_folder(folder: Path, kinds: Kinds, inputs: Inputs) -> None:
    """Of every file there that the kinds are about."""
    with told(folder):
        _check_no_input(folder, _status(folder), inputs)
        names = _names(folder)
    named = {form: kind for form, kind in kinds.items() if form != ANY}
    for name in sorted(names):
        kind = _kind(name, named)
        if kind is not None:
            _check_file(folder / name, kind, inputs)


def _names(folder: Path) -> list[str]:
    with suppress(FileNotFoundError, NotADirectoryError):
        return os.listdir(folder)
    return []


def _check_file(path: Path, kind: Kind, inputs: Inputs) -> None:
    """The rule."""
    with told(path):
        status = _status(path)
        _check_no_input(path, status, inputs)
        _check_plain(path)
        if status is not None and status.st_size and not kind.holds(path):
            raise OutputError(
                f"{path}: holds something else than {kind.name}, and is left as it is; choose "
                "another place, or remove it first"
            )


def _check_no_input(path: Path, status: os.stat_result | None, inputs: Inputs) -> None:
    for given in inputs:
        other = None if given is None else _status(given)
        if status is not None and other is not None and os.path.samestat(status, other):
            raise OutputError(
                f"{path}: is an input of this command, and is left as it is; choose another place"
            )


def _check_plain(path: Path) -> None:
    """Nothing there, or a regular file that this command does not print into."""
    status = _status(path)
    if status is None:
        return
    if stat.S_ISDIR(status.st_mode):
        raise OutputError(f"{path}: is a folder; name a file to write")
    if not stat.S_ISREG(status.st_mode):
        raise OutputError(f"{path}: is a pipe, device or socket; name a regular file to write")
    for stream in (sys.__stdout__, sys.__stderr__):
        with suppress(OSError, ValueError):  # closed
            if stream is not None and os.path.samestat(status, os.fstat(stream.fileno())):
                raise OutputError(f"{path}: is where this command prints; name another file")


def _kind(name: str, kinds: Kinds) -> Kind | None:
    if name in kinds:
        return kinds[name]
    return next((kind for form, kind in kinds.items() if fnmatchcase(name, form)), None)


def _move_in(
    stage: Path, folder: Path, kinds: Kinds, inputs: Inputs, *, shown: Path | None = None,
    anew: str | None = None,
) -> None:  # fmt: skip
    """All or nothing; of two processes that write into a folder, one after the other."""
    made = {item.name: item for item in sorted(stage.iterdir())}
    with locked(folder):
        for name in made:
            kind = _kind(name, kinds)
            assert kind is not None, f"{name}: give it a kind"
            _check_file(shown or folder / name, kind, inputs)
        for name, item in made.items():
            _move(item, folder / name)
        if anew is not None:
            _remove_others(folder, anew, kinds[anew], made)


def _move(item: Path, place: Path) -> None:
    """Into a file's place; a link there stays, and what it points to is replaced."""
    target = Path(os.path.realpath(place))
    if target.parent == Path(os.path.realpath(place.parent)):
        os.replace(item, target)
        return
    with scratch_folder(target.parent, place) as stage:  # perhaps on another disk
        shutil.copyfile(item, stage / target.name)
        os.replace(stage / target.name, target)


def _remove_others(folder: Path, form: str, kind: Kind, made: Iterable[str]) -> None:
    for name in set(os.listdir(folder)) - set(made):
        path = folder / name
        if fnmatchcase(name, form) and path.is_file() and kind.holds(path):
            path.unlink()
