"""Answers about films that come through the page."""

from collections.abc import AsyncIterator
from contextlib import suppress

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from ntlbg.serve.web.replies import HUNG_UP, Json, Refused
from ntlbg.serve.web.shelf import id_of
from ntlbg.serve.web.site import Site

# Of what is refused so much is read, so that the client hears why; of more the connection ends.
DRAINED_BYTES = 16 * 2**20
DRAIN_SECONDS = 5


class UploadCalls:
    """Of one site."""

    def __init__(self, site: Site):
        self._site = site

    def routes(self) -> list[Route]:
        """Of all that is answered here."""
        return [
            Route("/api/uploads/{filename:path}", self.put, methods=["PUT"]),
            Route("/api/uploads/{id}", self.delete, methods=["DELETE"]),
        ]

    async def put(self, request: Request) -> Response:
        """Take a film."""
        stream = request.stream()
        try:
            path = await self._site.uploads.take(
                request.path_params["filename"], _declared(request), stream
            )
        except Refused:
            await _drain(stream)
            raise
        if path is None:
            return Response(status_code=HUNG_UP)
        name = str(self._site.shelf.uploads / path.name)
        return Json({"id": id_of(name), "name": path.name}, 201)

    async def delete(self, request: Request) -> Response:
        """Remove one that was uploaded."""
        film = await run_in_threadpool(self._site.shelf.find, request.path_params["id"])
        if not film.uploaded:
            raise Refused(
                404, f"{film.name[:80]!r} was not uploaded here; only such can be deleted"
            )
        if any(job.film == film.id for job in self._site.jobs.active()):
            raise Refused(409, "a job about this film waits or runs; cancel it before")
        await run_in_threadpool(self._site.uploads.remove, film.path)
        return Json({"id": film.id})


def _declared(request: Request) -> int | None:
    length = request.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() else None


async def _drain(stream: AsyncIterator[bytes]) -> None:
    """As much as is read of what is refused, and no longer than a client takes to send it."""
    left = DRAINED_BYTES
    with suppress(ClientDisconnect), anyio.move_on_after(DRAIN_SECONDS):
        async for chunk in stream:
            left -= len(chunk)
            if left < 0:
                return
