"""Answers about jobs: asking for one, hearing of it while it runs, what came of earlier ones."""

import asyncio
import io
import json
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from ntlbg.serve.web.asked import Asked, read_asked
from ntlbg.serve.web.jobs import Job, new_job
from ntlbg.serve.web.replies import Json, Refused
from ntlbg.serve.web.site import Site
from ntlbg.text_files import parse_json

# Questions and options have a few hundred bytes. Set by hand.
MOST_BODY_BYTES = 2**20
# Proxies and browsers give up on what is silent for half a minute. Set by hand.
COMMENT_SECONDS = 15.0
# Between two states of one job: as fast as anybody reads. Set by hand.
PAUSE_SECONDS = 0.1
ZIP = "clips.zip"


class JobCalls:
    """Of one site."""

    def __init__(self, site: Site):
        self._site = site

    def routes(self) -> list[Route]:
        """Of all that is answered here."""
        return [
            Route("/api/jobs", self.post, methods=["POST"]),
            Route("/api/jobs/{id}", self.cancel, methods=["DELETE"]),
            Route("/api/jobs/{id}", self.job),
            Route("/api/events", self.events),
            Route("/api/history", self.history),
            Route("/api/history/{id}", self.forget, methods=["DELETE"]),
            Route("/api/history/{id}/card", self.card),
            Route("/api/history/{id}/clips/{file}", self.clip),
        ]

    async def post(self, request: Request) -> Response:
        """Ask for a job."""
        asked = read_asked(await _body(request))
        job = await run_in_threadpool(self._posted, asked)
        return Json(job.to_dict(), 202)

    def _posted(self, asked: Asked) -> Job:
        film = self._site.work.check(asked)
        request = asked.model_dump(mode="json", exclude_none=True)
        return self._site.jobs.post(new_job(asked.kind, film.id, film.name, request))

    async def cancel(self, request: Request) -> Response:
        """Stop one that waits or runs."""
        name = request.path_params["id"]
        job = await run_in_threadpool(self._site.jobs.cancel, name)
        if job is None:
            job = self._known(name)
            raise Refused(409, f"the job has ended, it is {job.state}; there is nothing to cancel")
        return Json(job.to_dict(), 202)

    async def job(self, request: Request) -> Response:
        """As it is now."""
        return Json(self._known(request.path_params["id"]).to_dict())

    def _known(self, name: str) -> Job:
        job = self._site.jobs.get(name)
        if job is None:
            raise Refused(404, f"no job {name!r:.60}; /api/history lists them")
        return job

    async def events(self, request: Request) -> Response:
        """A stream of all jobs as they change."""
        return StreamingResponse(_events(self._site), media_type="text/event-stream")

    async def history(self, request: Request) -> Response:
        """All jobs that are kept."""
        film = request.query_params.get("film")
        active = {job.id: job for job in self._site.jobs.active()}
        jobs = [active.get(job.id, job) for job in self._site.records.all(film)]
        return Json({"records": [job.to_dict() for job in jobs], "notes": self._site.records.notes})

    async def forget(self, request: Request) -> Response:
        """One job, and what is kept of it."""
        job = self._known(request.path_params["id"])
        if not job.has_ended:
            raise Refused(409, f"the job is {job.state}; cancel it before")
        await run_in_threadpool(self._site.records.forget, job.id)
        return Json({"id": job.id})

    async def card(self, request: Request) -> Response:
        """An answered question as a piece of a page."""
        job = self._known(request.path_params["id"])
        path = self._site.work.card_of(job)
        if job.kind != "ask" or job.state != "done" or not path.is_file():
            raise Refused(404, "no answered question has this id; /api/history lists them")
        return HTMLResponse(await run_in_threadpool(path.read_bytes))

    async def clip(self, request: Request) -> Response:
        """What a job has cut, one file or all of them."""
        job, name = self._known(request.path_params["id"]), request.path_params["file"]
        files = (job.result or {}).get("files", []) if job.kind == "clips" else []
        folder = self._site.work.clips_of(job)
        if name == ZIP and files:
            content = await run_in_threadpool(_zipped, folder, files)
            return Response(content, media_type="application/zip", headers=_saved_as(ZIP))
        if name not in files:
            raise Refused(404, f"no clip {name!r:.60}; the job's result lists them, and {ZIP}")
        return FileResponse(folder / name, filename=name)


async def _body(request: Request) -> Any:
    """JSON.

    Raises:
        Refused: it is something else, or too large.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused(415, f"content-type is {kind[:60]!r}; give application/json")
    content = b""
    async for chunk in request.stream():
        content += chunk
        if len(content) > MOST_BODY_BYTES:
            raise Refused(413, f"the body has more than {MOST_BODY_BYTES} bytes; ask less")
    try:
        return parse_json(content.decode("utf-8"), "the body")
    except UnicodeDecodeError as error:
        raise Refused(400, "the body is not UTF-8; give JSON in UTF-8") from error


def _zipped(folder: Path, files: list[str]) -> bytes:
    """Films are packed already."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        for name in files:
            archive.write(folder / name, name)
    return content.getvalue()


def _saved_as(name: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="{name}"'}


class _Changes:
    """What was told of jobs since it was last asked for: of each the latest state alone."""

    def __init__(self) -> None:
        self._loop, self._event = asyncio.get_running_loop(), asyncio.Event()
        self._jobs: dict[str, Job] = {}
        self.is_over = False

    def put(self, job: Job | None) -> None:
        """In any thread; None: nothing more will come."""
        self._loop.call_soon_threadsafe(self._put, job)

    def _put(self, job: Job | None) -> None:
        if job is None:
            self.is_over = True
        else:
            self._jobs[job.id] = job
        self._event.set()

    async def take(self) -> list[Job]:
        """Those that changed, perhaps none; waits a while."""
        try:
            await asyncio.wait_for(self._event.wait(), COMMENT_SECONDS)
        except TimeoutError:
            return []
        self._event.clear()
        jobs, self._jobs = list(self._jobs.values()), {}
        return jobs


async def _events(site: Site) -> AsyncIterator[str]:
    changes = _Changes()
    with site.jobs.listening(changes.put) as active:
        yield ": connected\n\n"
        for job in active:
            yield _event(job)
        while not changes.is_over:
            jobs = await changes.take()
            for job in jobs:
                yield _event(job)
            if not jobs and not changes.is_over:
                yield ": still here\n\n"
            await asyncio.sleep(0 if changes.is_over else PAUSE_SECONDS)


def _event(job: Job) -> str:
    return f"event: job\ndata: {json.dumps(job.to_dict())}\n\n"
