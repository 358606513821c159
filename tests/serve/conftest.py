"""A folder of films, and a server that knows three colours."""

import shutil

import pytest
from agents import SUBTITLES, films
from programs import application
from starlette.testclient import TestClient

from ntlbg.serve.mcp import make_server
from ntlbg.serve.turns import OneByOne


@pytest.fixture
def folder(tmp_path, colour_video):
    """`film.mp4`, and `talks/talk.mp4` with subtitles."""
    place = tmp_path / "films"
    (place / "talks").mkdir(parents=True)
    shutil.copy(colour_video, place / "film.mp4")
    shutil.copy(colour_video, place / "talks" / "talk.mp4")
    (place / "talks" / "talk.srt").write_text(SUBTITLES)
    return place


@pytest.fixture
def server(folder, tmp_path):
    return make_server(films(folder, tmp_path / "index"))


@pytest.fixture
def turns():
    turns = OneByOne()
    yield turns
    turns.close()


@pytest.fixture
def calling(folder, tmp_path, turns):
    """Calls the interface for programs without a connection."""
    with TestClient(application(films(folder, tmp_path / "index"), turns)) as calling:
        yield calling
