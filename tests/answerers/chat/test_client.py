"""What is asked of a server, and what is made of what it sends."""

import json

import pytest

import loopback
from ntlbg.answerers.chat import sending
from ntlbg.answerers.chat.client import ChatClient
from ntlbg.answerers.chat.errors import ContextOverflow, Refusal, ServerError, read_error
from ntlbg.answerers.chat.sending import Patience, Sender

ASK = {"messages": [{"role": "user", "content": [{"type": "text", "text": "what is it"}]}]}
TOKENS = 3 + 5  # three words and the template


@pytest.fixture
def server():
    with loopback.Loopback().serving() as running:
        yield running


@pytest.fixture
def client(server, monkeypatch):
    monkeypatch.setattr(sending.time, "sleep", lambda seconds: None)
    return ChatClient(Sender(server.address, None, Patience()), "tiny")


def test_a_whole_answer(server, client):
    done = client.complete(ASK, max_tokens=4, temperature=0)
    assert (done.text, done.finish_reason) == ("a red wall", "stop")
    assert (done.prompt_tokens, done.answer_tokens) == (TOKENS, 3)
    # false is said: some servers stream where nothing is
    assert server.chats() == [
        {"model": "tiny", "max_tokens": 4, "temperature": 0, "stream": False} | ASK
    ]


@pytest.mark.parametrize("ending", [b"data: [DONE]\n\n", b""])
def test_a_stream_ends_with_or_without_a_word(server, client, ending):
    server.ending = ending
    pieces = []
    done = client.complete(ASK, pieces.append, max_tokens=4)
    assert pieces == ["a ", "red ", "wall"]
    assert done.text == "a red wall"
    assert (done.prompt_tokens, done.answer_tokens) == (TOKENS, 3)
    [body] = server.chats()
    assert (body["stream"], body["stream_options"]) == (True, {"include_usage": True})


def test_a_stream_without_usage(server, client):
    server.usage = False
    done = client.complete(ASK, lambda text: None, max_tokens=4)
    assert (done.text, done.prompt_tokens) == ("a red wall", None)


def test_usage_beside_the_end(server, client):
    """As ``transformers serve`` sends it."""
    server.faults[:] = [loopback.streamed(
        'data: {"choices": [{"delta": {"content": "yes"}}]}',
        'data: {"choices": [{"delta": {}, "finish_reason": "length"}], '
        '"usage": {"prompt_tokens": 7, "completion_tokens": 1}}',
    )]  # fmt: skip
    done = client.complete(ASK, lambda text: None)
    assert (done.text, done.finish_reason, done.prompt_tokens) == ("yes", "length", 7)


def test_an_answer_in_one_piece_where_a_stream_was_asked_for(server, client):
    reply = {"choices": [{"message": {"content": "all"}, "finish_reason": "stop"}]}
    server.faults[:] = [loopback.sent(json.dumps(reply))]
    pieces = []
    assert client.complete(ASK, pieces.append).text == "all"
    assert pieces == ["all"]


CUT_SHORT = [loopback.streamed('data: {"choices": [{"delta": {"content": "a"}}]}'),
             loopback.streamed('data: {"choices": [{"delta": {"content": "a"}}]}',
                               'data: {"choices": [{"del')]  # fmt: skip


@pytest.mark.parametrize("fault", CUT_SHORT)
def test_a_stream_that_breaks_after_its_first_word_is_no_answer(server, client, fault):
    """Nor is it asked for again: what was shown cannot be taken back."""
    server.faults[:] = [fault]
    pieces = []
    with pytest.raises(ServerError, match=r"cut off|no answer"):
        client.complete(ASK, pieces.append)
    assert (pieces, len(server.chats())) == (["a"], 1)


@pytest.mark.parametrize(
    "fault", [loopback.streamed(": waiting"), loopback.streamed(), loopback.drop, loopback.cut,
              loopback.streamed('data: {"error": {"message": "busy", "code": 503}}')]
)  # fmt: skip
def test_a_stream_that_breaks_before_is_asked_for_again(server, client, fault):
    server.faults[:] = [fault]
    pieces = []
    assert client.complete(ASK, pieces.append).text == "a red wall"
    assert (len(pieces), len(server.chats())) == (3, 2)


@pytest.mark.parametrize(("data", "said"), [
    ('{"error": {"message": "no memory"}}', "its answer is an error, no memory"),
    ('{"error": {"message": "no memory", "code": 7}}', "is an error (code 7), no memory"),
    ('{"error": {"message": "no memory", "code": "422"}}', "is an error (code 422), no memory"),
    ('{"object": "error", "message": "no memory", "code": 400}', "error (code 400), no memory"),
])  # fmt: skip
@pytest.mark.parametrize("stream", [False, True])
def test_an_error_in_place_of_an_answer_has_no_status(server, client, data, said, stream):
    server.faults[:] = [loopback.streamed(f"data: {data}") if stream else loopback.sent(data)]
    with pytest.raises(Refusal) as caught:
        client.complete(ASK, print if stream else None)
    assert said in str(caught.value)
    assert "status" not in str(caught.value)


def test_an_event_that_is_an_error(server, client):
    server.faults[:] = [loopback.streamed('event: error\ndata: {"message": "no memory"}')]
    with pytest.raises(Refusal, match="its answer is an error, no memory"):
        client.complete(ASK, print)


def test_an_error_in_a_stream(server, client):
    server.faults[:] = [loopback.streamed('data: {"error": "no memory"}')]
    with pytest.raises(Refusal, match="no memory"):
        client.complete(ASK, lambda text: None)
    long = json.dumps(loopback.overflow(3031, 2048))
    server.faults[:] = [loopback.streamed(f"data: {long}")]
    with pytest.raises(ContextOverflow, match="3031 tokens, the model reads 2048"):
        client.complete(ASK, lambda text: None)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"content": None}, ""),
        ({"content": None, "reasoning_content": "hm"}, ""),
        ({"content": None, "refusal": "I cannot"}, "I cannot"),
        ({"content": [{"type": "thinking", "thinking": []}, {"type": "text", "text": "B"}]}, "B"),
        ({"content": " B\n"}, "B"),
    ],
)
def test_forms_of_an_answer(server, client, message, text):
    reply = {"choices": [{"message": message, "finish_reason": "stop"}], "usage": None}
    server.faults[:] = [loopback.sent(json.dumps(reply))]
    done = client.complete(ASK)
    assert (done.text, done.prompt_tokens) == (text, None)


@pytest.mark.parametrize("read", [0, -5, 3.5, "many", None, True, [1]])
def test_nothing_read_is_nothing_counted(server, client, read):
    server.reads = lambda tokens: read
    assert client.complete(ASK).prompt_tokens is None


# Four shapes of errors


@pytest.mark.parametrize(
    ("text", "message", "names"),
    [
        ('{"error": {"message": "m", "code": 400, "type": "t"}}', "m", ("400", "t")),
        ('{"error": {"message": "m", "code": "c", "type": null}}', "m", ("c",)),
        ('{"error": "m"}', "m", ()),
        ('{"object": "error", "message": "m", "code": 404}', "m", ("404",)),
        ('{"detail": "m"}', "m", ()),
        ('{"detail": [{"loc": ["body", "a"], "msg": "m"}]}', "body.a: m", ()),
        ('{"detail": ["m"]}', "['m']", ()),
        ('{"detail": {"a": 1}}', "{'a': 1}", ()),
        ("Internal\n Server Error", "Internal Server Error", ()),
        ("[1]", "[1]", ()),
        ("", "", ()),
        ("<!doctype html><TITLE>Bad\n gateway</TITLE>", "a web page, 'Bad gateway'", ()),
    ],
)
def test_shapes_of_errors(text, message, names):
    said = read_error(text)
    assert (said.message, said.names) == (message, names)


def test_a_long_error_is_cut():
    assert len(read_error("x" * 9999).message) < 310


OVERFLOWS = [
    loopback.overflow(3031, 2048),
    {"error": {"message": "This model's maximum context length is 2048 tokens. However, you "
                          "requested 3031 tokens", "code": "context_length_exceeded"}},
    {"object": "error", "code": 400, "message": "The decoder prompt (length 3031) is longer than "
                                                "the maximum model length of 2048"},
    {"error": {"message": "'max_tokens' is too large: this model's maximum context length is 2048 "
                          "tokens", "param": "max_tokens"}},
]  # fmt: skip


@pytest.mark.parametrize("content", OVERFLOWS)
def test_prompts_that_are_too_long(server, client, content):
    server.faults[:] = [loopback.status(400, content)]
    with pytest.raises(ContextOverflow, match="2048") as caught:
        client.complete(ASK, max_tokens=9)
    assert caught.value.said.context_length == 2048
    assert "--max-visual-tokens" in str(caught.value)
    assert len(server.chats()) == 1


UNKNOWN = [
    loopback.status(404, {"error": {"message": "The model `x` does not exist",
                                    "code": "model_not_found"}}),
    loopback.status(400, {"detail": "Server is pinned to 'a'; requested 'b'."}),
    loopback.status(404, {"error": {"message": 'model "tiny" not found, try pulling it first'}}),
]  # fmt: skip


@pytest.mark.parametrize("fault", UNKNOWN)
def test_an_unknown_model_names_those_that_there_are(server, client, fault):
    server.listed = {"data": [{"id": f"m{number}"} for number in range(20)]}
    server.faults[:] = [fault]
    with pytest.raises(Refusal, match=r"asked for is 'tiny', it names m0, m1, .*m7, \.\.\."):
        client.complete(ASK)


# What a server does not take


def refusing(field: str, status: int = 400) -> dict:
    error = {"message": f"Unsupported parameter: '{field}'", "param": field}
    return {"status": status, "body": {"error": error}}


def test_reasoning_models_have_another_name_for_the_limit(server, client):
    server.refused_fields = {"max_tokens": refusing("max_tokens"),
                             "temperature": refusing("temperature")}  # fmt: skip
    for _ in range(2):
        client.complete(ASK, max_tokens=9, temperature=0)
    first, _, third, again = server.chats()
    assert "max_tokens" in first
    assert third["max_completion_tokens"] == 9
    assert "temperature" not in third
    assert again == third  # it is remembered


def test_what_somebody_asked_for_is_not_left_out(server, client):
    server.refused_fields = {"temperature": refusing("temperature"), "seed": refusing("seed")}
    for settings in ({"temperature": 0.5}, {"temperature": 0, "seed": 1}):
        with pytest.raises(Refusal, match="Unsupported parameter"):
            client.complete(ASK, **settings)


@pytest.mark.parametrize(
    "body",
    [
        {"detail": "Unexpected fields in the request: {'stream_options'}"},
        {"detail": [{"type": "extra_forbidden", "loc": ["body", "stream_options"], "msg": "no"}]},
    ],
)
def test_usage_of_a_stream_is_not_asked_for_where_it_is_refused(server, client, body):
    server.refused_fields = {"stream_options": {"status": 422, "body": body}}
    done = client.complete(ASK, lambda text: None, max_tokens=4)
    assert (done.text, done.prompt_tokens) == ("a red wall", None)
    assert len(server.chats()) == 2


# Models, and lengths of prompts


@pytest.mark.parametrize(
    ("item", "length"),
    [
        ({"id": "tiny", "meta": {"n_ctx": 4096, "n_ctx_train": 9999}}, 4096),
        ({"id": "x", "aliases": ["tiny"], "meta": {"n_ctx": 4096}}, 4096),
        ({"id": "tiny", "max_model_len": 32768}, 32768),
        ({"id": "tiny"}, None),
        ({"id": "tiny", "meta": None, "architecture": None}, None),
        ({"id": "other", "max_model_len": 32768}, None),
        ({"id": "other", "owned_by": "llamacpp", "meta": {"n_ctx": 4096}}, 4096),
    ],
)
def test_how_much_a_model_reads(server, client, item, length):
    server.listed = {"data": [item]}
    assert client.about_model().context_length == length


@pytest.mark.parametrize(
    "listed", [{"data": []}, {}, lambda handler: handler.reply(500, "no cache"),
               lambda handler: handler.reply(404, {"detail": "Not Found"})]
)  # fmt: skip
def test_a_server_without_a_list(server, client, listed):
    server.listed = listed
    assert client.models() == []
    assert len(server.requests) == 1


def test_a_server_without_access(server, client):
    server.listed = lambda handler: handler.reply(401, {"error": {"message": "who are you?"}})
    with pytest.raises(Refusal, match="OPENAI_API_KEY"):
        client.models()


def test_a_list_that_is_a_page(server, client):
    server.listed = loopback.sent("<html></html>", "text/html")
    with pytest.raises(ServerError, match="a web page"):
        client.models()


def test_a_prompt_is_counted_without_an_answer_where_that_can_be(server, client):
    server.counts = True
    assert client.count(ASK) == TOKENS
    assert server.chats() == []


WHOLE = {"choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}]}


@pytest.mark.parametrize("fault", [
    loopback.sent(json.dumps(WHOLE)), loopback.sent("garbage"), loopback.sent(""),
    loopback.sent('{"input_tokens": 0}'), loopback.sent('{"input_tokens": "many"}'),
    loopback.sent("<html></html>", "text/html"), loopback.streamed("data: {}"),
    loopback.status(302, location="/login"),
])  # fmt: skip
def test_a_server_that_answers_everywhere(server, client, fault):
    """What is no count is none; it is not asked again, but by an answer."""
    server.at_count = fault
    assert [client.count(ASK) for _ in range(2)] == [TOKENS, TOKENS]
    paths = [request.path for request in server.requests]
    assert paths == [loopback.COUNT] + [loopback.CHAT] * 2


def test_a_prompt_is_counted_by_an_answer_of_one_token(server, client):
    assert [client.count(ASK) for _ in range(2)] == [TOKENS, TOKENS]
    assert [request.path for request in server.requests] == [
        loopback.COUNT, loopback.CHAT, loopback.CHAT
    ]  # fmt: skip
    assert all(body["max_tokens"] == 1 for body in server.chats())


def test_a_prompt_that_nobody_counts(server, client):
    server.usage = False
    assert client.count(ASK) is None
