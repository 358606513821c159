"""Films that come through the page."""

import os
import socket
import threading

import anyio
import httpx2
import pytest
from PIL import Image
from sites import LARGEST_UPLOAD, Client, gated, opened, running, until

from counter_videos import write_video
from ntlbg.serve.web import uploads as uploading
from ntlbg.serve.web.shelf import id_of
from ntlbg.serve.web.uploads import MOST_AT_ONCE, MOST_UPLOADS, Uploads
from ntlbg.video_files import VIDEO_SUFFIXES
from processes import PATIENCE


@pytest.fixture
def film(colour_video):
    return colour_video.read_bytes()


def kept(client):
    """Names in the folder of uploads, hidden ones, too."""
    return sorted(os.listdir(client.site.uploads.folder))


def put(client, name, content, **headers):
    return client.put(f"/api/uploads/{name}", content=content, headers=headers)


def test_an_upload_is_a_film_like_others_until_it_is_deleted(client, film):
    answer = put(client, "My%20holiday.mp4", film)
    assert answer.status_code == 201
    uploaded = answer.json()
    assert uploaded["name"] == "My holiday.mp4"
    assert client.get("/api/films").json()["films"][0] == uploaded | {"uploaded": True}
    assert client.get(f"/media/{uploaded['id']}").content == film
    job = client.done(film=uploaded["id"])
    assert (job["text"], job["film_name"]) == ("red", "My holiday.mp4")
    assert client.delete(f"/api/uploads/{uploaded['id']}").json() == {"id": uploaded["id"]}
    assert client.get(f"/media/{uploaded['id']}").status_code == 404
    assert kept(client) == []
    assert client.get(f"/api/jobs/{job['id']}").json() == job  # the answer stays


def test_only_uploads_can_be_deleted(client, folder):
    for film in ("film.mp4", "talks/talk.mp4"):
        assert client.delete(f"/api/uploads/{id_of(film)}").status_code == 404
    assert client.delete("/api/uploads/none").status_code == 404
    assert (folder / "film.mp4").exists()


def test_a_film_that_is_worked_on_is_not_deleted(folder, tmp_path, long_video):
    with gated(folder, tmp_path / "state", tmp_path / "index") as (client, model):
        uploaded = put(client, "long.mp4", long_video.read_bytes()).json()
        job = client.posted(film=uploaded["id"])
        assert model.stands.wait(PATIENCE)
        assert client.delete(f"/api/uploads/{uploaded['id']}").status_code == 409
        model.open()
        client.ended(job)
        assert client.delete(f"/api/uploads/{uploaded['id']}").status_code == 200


@pytest.mark.parametrize(
    ("name", "kept_as"),
    [
        ("..%2f..%2fx.mp4", "x.mp4"),
        ("a%5Cb%5Cx.mp4", "x.mp4"),
        ("%00x.mp4", "_x.mp4"),
        ("x%0d%1b[2J.mp4", "x___2J.mp4"),
        (".mp4.mp4", "mp4.mp4"),
        ("..%20.mp4", "film.mp4"),
        ("%20.mp4", "film.mp4"),
        ("-rf%20*.MP4", "-rf _.mp4"),
        ("%ff%fe.mp4", "__.mp4"),
        ("%E6%98%A0%E7%94%BB.mp4", "映画.mp4"),
        ("cafe%CC%81.mp4", "café.mp4"),
        ("%E2%80%AEx.mp4", "_x.mp4"),
        ("a:b|c%3Cd%3E%22.webm", "a_b_c_d__.webm"),
        ("con.x.mkv", "con.x.mkv"),
    ],
)
def test_names_are_rebuilt(client, film, name, kept_as):
    answer = put(client, name, film)
    assert (answer.status_code, answer.json()["name"]) == (201, kept_as)
    assert kept(client) == [kept_as]


def test_long_names_are_cut_and_equal_ones_numbered(client, film):
    names = [put(client, f"{'映' * 300}.mp4", film).json()["name"] for _ in range(3)]
    assert len(set(names)) == 3
    assert all(len(os.fsencode(name)) < 255 for name in names)
    assert [name[-6:] for name in names[1:]] == ["-2.mp4", "-3.mp4"]
    assert sorted(names) == kept(client)


@pytest.mark.parametrize(
    "name", ["x", "x.txt", "x.mp4.exe", "x.html", "mp4", "a%2e%2e", ".mp4", ".mp4%00", "x.svg"]
)
def test_other_files_are_refused_by_name(client, film, name):
    answer = put(client, name, film)
    assert answer.status_code == 415
    assert all(suffix in answer.json()["error"] for suffix in VIDEO_SUFFIXES)
    assert kept(client) == []


def test_what_is_no_video_is_removed(client, film, tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "p.png")
    picture, playlist = (tmp_path / "p.png").read_bytes(), b"#EXTM3U\nfile:///etc/passwd"
    half, page = film[: len(film) // 2], b"<!doctype html><script>alert(1)</script>"
    for content in (b"", b"x" * 10_000, half, picture, playlist, page):
        answer = put(client, "x.mp4", content)
        assert answer.status_code == 415
        assert str(client.site.uploads.folder) not in answer.json()["error"]
        assert kept(client) == []


def stream(size, piece=100_000):
    for _ in range(0, size, piece):
        yield b"x" * piece


def test_too_large_ones_are_refused_declared_or_not(client):
    declared = client.put("/api/uploads/x.mp4", content=b"x" * (LARGEST_UPLOAD + 1))
    assert declared.status_code == 413
    streamed = client.put("/api/uploads/x.mp4", content=stream(LARGEST_UPLOAD + 200_000))
    assert "content-length" not in streamed.request.headers
    assert streamed.status_code == 413
    assert "2.0 MB" in streamed.json()["error"]
    assert kept(client) == []


def test_there_are_so_many_and_no_more(client, film):
    for number in range(MOST_UPLOADS):
        (client.site.uploads.folder / f"{number}.mp4").write_bytes(film)
    answer = put(client, "x.mp4", film)
    assert (answer.status_code, str(MOST_UPLOADS) in answer.json()["error"]) == (409, True)
    os.unlink(client.site.uploads.folder / "0.mp4")
    assert put(client, "x.mp4", film).status_code == 201


def test_no_room_is_told_before_and_while(client, film, monkeypatch):
    monkeypatch.setattr(uploading, "free_bytes", lambda folder: uploading.LEFT_FREE + 1000)
    assert put(client, "x.mp4", film).status_code == 507
    monkeypatch.setattr(uploading, "LOOK_BYTES", 500_000)
    asked = []

    def free(folder):
        asked.append(None)
        return uploading.LEFT_FREE + (2_000_000 if len(asked) < 2 else -1)

    monkeypatch.setattr(uploading, "free_bytes", free)
    answer = client.put("/api/uploads/x.mp4", content=stream(1_900_000))
    assert (answer.status_code, len(asked)) == (507, 2)
    assert kept(client) == []


class Slow:
    """The body of an upload that goes on when it is let."""

    def __init__(self, content):
        self.content, self.begun, self.going = content, threading.Event(), threading.Event()

    def __iter__(self):
        yield self.content[:1000]
        self.begun.set()
        assert self.going.wait(PATIENCE)
        yield self.content[1000:]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A server of its own, whose client may send a body piece by piece, and its folder."""
    folder = tmp_path_factory.mktemp("served")
    with running(folder, folder / "state") as page:
        yield page, folder / "state" / "uploads"
        assert "Traceback" not in page.stopped()


def test_two_at_once_and_a_third_is_told_to_wait(served, film):
    page, state = served
    slow, answers = [Slow(film) for _ in range(MOST_AT_ONCE)], []

    def send(body):
        url = f"{page.local}/api/uploads/slow.mp4"
        answers.append(httpx2.put(url, content=iter(body), timeout=PATIENCE))

    threads = [threading.Thread(target=send, args=(body,)) for body in slow]
    for thread in threads:
        thread.start()
    until(lambda: len(list(state.glob(".*.part"))) == MOST_AT_ONCE)
    third = httpx2.put(f"{page.local}/api/uploads/x.mp4", content=film, timeout=PATIENCE)
    assert third.status_code == 429
    for body in slow:
        body.going.set()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [201, 201]
    assert sorted(os.listdir(state)) == ["slow-2.mp4", "slow.mp4"]
    assert httpx2.put(f"{page.local}/api/uploads/x.mp4", content=film).status_code == 201


def test_who_hangs_up_leaves_nothing(served):
    page, state = served
    before = os.listdir(state)
    for _ in range(MOST_AT_ONCE + 1):  # its place is free again
        with socket.create_connection(("127.0.0.1", page.port)) as line:
            head = f"PUT /api/uploads/gone.mp4 HTTP/1.1\r\nhost: 127.0.0.1:{page.port}\r\n"
            line.sendall(f"{head}content-length: 1000000\r\n\r\n".encode() + b"x" * 5000)
            until(lambda: len(list(state.glob(".*.part"))) == 1)
        until(lambda: os.listdir(state) == before)


def test_who_is_silent_loses_the_place(client, film, monkeypatch):
    monkeypatch.setattr(uploading, "SILENT_SECONDS", 0.05)

    async def body():
        yield film[:1000]
        await anyio.sleep_forever()

    with pytest.raises(uploading.Refused, match="nothing came") as told:
        anyio.run(client.site.uploads.take, "x.mp4", None, body())
    assert told.value.status == 408
    assert kept(client) == []


def test_what_a_killed_server_left_goes_and_films_stay(tmp_path):
    folder = tmp_path / "uploads"
    folder.mkdir()
    (folder / f".{'a' * 16}.part").write_bytes(b"half a film")
    write_video(folder / "film.mp4", count=2)
    (folder / ".notes.part").write_text("somebody's")
    Uploads(folder, 1000)
    assert sorted(os.listdir(folder)) == [".notes.part", "film.mp4"]


def test_uploads_within_a_folder_of_films_are_listed_once(folder, tmp_path, film):
    with opened(folder, folder / "state", tmp_path / "index") as site:
        client = Client(site)
        put(client, "mine.mp4", film)
        names = [one["name"] for one in client.get("/api/films").json()["films"]]
        assert names == ["mine.mp4", "film.mp4", "talks/talk.mp4"]
