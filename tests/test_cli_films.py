"""Addresses where a command takes a video."""

import json
import signal
import subprocess
import sys

import pytest

from commands import assert_one_error, ntlbg
from film_server import VIDEOS, Content, Site, page
from processes import PATIENCE, started, wait_for
from test_cli_extras import plain

FILM = (VIDEOS / "vfr.mp4").read_bytes()
VTT = b"WEBVTT\n\n00:00.000 --> 00:01.000\nhello there\n"
PAGE = """<title>A talk \x1b[31m</title><video src="/film.mp4">
<track kind="subtitles" src="/en.vtt" srclang="en"></video>"""
ALLOWED = "--allow-private"


@pytest.fixture
def site(tmp_path, monkeypatch, colour_video):
    """A page with a film and its subtitles; nobody fetched it yet."""
    monkeypatch.setenv("NTLBG_CACHE", str(tmp_path / "cache"))
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with Site().serving() as site:
        site.paths["/talk"] = page(PAGE)
        site.paths["/film.mp4"] = Content(colour_video.read_bytes())
        site.paths["/en.vtt"] = Content(VTT, "text/vtt")
        yield site


def test_a_question_about_an_address(run, site):
    ask = ("ask", f"{site.address}/talk", "When is it red?", "--model", "colours")
    done = run(*ask, ALLOWED, "--json")
    assert done.exit_code == 0, done.output
    first, *_ = done.stderr.splitlines()
    assert first.startswith('fetching "A talk')
    assert first.endswith(f"from {site.address}/talk")
    assert "\x1b" not in done.stderr
    asked = len(site.requests)
    again = run(*ask, "--json")  # kept, whether it is private or not
    assert again.exit_code == 0, again.output
    assert again.stderr == ""
    assert len(site.requests) == asked
    assert json.loads(again.stdout)["evidence"] == json.loads(done.stdout)["evidence"]


def test_every_command_that_takes_a_video(run, site, tmp_path):
    address = f"{site.address}/talk"
    said = run("transcript", address, ALLOWED)
    assert (said.exit_code, "hello there" in said.stdout) == (0, True), said.output
    asked = len(site.requests)
    for command in (["select", address, "--model", "colours"], ["chapters", address],
                    ["index", address, "--json"]):  # fmt: skip
        done = run(*command)
        assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["videos"][0]["video"] == address
    assert len(site.requests) == asked


def test_clips_of_an_address_have_its_subtitles(run, site, tmp_path):
    done = run("select", f"{site.address}/talk", "--model", "colours", "-k", 1, ALLOWED,
               "--clips", tmp_path / "clips")  # fmt: skip
    assert done.exit_code == 0, done.output
    assert (tmp_path / "clips" / "clips.edl").exists()


def test_fetching_again(run, site):
    address = f"{site.address}/talk"
    run("transcript", address, ALLOWED)
    site.paths["/en.vtt"] = Content(VTT.replace(b"hello there", b"good morning"), "text/vtt")
    assert "hello there" in run("transcript", address).stdout
    assert "good morning" in run("transcript", address, "--fetch-again", ALLOWED).stdout
    assert "good morning" in run("transcript", address).stdout


@pytest.mark.parametrize(
    "command", ["ask", "select", "index", "transcript", "screen-text", "chapters"]
)
def test_this_machine_is_not_asked(run, site, command):
    done = run(command, f"{site.address}/talk", *["red?"] * (command == "ask"))
    assert_one_error(done)
    assert "leads to 127.0.0.1" in done.stderr
    assert site.requests == []


@pytest.mark.parametrize("option", [["--fetch-again"], [ALLOWED], ["--max-download-gb", "2"]])
@pytest.mark.parametrize("command", ["ask", "select", "index", "transcript", "chapters"])
def test_options_of_addresses_with_a_file(run, colour_video, command, option):
    done = run(command, colour_video, *["red?"] * (command == "ask"), *option)
    assert_one_error(done)
    assert f"{option[0]} is about the film of an address" in done.stderr


def test_a_bound(run, site):
    done = run("transcript", f"{site.address}/film.mp4", ALLOWED, "--max-download-gb", "0.000003")
    assert_last_error(done)
    assert "5.4 kB, more than the 3.0 kB that are fetched at most" in done.stderr


def assert_last_error(done):
    assert done.exit_code == 2, done.output
    assert done.stdout == ""
    *said, last = done.stderr.splitlines()
    assert last.startswith("error: ")
    assert not any(line.startswith("error: ") for line in said)


@pytest.mark.parametrize("size", ["nan", "inf", "0", "-1", "much"])
def test_bounds_that_are_none(run, site, size):
    done = run("transcript", f"{site.address}/film.mp4", ALLOWED, "--max-download-gb", size)
    assert done.exit_code == 2
    assert "Traceback" not in done.output
    assert site.requests == []


def test_of_several_videos_the_others_are_read(run, site, colour_video):
    done = run("index", f"{site.address}/missing.mp4", colour_video, ALLOWED, "--json")
    assert done.exit_code == 2
    assert [row["video"] for row in json.loads(done.stdout)["videos"]] == [str(colour_video)]


@pytest.mark.slow
def test_without_the_extra_the_address_names_it(tmp_path):
    done = plain("transcript", "https://films.invalid/film.mp4")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: a film by its address needs yt_dlp, which is not installed; "
        "run `pip install 'ntlbg-llm[url]'`, or give a file\n"
    )


@pytest.mark.slow
def test_nothing_of_it_is_loaded_for_a_file(colour_video):
    code = (
        "import sys; from typer.testing import CliRunner; from ntlbg.cli import app\n"
        "import ntlbg.links\n"
        f"CliRunner().invoke(app, ['transcript', {str(colour_video)!r}, '--subtitles', 'none'])\n"
        "assert not any(name.split('.')[0] == 'yt_dlp' for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow
def test_ctrl_c_ends_as_everywhere_and_the_same_command_goes_on(site, tmp_path):
    data = FILM + bytes(8)
    content = site.paths["/film.mp4"] = Content(data * 100, holds_at=500_000)
    command = [sys.executable, "-m", "ntlbg.cli", "transcript", f"{site.address}/film.mp4", ALLOWED]
    with started(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        parts = tmp_path / "cache" / "links"
        wait_for(lambda: list(parts.glob("*/part/film.mp4.part")), process)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=PATIENCE)
    content.goes_on.set()
    assert process.returncode == 130
    assert "Traceback" not in said
    [part] = parts.glob("*/part/film.mp4.part")
    there = part.stat().st_size
    site.requests.clear()
    done = ntlbg(*command[3:])
    assert "Traceback" not in done.stderr
    assert site.asked("/film.mp4")[-1] == f"bytes={there}-"
