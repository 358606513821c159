"""What answerers keep of films for later questions: a folder for each, and no more than fits."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

KEPT = "kept"
# Of all films together. A frame of 256 tokens takes 1.8 MB by a model of 7B in half precision (3584
# numbers a token), 8.4 MB by Qwen3-VL-8B, which keeps four layers of 4096 and is the dearest of its
# size: room for 5,800 frames of the one, 1,280 of the other, which is 40 questions about 32 new
# frames each. Such a model's own files take more of the disk.
MOST_BYTES = 10 * 2**30
# Full, it is emptied to this share: else every question would look through all files.
LEFT_SHARE = 0.9
_OURS = re.compile(r"[0-9a-f]{64}\.safetensors")


@contextmanager
def bounded(root: Path, film: str) -> Iterator[Path]:
    """The folder of one film in the folder of all; after the block there is not too much in them.

    Looked through only where something new was kept.

    Args:
        film: its name, the same for every file of this content.
    """
    folder = root / film
    before = _changed(folder)
    yield folder
    if _changed(folder) != before:
        forget(root, MOST_BYTES)


def forget(root: Path, most_bytes: int) -> int:
    """Remove what was not used for the longest time where more than so many bytes are kept.

    Several processes may do so at once; one that misses a file makes it anew.

    Args:
        root: of the folders of films. Only files of the names that are given here are removed.

    Returns:
        How many files were removed.
    """
    files = sorted(_files(root))
    total = sum(size for _, size, _ in files)
    if total <= most_bytes:
        return 0
    removed = 0
    for _, size, path in files:
        if total <= most_bytes * LEFT_SHARE:
            break
        total -= size
        with suppress(OSError):  # another process was faster, or it is another user's
            os.unlink(path)
            removed += 1
    return removed


def _files(root: Path) -> Iterator[tuple[float, int, str]]:
    """Time of last use, bytes and path of each that is kept."""
    for folder in _entries(root):
        for file in _entries(folder):
            if _OURS.fullmatch(os.path.basename(file)):
                with suppress(OSError):
                    state = os.stat(file)
                    yield state.st_mtime, state.st_size, file


def _entries(folder: str | Path) -> list[str]:
    """Paths in a folder; none where there is no such folder."""
    try:
        return [os.path.join(folder, name) for name in os.listdir(folder)]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _changed(folder: Path) -> int | None:
    """When a file was last made in a folder; None where there is no folder."""
    try:
        return folder.stat().st_mtime_ns
    except FileNotFoundError:
        return None
