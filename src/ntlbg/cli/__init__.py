"""The command ``ntlbg``: one function per command, heavy imports inside.

Results go to stdout, everything else to stderr. Commands are listed in the order of the imports.
"""

import sys
from io import TextIOWrapper

from ntlbg.cli import answering  # isort: skip
from ntlbg_lab.cli import samples  # isort: skip
from ntlbg.cli import enrolling, model  # isort: skip
from ntlbg_lab.cli import evaluating  # isort: skip
from ntlbg.cli import configuring, converting  # isort: skip
from ntlbg.cli.app import app

__all__ = [
    "answering",
    "app",
    "configuring",
    "converting",
    "enrolling",
    "evaluating",
    "main",
    "model",
    "samples",
]


def main() -> None:
    """The console script."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # file names need not be UTF-8
    app(prog_name="ntlbg")
