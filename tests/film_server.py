"""A site on the loopback address that shows films, and misbehaves on demand."""

import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

VIDEOS = Path(__file__).parent / "data" / "video"
CHUNK = 1 << 14


@dataclass
class Content:
    """What a path gives.

    Attributes:
        data: all of it.
        kind: its media type.
        ranges: whether a part can be asked for.
        declared: the length it claims; None: the true one; -1: none, the connection's end tells.
        cuts: of each of the next requests, after how many bytes it breaks off; None: it does not.
        holds_at: after so many bytes of a whole transfer nothing comes until ``goes_on``.
    """

    data: bytes
    kind: str = "video/mp4"
    ranges: bool = True
    declared: int | None = None
    cuts: list[int | None] = field(default_factory=list)
    holds_at: int | None = None
    goes_on: threading.Event = field(default_factory=threading.Event)

    def __call__(self, handler: "Handler") -> None:
        first = _first_byte(handler) if self.ranges else None
        if first is not None and first >= len(self.data):
            return handler.head(416, self.kind, 0)
        body = self.data[first or 0 :]
        length = len(body) if self.declared is None else self.declared
        more = {"Accept-Ranges": "bytes"} if self.ranges else {}
        if first is not None:
            more["Content-Range"] = f"bytes {first}-{len(self.data) - 1}/{len(self.data)}"
        handler.head(200 if first is None else 206, self.kind, length, **more)
        cut = self.cuts.pop(0) if self.cuts else None
        held = self.holds_at if first is None else None
        for at in range(0, len(body[:cut]), CHUNK):
            if held is not None and at >= held:
                handler.wfile.flush()
                self.goes_on.wait()
            handler.send(body[:cut][at : at + CHUNK])
        handler.close_connection = True
        return None


def _first_byte(handler: "Handler") -> int | None:
    given = handler.headers.get("Range")
    return None if given is None else int(given.removeprefix("bytes=").split("-")[0])


def page(html: str) -> Content:
    """A page to read."""
    return Content(f"<!DOCTYPE html><html>{html}</html>".encode(), "text/html; charset=utf-8")


def redirect(to: str) -> Callable[["Handler"], None]:
    """Somewhere else."""
    return lambda handler: handler.head(302, "text/plain", 0, Location=to)


def endless(kind: str, begin: bytes = b"") -> Callable[["Handler"], None]:
    """Zeros, as long as somebody reads."""

    def reply(handler: "Handler") -> None:
        handler.head(200, kind, -1)
        handler.send(begin)
        while not handler.server.site.is_over:
            handler.send(bytes(CHUNK))

    return reply


@dataclass
class Site:
    """What stands at each path.

    Attributes:
        paths: by path; what is not there is 404.
        requests: path, bytes asked for as the header says, and headers, of each that came.
        sent: bytes of bodies by path.
    """

    paths: dict[str, Callable[["Handler"], None]] = field(default_factory=dict)
    requests: list[tuple[str, str | None, dict[str, str]]] = field(default_factory=list)
    sent: dict[str, int] = field(default_factory=dict)
    host: str = "127.0.0.1"
    address: str = ""
    is_over: bool = False

    def asked(self, path: str) -> list[str | None]:
        """Ranges of the requests for a path."""
        return [given for asked, given, _ in self.requests if asked == path]

    @contextmanager
    def serving(self) -> Iterator["Site"]:
        """In a thread, for the block."""
        server = ThreadingHTTPServer((self.host, 0), Handler)
        server.daemon_threads, server.site = True, self
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self.address = f"http://{self.host}:{server.server_port}"
        try:
            yield self
        finally:
            self.is_over = True
            for content in self.paths.values():
                if isinstance(content, Content):
                    content.goes_on.set()
            server.shutdown()
            server.server_close()
            thread.join()


class Handler(BaseHTTPRequestHandler):
    """Of one connection."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        """Nothing on the screen."""

    def handle(self) -> None:
        with suppress(ConnectionError):  # whoever has seen enough goes
            super().handle()

    def finish(self) -> None:
        with suppress(ConnectionError):
            super().finish()

    def do_GET(self) -> None:
        site = self.server.site
        path = self.path.partition("?")[0]
        headers = {name.lower(): value for name, value in self.headers.items()}
        site.requests.append((path, headers.get("range"), headers))
        reply = site.paths.get(path)
        if reply is None:
            self.head(404, "text/plain", 0)
        else:
            reply(self)

    def head(self, status: int, kind: str, length: int, **more: str) -> None:
        """Status and headers; a length of -1: the end of the connection tells."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if length >= 0:
            self.send_header("Content-Length", str(length))
        else:
            self.close_connection = True
            self.send_header("Connection", "close")
        for name, value in more.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def send(self, data: bytes) -> None:
        """Part of a body."""
        path = self.path.partition("?")[0]
        self.server.site.sent[path] = self.server.site.sent.get(path, 0) + len(data)
        self.wfile.write(data)


def mp4(size: int, name: str = "vfr.mp4") -> bytes:
    """A film of so many bytes: what its pictures do not take is a box that readers pass over."""
    film = (VIDEOS / name).read_bytes()
    rest = size - len(film)
    return film + struct.pack(">I4s", rest, b"free") + bytes(rest - 8)
