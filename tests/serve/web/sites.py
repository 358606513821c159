"""A site of films that is asked in the process itself, each answer checked against its description;
and a server of its own process, which is asked over its port."""

import contextlib
import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import jsonschema
from agents import SERVER, GatedAnswerer
from starlette.testclient import TestClient

from fakes import ColourAnswerer
from ntlbg.answerers import Answerer
from ntlbg.index.store import FeatureIndex
from ntlbg.serve.parts import Parts
from ntlbg.serve.web.app import make_app
from ntlbg.serve.web.openapi import PATHS, description
from ntlbg.serve.web.shelf import id_of
from ntlbg.serve.web.site import Site, open_site
from ntlbg.views.clips.preview import write_preview
from processes import PATIENCE, finish, python, started, wait_for

PORT = 8642
ADDRESS = f"http://127.0.0.1:{PORT}"
FILM = id_of("film.mp4")
LARGEST_UPLOAD = 2_000_000
ANY_FILE = "*/*"
ENDED = ("done", "failed", "cancelled", "interrupted")


def check_described(method: str, path: str, answer: httpx2.Response) -> None:
    """That an answer is one that /openapi.json tells of; of unknown addresses an error."""
    calls = next((PATHS[form] for form in PATHS if _fits(form, path) and method in PATHS[form]), {})
    answers = calls.get(method, {"responses": {}})["responses"]
    told = answers.get(str(answer.status_code))
    kind = answer.headers.get("content-type", "").partition(";")[0]
    if told is None:
        if answer.status_code >= 400 and kind == "application/json":
            _check("Error", answer.json())
            assert "\n" not in answer.json()["error"]
        return
    [(media, content)] = told["content"].items()
    assert re.fullmatch(media.replace("*", ".+"), kind) or media == ANY_FILE
    if "schema" in content:
        _check(content["schema"]["$ref"].rpartition("/")[2], answer.json())


def _fits(form: str, path: str) -> bool:
    parts = re.split(r"\{\w+\}", form)
    # a name that is uploaded may hold slashes
    any_name = ".*" if form == "/api/uploads/{filename}" else "[^/]+"
    return re.fullmatch(any_name.join(map(re.escape, parts)), path, re.DOTALL) is not None


def _check(name: str, value: Any) -> None:
    schema = {"$ref": f"#/components/schemas/{name}"} | description()
    jsonschema.Draft202012Validator(schema).validate(value)


class Client(TestClient):
    """A browser or program that asks a site."""

    def __init__(self, site: Site, **gate: Any):
        app = make_app(site, PORT, **gate)
        super().__init__(
            app, base_url=ADDRESS, follow_redirects=False, raise_server_exceptions=False
        )
        self.site = site

    def request(self, method, url, **options):
        answer = super().request(method, url, **options)
        if answer.status_code != 204:
            check_described(method.lower(), answer.request.url.path, answer)
        return answer

    def posted(self, kind: str = "ask", film: str = FILM, **fields: Any) -> dict:
        """A job that was taken."""
        if kind == "ask":
            fields = {"question": "Is it red?"} | fields
        answer = self.post("/api/jobs", json={"kind": kind, "film": film} | fields)
        assert answer.status_code == 202, answer.text
        return answer.json()

    def refused(self, **body: Any) -> tuple[int, str]:
        """Status and reason of a job that is not taken."""
        answer = self.post("/api/jobs", json=body)
        assert answer.status_code >= 400, answer.text
        return answer.status_code, answer.json()["error"]

    def job(self, name: str) -> dict:
        return self.get(f"/api/jobs/{name}").json()

    def ended(self, job: dict) -> dict:
        """A job when it has ended."""
        until(lambda: self.job(job["id"])["state"] in ENDED)
        return self.job(job["id"])

    def done(self, kind: str = "ask", film: str = FILM, **fields: Any) -> dict:
        """A job that went well."""
        job = self.ended(self.posted(kind, film, **fields))
        assert job["state"] == "done", job
        return job


def until(condition: Callable[[], object]) -> None:
    """Waits for something that takes a moment."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < PATIENCE
        time.sleep(0.005)


@contextlib.contextmanager
def opened(
    folder: Path, state: Path, index: Path, answerer: Answerer | None = None, **options: Any
) -> Iterator[Site]:
    """A site about the films of a folder, with a model that knows three colours."""
    settings = {"max_upload_bytes": LARGEST_UPLOAD, "make_preview": write_preview} | options
    site = open_site(
        [folder], state, Parts(answerer or ColourAnswerer()), index=FeatureIndex(index), **settings
    )
    try:
        yield site
    finally:
        site.close()


@contextlib.contextmanager
def gated(folder: Path, state: Path, index: Path, **options: Any) -> Iterator[tuple[Client, Any]]:
    """A site whose model stops before the frames that follow the first batch of a long film."""
    answerer = GatedAnswerer()
    with opened(folder, state, index, answerer, **options) as site:
        try:
            yield Client(site), answerer.encoder
        finally:
            answerer.encoder.open()


class Page:
    """A server in a process of its own, and what it has said."""

    def __init__(self, process: subprocess.Popen):
        self.process = process
        self.greeting = process.stderr.readline()
        found = re.fullmatch(r"open (http://\S+) in a browser; Ctrl-C stops the server\n",
                             self.greeting)  # fmt: skip
        assert found, self.greeting + process.stderr.read()
        self.address = found[1].partition("?")[0].removesuffix("/")
        self.token = found[1].partition("token=")[2]
        self.port = int(self.address.rpartition(":")[2])
        self.local = f"http://127.0.0.1:{self.port}"

    def get(self, path: str, **options: Any) -> httpx2.Response:
        return httpx2.get(self.local + path, timeout=PATIENCE, **options)

    def post(self, **body: Any) -> dict:
        answer = httpx2.post(f"{self.local}/api/jobs", json=body, timeout=PATIENCE)
        assert answer.status_code == 202, answer.text
        return answer.json()

    def job(self, name: str) -> dict:
        return self.get(f"/api/jobs/{name}").json()

    def wait(self, job: dict, condition: Callable[[dict], object]) -> dict:
        """A job as soon as it is so."""
        wait_for(lambda: condition(self.job(job["id"])), self.process)
        return self.job(job["id"])

    def done(self, **body: Any) -> dict:
        job = self.wait(self.post(**body), lambda one: one["state"] in ENDED)
        assert job["state"] == "done", job
        return job

    def stopped(self, number: int = signal.SIGTERM) -> str:
        """Sends a signal; what it says until it ends."""
        self.process.send_signal(number)
        _, errors = finish(self.process)
        return errors


def command(*arguments: Any) -> list[str]:
    """Serves the page by the model of the three colours."""
    return python(SERVER, "serve", "--model", "colours", *arguments)


@contextlib.contextmanager
def running(folder: Path, state: Path, *arguments: Any, **environment: str) -> Iterator[Page]:
    """A server of a folder of films, on a free port."""
    line = command("--root", folder, "--state", state, "--port", 0, *arguments)
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    with started(line, env=os.environ | environment, **streams) as process:
        yield Page(process)


class Stream:
    """Server-sent events of a page, read in a thread."""

    def __init__(self, address: str, **options: Any):
        self.jobs: list[dict] = []
        self.is_over, self.connected = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._read, args=(address, options), daemon=True)
        self._thread.start()
        assert self.connected.wait(PATIENCE)

    def _read(self, address: str, options: dict) -> None:
        url = f"{address}/api/events"
        with (
            contextlib.suppress(httpx2.TransportError),
            httpx2.stream("GET", url, timeout=PATIENCE, **options) as answer,
        ):
            for line in answer.iter_lines():
                self.connected.set()
                if line.startswith("data: "):
                    self.jobs.append(json.loads(line.removeprefix("data: ")))
        self.is_over.set()

    def states(self, name: str) -> list[str]:
        """Of one job, without repeats."""
        told = [job["state"] for job in self.jobs if job["id"] == name]
        return [one for place, one in enumerate(told) if not place or told[place - 1] != one]
