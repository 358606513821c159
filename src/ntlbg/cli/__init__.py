"""The command ``ntlbg``: one function per command, heavy imports inside.

Results go to stdout, everything else to stderr. The laboratory adds its commands by entry points.
"""

import sys
from functools import partial

from ntlbg.cli import (
    answering,
    chapters,
    chatting,
    configuring,
    converting,
    enrolling,
    indexing,
    model,
    serving,
    words,
)
from ntlbg.cli.app import app
from ntlbg.cli.ends import exit_code

__all__ = [
    "answering", "app", "chapters", "chatting", "configuring", "converting", "enrolling",
    "indexing", "main", "model", "serving", "words",
]  # fmt: skip


def main() -> None:
    """The console script."""
    sys.exit(exit_code(partial(app, prog_name="ntlbg")))
