"""A site of films, and who asks it."""

import pytest
from sites import Client, opened

from fakes import write_colour_video


@pytest.fixture(scope="session")
def long_video(tmp_path_factory):
    """200 s at one picture a second of interest: seven batches of frames."""
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    write_colour_video(path, duration=200)
    return path


@pytest.fixture
def site(folder, tmp_path):
    with opened(folder, tmp_path / "state", tmp_path / "index") as site:
        yield site


@pytest.fixture
def client(site):
    return Client(site)
