"""Results are written beside their place and moved in when complete, so nothing is half-written."""

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from ntlbg.errors import DataError, OutputError

# Of errors that name no file, those that mean writing.
_WRITING = {
    errno.EACCES,
    errno.EDQUOT,
    errno.EFBIG,
    errno.ENOSPC,
    errno.EPERM,
    errno.EROFS,
}
# safetensors has one error for all it does, and it is no OSError.
_NOT_SAVED = "Error while serializing: I/O error"


@contextmanager
def staged_file(path: str | Path) -> Iterator[Path]:
    """A temporary path in the same folder that replaces ``path`` when the block succeeds.

    Raises:
        OutputError: the file cannot be written where it was asked for.
    """
    path = Path(path)
    with staged_directory(path.parent) as folder:
        yield folder / path.name


@contextmanager
def staged_directory(path: str | Path) -> Iterator[Path]:
    """A temporary folder whose files move into ``path`` when the block succeeds.

    Files of the same name are replaced, others stay. An exception leaves ``path`` as it was, and
    one that is not about files in ``path`` stays what it is.

    Raises:
        OutputError: the folder cannot be created or written.
    """
    path = Path(path)
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
        stage = Path(tempfile.mkdtemp(prefix=".ntlbg-", dir=path))
    except OSError as error:
        _remove_empty(missing)
        raise OutputError(_message(path, error)) from error
    try:
        yield stage
        for item in sorted(stage.iterdir()):
            os.replace(item, path / item.name)
    except OSError as error:
        if not _is_about(path, error):
            raise
        raise OutputError(_message(path, error)) from error
    except SafetensorError as error:
        if not str(error).startswith(_NOT_SAVED):
            raise
        raise OutputError(_message(path, error)) from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        _remove_empty(missing)


def check_writable(folder: str | Path) -> None:
    """Fail before the work rather than after it.

    Raises:
        OutputError: nothing can be written into the folder.
    """
    with staged_directory(folder):
        pass


def keep_json(path: Path, content: dict[str, Any]) -> Any:
    """What a file holds; where there is none, ``content`` is written there first.

    Raises:
        DataError: the file holds no JSON.
        OutputError: it cannot be written.
    """
    if not path.is_file():
        with staged_file(path) as stage:
            stage.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        return content
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path}: not JSON ({error}); choose another folder") from error


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
    return f"{path}: cannot be written ({why}); choose another folder"
