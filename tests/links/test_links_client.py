"""What yt-dlp may not do here: read the user's files, run programs, tell passwords."""

import base64
import os
import subprocess
import sys
import textwrap

import pytest

from film_server import VIDEOS, Content, Site, redirect
from ntlbg.errors import LinkError
from ntlbg.links import fetch
from ntlbg.links.client import reason

FILM = (VIDEOS / "vfr.mp4").read_bytes()


@pytest.fixture
def harmful_home(tmp_path):
    """A home folder whose yt-dlp files leave a mark, each of its own."""
    home = tmp_path / "home"
    plugin = home / ".config" / "yt-dlp" / "plugins" / "p" / "yt_dlp_plugins" / "extractor"
    plugin.mkdir(parents=True)
    (plugin / "p.py").write_text(f"open({str(home / 'plugin-ran')!r}, 'w').close()\n")
    config = f"--exec \"touch '{home}/config-ran'\"\n-o '{home}/stolen'\n--cookies '{home}/jar'\n"
    (home / ".config" / "yt-dlp" / "config").write_text(config)
    (home / ".netrc").write_text("machine 127.0.0.1 login anna password secret\n")
    (home / ".netrc").chmod(0o600)
    return home


def run(home, code, *arguments):
    environment = {**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config")}
    environment.pop("YTDLP_NO_PLUGINS", None)
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=home)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_users_own_files_are_left_alone(site, harmful_home):
    site.paths["/film.mp4"] = Content(FILM)
    code = """
        import os, sys
        from ntlbg.links import fetch
        print(fetch(sys.argv[1], allow_private=True))
        assert "YTDLP_NO_PLUGINS" not in os.environ
    """
    run(harmful_home, code, f"{site.address}/film.mp4")
    names = sorted(path.name for path in harmful_home.iterdir())
    assert names == [".config", ".netrc"]
    assert all("authorization" not in headers for _, _, headers in site.requests)
    assert all("cookie" not in headers for _, _, headers in site.requests)


@pytest.mark.slow
def test_they_would_do_harm(site, harmful_home):
    """Else the test above could not fail."""
    site.paths["/film.mp4"] = Content(FILM)
    code = """
        import runpy, sys
        sys.argv = ["yt-dlp", "--netrc", sys.argv[1]]
        runpy.run_module("yt_dlp", run_name="__main__")
    """
    run(harmful_home, code, f"{site.address}/film.mp4")
    names = {path.name for path in harmful_home.iterdir()}
    assert {"plugin-ran", "config-ran"} <= names


def test_nothing_else_is_contacted(site, monkeypatch):
    """Every connection is seen, of a fetch from the first import to the end."""
    hosts, watching = set(), [True]

    def hook(event, arguments):
        if watching and event == "socket.connect":
            hosts.add(arguments[1][:2])

    sys.addaudithook(hook)
    site.paths["/film.mp4"] = Content(FILM)
    fetch(f"{site.address}/film.mp4", allow_private=True)
    watching.clear()
    assert hosts == {("127.0.0.1", int(site.address.rpartition(":")[2]))}


def with_password(site: Site, path: str = "/film.mp4") -> str:
    return site.address.replace("http://", "http://anna:se@cret@") + path


def test_a_password_is_given_to_the_server_and_told_to_nobody(site, cache):
    site.paths["/film.mp4"] = Content(FILM)
    said = []
    film = fetch(with_password(site), allow_private=True, tell=said.append)
    assert film.read_bytes() == FILM
    expected = "Basic " + base64.b64encode(b"anna:se@cret").decode()
    assert {headers["authorization"] for _, _, headers in site.requests} == {expected}
    assert f"http://***@{site.address[7:]}/film.mp4" in said[0]
    assert "cret" not in "".join(said)
    kept = [path for path in cache.rglob("*") if path.is_file()]
    assert kept
    assert not any(b"cret" in path.read_bytes() for path in kept)
    assert fetch(f"{site.address}/film.mp4") == film


@pytest.mark.parametrize("options", [{}, {"allow_private": True}])
def test_a_password_is_in_no_error(site, options):
    with pytest.raises(LinkError) as error:
        fetch(with_password(site, "/missing.mp4"), **options)
    assert "***@127.0.0.1" in str(error.value)
    assert "cret" not in str(error.value)
    assert "cret" not in str(error.value.__cause__ or "")


def test_a_password_does_not_follow_to_another_server(site):
    with Site().serving() as other:
        other.paths["/film.mp4"] = Content(FILM)
        site.paths["/film.mp4"] = redirect(f"{other.address}/film.mp4")
        fetch(with_password(site), allow_private=True)
        assert "authorization" in site.requests[0][2]
        assert all("authorization" not in headers for _, _, headers in other.requests)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            "ERROR: [generic] film: Unable to download webpage: HTTP Error 404: Not Found "
            "(caused by <HTTPError 404: Not Found>)",
            "Unable to download webpage: HTTP Error 404: Not Found",
        ),
        ("ERROR: Unsupported URL: https://anna:b@example.org/",
         "Unsupported URL: https://***@example.org/"),
        ("WARNING: [youtube] a_B-1: Private video. Use --cookies to", "Private video"),
        ("two\nlines", "two lines"),
        ("", "no reason given"),
    ],
)  # fmt: skip
def test_reasons_are_one_line_without_passwords(said, shown):
    assert reason(said) == shown
