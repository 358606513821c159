"""For all tests: one thread, no display, no network, an index of their own."""

import os
import signal
from importlib import import_module
from pathlib import Path

import pytest
import torch

from processes import no_process_left  # noqa: F401  (for every module)

os.environ["MPLBACKEND"] = "Agg"
os.environ["HF_HUB_OFFLINE"] = "1"
torch.set_num_threads(1)
# What a shell starts in the background does not hear Ctrl-C, and neither would what tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def own_index(tmp_path_factory):
    """Features of test videos never reach the user's index; model parts stay shared."""
    folder = tmp_path_factory.mktemp("index")
    os.environ["NTLBG_INDEX"] = str(folder)
    yield folder
    del os.environ["NTLBG_INDEX"]


@pytest.fixture(scope="session")
def colour_video(tmp_path_factory):
    """40 s, 4 pictures a second: red from 10 s to 13 s, blue from 25 s to 27 s, else grey."""
    from fakes import write_colour_video

    path = tmp_path_factory.mktemp("videos") / "colours.mp4"
    write_colour_video(path)
    return path


@pytest.fixture(scope="session")
def tiny_gguf(tmp_path_factory):
    """A small random model and its projector as GGUF files."""
    from tiny_gguf import write_tiny_gguf

    return write_tiny_gguf(tmp_path_factory.mktemp("gguf"))


@pytest.fixture
def benchmark_script(monkeypatch):
    """A script of ``benchmarks/`` by its name, imported."""
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks")
    return import_module


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Run a command; the model ``colours`` is there, the index is empty."""
    from typer.testing import CliRunner

    from fakes import ColourAnswerer
    from ntlbg import answerers
    from ntlbg.cli import app

    answerer = ColourAnswerer()
    monkeypatch.setitem(answerers.ANSWERERS, "colours", lambda choice: answerer)
    monkeypatch.setattr(answerers, "_loaded", answerers._loaded.__wrapped__)
    monkeypatch.setenv("NTLBG_INDEX", str(tmp_path / "index"))

    def invoke(*arguments):
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return invoke
