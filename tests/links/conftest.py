"""For all tests of links: a cache of their own, no proxy, no waiting between attempts."""

import gc

import pytest

from film_server import Site


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    from ntlbg.links import client

    folder = tmp_path / "cache"
    monkeypatch.setenv("NTLBG_CACHE", str(folder))
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(client, "RETRY_SECONDS", 0.0)
    return folder


@pytest.fixture
def site():
    with Site().serving() as site:
        yield site


@pytest.fixture
def unclosed_files():
    """yt-dlp leaves the file of a film open where a segment ends in an error; they end here."""
    yield
    gc.collect()
