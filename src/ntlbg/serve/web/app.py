"""The page and its API as one application; START HERE to see what is answered where."""

from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from ntlbg.encoders import ENCODERS
from ntlbg.errors import NtlbgError
from ntlbg.serve.web.film_calls import FilmCalls
from ntlbg.serve.web.gate import Gate
from ntlbg.serve.web.job_calls import JobCalls
from ntlbg.serve.web.openapi import description
from ntlbg.serve.web.replies import HUNG_UP, Json, Refused, refusal
from ntlbg.serve.web.site import Site
from ntlbg.serve.web.upload_calls import UploadCalls
from ntlbg.serve.web.uploads import MOST_UPLOADS
from ntlbg.views.card import card_style

HERE = Path(__file__).parent
PAGE_POLICY = (
    "default-src 'self'; img-src 'self' data:; media-src 'self' blob:; style-src 'self' "
    "'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
KINDS = {".js": "text/javascript", ".css": "text/css"}
PAGE_PARTS = {
    path.name: KINDS[path.suffix]
    for path in sorted((HERE / "static").iterdir())
    if path.suffix in KINDS
}


def make_app(site: Site, port: int, *, token: str | None = None, any_host: bool = False) -> Gate:
    """All of it, with who is let in.

    Args:
        port: of the server.
        token: that has to be shown; None: whoever reaches the port is let in.
        any_host: whether it has other names than those of this machine for itself.
    """
    page = PageCalls(site)
    routes = [
        *page.routes(),
        *FilmCalls(site).routes(),
        *JobCalls(site).routes(),
        *UploadCalls(site).routes(),
    ]
    app = Starlette(routes=routes, exception_handlers=HANDLERS)
    return Gate(app, port, token, any_host)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, NtlbgError | OSError)
    return refusal(error)


async def _gone(request: Request, error: Exception) -> Response:
    """Whoever asked hung up, and hears nothing."""
    return Response(status_code=HUNG_UP)


async def _failed(request: Request, error: Exception) -> Response:
    """A bug, which is told where the server was started."""
    return Json({"error": "the server failed; what happened is where it was started"}, 500)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    text = f"{request.method} {request.url.path[:200]}: {error.detail}; /openapi.json lists all"
    return Json({"error": text}, error.status_code)


HANDLERS: dict[Any, Any] = {
    NtlbgError: _refused,
    OSError: _refused,
    HTTPException: _http_error,
    ClientDisconnect: _gone,
    500: _failed,
}


class PageCalls:
    """The page, its parts, and what it starts with."""

    def __init__(self, site: Site):
        self._site = site

    def routes(self) -> list[Route]:
        """Of all that is answered here."""
        return [
            Route("/", self.page),
            Route("/static/{name}", self.part),
            Route("/openapi.json", self.openapi),
            Route("/api/settings", self.settings),
        ]

    async def page(self, request: Request) -> Response:
        """The page itself."""
        content = (HERE / "templates" / "page.html").read_text("utf-8")
        return HTMLResponse(content, headers={"content-security-policy": PAGE_POLICY})

    async def part(self, request: Request) -> Response:
        """Its script and its style."""
        name = request.path_params["name"]
        if name not in PAGE_PARTS:
            raise Refused(404, f"no part {name!r:.60} of the page; {', '.join(PAGE_PARTS)}")
        content = (HERE / "static" / name).read_text("utf-8")
        before = card_style() if name == "app.css" else ""  # cards look as they do in reports
        return Response(before + content, media_type=PAGE_PARTS[name])

    async def openapi(self, request: Request) -> Response:
        """A description of everything here."""
        return Json(description())

    async def settings(self, request: Request) -> Response:
        """What may be chosen, and limits."""
        models = self._site.models
        return Json({
            "model": models.model,
            "encoder": models.encoder,
            "models": models.names,
            "encoders": list(ENCODERS),
            "any_model": models.any_name,
            "max_upload_bytes": self._site.uploads.most_bytes,
            "max_uploads": MOST_UPLOADS,
            "defaults": {"num_frames": None, "max_visual_tokens": None, "listen": False,
                         "read_screen": False},
        })  # fmt: skip
