"""Whether a disk has room for what will be written there: asked before the work, not after it."""

import shutil
from contextlib import suppress
from pathlib import Path

from ntlbg.errors import NtlbgError, OutputError

# An empty file needs none, and is never all that is written.
SOMETHING = 1


def check_space(
    folder: str | Path,
    needed: float,
    advice: str,
    *,
    shown: str | Path | None = None,
    error: type[NtlbgError] = OutputError,
) -> None:
    """Refuse what surely does not fit; what is estimated too low is told when it is written.

    Args:
        folder: where bytes will be written; it need not be there yet.
        needed: bytes, at the very least.
        advice: what to do, as the message ends.
        shown: what the message is about; the folder by default.
        error: what is raised.

    Raises:
        OutputError: less is free, or ``error``.
    """
    free = free_bytes(Path(folder))
    if free is not None and needed > free:
        raise error(
            f"{shown or folder}: {size_text(needed)} or more will be written there, and "
            f"{size_text(free)} {'are' if free >= 2 else 'is'} free on that disk; free some, "
            f"or {advice}"
        )


def free_bytes(folder: Path) -> int | None:
    """Of the disk of a folder, or of the nearest one above that there is; None where unknown."""
    for place in (folder, *folder.absolute().parents):
        with suppress(FileNotFoundError, NotADirectoryError):
            usage = shutil.disk_usage(place)
            return usage.free if usage.total else None  # some disks behind a network do not tell
    return None


def size_text(size: float) -> str:
    """
    >>> size_text(0), size_text(1500), size_text(2_340_000_000)
    ('nothing', '1.5 kB', '2.3 GB')
    """
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size:.0f} bytes" if size >= 1 else "nothing"
