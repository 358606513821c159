"""The command ``ntlbg``: one function per command, heavy imports inside.

Results go to stdout, everything else to stderr. The laboratory adds its commands by entry points.
"""

import sys
from functools import partial

from ntlbg.cli import answering, configuring, converting, enrolling, model, words
from ntlbg.cli.app import app
from ntlbg.cli.ends import exit_code

__all__ = ["answering", "app", "configuring", "converting", "enrolling", "main", "model", "words"]


def main() -> None:
    """The console script."""
    sys.exit(exit_code(partial(app, prog_name="ntlbg")))
