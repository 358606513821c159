"""The product alone: what is of the laboratory says so in one line, and nothing else misses it."""

import re
import subprocess
import sys
from inspect import unwrap
from pathlib import Path

import pytest
from typer.main import get_command

from ntlbg.cli.app import OF_THE_LABORATORY, app
from ntlbg.plugins import COMMANDS, RECIPES, additions

CONFIG = Path(__file__).parents[1] / "configs" / "builtin.json"
ABSENT = {
    "not installed": "import importlib.metadata as found; found.entry_points = lambda **_: ()\n",
    "removed by hand": "",  # what it adds is still written down
}
RUN = "sys.argv = ['ntlbg', *{!r}]\nfrom ntlbg.cli import main\nmain()"

absent = pytest.mark.parametrize("how", ABSENT)


def alone(how, code):
    """Run code where ``ntlbg_lab`` cannot be imported."""
    hidden = f"import sys\nsys.modules['ntlbg_lab'] = None\n{ABSENT[how]}{code}"
    return subprocess.run([sys.executable, "-c", hidden], capture_output=True, text=True)


def test_the_laboratory_adds_its_commands_and_its_recipe():
    assert additions(COMMANDS).keys() == set(OF_THE_LABORATORY)
    assert "builtin" in additions(RECIPES)
    group = get_command(app)
    lab = group.get_command(None, "lab")
    assert {*lab.commands, "lab"} == set(OF_THE_LABORATORY)
    for name, command in lab.commands.items():
        assert unwrap(command.callback) is unwrap(group.get_command(None, name).callback)


@absent
def test_the_product_is_whole_without_it(how):
    done = alone(how, "import ntlbg.models, ntlbg.train, ntlbg.answer_file\nprint(ntlbg.ask)")
    assert (done.returncode, done.stderr) == (0, "")
    done = alone(how, RUN.format(["--help"]))
    assert (done.returncode, done.stderr) == (0, "")
    listed = set(re.findall(r"^│ (\w+)", done.stdout, flags=re.MULTILINE))
    assert {"ask", "train", "convert"} <= listed
    assert not listed & set(OF_THE_LABORATORY)


@absent
@pytest.mark.parametrize("words", [["evaluate", "out"], ["lab", "evaluate"], ["demo", "--help"]])
def test_its_commands_say_where_they_are(how, words):
    done = alone(how, RUN.format(words))
    assert (done.returncode, done.stdout) == (2, "")
    line = f"error: `ntlbg {words[0]}` is part of the laboratory: pip install ntlbg-llm-lab\n"
    assert done.stderr == line


@absent
def test_its_recipe_says_where_it_is(how):
    done = alone(how, RUN.format(["train", "--config", str(CONFIG), "--dry-run"]))
    assert (done.returncode, done.stdout) == (2, "")
    assert "recipe builtin is part of the laboratory: pip install" in done.stderr
