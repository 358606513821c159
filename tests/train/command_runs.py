"""A process of several: runs the commands of a file one after the other, as a shell would.

Starting Python and PyTorch takes longer than these runs. Each process leaves the exit codes, and
the last line that its commands said on standard error.
"""

import json
import sys
from pathlib import Path

from typer.testing import CliRunner

from ntlbg.cli import app
from ntlbg.train import processes


def main(file: Path) -> None:
    found = {}
    with processes.together():  # once: torch cannot begin again with the same store
        for name, arguments in json.loads(file.read_text()).items():
            done = CliRunner().invoke(app, arguments)
            if done.exception and not isinstance(done.exception, SystemExit):
                raise done.exception
            errors = done.stderr.strip().splitlines()
            found[name] = {"code": done.exit_code, "said": done.stdout, "error": errors[-1:]}
    file.with_name(f"ended-{processes.rank()}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
