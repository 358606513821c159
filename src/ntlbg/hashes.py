"""Hashes of large files, remembered: a film, or a model's weights, is read for its own once."""

import hashlib
import json
import os
import re
import time
from contextlib import suppress
from pathlib import Path

from ntlbg.errors import DataError
from ntlbg.files import replace_content
from ntlbg.text_files import read_json

HASHES = "hashes"  # the folder of what is remembered, in that of the index
# Change this when a hash would be another one of the same file.
FORMAT = 1
# Coarse file systems keep times to two seconds (FAT).
SETTLED_SECONDS = 2.0


def content_hash(path: Path, folder: Path) -> str:
    """sha256 of a file in hexadecimal digits.

    The file is read only if it is not the one whose hash is remembered in ``folder / "hashes"``:
    the same path, device, inode, size and times of change mean the same content, as for git. Of a
    file that was changed within the last seconds the hash is not remembered, since it might be
    changed again within the same tick of the clock.

    Raises:
        OSError: the file cannot be read.
    """
    state, place = _state(path), str(path.absolute())
    named = hashlib.sha256(os.fsencode(place)).hexdigest()
    memory = folder / HASHES / f"{named}.json"
    about = {"format": FORMAT, "state": state}
    remembered = _remembered(memory)
    if remembered is not None and {**remembered, "sha256": None} == {**about, "sha256": None}:
        return remembered["sha256"]
    with path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    settled = time.time() - max(state[-2:]) / 1e9 > SETTLED_SECONDS
    if settled and _state(path) == state:
        with suppress(OSError):  # a folder that is only read is as good, and slower
            replace_content(memory, json.dumps(about | {"sha256": content}).encode())
    return content


def _state(path: Path) -> tuple[int, ...]:
    """Of a file: device, inode, bytes, time of change, and time of change of its entry."""
    status = path.stat()
    return (
        status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns,
    )  # fmt: skip


def _remembered(memory: Path) -> dict | None:
    """What is kept of a file's hash; None where there is nothing, or something else."""
    try:
        about = read_json(memory, "a hash")
        about["state"] = tuple(about["state"])
        intact = re.fullmatch("[0-9a-f]{64}", about["sha256"])
    except (DataError, KeyError, TypeError):
        return None
    return about if intact else None
