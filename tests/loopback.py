"""A server on the loopback address that speaks the chat interface, and misbehaves on demand."""

import base64
import io
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from PIL import Image

CHAT, COUNT, MODELS = "/v1/chat/completions", "/v1/chat/completions/input_tokens", "/v1/models"
STEP = 28  # pixels of a picture along which one token goes

_PORTS: set[int] = set()  # of all servers of this process


@dataclass
class Request:
    """One that came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Loopback:
    """Counts a token for each word and for each 28 x 28 pixels, and answers what it is told to.

    Attributes:
        answer: of the prompt's text, what is answered.
        usage: whether it says what it read.
        reads: of the tokens of a prompt, how many are read: all, or fewer in silence.
        context_length: longer prompts are refused as llama.cpp does; None: none is.
        counts: whether it counts prompts without answering.
        at_count: replies where prompts are counted, in place of all that.
        streams_usage: whether a stream says it, too.
        listed: its models.
        faults: one for each of the next chat requests: a function that replies, or None for none.
        requests: that came in.
        connections: over which they came.
        ending: what a stream ends with.
        refused_fields: of a request, that it does not take, with how it says so.
        first_token: (token, log probability) of those that may come first.
    """

    answer: Callable[[str], str] = lambda text: "a red wall"
    usage: bool = True
    reads: Callable[[int], int] = lambda tokens: tokens
    context_length: int | None = None
    counts: bool = False
    at_count: Callable[["Handler"], None] | None = None
    streams_usage: bool = True
    listed: Any = field(default_factory=lambda: {"data": [{"id": "tiny"}]})
    faults: list[Callable[["Handler"], None] | None] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    ending: bytes = b"data: [DONE]\n\n"
    refused_fields: dict[str, dict] = field(default_factory=dict)
    first_token: list[tuple[str, float]] | None = None
    address: str = ""

    def chats(self) -> list[Any]:
        """Bodies of the chat requests."""
        return [request.body for request in self.requests if request.path == CHAT]

    def prompt_tokens(self, body: dict) -> int:
        """As this server counts them."""
        text, sizes = read_prompt(body)
        pictures = sum(-(-width // STEP) * -(-height // STEP) for width, height in sizes)
        return len(text.split()) + pictures + 5  # of a template

    @contextmanager
    def serving(self) -> Iterator["Loopback"]:
        """In a thread, for the block."""
        server = _new_server()
        server.daemon_threads, server.loopback = True, self
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self.address = f"http://127.0.0.1:{server.server_port}/v1"
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def _new_server() -> ThreadingHTTPServer:
    """On a port that had none before: an address stands for one server, also in caches."""
    while True:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if server.server_port not in _PORTS:
            _PORTS.add(server.server_port)
            return server
        server.server_close()


def read_prompt(body: dict) -> tuple[str, list[tuple[int, int]]]:
    """Texts of a request, a space between two, and sizes of its pictures."""
    texts, sizes = [], []
    *earlier, last = body["messages"]
    texts += [message["content"] for message in earlier]
    for part in last["content"]:
        if part["type"] == "text":
            texts.append(part["text"])
        elif part["type"] == "image_url":
            sizes.append(picture_of(part["image_url"]["url"]).size)
        else:
            frames = part["video_url"]["url"].partition(",")[2].split(",")
            # two neighbours are read as one
            sizes += [Image.open(io.BytesIO(base64.b64decode(one))).size for one in frames[::2]]
    return " ".join(texts), sizes


def picture_of(url: str) -> Image.Image:
    """Of a data URL."""
    kind, _, data = url.partition(",")
    assert kind == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


class Handler(BaseHTTPRequestHandler):
    """Of one connection."""

    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.server.loopback.connections += 1

    def log_message(self, *args: Any) -> None:
        """Nothing on the screen."""

    def do_GET(self) -> None:
        self._note(None)
        listed = self.server.loopback.listed
        if callable(listed):
            listed(self)
        else:
            self.reply(200, listed)

    def do_POST(self) -> None:
        loopback = self.server.loopback
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self._note(body)
        if self.path == COUNT and loopback.at_count:
            loopback.at_count(self)
        elif self.path == COUNT and loopback.counts:
            self.reply(200, {"input_tokens": loopback.prompt_tokens(body)})
        elif self.path == CHAT:
            fault = loopback.faults.pop(0) if loopback.faults else None
            (fault or Handler.chat)(self)
        else:
            self.reply(404, {"detail": "Not Found"})

    def _note(self, body: Any) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.loopback.requests.append(Request(self.command, self.path, headers, body))

    def chat(self) -> None:
        """As a good server does."""
        loopback = self.server.loopback
        body = loopback.requests[-1].body
        for name, said in loopback.refused_fields.items():
            if name in body:
                return self.reply(said.get("status", 400), said["body"])
        tokens = loopback.prompt_tokens(body)
        length = loopback.context_length
        if length is not None and tokens > length:
            return self.reply(400, overflow(tokens, length))
        text = loopback.answer(read_prompt(body)[0])
        usage = {"prompt_tokens": loopback.reads(tokens), "completion_tokens": len(text.split())}
        if body["stream"]:
            return self._stream(text, usage if loopback.usage and loopback.streams_usage else None)
        choice = {"index": 0, "finish_reason": "stop",
                  "message": {"role": "assistant", "content": text}}  # fmt: skip
        if body.get("logprobs") and loopback.first_token is not None:
            likely = [{"token": token, "logprob": value} for token, value in loopback.first_token]
            choice["logprobs"] = {"content": [likely[0] | {"top_logprobs": likely}]}
        self.reply(200, {"choices": [choice]} | ({"usage": usage} if loopback.usage else {}))

    def _stream(self, text: str, usage: dict | None) -> None:
        asked = self.server.loopback.requests[-1].body.get("stream_options")
        deltas: list[dict] = [{"role": "assistant", "content": None}]
        deltas += [{"content": word} for word in re.findall(r"\S+\s*", text)]
        chunks = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
        chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        if usage is not None and asked == {"include_usage": True}:
            chunks.append({"choices": [], "usage": usage})
        lines = [b": a comment\n\n", *(f"data: {json.dumps(chunk)}\n\n".encode() for chunk in
                                       chunks)]  # fmt: skip
        self.open_stream()
        self.wfile.write(b"".join(lines) + self.server.loopback.ending)

    def open_stream(self) -> None:
        """Whose end is that of the connection."""
        self.close_connection = True
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("connection", "close")
        self.end_headers()

    def reply(self, status: int, content: Any, **headers: str) -> None:
        """JSON, or text as it is."""
        is_text = isinstance(content, str)
        data = (content if is_text else json.dumps(content)).encode()
        self.send_response(status)
        self.send_header("content-type", "text/plain" if is_text else "application/json")
        self.send_header("content-length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)


def overflow(tokens: int, length: int) -> dict:
    """As llama.cpp says it."""
    return {"error": {"code": 400, "type": "exceed_context_size_error", "message": "too long",
                      "n_prompt_tokens": tokens, "n_ctx": length}}  # fmt: skip


def status(number: int, content: Any = "no", **headers: str) -> Callable[[Handler], None]:
    """A fault: an error of this number."""
    return lambda handler: handler.reply(number, content, **headers)


def drop(handler: Handler) -> None:
    """A fault: the connection ends without a word."""
    handler.close_connection = True
    handler.connection.close()


def cut(handler: Handler) -> None:
    """A fault: half of what was promised."""
    handler.close_connection = True
    handler.send_response(200)
    handler.send_header("content-type", "application/json")
    handler.send_header("content-length", "500")
    handler.end_headers()
    handler.wfile.write(b'{"choices": [')


def sent(content: str, kind: str = "application/json") -> Callable[[Handler], None]:
    """A fault: status 200 and this text."""

    def reply(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("content-type", kind)
        handler.send_header("content-length", str(len(content.encode())))
        handler.end_headers()
        handler.wfile.write(content.encode())

    return reply


def streamed(*lines: str) -> Callable[[Handler], None]:
    """A fault: these lines as a stream, and then nothing more."""

    def reply(handler: Handler) -> None:
        handler.open_stream()
        handler.wfile.write("".join(f"{line}\n\n" for line in lines).encode())

    return reply


def silent(until: threading.Event) -> Callable[[Handler], None]:
    """A fault: nothing comes until the event."""

    def reply(handler: Handler) -> None:
        handler.close_connection = True
        until.wait()

    return reply
