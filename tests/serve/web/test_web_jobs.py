"""Jobs: asked for, waiting, running, cancelled, and what comes of them."""

import csv
import io
import zipfile

import av
import pytest
from sites import FILM, Client, gated, opened

from fakes import ColourAnswerer
from ntlbg import pipeline
from ntlbg.errors import ConfigError
from ntlbg.serve.web.asked import read_asked
from ntlbg.serve.web.jobs import MOST_WAITING
from ntlbg.serve.web.shelf import id_of
from ntlbg.types import Turn

TALK = id_of("talks/talk.mp4")
LONG = id_of("long.mp4")


@pytest.fixture
def gate(tmp_path, long_video):
    """A site with one long film, whose model stops after two batches of it."""
    folder = tmp_path / "one"
    folder.mkdir()
    (folder / "long.mp4").write_bytes(long_video.read_bytes())
    with gated(folder, tmp_path / "state", tmp_path / "index") as (client, gate):
        yield client, gate


def test_an_answer_is_that_of_ask(client, folder, tmp_path):
    job = client.done(question="When is it red?", num_frames=6, start_seconds=2, end_seconds=30.0)
    expected = pipeline.ask(
        folder / "film.mp4", "When is it red?", model=ColourAnswerer(), num_frames=6, start=2.0,
        end=30.0, read_frames=True,
    ).to_dict()  # fmt: skip
    result = job["result"]
    assert result.pop("unit") == "similarity"
    for one in (result, expected):
        del one["usage"]["seconds"], one["usage"]["pictures_decoded"]  # more are read for the card
    assert result == expected
    assert job["text"] == expected["text"] == "red"
    assert (job["share"], job["what"], job["place"], job["error"]) == (None, None, None, None)
    assert job["took_seconds"] > 0
    assert job["request"]["num_frames"] == 6


def test_options_and_a_budget(client):
    job = client.done(options=["blue", "red"], max_visual_tokens=4)
    assert job["result"]["text"] == "red"
    assert job["result"]["usage"]["visual_tokens"] <= 4


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({}, 400, "kind"),
        ({"kind": "ask", "film": FILM}, 400, "question"),
        ({"kind": "ask", "film": FILM, "question": "   "}, 400, "question"),
        ({"kind": "ask", "film": FILM, "question": "x", "options": ["a"]}, 400, "option"),
        ({"kind": "ask", "film": FILM, "question": "x", "num_frames": 0}, 400, "num_frames"),
        ({"kind": "ask", "film": FILM, "question": "x", "num_frames": True}, 400, "num_frames"),
        ({"kind": "ask", "film": FILM, "question": "x", "num_frames": "3"}, 400, "num_frames"),
        ({"kind": "ask", "film": FILM, "question": "x", "start_seconds": -1}, 400, "start_seconds"),
        ({"kind": "ask", "film": FILM, "question": "x", "start_seconds": 1, "end_seconds": 1},
         400, "before"),
        ({"kind": "index", "film": FILM, "num_frames": 3}, 400, "num_frames"),
        ({"kind": "clips", "film": FILM, "record": "x", "model": "builtin"}, 400, "model"),
        ({"kind": "ask", "film": FILM, "question": "x", "record": "x"}, 400, "record"),
        ({"kind": "ask", "film": FILM, "question": "x", "more": 1}, 400, "more"),
        ({"kind": "ask", "film": FILM, "question": "x" * 30_000}, 400, "question"),
        ({"kind": "ask", "film": FILM, "question": "x", "model": "no such"}, 400, "no model"),
        ({"kind": "ask", "film": FILM, "question": "x", "after": "none"}, 404, "after"),
        ({"kind": "clips", "film": FILM}, 400, "record"),
        ({"kind": "clips", "film": FILM, "record": "../x"}, 404, "record"),
        ({"kind": "other", "film": FILM}, 400, "kind"),
        ({"kind": "ask", "film": 3, "question": "x"}, 400, "film"),
        ({"kind": "index", "film": "bm90aGluZy5tcDQ"}, 404, "no video"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused_in_one_line(client, body, status, said):
    assert client.refused(**body)[0] == status
    assert said in client.refused(**body)[1]
    assert client.get("/api/history").json()["records"] == []


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"{}", {"content-type": "text/plain"}, 415),
        (b"{}", {}, 415),
        (b"not json", {"content-type": "application/json"}, 400),
        (b"[]", {"content-type": "application/json"}, 400),
        (b"\xff\xfe{}", {"content-type": "application/json; charset=utf-8"}, 400),
        (b'{"kind": "ask", "kind": "ask"}', {"content-type": "application/json"}, 400),
        (b"[" * 100_000, {"content-type": "application/json"}, 400),
        (b" " * 2_000_000, {"content-type": "application/json"}, 413),
        (b'{"film": NaN}', {"content-type": "application/json"}, 400),
    ],
)
def test_bodies_that_are_no_request(client, content, headers, status):
    answer = client.post("/api/jobs", content=content, headers=headers)
    assert answer.status_code == status


def test_progress_grows_and_comes_to_who_listens(gate):
    client, model = gate
    told = []
    with client.site.jobs.listening(told.append) as active:
        assert active == []
        job = client.posted(film=LONG)
        assert model.stands.wait(600)
        running = client.job(job["id"])
        assert (running["state"], running["what"]) == ("running", "reading long.mp4")
        assert 0 < running["share"] < 1
        model.open()
        client.ended(job)
    own = [one for one in told if one.id == job["id"]]
    assert [one.state for one in own][:2] == ["queued", "running"]
    assert own[-1].state == "done"
    shares = [one.share for one in own if one.what == "reading long.mp4"]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert client.site.jobs.active() == []


def test_jobs_wait_in_order_and_move_up(gate):
    client, model = gate
    first = client.posted(film=LONG)
    assert model.stands.wait(600)
    others = [client.posted("index", film=LONG) for _ in range(3)]
    assert [client.job(one["id"])["place"] for one in others] == [1, 2, 3]
    assert client.job(others[0]["id"])["state"] == "queued"
    gone = client.delete(f"/api/jobs/{others[1]['id']}")
    assert (gone.status_code, gone.json()["state"]) == (202, "cancelled")
    assert [client.job(one["id"])["place"] for one in others] == [1, None, 2]
    model.open()
    ends = [client.ended(one) for one in (first, others[0], others[2])]
    assert [one["state"] for one in ends] == ["done"] * 3
    records = client.get("/api/history").json()["records"]
    assert [one["id"] for one in records] == [one["id"] for one in (first, *others)]


def test_a_full_queue_refuses(gate):
    client, model = gate
    running = client.posted(film=LONG)
    assert model.stands.wait(600)
    waiting = [client.posted("index", film=LONG) for _ in range(MOST_WAITING)]
    status, said = client.refused(kind="index", film=LONG)
    assert (status, str(MOST_WAITING) in said) == (429, True)
    assert len(client.get("/api/history").json()["records"]) == MOST_WAITING + 1
    client.delete(f"/api/jobs/{waiting[0]['id']}")
    client.posted("index", film=LONG)
    for job in client.site.jobs.active():
        client.delete(f"/api/jobs/{job.id}")
    model.open()
    assert client.ended(running)["state"] == "cancelled"


def test_cancelling_stops_the_work_at_its_next_word(gate):
    client, model = gate
    job = client.posted(film=LONG)
    assert model.stands.wait(600)
    read = model.encoded
    assert client.delete(f"/api/jobs/{job['id']}").json()["what"] == "stopping"
    model.open()
    ended = client.ended(job)
    assert (ended["state"], ended["result"], ended["error"]) == ("cancelled", None, None)
    assert model.encoded == read + 32  # the batch that it was at
    again = client.delete(f"/api/jobs/{job['id']}")
    assert (again.status_code, "cancelled" in again.json()["error"]) == (409, True)
    assert client.done(film=LONG)["result"]["text"] == "red"  # the queue goes on


def test_unknown_jobs_are_told(client):
    for method, path in (
        ("GET", "/api/jobs/none"), ("DELETE", "/api/jobs/none"), ("DELETE", "/api/history/none"),
        ("GET", "/api/history/none/card"), ("GET", "/api/history/none/clips/clips.zip"),
        ("GET", "/api/jobs/..%2f..%2fetc"),
    ):  # fmt: skip
        assert client.request(method, path).status_code == 404


def test_what_is_over_can_be_forgotten_and_what_runs_cannot(gate, tmp_path):
    client, model = gate
    job = client.posted(film=LONG)
    assert model.stands.wait(600)
    assert client.delete(f"/api/history/{job['id']}").status_code == 409
    model.open()
    client.ended(job)
    assert client.get(f"/api/history/{job['id']}/card").status_code == 200
    assert client.delete(f"/api/history/{job['id']}").json() == {"id": job["id"]}
    for path in (f"/api/jobs/{job['id']}", f"/api/history/{job['id']}/card"):
        assert client.get(path).status_code == 404
    assert list((tmp_path / "state" / "history").iterdir()) == []


def test_history_of_one_film(client):
    one, other = client.done(film=FILM), client.done(film=TALK)
    assert client.get("/api/history").json()["records"] == [one, other]
    found = client.get("/api/history", params={"film": TALK}).json()["records"]
    assert found == [other]


def test_a_talk_names_what_was_asked_before(client):
    first = client.done()
    second = client.done(question="And is it blue?", after=first["id"])
    assert second["request"]["after"] == first["id"]
    work = client.site.work
    asked = read_asked({"kind": "ask", "film": FILM, "question": "?", "after": second["id"]})
    talk = work.talk_before(asked, work.shelf.find(FILM))
    assert talk == [Turn("Is it red?", "red"), Turn("And is it blue?", "blue")]
    assert client.refused(kind="ask", film=TALK, question="And?", after=first["id"])[0] == 404
    client.delete(f"/api/history/{first['id']}")
    assert work.talk_before(asked, work.shelf.find(FILM)) == talk[1:]
    client.delete(f"/api/history/{second['id']}")
    assert client.refused(kind="ask", film=FILM, question="?", after=second["id"])[0] == 404


def test_the_film_is_read_with_its_words(client):
    told = client.done("index", TALK)["result"]
    assert told == {"frames": 40, "passages": 3, "notes": []}


def test_what_cannot_be_listened_to_is_a_note(client):
    result = client.done("index", FILM, listen=True)["result"]
    assert any("speech is left out" in note for note in result["notes"])
    answered = client.done(listen=True)
    assert any("speech is left out" in note for note in answered["result"]["notes"])


def test_clips_of_an_answer(client, folder):
    asked = client.done(num_frames=4)
    job = client.done("clips", record=asked["id"])
    names = job["result"]["files"]
    assert names[-2:] == ["clips.edl", "clips.csv"]
    at = f"/api/history/{job['id']}/clips"
    rows = list(csv.DictReader(io.StringIO(client.get(f"{at}/clips.csv").text)))
    assert [row["file"] for row in rows] == names[:-2]
    with av.open(io.BytesIO(client.get(f"{at}/{names[0]}").content)) as clip:
        assert clip.streams.video[0].frames > 0
    packed = zipfile.ZipFile(io.BytesIO(client.get(f"{at}/clips.zip").content))
    assert packed.namelist() == names
    assert packed.read(names[0]) == client.get(f"{at}/{names[0]}").content
    wrong_names = (
        "..%2f..%2f" + asked["id"] + ".json",
        "card.html",
        "other.mp4",
        "%2fetc%2fpasswd",
    )
    for wrong in wrong_names:
        assert client.get(f"{at}/{wrong}").status_code == 404
    assert client.get(f"/api/history/{asked['id']}/clips/clips.zip").status_code == 404
    assert client.refused(kind="clips", film=TALK, record=asked["id"])[0] == 404
    assert client.refused(kind="clips", film=FILM, record=job["id"])[0] == 404


def test_the_card_has_the_answer_and_links_to_its_moments(client):
    job = client.done(question="Is it <b>red</b>?")
    card = client.get(f"/api/history/{job['id']}/card")
    assert card.headers["content-type"] == "text/html; charset=utf-8"
    assert "red" in card.text
    assert "<b>red</b>" not in card.text
    assert "<script" not in card.text
    for one in job["result"]["evidence"]:
        assert f'data-at="{one["pts_seconds"]:.3f}"' in card.text


def test_errors_of_the_work_are_told_and_the_next_job_runs(client, folder):
    (folder / "long.mp4").write_bytes((folder / "film.mp4").read_bytes()[:3000])
    assert client.refused(kind="ask", film=LONG, question="?")[0] == 400
    job = client.posted(start_seconds=100.0)  # after the end
    ended = client.ended(job)
    assert (ended["state"], ended["result"]) == ("failed", None)
    assert ended["error"]
    assert client.done()["state"] == "done"


class Broken(ColourAnswerer):
    """Has a bug."""

    def answer(self, question, given):
        if "bug" in question.text:
            raise KeyError("a bug")
        return super().answer(question, given)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_ends_one_job_and_not_the_queue(folder, tmp_path):
    with opened(folder, tmp_path / "state", tmp_path / "index", Broken()) as site:
        client = Client(site)
        ended = client.ended(client.posted(question="Is there a bug?"))
        assert ended["state"] == "failed"
        assert "the program itself failed" in ended["error"]
        assert client.done()["text"] == "red"


def test_another_model_takes_the_place_of_the_first(folder, tmp_path, monkeypatch):
    from ntlbg import answerers

    loaded = []

    def load(name):
        def made(choice):
            loaded.append(name)
            answerer = ColourAnswerer()
            answerer.name = name
            return answerer

        return made

    for name in ("one", "two"):
        monkeypatch.setitem(answerers.ANSWERERS, name, load(name))
    with opened(folder, tmp_path / "state", tmp_path / "index", "one") as site:
        client = Client(site)
        assert client.get("/api/settings").json()["models"] == ["one", "builtin"]
        for model in (None, "one", "two", "two", None):
            fields = {} if model is None else {"model": model}
            assert client.done(**fields)["result"]["model"] == (model or "one")
        assert loaded == ["one", "two", "one"]  # one at a time: coming back loads anew


def test_where_other_machines_are_let_in_models_are_those_of_the_menu(folder, tmp_path):
    with opened(folder, tmp_path / "state", tmp_path / "index", any_name=False) as site:
        client = Client(site)
        status, said = client.refused(kind="ask", film=FILM, question="x", model="/etc")
        assert (status, "no model" in said) == (400, True)
        status, said = client.refused(kind="ask", film=FILM, question="x", encoder="/etc")
        assert (status, "no encoder" in said) == (400, True)
        with pytest.raises(ConfigError):
            site.models.check("Qwen/Qwen2.5-VL-7B-Instruct", None)
