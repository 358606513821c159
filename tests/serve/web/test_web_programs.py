"""Programs that speak OpenAI's interface and the page ask one server, one after the other."""

import shutil
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack

import pytest
from sites import Client, gated, opened, until

from fakes import ColourAnswerer
from ntlbg.answerers import Wants
from ntlbg.serve.web.shelf import id_of
from ntlbg.types import Turn
from processes import PATIENCE

FILM = [{"type": "video_url", "video_url": {"url": "film.mp4"}}]


def asked(question="Is it red?", film=FILM):
    content = [*film, {"type": "text", "text": question}]
    return {"model": "ntlbg", "messages": [{"role": "user", "content": content}]}


@pytest.fixture
def held(folder, tmp_path, long_video):
    """A site whose model has begun a question of the page, and goes on when it is let."""
    shutil.copy(long_video, folder)
    with gated(folder, tmp_path / "state", tmp_path / "index") as (client, gate):
        yield client, gate


def test_a_program_is_answered_as_the_page_is(client):
    answer = client.post("/v1/chat/completions", json=asked())
    assert answer.status_code == 200, answer.text
    of_the_page = client.done(question="Is it red?")["result"]
    assert answer.json()["choices"][0]["message"]["content"] == of_the_page["text"]
    assert answer.json()["ntlbg"]["evidence"] == of_the_page["evidence"]
    assert answer.json()["ntlbg"]["unit"] == of_the_page["unit"]
    assert "ntlbg" in [one["id"] for one in client.get("/v1/models").json()["data"]]


def test_it_is_let_in_as_others_are(site):
    client = Client(site, token="0123456789abcdef")
    assert client.post("/v1/chat/completions", json=asked()).status_code == 401
    shown = {"Authorization": "Bearer 0123456789abcdef"}
    assert client.post("/v1/chat/completions", json=asked(), headers=shown).status_code == 200


class Talker(ColourAnswerer):
    """Reads earlier questions."""

    def __init__(self):
        super().__init__()
        self.wants = Wants(talk=True)


def test_earlier_questions_reach_the_model(folder, tmp_path):
    model, talk = Talker(), (Turn("Is it red?", "red"),)
    with opened(folder, tmp_path / "state", tmp_path / "index", model) as site:
        client = Client(site)
        first = client.done(question="Is it red?")
        client.done(question="Is it blue?", after=first["id"])
        messages = [*asked()["messages"], {"role": "assistant", "content": "red"}]
        follow = asked("Is it blue?", film=[])["messages"]
        answer = client.post("/v1/chat/completions", json={"model": "ntlbg",
                             "messages": messages + follow})  # fmt: skip
        assert answer.status_code == 200
    assert [given.talk for given in model.inputs] == [(), talk, talk]


def test_a_program_waits_for_the_page(held):
    client, gate = held
    job = client.posted(film=id_of("long.mp4"))
    assert gate.stands.wait(PATIENCE)
    with ThreadPoolExecutor(1) as pool, ExitStack() as at_end:
        at_end.callback(gate.open)
        answer = pool.submit(client.post, "/v1/chat/completions", json=asked())
        assert not wait([answer], 0.5).done
        gate.open()
        assert answer.result(PATIENCE).status_code == 200
    assert client.ended(job)["state"] == "done"


def test_the_page_waits_for_a_program_and_can_be_cancelled_meanwhile(held):
    client, gate = held
    long = [{"type": "video_url", "video_url": {"url": "long.mp4"}}]
    with ThreadPoolExecutor(1) as pool, ExitStack() as at_end:
        at_end.callback(gate.open)
        answer = pool.submit(client.post, "/v1/chat/completions", json=asked(film=long))
        assert gate.stands.wait(PATIENCE)
        job = client.posted()
        until(lambda: "waiting for a program" in (client.job(job["id"])["what"] or ""))
        client.delete(f"/api/jobs/{job['id']}")
        assert client.ended(job)["state"] == "cancelled"
        gate.open()
        assert answer.result(PATIENCE).status_code == 200
    assert client.done()["text"] == "red"
