"""Requests that fail: which are tried again, after what, and what is said of those that are not."""

import email.utils
import gzip
import threading
import time
from contextlib import suppress
from itertools import repeat

import pytest

import loopback
from ntlbg.answerers.chat import bounded, sending
from ntlbg.answerers.chat.client import ChatClient
from ntlbg.answerers.chat.errors import ServerError
from ntlbg.answerers.chat.sending import Patience, Sender, read_address
from ntlbg.errors import ConfigError

KEY = "sk-a-secret-of-somebody"
ASK = {"messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}]}


@pytest.fixture
def server():
    with loopback.Loopback().serving() as running:
        yield running


@pytest.fixture
def waits(monkeypatch):
    """Seconds that were waited between tries; they pass at once."""
    waited = []
    monkeypatch.setattr(sending.time, "sleep", waited.append)
    return waited


def client_of(server, key=None, **patience) -> ChatClient:
    return ChatClient(Sender(server.address, key, Patience(**patience)), "tiny")


def said_of(server, *faults, key=None, **patience) -> str:
    """The error after these failures."""
    server.faults[:] = faults
    with pytest.raises(ServerError) as caught:
        client_of(server, key, **patience).complete(ASK, max_tokens=4)
    assert "\n" not in str(caught.value)
    return str(caught.value)


PASSING = {
    "408": loopback.status(408),
    "409": loopback.status(409),
    "429": loopback.status(429, {"error": {"message": "slow down", "code": 429}}),
    "500": loopback.status(500),
    "503": loopback.status(503, "<html><title>Busy</title></html>"),
    "529": loopback.status(529),
    "dropped": loopback.drop,
    "cut": loopback.cut,
    "half of the JSON": loopback.sent('{"choices": [{"mess'),
    "garbage": loopback.sent("\x00\xff garbage"),
    "asked to": loopback.status(400, x_should_retry="true"),
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_what_may_pass_is_tried_again(server, waits, fault):
    server.faults[:] = [fault, fault]
    assert client_of(server).complete(ASK, max_tokens=4).text == "a red wall"
    assert len(server.chats()) == 3
    assert len(waits) == 2
    assert 0 < waits[0] <= 0.5 < 0.75 <= waits[1] <= 1  # twice as long, a little less by chance


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_a_few_times_only(server, waits, fault):
    message = said_of(server, *[fault] * 9, retries=2)
    assert message.endswith("(tried 3 times)")
    assert len(server.chats()) == 3


LASTING = {
    "400": (loopback.status(400, {"error": {"message": "bad picture"}}), "bad picture"),
    "422": (loopback.status(422, {"detail": [{"loc": ["body", "top_k"], "msg": "no"}]}),
            "body.top_k: no"),
    "no": (loopback.status(503, "later", x_should_retry="false"), "later"),
    "501": (loopback.status(404, {"detail": "Not Found"}), "up to its version"),
    "a page": (loopback.sent("<!DOCTYPE html><p>Log in", "text/html"), "a web page"),
    "a page without its type": (loopback.sent("<html></html>"), "a web page"),
    "something else": (loopback.sent('{"hello": "world"}'), "holds no answer"),
    "an error in place of an answer": (loopback.sent('{"error": {"message": "no credit"}}'),
                                       "no credit"),
    "413": (loopback.status(413, "<html><title>Too Large</title></html>"), "too many bytes"),
}  # fmt: skip


@pytest.mark.parametrize(("fault", "words"), LASTING.values(), ids=LASTING)
def test_what_lasts_is_said_at_once(server, waits, fault, words):
    assert words in said_of(server, fault)
    assert len(server.chats()) == 1
    assert waits == []


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry_after": "3"}, 3.0),
        ({"retry_after": "0.25"}, 0.25),
        ({"retry_after_ms": "1500", "retry_after": "9"}, 1.5),
        ({"retry_after": "120"}, 120.0),
    ],
)
def test_a_server_says_how_long_to_wait(server, waits, headers, wait):
    server.faults[:] = [loopback.status(429, **headers)]
    assert client_of(server).complete(ASK, max_tokens=4).text
    assert waits == [wait]


def test_it_may_say_it_as_a_date(server, waits):
    date = email.utils.formatdate(time.time() + 60, usegmt=True)
    server.faults[:] = [loopback.status(503, retry_after=date)]
    client_of(server).complete(ASK, max_tokens=4)
    assert 0 < waits[0] <= 60


@pytest.mark.parametrize("value", ["soon", "-5", "nan", "inf", ""])
def test_what_is_no_time_is_not_waited_for(server, waits, value):
    server.faults[:] = [loopback.status(429, retry_after=value)]
    client_of(server).complete(ASK, max_tokens=4)
    assert 0 < waits[0] <= 0.5


def test_nobody_waits_for_minutes(server, waits):
    message = said_of(server, loopback.status(429, "busy", retry_after="121"))
    assert "busy" in message
    assert "asks to wait 121 seconds" in message
    assert (len(server.chats()), waits) == (1, [])


def test_backoff_ends_somewhere(server, waits):
    said_of(server, *[loopback.drop] * 9, retries=8)
    assert len(waits) == 8
    assert max(waits) <= sending.LONGEST_BACKOFF


def test_no_server(server, waits):
    client = client_of(server)
    client.complete(ASK, max_tokens=4)
    away = ChatClient(Sender("http://127.0.0.1:9/v1", None, Patience()), "tiny")
    with pytest.raises(ServerError, match=r"127.0.0.1:9/v1: no server answers there .* start it"):
        away.complete(ASK, max_tokens=4)
    assert waits == []  # it is the address that is wrong


def test_a_server_that_went_away_may_come_back(waits):
    with loopback.Loopback().serving() as server:
        client = client_of(server)
        client.complete(ASK, max_tokens=4)
    with pytest.raises(ServerError, match=r"no server answers there .*tried 4 times"):
        client.complete(ASK, max_tokens=4)
    assert len(waits) == 3


def test_silence_ends(server, waits):
    over = threading.Event()
    try:
        message = said_of(server, loopback.silent(over), answer_seconds=0.05)
    finally:
        over.set()
    assert "nothing came for 0.05 seconds" in message
    assert "--model-option timeout" in message
    assert waits == []


def endless(handler, pieces):
    """A reply without an end, as long as somebody reads it."""
    handler.send_response(200)
    handler.send_header("content-type", "application/json")
    handler.end_headers()
    with suppress(ConnectionError):
        for piece in pieces:
            handler.wfile.write(piece)


def test_an_answer_that_never_ends_is_too_large(server, waits, monkeypatch):
    monkeypatch.setattr(bounded, "MOST_BYTES", 2**20)
    message = said_of(server, lambda handler: endless(handler, repeat(b"x" * 2**16)))
    assert "sent more than 1 MB, which is no answer" in message
    assert waits == []


def test_an_answer_that_drips_ends(server, waits):
    def drops():
        while True:
            threading.Event().wait(0.02)
            yield b" "

    message = said_of(server, lambda handler: endless(handler, drops()), whole_seconds=0.2)
    assert "did not end in 0.2 seconds" in message
    assert waits == []


def test_a_compressed_answer_is_not_unpacked(server, waits):
    def bomb(handler):
        content = gzip.compress(bytes(2**22))
        handler.send_response(200)
        handler.send_header("content-encoding", "gzip")
        handler.send_header("content-length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    assert "sent a compressed answer" in said_of(server, bomb)
    assert server.requests[-1].headers["accept-encoding"] == "identity"


def test_no_connection_is_used_twice(server, waits):
    """Those that a server closed after an error would fail the next request."""
    client = client_of(server)
    server.faults[:] = [loopback.status(500)]
    for _ in range(3):
        client.complete(ASK, max_tokens=4)
    assert server.connections == len(server.requests) == 4


def test_redirects_are_not_followed_and_their_target_sees_no_key(server, waits):
    with loopback.Loopback().serving() as other:
        place = other.address.replace("//", "//me:word@") + "/chat/completions?word=1"
        message = said_of(server, loopback.status(307, location=place), key=KEY)
    assert other.requests == []
    assert f"leads to {other.address}/chat/completions (status 307)" in message
    assert "word" not in message


# The key


def test_the_key_is_sent_and_nowhere_else(server, caplog):
    client = client_of(server, KEY)
    with caplog.at_level(0):
        client.complete(ASK, max_tokens=4)
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    shown = [repr(client), repr(client.sender), repr(client.sender._client), caplog.text]
    assert not any(KEY in text for text in shown)


def test_without_a_key_none_is_sent(server):
    client_of(server).complete(ASK, max_tokens=4)
    assert "authorization" not in server.requests[0].headers


ECHOES = [
    loopback.status(401, {"error": {"message": f"Incorrect API key: {KEY}.", "code": "bad"}}),
    loopback.status(403, {"detail": f"Bearer {KEY}"}),
    loopback.status(400, {"detail": [{"loc": ["header", KEY], "msg": KEY}]}),
    loopback.status(404, {"error": {"message": f"model not found for {KEY}"}}),
    loopback.status(500, f"Traceback: headers={{'Authorization': 'Bearer {KEY}'}}"),
    loopback.sent(f"key {KEY} is no JSON"),
    loopback.streamed(f'data: {{"error": "no {KEY}"}}'),
]


@pytest.mark.parametrize("fault", ECHOES)
def test_a_key_that_a_server_repeats_is_not_shown(server, waits, fault):
    server.listed = {"data": [{"id": f"m-{KEY}"}]}
    message = said_of(server, *[fault] * 4, key=KEY)
    assert KEY not in message
    assert "***" in message


@pytest.mark.parametrize("before", range(0, 310, 3))
def test_nor_is_a_part_of_it(server, waits, before):
    """Where a server's words are cut, a key that is cut is no longer known."""
    for fault in (loopback.status(400, f"{'-' * before} {KEY}"),
                  loopback.sent(f"{'-' * before} {KEY}")):  # fmt: skip
        assert KEY[:6] not in said_of(server, fault, key=KEY, retries=0)


def test_a_placeholder_is_hidden_where_it_stands_alone(server):
    fault = loopback.status(401, "key x refused: extra examples of x")
    assert "key *** refused: extra examples of ***" in said_of(server, fault, key="x")


@pytest.mark.parametrize("status", [401, 403])
def test_no_access_names_the_variable(server, status):
    assert "OPENAI_API_KEY" in said_of(server, loopback.status(status, {"error": "no"}))


@pytest.mark.parametrize("key", ["two words", "line\nline", "schlüssel", "\x00"])
def test_a_key_that_cannot_be_sent(key):
    with pytest.raises(ConfigError, match="OPENAI_API_KEY") as caught:
        Sender("http://127.0.0.1:9/v1", key, Patience())
    assert key not in str(caught.value)


def test_white_space_around_the_key_of_the_environment_is_none_of_it(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", f" {KEY}\n")
    assert sending.own_key() == KEY
    monkeypatch.setenv("OPENAI_API_KEY", " ")
    assert sending.own_key() is None


def test_proxies_are_not_for_this_machine(server, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert client_of(server).complete(ASK, max_tokens=4).text


# The address


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("http://localhost:8000/v1", "http://localhost:8000/v1"),
        ("http://localhost:8000/v1/", "http://localhost:8000/v1"),
        ("http://localhost:8000", "http://localhost:8000/v1"),
        ("http://localhost:8000/", "http://localhost:8000/v1"),
        ("https://host/api/v2/", "https://host/api/v2"),
        ("http://host/v1/chat/completions", "http://host/v1"),
        (" http://[::1]:80/v1 ", "http://[::1]/v1"),
    ],
)
def test_addresses(given, address):
    assert read_address(given) == address


def test_the_address_of_the_environment(monkeypatch):
    monkeypatch.setenv("NTLBG_ENDPOINT", "http://here:1/v1")
    assert read_address(None) == "http://here:1/v1"
    assert read_address("http://there:2") == "http://there:2/v1"
    monkeypatch.delenv("NTLBG_ENDPOINT")
    with pytest.raises(ConfigError, match=r"--endpoint http://localhost:8000/v1.*NTLBG_ENDPOINT"):
        read_address(None)


@pytest.mark.parametrize(
    "given", ["localhost:8000", "ftp://host/v1", "http://", "host", "http://host:x/"]
)
def test_what_is_no_address(given):
    with pytest.raises(ConfigError, match="is no address of a server"):
        read_address(given)


@pytest.mark.parametrize(
    "given", ["http://me:word@host/v1", "http://host/v1?key=word", "http://host/v1#word"]
)
def test_an_address_holds_no_secret(given):
    with pytest.raises(ConfigError, match="more than host and path") as caught:
        read_address(given)
    assert "word" not in str(caught.value)
