"""What ``import ntlbg`` promises."""

import inspect
import subprocess
import sys

import pytest

import ntlbg

FUNCTIONS = ("ask", "select", "index_video", "probe", "sample_frames", "read_frames_at",
             "select_frames", "load_system", "write_clips")  # fmt: skip


@pytest.mark.parametrize("name", ntlbg.__all__)
def test_every_public_name_is_there(name):
    assert getattr(ntlbg, name) is not None
    assert name in dir(ntlbg)


def test_other_names_are_not():
    with pytest.raises(AttributeError, match="no attribute 'magic'"):
        _ = ntlbg.magic


def test_import_is_lazy():
    code = "import sys, ntlbg; print(*sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "ntlbg" in loaded
    assert not {"torch", "numpy", "av", "transformers"} & set(loaded)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_take_their_subject_then_keywords(name):
    parameters = inspect.signature(getattr(ntlbg, name)).parameters.values()
    for parameter in parameters:
        if parameter.default is not inspect.Parameter.empty:
            subjects = {("select", "question"), ("load_system", "model")}
            optional_subject = (name, parameter.name) in subjects
            assert parameter.kind is parameter.KEYWORD_ONLY or optional_subject, parameter


@pytest.mark.parametrize("name", [name for name in ntlbg.__all__ if name[0].islower()])
def test_functions_say_what_they_do(name):
    if name != "__version__":
        assert len(inspect.getdoc(getattr(ntlbg, name))) > 20


@pytest.mark.parametrize("name", ["Answer", "Evidence", "SelectedFrames", "Frames", "Selection"])
def test_classes_say_what_they_are(name):
    doc = inspect.getdoc(getattr(ntlbg, name))
    assert doc
    assert not doc.startswith(name + "(")  # the one dataclasses make up


def test_ask_and_select_share_their_options():
    ask = inspect.signature(ntlbg.ask).parameters
    select = inspect.signature(ntlbg.select).parameters
    shared = set(ask) & set(select)
    assert {"num_frames", "fps", "selector", "start", "end", "max_frames", "index"} <= shared
    for name in shared - {"question"}:
        assert ask[name].default == select[name].default
