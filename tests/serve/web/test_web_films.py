"""Films: which there are, facts about them, and their bytes."""

import base64
import io
import os
import shutil

import numpy as np
import pytest
from PIL import Image
from sites import FILM, LARGEST_UPLOAD, Client, opened

from counter_videos import write_video
from fakes import MOMENTS
from ntlbg.serve.web.media import STRIP_PICTURES, media_type, plays
from ntlbg.serve.web.shelf import id_of
from sound_films import clicks, write_film


def test_films_of_folders_and_their_names(client, folder):
    found = client.get("/api/films").json()
    assert found == {
        "films": [{"id": id_of(name), "name": name, "uploaded": False} for name in
                  ("film.mp4", "talks/talk.mp4")],
        "is_all": True,
        "roots": [str(folder)],
    }  # fmt: skip


def test_facts_are_those_of_the_film(client):
    facts = client.get(f"/api/films/{FILM}").json()
    assert facts == {
        "id": FILM, "name": "film.mp4", "uploaded": False, "duration_seconds": 40.0, "width": 96,
        "height": 64, "codec": "h264", "is_still": False, "plays": True, "indexed": None,
        "preview": "none", "preview_share": None, "first_picture_seconds": 0.0,
        "words": {"passages": 0, "streams": []}, "notes": [],
    }  # fmt: skip


def test_words_and_what_was_read_are_told(client):
    talk = id_of("talks/talk.mp4")
    assert client.get(f"/api/films/{talk}").json()["words"]["passages"] == 3
    client.done("index", talk)
    assert client.get(f"/api/films/{talk}").json()["indexed"] is True
    write_video(client.site.shelf.roots.folders[0] / "other.mp4")
    assert client.get(f"/api/films/{id_of('other.mp4')}").json()["indexed"] is False


def test_the_players_clock_begins_with_the_sound(client, folder):
    write_film(folder / "early.mp4", clicks(4, []), pictures_at=1.0, pictures=50)
    facts = client.get(f"/api/films/{id_of('early.mp4')}").json()
    assert facts["first_picture_seconds"] == pytest.approx(1.0, abs=0.03)


def test_ranges_are_the_bytes_of_the_file(client, folder):
    content = (folder / "film.mp4").read_bytes()
    size, at = len(content), f"/media/{FILM}"
    whole = client.get(at)
    assert (whole.status_code, whole.content) == (200, content)
    assert whole.headers["accept-ranges"] == "bytes"
    assert whole.headers["content-type"] == "video/mp4"
    assert client.head(at).headers["content-length"] == str(size)
    for asked, expected in (
        ("bytes=0-99", content[:100]),
        ("bytes=100-", content[100:]),
        ("bytes=-50", content[-50:]),
        (f"bytes=7-{size + 100}", content[7:]),
    ):
        part = client.get(at, headers={"range": asked})
        assert (part.status_code, part.content) == (206, expected), asked
        first = size - len(expected) if asked != "bytes=0-99" else 0
        last = first + len(expected) - 1
        assert part.headers["content-range"] == f"bytes {first}-{last}/{size}"
    assert client.get(at, headers={"range": f"bytes={size}-"}).status_code == 416
    tag = whole.headers["etag"]
    for told, status in ((tag, 206), ('"another"', 200)):
        headers = {"range": "bytes=0-9", "if-range": told}
        assert client.get(at, headers=headers).status_code == status


def test_odd_names_work(folder, tmp_path, colour_video):
    """Not UTF-8, of every sign a name may have, with spaces and in other scripts."""
    names = [
        b"caf\xe9.mp4",
        b"a b?#%26&.mp4",
        "映画.mp4".encode(),
        b"quote\"'<b>.mp4",
        b"n\newline.mp4",
    ]
    for name in names:
        shutil.copy(colour_video, os.path.join(os.fsencode(folder), name))
    with opened(folder, tmp_path / "state", tmp_path / "index") as site:
        client = Client(site)
        listed = {film["id"] for film in client.get("/api/films").json()["films"]}
        for name in names:
            film = id_of(os.fsdecode(name))
            assert film in listed
            assert client.get(f"/api/films/{film}").json()["name"] == os.fsdecode(name)
            assert client.get(f"/media/{film}").status_code == 200
            job = client.done(film=film)
            assert job["film_name"] == os.fsdecode(name)
            assert client.get(f"/api/history/{job['id']}/card").status_code == 200


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.mark.parametrize("call", ["/api/films/{}", "/media/{}", "/preview/{}", "/strip/{}"])
def test_nothing_else_is_ever_sent(client, folder, tmp_path, call):
    secret = tmp_path / "secret.mp4"
    shutil.copy(folder / "film.mp4", secret)
    (folder / "out.mp4").symlink_to(secret)
    (folder / "linked").symlink_to(tmp_path)
    (folder / "notes.txt").write_text("my password")
    (folder / "notes.mp4").write_text("my password")
    wrong = [
        b"../secret.mp4", os.fsencode(secret), b"out.mp4", b"linked/secret.mp4", b"\0", b"talks",
        b"talks/../../secret.mp4", b"film.mp4\0", b"nothing.mp4", b"notes.txt", b"notes.mp4",
        b"/etc/passwd", b"a" * 5000, b"//film.mp4/..", b"\xff\xfe",
    ]  # fmt: skip
    ids = [encoded(raw) for raw in wrong]
    ids += ["no*base64", "A", "é", "..%2f..%2fetc%2fpasswd", "%00", "%ED%A0%80", "x" * 20_000]
    for one in ids:
        answer = client.get(call.format(one))
        assert answer.status_code in (400, 404, 413, 414), (one, answer.status_code)
        assert "password" not in answer.text
    assert client.refused(kind="index", film=encoded(b"../secret.mp4"))[0] == 404
    assert client.refused(kind="index", film=encoded(b"notes.txt"))[0] == 400


def test_a_strip_shows_the_film_from_left_to_right(client):
    answer = client.get(f"/strip/{FILM}")
    assert answer.headers["content-type"] == "image/jpeg"
    row = np.asarray(Image.open(io.BytesIO(answer.content)))
    shown = row.shape[1] // STRIP_PICTURES
    for number in range(STRIP_PICTURES):
        seconds = (number + 0.5) * 40 / STRIP_PICTURES
        middle = row[row.shape[0] // 2, number * shown + shown // 2].astype(int)
        red = middle[0] > middle[2] + 60
        assert red == (MOMENTS["red"][0] <= seconds < MOMENTS["red"][1]), number


def test_a_picture_is_a_film_of_one_frame(client, folder):
    Image.new("RGB", (64, 48), "red").save(folder / "still.png")
    still = id_of("still.png")
    facts = client.get(f"/api/films/{still}").json()
    assert (facts["is_still"], facts["plays"], facts["preview"]) == (True, True, "none")
    assert client.get(f"/media/{still}").headers["content-type"] == "image/png"
    assert client.get(f"/strip/{still}").status_code == 200
    assert client.done(film=still)["result"]["text"] == "red"


def test_what_browsers_play(tmp_path):
    sound = clicks(1, [])

    def film(name, codec="libx264", sound_codec="aac", **options):
        path = write_film(
            tmp_path / name, sound, pictures=25, video_codec=codec, codec=sound_codec, **options
        )
        return plays(path)

    assert film("a.mp4")
    assert film("a.mkv", sound_codec="libopus")
    assert film("a.webm", codec="libvpx-vp9", sound_codec="libopus", options={"cpu-used": "8"})
    assert not film("b.mp4", codec="mpeg4")
    assert not film("c.mkv", sound_codec="ac3")
    assert not film("a.ts")
    assert not film("a.avi", sound_codec="libmp3lame")
    assert media_type(tmp_path / "a.exe") == "application/octet-stream"


def test_settings_tell_what_may_be_chosen(client):
    found = client.get("/api/settings").json()
    assert found["model"] == "colours"
    assert found["models"] == ["colours", "builtin"]
    assert "builtin" in found["encoders"]
    assert found["max_upload_bytes"] == LARGEST_UPLOAD


def test_the_page_and_its_parts_and_nothing_beside_them(client):
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert client.get("/static/app.js").headers["content-type"].startswith("text/javascript")
    assert client.get("/static/app.css").headers["content-type"].startswith("text/css")
    for name in ("app.py", "..%2fapp.py", "%2e%2e/gate.py", "", "page.html"):
        assert client.get(f"/static/{name}").status_code == 404
    assert client.get("/nothing").status_code == 404
    assert client.post("/api/films").status_code == 405


def test_a_bug_is_an_error_like_others(client, monkeypatch):
    monkeypatch.setattr(client.site.shelf, "films", lambda: {}["a bug"])
    answer = client.get("/api/films")
    assert answer.status_code == 500
    assert "the server failed" in answer.json()["error"]
    assert answer.headers["x-content-type-options"] == "nosniff"
