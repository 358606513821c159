"""The one place where text that people hand in is opened: regular files, a limit, strict JSON.

Of two programs that read ``{"id": 1, "id": 2}``, NaN or 1e400 each has its own idea of what that
is, so none of it is taken, and the message says where it stands. A pipe, device or folder is told
at once: nothing waits for it.
"""

import errno
import json
import math
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ntlbg.errors import DataError, NtlbgError

# A day of captions with the time of every word has 12 MB, the settings of a model less than one.
MAX_BYTES = 2**26
# Lists for training have millions of questions of a few hundred bytes each.
MAX_LIST_BYTES = 2**32
MAX_DEPTH = 100  # brackets inside each other; files that are published have less than ten
MAX_DIGITS = 40  # of an integer; one of 128 bits, as some ids are, has 39

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+', re.DOTALL)
_NUMBER = re.compile(r"-?(?:NaN|Infinity|[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)")
Failure = type[NtlbgError]


class _NotTaken(ValueError):
    """JSON in which something is that this package does not take."""


@contextmanager
def _opened(
    path: str | os.PathLike, wanted: str, failure: Failure, most: int | None
) -> Iterator[int]:
    """The descriptor of a regular file that is not too large."""
    try:
        # a pipe would block, also one that took the file's place a moment ago
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise failure(f"{path}: {_reason(error, path)}; give {wanted}") from error
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise failure(f"{path}: is a folder; give {wanted}")
        if not stat.S_ISREG(status.st_mode):
            raise failure(f"{path}: is not a regular file; give {wanted}")
        if most is not None and status.st_size > most:
            raise failure(_too_large(path, wanted, most))
        yield descriptor
    finally:
        os.close(descriptor)


def _reason(error: OSError | ValueError, path: str | os.PathLike) -> str:
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.ENOENT, errno.ENOTDIR):
        return "no such file" + ("" if os.path.isabs(path) else f" in {os.getcwd()}")
    if number == errno.ENXIO:  # a socket
        return "is not a regular file"
    return f"cannot be read ({getattr(error, 'strerror', None) or error})"


def _too_large(path: str | os.PathLike, wanted: str, most: int) -> str:
    return f"{path}: is larger than {most // 2**20} MB; give {wanted}"


def check_file(
    path: str | os.PathLike, wanted: str, failure: Failure = DataError, most: int | None = None
) -> None:
    """Whether there is a regular file that may be read, of ``most`` bytes; nothing of it is read.

    Args:
        wanted: what to give instead, for messages.
        failure: the error to raise.
    """
    with _opened(path, wanted, failure, most):
        pass


def read_bytes(
    path: str | os.PathLike, wanted: str, failure: Failure = DataError, most: int = MAX_BYTES
) -> bytes:
    """All of a regular file; the arguments and errors are those of :func:`check_file`."""
    with _opened(path, wanted, failure, most) as descriptor:
        try:
            with open(descriptor, "rb", closefd=False) as file:
                raw = file.read(most + 1)
        except OSError as error:
            raise failure(f"{path}: {_reason(error, path)}; give {wanted}") from error
    if len(raw) > most:  # it grew
        raise failure(_too_large(path, wanted, most))
    return raw


def read_text(
    path: str | os.PathLike, wanted: str, failure: Failure = DataError, most: int = MAX_BYTES
) -> str:
    """The text of a file that begins with ASCII, as JSON does: UTF-8, or UTF-16 or UTF-32.

    A mark in front, which some editors put there, is no part of it. The arguments and errors are
    those of :func:`check_file`.
    """
    raw = read_bytes(path, wanted, failure, most)
    encoding = json.detect_encoding(raw)
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        name = encoding.removesuffix("-sig").upper()
        raise failure(
            f"{path}:{line}: cannot be read as {name} text ({error.reason}); save it as UTF-8"
        ) from error


def read_json(
    path: str | os.PathLike, wanted: str, failure: Failure = DataError, most: int = MAX_BYTES
) -> Any:
    """The value in a JSON file; the arguments are those of :func:`check_file`.

    Raises:
        failure: naming the file, and line and key of what is not taken.
    """
    return parse_json(read_text(path, wanted, failure, most), path, failure)


def read_json_lines(
    path: str | os.PathLike, wanted: str = "a file of JSON lines", failure: Failure = DataError
) -> Iterator[tuple[int, Any]]:
    """Line numbers, from 1, and what the lines of a file hold; empty lines are passed over.

    Only a line feed ends a line: JSON strings may hold U+2028 and others at which
    ``str.splitlines`` splits.
    """
    text = read_text(path, wanted, failure, MAX_LIST_BYTES)
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, parse_json(line, path, failure, number)


def parse_json(
    text: str, where: str | os.PathLike, failure: Failure = DataError, line: int | None = 1
) -> Any:
    """What JSON says: no key twice, no NaN, nothing infinite, no endless numbers or brackets.

    Args:
        where: of the text, for messages.
        line: of its first line there; None: where it has no lines.

    Raises:
        failure: naming line and key.
    """
    try:
        value = _DECODER.decode(text)
        if not _is_deep(value):
            return value
    except json.JSONDecodeError as error:
        place = _place(where, text, error.pos, line)
        raise failure(f"{place}: not JSON ({error.msg}, column {error.colno})") from error
    except (_NotTaken, RecursionError):
        pass
    position, key, reason = _fault(text)
    told = f"{key}: " if key else ""
    raise failure(f"{_place(where, text, position, line)}: {told}{reason}")


def is_json(text: str) -> bool:
    """Whether a text is JSON of any kind, also such as :func:`parse_json` does not take."""
    try:
        json.loads(text)
    except json.JSONDecodeError:
        return False
    except (ValueError, RecursionError):  # endless numbers or brackets
        return True
    return True


def as_whole_number(text: str) -> int | None:
    """The number that ASCII digits write, fewer than ten of them; None for anything else.

    ``str.isdigit`` is true of "²", and ``int`` refuses it.
    """
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else None


def _place(where: str | os.PathLike, text: str, position: int, line: int | None) -> str:
    return f"{where}" if line is None else f"{where}:{line + text.count(chr(10), 0, position)}"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _NotTaken
    return found


def _refuse(name: str) -> float:
    raise _NotTaken(name)


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise _NotTaken
    return number


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise _NotTaken
    return int(text)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_once, parse_constant=_refuse, parse_float=_finite, parse_int=_integer
)


def _is_deep(value: Any) -> bool:
    """Whether there are more brackets inside each other than MAX_DEPTH."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_DEPTH):
        inner = (one.values() if isinstance(one, dict) else one for one in level)
        level = [item for items in inner for item in items if isinstance(item, dict | list)]
        if not level:
            return False
    return True


@dataclass
class _Bracket:
    """What is open at a place: a list, or an object with its keys so far and where they are."""

    is_object: bool
    keys: dict[str, int] = field(default_factory=dict)
    key: str = "0"
    wants_key: bool = False

    def go_on(self) -> None:
        if self.is_object:
            self.wants_key = True
        else:
            self.key = str(int(self.key) + 1)


def _fault(text: str) -> tuple[int, str, str]:
    """Where the first thing is that is not taken, under which keys, and why."""
    open_: list[_Bracket] = []
    for found in _TOKEN.finditer(text):
        token, start = found[0], found.start()
        if token in "[{":
            if len(open_) == MAX_DEPTH:
                return start, "", f"more than {MAX_DEPTH} brackets inside each other"
            open_.append(_Bracket(token == "{", wants_key=token == "{"))
        elif token in "]}":
            open_.pop()
        elif token == ",":
            open_[-1].go_on()
        else:
            reason = _wrong_key(token, start, open_, text) or _wrong_number(token)
            if reason:
                return start, ".".join(bracket.key for bracket in open_), reason
    raise AssertionError("there is nothing that is not taken")


def _wrong_key(token: str, start: int, open_: list[_Bracket], text: str) -> str | None:
    """Why a token cannot be the next key; takes it as such if it can."""
    if token == ":" or not open_ or not open_[-1].wants_key:
        return None
    bracket = open_[-1]
    bracket.key, bracket.wants_key = json.loads(token), False
    first = bracket.keys.setdefault(bracket.key, start)
    if first == start:
        return None
    back = text.count("\n", first, start)
    where = f", {back} lines above" if back else ""
    return f"this key is there twice{where}; keep one"


def _wrong_number(token: str) -> str | None:
    found = _NUMBER.match(token)  # what follows was not reached
    if found is None:
        return None
    number = found[0]
    if number.lstrip("-")[0].isalpha():
        return f"{number} is no number in JSON; give a finite one, or null"
    is_whole = number.lstrip("-").isdigit()
    too_large = len(number) > MAX_DIGITS if is_whole else math.isinf(float(number))
    return f"{number[:20]} is too large a number ({len(number)} characters)" if too_large else None
