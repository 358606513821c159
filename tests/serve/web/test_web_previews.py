"""Previews through the page: made in the background, one at a time, kept, and found again."""

import os
import threading

import pytest
from sites import Client, opened, until

from counter_videos import write_video
from ntlbg.errors import VideoOpenError
from ntlbg.serve.web import previews as previewing
from ntlbg.serve.web.previews import Previews
from ntlbg.serve.web.shelf import id_of
from processes import PATIENCE


@pytest.fixture
def old_film(folder):
    """That browsers do not play."""
    write_video(folder / "old.avi", codec="mpeg4", count=30)
    return id_of("old.avi")


def test_a_film_that_browsers_do_not_play_gets_one(client, old_film):
    assert client.get(f"/preview/{old_film}").status_code == 404
    facts = client.get(f"/api/films/{old_film}").json()
    assert facts["plays"] is False
    assert facts["preview"] in ("making", "ready")
    until(lambda: client.get(f"/api/films/{old_film}").json()["preview"] == "ready")
    whole = client.get(f"/preview/{old_film}")
    assert whole.headers["content-type"] == "video/mp4"
    part = client.get(f"/preview/{old_film}", headers={"range": "bytes=4-7"})
    assert (part.status_code, part.content) == (206, b"ftyp")
    assert whole.content[4:8] == b"ftyp"


def test_others_get_one_on_request_only(client):
    film = id_of("film.mp4")
    assert client.get(f"/api/films/{film}").json()["preview"] == "none"
    assert client.get(f"/api/films/{film}?preview=1").json()["preview"] in ("making", "ready")
    until(lambda: client.get(f"/api/films/{film}").json()["preview"] == "ready")


def test_it_is_made_once_also_by_the_next_server_and_under_another_name(folder, tmp_path, old_film):
    made = []

    def make(film, place, told):
        made.append(film.name)
        place.write_bytes(b"a preview")

    options = {"make_preview": make}
    with opened(folder, tmp_path / "state", tmp_path / "index", **options) as site:
        client = Client(site)
        until(lambda: client.get(f"/api/films/{old_film}").json()["preview"] == "ready")
    os.rename(folder / "old.avi", folder / "new.avi")
    with opened(folder, tmp_path / "state", tmp_path / "index", **options) as site:
        assert Client(site).get(f"/api/films/{id_of('new.avi')}").json()["preview"] == "ready"
    assert made == ["old.avi"]


def test_one_at_a_time_with_progress(folder, tmp_path):
    films = [write_video(folder / f"{number}.avi", codec="mpeg4", count=number + 2)
             for number in range(3)]  # fmt: skip
    going, at_work = threading.Event(), []

    def make(film, place, told):
        at_work.append(film.name)
        told(0.25)
        assert going.wait(PATIENCE)
        assert len(at_work) == 1
        place.write_bytes(b"x")
        at_work.remove(film.name)

    previews = Previews(tmp_path / "previews", tmp_path / "hashes", make)
    for film in films:
        assert previews.state(film, wanted=True).state == "making"
    until(lambda: previews.state(films[0], wanted=False).share == 0.25)
    assert previews.state(films[1], wanted=False).share == 0.0
    going.set()
    until(lambda: all(previews.file(film) for film in films))
    previews.close()


def test_what_fails_is_told_and_not_tried_again(folder, tmp_path, old_film):
    tried = []

    def make(film, place, told):
        tried.append(film)
        raise VideoOpenError("it is broken")

    with opened(folder, tmp_path / "state", tmp_path / "index", make_preview=make) as site:
        client = Client(site)
        until(lambda: client.get(f"/api/films/{old_film}").json()["preview"] == "failed")
        facts = client.get(f"/api/films/{old_film}").json()
        assert facts["notes"] == ["no preview: it is broken"]
        assert client.get(f"/preview/{old_film}").status_code == 404
    assert len(tried) == 1


def test_closing_stops_what_is_being_made(folder, tmp_path):
    film, begun = write_video(folder / "a.avi", codec="mpeg4", count=3), threading.Event()
    ended = []

    def make(film, place, told):
        try:
            while True:
                told(0.5)
                begun.set()
        finally:
            ended.append(film)

    previews = Previews(tmp_path / "previews", tmp_path / "hashes", make)
    previews.state(film, wanted=True)
    assert begun.wait(PATIENCE)
    previews.close()
    assert ended == [film]
    assert previews.state(write_video(folder / "b.avi", count=2), wanted=True).state == "none"


def test_those_that_nobody_asked_for_lately_make_way(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(previewing, "MOST_BYTES", 250)
    films = [write_video(folder / f"{number}.avi", codec="mpeg4", count=number + 2)
             for number in range(3)]  # fmt: skip

    def make(film, place, told):
        place.write_bytes(b"x" * 100)

    previews = Previews(tmp_path / "previews", tmp_path / "hashes", make)
    for number, film in enumerate(films[:2]):
        until(lambda film=film: previews.state(film, wanted=True).state == "ready")
        os.utime(previews.file(film), (number, number))
    assert previews.file(films[0])  # asked for now
    until(lambda: previews.state(films[2], wanted=True).state == "ready")
    assert [previews.file(film) is not None for film in films] == [True, False, True]
    until(lambda: previews.state(films[1], wanted=True).state == "ready")  # it can come back
    previews.close()
