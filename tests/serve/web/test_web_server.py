"""The command `ntlbg serve` in a process of its own."""

import json
import shutil
import signal
import socket

import httpx2
import pytest
from sites import FILM, Client, Stream, opened, running, until

from commands import assert_one_error
from fakes import write_colour_video
from ntlbg.serve.web.shelf import id_of

LONG = id_of("long.mp4")
FRAMES = 200 * 3  # of ten minutes at one a second: two chunks that are kept, and more


@pytest.fixture(autouse=True)
def own_index(tmp_path, monkeypatch):
    monkeypatch.setenv("NTLBG_INDEX", str(tmp_path / "index"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))  # never the user's answers


@pytest.mark.slow
def test_a_page_whose_events_reach_two_clients_at_the_address_that_is_printed(
    run, folder, tmp_path
):
    with running(folder, tmp_path / "state") as page:
        assert page.address == page.local
        assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
        assert page.get("/").text.startswith("<!doctype html>")
        streams = [Stream(page.local), Stream(page.local)]
        job = page.done(kind="ask", film=FILM, question="Is it red?")
        for stream in streams:
            until(lambda one=stream: one.states(job["id"])[-1:] == ["done"])
            assert stream.jobs[-1] == job
        status = page.get("/api/films", headers={"host": "evil.example"}).status_code
        assert status == 421
        other = run("serve", "--root", folder, "--state", tmp_path / "state", "--port", 0)
        assert_one_error(other)
        assert "another process" in other.stderr
        errors = page.stopped(signal.SIGINT)
        assert page.process.returncode == 128 + signal.SIGINT
        assert "Traceback" not in errors
        for stream in streams:
            assert stream.is_over.wait(600)


@pytest.fixture(scope="module")
def ten_minutes(tmp_path_factory):
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    write_colour_video(path, duration=FRAMES)
    return path


@pytest.mark.slow
def test_a_server_that_is_killed_goes_on_where_it_was(folder, tmp_path, ten_minutes):
    """Frames that were kept are not encoded again: the counter is the share that is told first."""
    shutil.copy(ten_minutes, folder / "long.mp4")
    state, index = tmp_path / "state", tmp_path / "index"
    with running(folder, state, SECONDS_A_BATCH="0.1") as page:
        job = page.post(kind="index", film=LONG)
        waits = page.post(kind="ask", film=LONG, question="Is it red?")
        until(lambda: list(index.glob("*.partial/*.safetensors")))
        page.process.send_signal(signal.SIGKILL)
        page.process.wait()
    with running(folder, state) as page:
        for one, what in ((job, "index"), (waits, "ask")):
            found = page.job(one["id"])
            assert (found["state"], found["kind"], found["place"]) == ("interrupted", what, None)
        stream = Stream(page.local)
        again = page.done(kind="index", film=LONG)
        assert again["result"]["frames"] == FRAMES
        until(lambda: stream.states(again["id"])[-1:] == ["done"])
        shares = [one["share"] for one in stream.jobs if one["id"] == again["id"] and one["share"]]
        assert min(shares, default=1.0) > 256 / FRAMES  # a chunk of 256 was there
        history = page.get("/api/history").json()["records"]
        assert [one["id"] for one in history] == [job["id"], waits["id"], again["id"]]
        page.stopped()


@pytest.mark.slow
def test_it_ends_with_its_work_interrupted_and_its_streams_closed(folder, tmp_path, long_video):
    shutil.copy(long_video, folder / "long.mp4")
    with running(folder, tmp_path / "state", SECONDS_A_BATCH="1") as page:
        stream = Stream(page.local)
        job = page.post(kind="index", film=LONG)
        page.wait(job, lambda one: one["share"])
        errors = page.stopped()
        assert stream.is_over.wait(600)
    assert page.process.returncode == 128 + signal.SIGTERM
    assert "Traceback" not in errors
    kept = json.loads((tmp_path / "state" / "history" / f"{job['id']}.json").read_text())
    assert (kept["state"], kept["error"]) == ("interrupted", None)


@pytest.mark.slow
def test_other_machines_need_the_token_that_is_printed(folder, tmp_path):
    with running(folder, tmp_path / "state", "--host", "0.0.0.0") as page:
        assert len(page.token) >= 16
        assert page.get("/api/films").status_code == 401
        bearer = {"authorization": f"Bearer {page.token}"}
        name = {"host": f"{socket.gethostname()}:{page.port}"}
        assert page.get("/api/films", headers=bearer | name).status_code == 200
        with httpx2.Client(base_url=page.local, follow_redirects=True) as browser:
            assert browser.get(f"/?token={page.token}").status_code == 200
            assert browser.get("/api/films").status_code == 200
        assert page.get("/api/settings", headers=bearer).json()["any_model"] is False
        assert page.token not in page.stopped()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--root", "none"], "error: none: is no folder; give one with videos\n"),
        (["--port", "99999"], "error: --host 127.0.0.1 --port 99999: a port is 65535 at most"),
        (["--host", "no such host"], "error: --host no such host --port 8642: no such address"),
        (["--host", "192.0.2.1"], "error: --host 192.0.2.1 --port 8642: cannot listen there"),
        (["--model", "no such model"], "error: no model 'no such model'; "),
        (["--token", "short"], "error: --token has 5 signs; give 16 or more"),
        (["--max-upload-gb", "0"], "error: --max-upload-gb 0.0: give"),
        (["--max-upload-gb", "nan"], "error: --max-upload-gb nan: give"),
        (["--state", "/proc/none", "--port", "0"], "error: /proc/none"),
        (["--state", "file", "--port", "0"], "error: file"),
        (["--state", ".", "--port", "0"], "error: .: holds other files, which a server would mix"),
    ],
)
def test_wrong_options_are_one_line(run, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("mine")
    done = run("serve", *arguments)
    assert_one_error(done)
    assert done.stderr.startswith(said)
    assert (tmp_path / "file").read_text() == "mine"
    assert not list(tmp_path.glob("data/ntlbg/serve/*"))


def test_a_port_that_is_taken_is_told(run, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = run("serve", "--root", tmp_path, "--state", tmp_path / "state", "--port", port)
    assert_one_error(done)
    assert "give another port" in done.stderr


@pytest.mark.slow
def test_with_the_model_that_is_there_by_itself(tmp_path, folder):
    """Loaded with the first question, and kept."""
    with opened(folder, tmp_path / "state", tmp_path / "index", "builtin") as site:
        client = Client(site)
        assert client.get("/api/settings").json()["model"] == "builtin"
        assert client.get(f"/api/films/{FILM}").json()["indexed"] is None
        first = client.done(question="Is there a red circle?")
        assert first["result"]["unit"] == "log_odds"
        assert client.get(f"/api/films/{FILM}").json()["indexed"] is True
        loaded = site.models.current.system
        second = client.done(question="What is shown last?", after=first["id"])
        assert second["result"]["text"]
        assert site.models.current.system is loaded
