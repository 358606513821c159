"""A plain installation: what needs an extra says which, and nothing else needs one."""

import subprocess
import sys
import tomllib

import pytest
from packaging.requirements import Requirement

from ntlbg.errors import MissingPackage
from ntlbg.packages import BROUGHT, EXTRAS, check_loads

# What is not there without an extra, though no distribution names it.
WITH_EXTRAS = [name for name, brings in BROUGHT.items() if brings.endswith("]")]


def plain(*arguments, without=(*EXTRAS, *WITH_EXTRAS)):
    """The command where no package of an extra is installed."""
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({list(without)!r}))\n"
        f"sys.argv = ['ntlbg', *{list(map(str, arguments))!r}]\n"
        "from ntlbg.cli import main; main()"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_packages_of_extras_are_those_of_the_distributions(pytestconfig):
    declared = {}
    ours = ("train", "gguf", "speech", "screen", "mcp", "serve", "url", "show")
    extras = [*(("", extra) for extra in ours), ("lab", "games")]
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
    assert done.stderr == (
        "error: training the built-in model needs peft, which is not installed; "
        "run `pip install 'ntlbg-llm[train]'`\n"
    )


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
def test_serving_agents_names_the_extra_it_needs(tmp_path):
    done = plain("mcp", "--root", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: serving agents needs mcp, which is not installed; run `pip install "
        "'ntlbg-llm[mcp]'`\n"
    )


@pytest.mark.slow
def test_leaving_parts_of_the_trained_model_out_needs_no_extra(tmp_path):
    done = plain("compare", tmp_path, "--suite", "ablation", "--tiny")
    assert done.stderr == "error: suite 'ablation' has no tower and tiny without train-steps\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["transcript"], "listening to speech needs faster_whisper, which is not installed; run "
         "`pip install 'ntlbg-llm[speech]'`"),
        (["screen-text"], "reading text on screen needs cv2, which is not installed; run "
         "`pip install 'ntlbg-llm[screen]'`"),
    ],
)  # fmt: skip
def test_listening_and_reading_name_the_extra_they_need(colour_video, command, said):
    done = plain(*command, colour_video)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"error: {said}\n")


@pytest.mark.slow
def test_a_question_is_answered_without_them_and_that_is_said(colour_video):
    done = plain("ask", colour_video, "Is it red?", "--listen", "--read-screen", "-k", 2)
    assert done.returncode == 0, done.stderr
    for extra in ("speech", "screen"):
        assert f"{extra} is left out: " in done.stderr
        assert f"`pip install 'ntlbg-llm[{extra}]'`" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "command", "brings"),
    [
        ("matplotlib", ["plot", "history.json"], "ntlbg-llm"),
        ("scipy", ["compare", "out", "--suite", "theory"], "ntlbg-llm-lab"),
    ],
)
def test_an_installation_that_is_not_whole_is_one_line(package, command, brings, tmp_path):
    done = plain(*command, without=[package])
    said = f"error: {package} is not installed; run `pip install {brings}`\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said)


def test_what_is_brought_is_declared(pytestconfig):
    for folder, name in (("", "ntlbg-llm"), ("lab", "ntlbg-llm-lab")):
        text = (pytestconfig.rootpath / folder / "pyproject.toml").read_text()
        declared = {
            Requirement(line).name.replace("-", "_")
            for line in tomllib.loads(text)["project"]["dependencies"]
        }
        ours = {"skimage": "scikit_image", "sklearn": "scikit_learn"}
        assert {ours.get(one, one) for one in BROUGHT if BROUGHT[one] == name} <= declared


def test_a_package_that_cannot_be_loaded_says_why(tmp_path, monkeypatch):
    """As cv2 does where the system has no libGL."""
    (tmp_path / "broken_eyes.py").write_text("raise ImportError('libGL.so.1: no such file')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingPackage) as told:
        check_loads("broken_eyes", "reading", "other-eyes")
    assert str(told.value) == (
        "reading needs broken_eyes, which cannot be loaded (libGL.so.1: no such file); run "
        "`pip install --force-reinstall other-eyes`"
    )


@pytest.mark.slow
def test_the_page_names_the_extra_it_needs(tmp_path):
    done = plain("serve", "--root", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: the page needs starlette, which is not installed; run `pip install "
        "'ntlbg-llm[serve]'`\n"
    )
