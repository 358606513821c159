"""Running the command as users do, and what an error of it looks like."""

import subprocess
import sys


def ntlbg(*arguments, **options):
    command = [sys.executable, "-m", "ntlbg.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, **options)


def assert_one_error(done):
    assert done.exit_code == 2, done.output
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
