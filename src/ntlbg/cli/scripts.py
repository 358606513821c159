"""How a script of the original project ends: in one line and an exit code, without a traceback."""

import sys
from collections.abc import Callable

from ntlbg.cli.app import INTERRUPTED
from ntlbg.errors import NtlbgError


def exit_code(work: Callable[[], None]) -> int:
    """Do the work; 0, 2 for what a user can cause, and 130 after Ctrl-C, which is told."""
    try:
        work()
    except NtlbgError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the same command goes on from what is finished", file=sys.stderr)
        return INTERRUPTED
    return 0
