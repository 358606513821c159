"""Tokens of pictures: asked of the server once for each size, and kept between runs."""

import json

import pytest

import loopback
from ntlbg.answerers.chat.client import ChatClient
from ntlbg.answerers.chat.counts import PictureCounts
from ntlbg.answerers.chat.messages import Writing
from ntlbg.answerers.chat.sending import Patience, Sender
from ntlbg.errors import DataError, EndpointError, OutputError


@pytest.fixture(params=[False, True], ids=["by answers", "by counting"])
def server(request):
    with loopback.Loopback(counts=request.param).serving() as running:
        yield running


def counts_of(server, folder=None, model="tiny", **writing) -> PictureCounts:
    client = ChatClient(Sender(server.address, "sk-hidden-key", Patience(retries=0)), model)
    return PictureCounts(client, Writing(**writing), folder)


def asked(server) -> int:
    """How many prompts were read or counted."""
    paths = [request.path for request in server.requests]
    return paths.count(loopback.COUNT if server.counts else loopback.CHAT)


@pytest.mark.parametrize("frames_as", ["images", "video"])
def test_tokens_are_those_of_the_server(server, frames_as):
    counts = counts_of(server, frames_as=frames_as)
    assert counts.of(0, 56, 84) == 0
    for number in (1, 2, 3, 32):
        assert counts.of(number, 56, 84) == number * 2 * 3
        assert counts.of(number, 280, 280) == number * 100


def test_a_size_is_asked_for_once(server):
    counts = counts_of(server)
    for _ in range(2):
        for number in (2, 3, 32):
            counts.of(number, 56, 84)
    assert asked(server) == 2  # with and without pictures
    counts.of(9, 280, 280)
    assert asked(server) == 3


def test_a_single_picture_may_be_seen_in_more_detail(server, monkeypatch):
    usual = server.prompt_tokens

    def closer(body):
        alone = len(loopback.read_prompt(body)[1]) == 1
        return usual(body) + (100 if alone else 0)

    monkeypatch.setattr(server, "prompt_tokens", closer)
    counts = counts_of(server)
    assert (counts.of(1, 56, 84), counts.of(2, 56, 84), counts.of(5, 56, 84)) == (106, 12, 30)


def test_the_time_of_a_picture(server):
    assert counts_of(server).stamp == 2  # "<86400.0", "seconds>"
    assert counts_of(server, frames_as="video").stamp == 0


def test_counts_are_kept_where_they_cost_an_answer(server, tmp_path):
    folder = tmp_path / "servers"
    expected = [counts_of(server, folder).of(number, 56, 84) for number in (1, 4)]
    before = asked(server)
    again = counts_of(server, folder)
    assert [again.of(number, 56, 84) for number in (1, 4)] == expected
    if server.counts:  # a hundredth of a second, and always right
        assert not folder.exists()
        return
    assert asked(server) == before
    [path] = folder.iterdir()
    assert "hidden" not in path.read_text()
    other = counts_of(server, folder, model="other"), counts_of(server, folder, detail="low")
    for counts in other:  # tokens of something else
        counts.of(4, 56, 84)
    assert asked(server) > before
    assert len(list(folder.iterdir())) == 3


def test_what_is_no_longer_so_is_forgotten(server, tmp_path):
    counts = counts_of(server, tmp_path)
    counts.of(4, 56, 84)
    counts.forget()
    before = asked(server)
    assert counts_of(server, tmp_path).of(4, 56, 84) == counts.of(4, 56, 84) == 24
    assert asked(server) > before


def test_a_server_that_counts_nothing():
    with loopback.Loopback(usage=False).serving() as server:
        counts = counts_of(server)
        assert not counts.is_counted
        assert (counts.of(4, 56, 84), counts.stamp, counts.template) == (0, 0, 0)
        assert len(server.chats()) == 2
        assert all(loopback.read_prompt(body)[1] == [] for body in server.chats())


def test_a_server_that_leaves_pictures_out(server, monkeypatch):
    monkeypatch.setattr(server, "prompt_tokens",
                        lambda body: len(loopback.read_prompt(body)[0]))  # fmt: skip
    with pytest.raises(EndpointError, match="pictures do not change what 'tiny' reads"):
        counts_of(server).of(4, 56, 84)


@pytest.mark.parametrize("tells", [True, False])
def test_pictures_that_are_more_than_the_model_reads(tells, monkeypatch):
    """They fit nowhere, and it is asked once. llama.cpp says how many there are."""
    if not tells:
        error = {"error": {"message": "This model's maximum context length is 150 tokens"}}
        monkeypatch.setattr(loopback, "overflow", lambda tokens, length: error)
    with loopback.Loopback(context_length=150).serving() as server:
        counts = counts_of(server)
        assert counts.of(4, 56, 84) == 24
        assert counts.of(4, 280, 280) == (400 if tells else 600) > 150
        before = asked(server)
        counts.of(8, 280, 280)
        assert asked(server) == before


def test_a_damaged_or_unwritable_place(tmp_path):
    with loopback.Loopback().serving() as server:
        counts_of(server, tmp_path).of(4, 56, 84)
        [path] = tmp_path.iterdir()
        for damaged in ("{", "[]", json.dumps({"tokens": {"2": "many"}})):
            path.write_text(damaged)
            with pytest.raises(DataError, match="remove it"):
                counts_of(server, tmp_path).of(4, 56, 84)
        (tmp_path / "file").write_text("")
        with pytest.raises(OutputError, match="NTLBG_CACHE"):
            counts_of(server, tmp_path / "file").of(4, 56, 84)
