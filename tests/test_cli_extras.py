"""A plain installation: what needs an extra says which, and nothing else needs one."""

import subprocess
import sys
import tomllib

import pytest
from packaging.requirements import Requirement

from ntlbg.packages import EXTRAS


def plain(*arguments):
    """The command where no package of an extra is installed."""
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({list(EXTRAS)!r}))\n"
        f"sys.argv = ['ntlbg', *{list(map(str, arguments))!r}]\n"
        "from ntlbg.cli import main; main()"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_packages_of_extras_are_those_of_the_distributions(pytestconfig):
    declared = {}
    extras = [("", "train"), ("", "gguf"), ("", "speech"), ("", "screen"), ("lab", "games")]
    for folder, extra in extras:
        file = pytestconfig.rootpath / folder / "pyproject.toml"
        project = tomllib.loads(file.read_text())["project"]
        for line in project["optional-dependencies"][extra]:
            declared[Requirement(line).name.replace("-", "_")] = f"{project['name']}[{extra}]"
        assert not set(declared) & {Requirement(line).name for line in project["dependencies"]}
    assert declared == EXTRAS


@pytest.mark.slow
def test_training_names_the_extra_it_needs(pytestconfig):
    done = plain("train", "--config", pytestconfig.rootpath / "configs/builtin.json", "--dry-run")
    assert (done.returncode, done.stdout) == (2, "")
    name, advice = done.stderr.split(" is not installed; ")
    assert (name, advice) == ("error: peft", "run `pip install 'ntlbg-llm[train]'`\n")


@pytest.mark.slow
def test_gguf_files_name_the_extra_they_need(tiny_gguf, colour_video):
    mmproj = f"mmproj={tiny_gguf.projector}"
    model = ("--model", tiny_gguf.model, "--model-option", mmproj)
    done = plain("ask", colour_video, "Is it red?", *model)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: tiny.gguf, a GGUF file, needs xllamacpp, which is not installed; "
        "run `pip install 'ntlbg-llm[gguf]'`\n"
    )


@pytest.mark.slow
def test_leaving_parts_of_the_trained_model_out_needs_no_extra(tmp_path):
    done = plain("compare", tmp_path, "--suite", "ablation", "--tiny")
    assert done.stderr == "error: suite 'ablation' has no tower and tiny without train-steps\n"
