"""The command ``ntlbg``: one function per command, heavy imports inside.

Results go to stdout, everything else to stderr. Commands are listed in the order of the imports.
"""

from ntlbg.cli import answering, samples, model, evaluating, configuring, converting  # isort: skip
from ntlbg.cli.app import app

__all__ = [
    "answering",
    "app",
    "configuring",
    "converting",
    "evaluating",
    "main",
    "model",
    "samples",
]


def main() -> None:
    """The console script."""
    app(prog_name="ntlbg")
