"""A hub of models on this machine: what it holds, and what it was asked for."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urlsplit

from huggingface_hub import constants

COMMITS = {"main": "1" * 40, "v2": "2" * 40}  # of every model, by name of the revision


class FakeHub(ThreadingHTTPServer):
    """Models by name: their folders, or the code of the error that is answered instead.

    Attributes:
        asked: "METHOD path" of every request, in order.
    """

    daemon_threads = True

    def __init__(self, models: dict[str, Path | str]):
        super().__init__(("127.0.0.1", 0), _Answers)
        self.models, self.asked = models, []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def fetched(self) -> list[str]:
        """Names of the files that were sent."""
        return [
            line.rsplit("/", 1)[1] for line in self.asked if "GET" in line and "/resolve/" in line
        ]


@contextmanager
def fake_hub(models: dict[str, Path | str]) -> Iterator[FakeHub]:
    with FakeHub(models) as hub:
        thread = Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            thread.join()


def reach(hub, monkeypatch) -> None:
    """As with HF_ENDPOINT, which is read once."""
    form = constants.HUGGINGFACE_CO_URL_TEMPLATE.removeprefix(constants.ENDPOINT)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.address + form)
    monkeypatch.setattr(constants, "ENDPOINT", hub.address)


class _Answers(BaseHTTPRequestHandler):
    server: FakeHub

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self._answer(body=False)

    def do_GET(self):
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        self.server.asked.append(f"{self.command} {path}")
        parts = path.removeprefix("/api/models").strip("/").split("/")
        model, rest = "/".join(parts[:2]), parts[2:]
        found = self.server.models.get(model, "RepoNotFound")
        if isinstance(found, str):
            return self._send(b"{}", body, status=401, code=found)
        kind, revision = rest[:2] if rest else ("revision", "main")
        commit = COMMITS.get(revision, revision)
        if commit not in COMMITS.values():
            return self._send(b"{}", body, status=404, code="RevisionNotFound")
        if kind == "resolve":
            return self._send((found / "/".join(rest[2:])).read_bytes(), body, commit=commit)
        files = [
            {"type": "file", "path": one.relative_to(found).as_posix(), "size": one.stat().st_size,
             "oid": _digest(one)}
            for one in sorted(found.rglob("*")) if one.is_file()
        ]  # fmt: skip
        siblings = [{"rfilename": one["path"]} for one in files]
        told = files if kind == "tree" else {"id": model, "sha": commit, "siblings": siblings}
        return self._send(json.dumps(told).encode(), body, commit=commit)

    def _send(self, content: bytes, body: bool, *, status=200, code="", commit="") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
        if commit:
            self.send_header("X-Repo-Commit", commit)
        if code:
            self.send_header("X-Error-Code", code)
        self.end_headers()
        if body:
            self.wfile.write(content)


def _digest(path: Path) -> str:
    return hashlib.sha1(path.read_bytes()).hexdigest()
