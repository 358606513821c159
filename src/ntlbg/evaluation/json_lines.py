"""Records in a file, one JSON object a line, that survive a run which is killed at any byte."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from ntlbg.errors import DataError, OutputError
from ntlbg.outputs import staged_file


def read_records(path: Path, record: type, what: str) -> tuple[list, bool]:
    """Dataclass instances of a file, none without one, and whether the last line was torn off.

    Raises:
        DataError: the file is not ``what`` it should be.
    """
    if not path.is_file():
        return [], False
    *lines, rest = path.read_text(encoding="utf-8").split("\n")
    try:
        return [record(**json.loads(line)) for line in lines], bool(rest)
    except (TypeError, ValueError) as error:
        raise DataError(f"{path}: not {what} ({error}); choose another folder") from error


def append_records(path: Path, records: Iterable) -> None:
    """Add lines at the end.

    Raises:
        OutputError: the file cannot be written.
    """
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(_lines(records))
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error


def rewrite_records(path: Path, records: Iterable) -> None:
    """Replace the file in one step."""
    with staged_file(path) as stage:
        stage.write_text(_lines(records), encoding="utf-8")


def _lines(records: Iterable) -> str:
    return "".join(json.dumps(asdict(record)) + "\n" for record in records)
