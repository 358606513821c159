"""Work takes time: clients hang up, wait in turn, are too many, or the server ends."""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

import anyio
import httpx2
import openai
import pytest
from agents import GatedAnswerer, films
from programs import client, connected, film, question, serving, text, user

from fakes import ColourAnswerer, write_colour_video
from ntlbg.serve.completions import sending
from ntlbg.serve.completions.job import Job
from ntlbg.serve.turns import OneByOne
from processes import PATIENCE

LONG = 400  # frames, in batches of 32


@pytest.fixture(scope="module")
def long_film(tmp_path_factory):
    folder = tmp_path_factory.mktemp("long")
    write_colour_video(folder / "long.mp4", duration=LONG)
    write_colour_video(folder / "other.mp4", duration=20)
    return folder


@pytest.fixture
def gated(turns):
    """An answerer whose encoder stops after two batches."""
    answerer = GatedAnswerer()
    yield answerer
    answerer.encoder.open()


@pytest.fixture
def stops(monkeypatch):
    """Is released for every job that is told to stop."""
    told, stop = threading.Semaphore(0), Job.stop

    def stopping(job):
        stop(job)
        told.release()

    monkeypatch.setattr(Job, "stop", stopping)
    return told


def about(name="long.mp4", words="Is it red?", **more):
    return question(user(film(name), text(words)), **more)


def hang_up_after(address, condition, **more):
    """A client that asks and goes away when the condition holds."""

    async def leaving():
        async with httpx2.AsyncClient(timeout=None) as asking:
            with anyio.CancelScope() as scope:
                async with anyio.create_task_group() as group:
                    group.start_soon(read, asking)
                    while not condition():
                        await anyio.sleep(0.005)
                    scope.cancel()

    async def read(asking):
        url = f"{address}/chat/completions"
        async with asking.stream("POST", url, json=about(**more)) as answered:
            [piece async for piece in answered.aiter_bytes()]

    with anyio.from_thread.start_blocking_portal() as portal:
        portal.call(leaving)


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_hangs_up_stops_the_reading(long_film, tmp_path, gated, turns, stops, stream):
    gate, asked = gated.encoder, films(long_film, tmp_path / "index", gated)
    with serving(asked, turns) as address:
        hang_up_after(address, gate.stands.is_set, stream=stream)
        assert stops.acquire(timeout=PATIENCE)
        gate.open()
        after = connected(address).chat.completions.create(**about("other.mp4"))
    assert after.choices[0].message.content == "red"  # and so the first one has ended
    assert [len(given.index) for given in gated.inputs] == [20]
    assert gate.encoded < LONG


class Writing(ColourAnswerer):
    """Writes for ever."""

    def __init__(self):
        super().__init__()
        self.pieces, self.has_ended = 0, threading.Event()

    def answer(self, question, given):
        try:
            while True:
                self.pieces += 1
                given.on_text("red ")
        finally:
            self.has_ended.set()


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_hangs_up_stops_the_writing(long_film, tmp_path, turns, stream):
    writing = Writing()
    with serving(films(long_film, tmp_path / "index", writing), turns) as address:
        hang_up_after(address, lambda: writing.pieces > 2, name="other.mp4", stream=stream)
        assert writing.has_ended.wait(PATIENCE)


def test_who_waits_and_hangs_up_is_never_answered(long_film, tmp_path, gated, turns, stops):
    asked = films(long_film, tmp_path / "index", gated)
    with serving(asked, turns) as address, ThreadPoolExecutor(1) as thread:
        first = thread.submit(connected(address).chat.completions.create, **about())
        assert gated.encoder.stands.wait(PATIENCE)
        waiting = turns._places._value
        hang_up_after(address, lambda: turns._places._value < waiting, name="other.mp4")
        assert stops.acquire(timeout=PATIENCE)
        assert turns._places._value == waiting  # its place is free at once
        gated.encoder.open()
        assert first.result(PATIENCE).choices[0].message.content == "red"
    assert [len(given.index) for given in gated.inputs] == [LONG]


def test_two_at_once_are_answered_in_turn_and_who_waits_is_told_so(
    long_film, tmp_path, gated, turns, monkeypatch
):
    monkeypatch.setattr(sending, "FIRST_SECONDS", 0.05)
    monkeypatch.setattr(sending, "SIGN_SECONDS", 0.05)
    asked, lines = films(long_film, tmp_path / "index", gated), []
    with serving(asked, turns) as address, ThreadPoolExecutor(1) as thread:
        first = thread.submit(connected(address).chat.completions.create, **about())
        assert gated.encoder.stands.wait(PATIENCE)
        body = about("other.mp4", "Is it blue?", stream=True)
        with httpx2.stream("POST", f"{address}/chat/completions", json=body) as answered:
            for line in answered.iter_lines():
                if lines.count(": waiting for its turn") == 3:
                    assert not first.done()
                    gated.encoder.open()
                lines.append(line)
        answer = first.result(PATIENCE)
    assert answer.choices[0].message.content == "red"
    assert lines.count(": waiting for its turn") >= 3
    assert lines[-2:] == ["data: [DONE]", ""]
    assert [len(given.index) for given in gated.inputs] == [LONG, 20]


def test_too_many_are_told_to_come_back(long_film, tmp_path, gated):
    with contextlib.closing(OneByOne(most_waiting=0)) as turns:
        asked = films(long_film, tmp_path / "index", gated)
        with serving(asked, turns) as address, ThreadPoolExecutor(1) as thread:
            asking = connected(address)
            first = thread.submit(asking.chat.completions.create, **about())
            assert gated.encoder.stands.wait(PATIENCE)
            for stream in (False, True):
                with pytest.raises(openai.RateLimitError, match="wait already") as busy:
                    asking.chat.completions.create(**about("other.mp4", stream=stream))
                assert int(busy.value.response.headers["retry-after"]) > 0
                assert busy.value.code == "rate_limit_exceeded"
            gated.encoder.open()
            assert first.result(PATIENCE).choices[0].message.content == "red"


def test_who_waits_when_the_server_ends_is_told_so(long_film, tmp_path, gated, turns):
    asked = films(long_film, tmp_path / "index", gated)
    with serving(asked, turns) as address, ThreadPoolExecutor(3) as threads:
        asking = connected(address)
        first = threads.submit(asking.chat.completions.create, **about())
        assert gated.encoder.stands.wait(PATIENCE)
        free = turns._places._value
        second = threads.submit(asking.chat.completions.create, **about("other.mp4"))
        while turns._places._value == free:
            threading.Event().wait(0.005)
        threads.submit(turns.close)
        with pytest.raises(openai.InternalServerError, match="shutting down") as ended:
            second.result(PATIENCE)
        assert ended.value.status_code == 503
        gated.encoder.open()
        assert first.result(PATIENCE).choices[0].message.content == "red"


def test_the_model_is_loaded_with_the_first_question(folder, tmp_path, monkeypatch):
    loads = []
    monkeypatch.setattr(
        "ntlbg.serve.parts.load_system", lambda model, **_: loads.append(model) or load(model)
    )
    from ntlbg.system import load_system as load

    with client(folder, tmp_path / "index") as asking:
        asking.models.list()
        with pytest.raises(openai.NotFoundError):
            asking.chat.completions.create(**about("none.mp4"))
        (folder / "red.txt").write_text("no film")
        for wrong in (about("red.txt"), about("film.mp4", ntlbg={"options": ["red"]})):
            with pytest.raises(openai.BadRequestError):
                asking.post("/chat/completions", body=wrong, cast_to=object)
        assert not loads
        for _ in range(2):
            asking.chat.completions.create(**about("film.mp4"))
    assert len(loads) == 1
