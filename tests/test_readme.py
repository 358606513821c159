"""What the README shows is run: its commands and its Python, in order, in one folder."""

import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ntlbg.cli import app

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", TEXT, flags=re.MULTILINE | re.DOTALL)
COMMANDS = [line for kind, block in BLOCKS if kind == "bash" for line in block.splitlines()]


@pytest.mark.slow
def test_commands_and_python_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    for kind, block in BLOCKS:
        if kind == "bash":
            for line in block.splitlines():
                run_command(line)
        elif kind == "python":
            shown = io.StringIO()
            with contextlib.redirect_stdout(shown):
                exec(compile(block, "README.md", "exec"), names)
            assert shown.getvalue().strip()
    assert (tmp_path / "out" / "report.html").is_file()
    assert (tmp_path / "out" / "overview" / "contact_sheet.jpg").is_file()


def run_command(line: str) -> None:
    """A line ``ntlbg ...``, its made videos cut to a minute."""
    words = shlex.split(line, comments=True)
    if not words or words[0] != "ntlbg":
        return
    if "--minutes" in words:
        words[words.index("--minutes") + 1] = "1"
    done = CliRunner().invoke(app, words[1:], catch_exceptions=False)
    assert done.exit_code == 0, f"{line}\n{done.output}"
    assert done.stdout, line


def test_only_known_commands_are_shown():
    known = {"ntlbg", "make", "python"}
    assert {shlex.split(line, comments=True)[0] for line in COMMANDS if line.strip()} <= known


def test_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = [shlex.split(line)[1] for line in COMMANDS if line.startswith("make ")]
    assert {"demo", "test"} <= set(targets)
    for target in [*targets, "help"]:
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", TEXT))
def test_links_lead_to_files(link):
    assert link.startswith("https://") or (ROOT / link).exists(), link
