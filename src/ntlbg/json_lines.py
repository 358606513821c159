"""Records in a file, one JSON object a line, that survive a run which is killed at any byte."""

import builtins
import fcntl
import json
import os
import re
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, Field, asdict, fields
from pathlib import Path
from typing import Any, get_args, get_origin

from ntlbg.errors import DataError, OutputError
from ntlbg.files import check_regular, staged_file
from ntlbg.marks import Kind
from ntlbg.scratch import in_made_folder
from ntlbg.text_files import MAX_LIST_BYTES, parse_json, read_bytes

# By whose lock a run keeps a folder to itself; gone when the run is.
LOCK_FILE = "run.lock"
# Dataclass of a line; or several, by the value of a line's first field.
RecordType = type | Mapping[str, type]


class RecordFile:
    """What a run has written so far; a killed run goes on from there.

    Args:
        path: need not exist; it is made when something is added.
        record, what: as for ``read_records``.
        whole: the records that stay; those of a block that was not written to its end are dropped.

    Raises:
        DataError, OutputError: as ``read_records``.
    """

    def __init__(
        self,
        path: Path,
        record: RecordType,
        what: str,
        whole: Callable[[list], list] = lambda found: found,
    ):
        found, torn = read_records(path, record, what)
        self.path, self.records = path, whole(found)
        if len(self.records) < len(found):
            with staged_file(path, records_kind(record, what)) as stage:
                stage.write_text(_lines(self.records), encoding="utf-8")
        elif torn:
            _cut_torn(path)

    def add(self, records: Sequence) -> None:
        """Write a block.

        Raises:
            OutputError: the file cannot be written.
        """
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(_lines(records))
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be written ({error.strerror})") from error
        self.records += records


def read_records(path: Path, record: RecordType, what: str) -> tuple[list, bool]:
    """Dataclass instances of a file, none without one, and whether the last line was torn off.

    A last line without its end counts as torn only where it begins as our lines do.

    Raises:
        DataError: the file is not ``what`` it should be.
        OutputError: it is a folder, pipe, device or socket.
    """
    if not check_regular(path):
        return [], False
    found: list = []
    text = read_bytes(path, what, most=MAX_LIST_BYTES).decode("ascii", "replace")
    *lines, rest = text.split("\n")
    try:
        found.extend(_parsed(line, record) for line in lines)
    except (DataError, ValueError) as error:
        where = f"line {len(found) + 1}: {error}"
        raise DataError(f"{path}: not {what} ({where}); choose another place") from error
    records = (record,) if isinstance(record, type) else record.values()
    if not (rest.isascii() and any(_may_be_torn(rest, one) for one in records)):
        raise DataError(f"{path}: not {what} (its last line); choose another place")
    return found, bool(rest)


def _parsed(line: str, record: RecordType) -> Any:
    """Raises DataError: not JSON. ValueError: no record, with the reason."""
    if not line.isascii():
        raise ValueError("letters that are not ASCII")
    values = parse_json(line, "", line=None)
    if not isinstance(values, dict):
        raise ValueError(f"{values!r:.40} is no object")
    kind = record if isinstance(record, type) else _named(record, next(iter(values.values()), ""))
    known = {field.name: field for field in fields(kind)}
    lacking = [name for name, field in known.items() if _is_required(field) and name not in values]
    for name in (*lacking, *(values.keys() - known)):
        raise ValueError(f"{name} is missing" if name in known else f"{name!r:.40} is not of it")
    for name, value in values.items():
        if not _fits(value, known[name].type):
            raise ValueError(f"{name}: got {value!r:.40}")
    return kind(**values)


def _named(records: Mapping[str, type], name: Any) -> type:
    if not isinstance(name, str) or name not in records:
        raise ValueError(f"{name!r:.40} is none of {', '.join(records)}")
    return records[name]


def _is_required(field: Field) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _fits(value: Any, kind: Any) -> bool:
    """Whether a value of JSON is of a field's type; tuples are lists there."""
    inner = get_args(kind)
    match get_origin(kind):
        case types.UnionType:
            return any(_fits(value, one) for one in inner)
        case builtins.list:
            return isinstance(value, list) and all(_fits(one, inner[0]) for one in value)
        case builtins.tuple:
            fitting = isinstance(value, list) and len(value) == len(inner)
            return fitting and all(map(_fits, value, inner))
        case builtins.dict:
            return isinstance(value, dict) and all(_fits(one, inner[1]) for one in value.values())
    if kind is float:
        return type(value) in (int, float)
    return not isinstance(kind, type) or type(value) is kind  # else Any


def records_kind(record: RecordType, what: str) -> Kind:
    """Files that ``read_records`` reads; of others it says why not."""

    def holds(path: Path) -> bool:
        read_records(path, record, what)
        return True

    return Kind(what, holds)


def _cut_torn(path: Path) -> None:
    """Take the torn last line off; the file stays the same one, so that it stays locked.

    Raises:
        OutputError: the file cannot be written.
    """
    try:
        os.truncate(path, path.read_bytes().rfind(b"\n") + 1)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Keep other processes from adding to a file; one that nothing was added to is not made.

    Raises:
        OutputError: another process is writing it, or it cannot be written.
    """
    before = os.path.lexists(path)
    lock = _locked(path, _opened)
    with _held(lock, path, before):
        yield


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep other processes from working in a folder, which is made where it is not there.

    Raises:
        OutputError: another process works in it, or it cannot be written.
    """
    path = folder / LOCK_FILE
    before = os.path.lexists(path)
    lock = _locked(path, lambda path: in_made_folder(folder, lambda _: _opened(path)))
    with _held(lock, path, before):
        yield


def _opened(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)


def _locked(path: Path, opened: Callable[[Path], int]) -> int:
    """A descriptor of a file that is there, whose lock nobody else has."""
    while True:
        try:
            descriptor = opened(path)
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror})") from error
        try:
            _lock(descriptor, path)
        except OutputError:
            os.close(descriptor)
            raise
        if _is_at(descriptor, path):
            return descriptor
        os.close(descriptor)  # removed by its holder between opening and locking


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


@contextmanager
def _held(lock: int, path: Path, before: bool) -> Iterator[None]:
    try:
        try:
            yield
        finally:
            if not before and os.fstat(lock).st_size == 0:
                path.unlink(missing_ok=True)
    finally:
        os.close(lock)


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise OutputError(
            f"{path}: another process is writing it; wait for it, or choose another file"
        ) from error
    except OSError:
        return  # a disk without locks: as good as it gets


def _may_be_torn(text: str, record: type) -> bool:
    """Whether a text is the beginning of a line of ours: the fields in their order, up to a cut."""
    place = 0
    for number, field in enumerate(fields(record)):
        key = f"{', ' if number else '{'}{json.dumps(field.name)}: "
        if not text.startswith(key, place):
            return key.startswith(text[place:])
        place += len(key)
        try:
            _, place = json.JSONDecoder().raw_decode(text, place)
        except json.JSONDecodeError:
            return True
        except (ValueError, RecursionError):  # endless numbers or brackets are not of us
            return False
        if re.fullmatch(r"[.eE+\d-]*", text[place:]):
            return True  # in a number, as in "12." and "1e-"
    return text[place:] == "}"


def _lines(records: Iterable) -> str:
    return "".join(json.dumps(asdict(record)) + "\n" for record in records)
