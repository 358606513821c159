"""The command ``ntlbg``: one function per command, heavy imports inside.

Results go to stdout, everything else to stderr. The laboratory adds its commands by entry points.
"""

import sys
from io import TextIOWrapper

from ntlbg.cli import (
    answering,
    chapters,
    configuring,
    converting,
    enrolling,
    indexing,
    model,
    words,
)
from ntlbg.cli.app import app

__all__ = [
    "answering", "app", "chapters", "configuring", "converting", "enrolling", "indexing", "main",
    "model", "words",
]  # fmt: skip


def main() -> None:
    """The console script."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # file names need not be UTF-8
    app(prog_name="ntlbg")
