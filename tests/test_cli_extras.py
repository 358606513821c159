"""A plain installation: what needs an extra says which, and nothing else needs one."""

import subprocess
import sys
import tomllib

import pytest
from packaging.requirements import Requirement

from ntlbg.cli.app import EXTRAS

MODULES = {"scikit-image": "skimage", "scikit-learn": "sklearn", "rouge-score": "rouge_score"}


def plain(*arguments):
    """The command where no package of an extra is installed."""
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({list(EXTRAS)!r}))\n"
        f"sys.argv = ['ntlbg', *{list(map(str, arguments))!r}]\n"
        "from ntlbg.cli import main; main()"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_packages_of_extras_are_those_of_the_distribution(pytestconfig):
    project = tomllib.loads((pytestconfig.rootpath / "pyproject.toml").read_text())["project"]
    declared = {
        Requirement(line).name: extra
        for extra in ("train", "games", "eval")
        for line in project["optional-dependencies"][extra]
    }
    assert {MODULES.get(name, name): extra for name, extra in declared.items()} == EXTRAS
    assert not set(declared) & {Requirement(line).name for line in project["dependencies"]}


@pytest.mark.slow
def test_training_names_the_extra_it_needs(pytestconfig):
    done = plain("train", "--config", pytestconfig.rootpath / "configs/builtin.json", "--dry-run")
    assert (done.returncode, done.stdout) == (2, "")
    name, advice = done.stderr.split(" is not installed; ")
    assert EXTRAS[name.removeprefix("error: ")] == "train"
    assert advice == "run `pip install 'ntlbg-llm[train]'`\n"


@pytest.mark.slow
def test_leaving_parts_of_the_trained_model_out_needs_no_extra(tmp_path):
    done = plain("compare", tmp_path, "--suite", "ablation", "--tiny")
    assert done.stderr == "error: suite 'ablation' has no tower and tiny without train-steps\n"
