"""Answers about films: which there are, facts, the files themselves, and pictures of them."""

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from ntlbg.index.index_video import is_indexed
from ntlbg.serve.web import media
from ntlbg.serve.web.replies import Json, Refused
from ntlbg.serve.web.shelf import Film
from ntlbg.serve.web.site import Site

# Pictures of a film and the film itself change when the file does, and the browser asks again.
AGAIN = {"cache-control": "no-cache"}


class FilmCalls:
    """Of one site."""

    def __init__(self, site: Site):
        self._site = site

    def routes(self) -> list[Route]:
        """Of all that is answered here."""
        return [
            Route("/api/films", self.films),
            Route("/api/films/{id}", self.film),
            Route("/media/{id}", self.media),
            Route("/preview/{id}", self.preview),
            Route("/strip/{id}", self.strip),
        ]

    async def films(self, request: Request) -> Response:
        """The list of films."""
        films, is_all = await run_in_threadpool(self._site.shelf.films)
        roots = [str(folder) for folder in self._site.shelf.roots.folders]
        return Json({"films": [film.to_dict() for film in films], "is_all": is_all, "roots": roots})

    async def film(self, request: Request) -> Response:
        """Facts about one; a preview is made where browsers do not play it, or on request."""
        wanted = request.query_params.get("preview") == "1"
        return Json(await run_in_threadpool(self._facts, request.path_params["id"], wanted))

    def _facts(self, name: str, wants_preview: bool) -> dict[str, Any]:
        film = self._site.shelf.find(name)
        about = media.facts(film.path)
        _, heard = self._site.films.heard(film.path)
        wanted = not about.is_still and (wants_preview or not about.plays)
        preview = self._site.previews.state(film.path, wanted=wanted)
        notes = [*heard.notes, *([f"no preview: {preview.error}"] if preview.error else [])]
        return film.to_dict() | {
            "duration_seconds": about.info.duration_seconds,
            "width": about.info.width,
            "height": about.info.height,
            "codec": about.info.codec,
            "is_still": about.is_still,
            "plays": about.plays,
            "indexed": self._is_indexed(film),
            "preview": preview.state,
            "preview_share": preview.share,
            "first_picture_seconds": about.first_picture_seconds,
            "words": {"passages": len(heard.passages), "streams": list(heard.streams)},
            "notes": notes,
        }

    def _is_indexed(self, film: Film) -> bool | None:
        """Whether the model that is loaded has read it; None: none is loaded yet."""
        parts = self._site.models.current
        if not parts.is_loaded:
            return None
        system = parts.system
        return is_indexed(
            film.path, system.encoders, index=self._site.films.index, fps=system.habits.fps,
            max_frames=system.habits.max_frames,
        )  # fmt: skip

    async def media(self, request: Request) -> Response:
        """The file."""
        film = await run_in_threadpool(self._checked, request.path_params["id"])
        return FileResponse(film.path, media_type=media.media_type(film.path), headers=AGAIN)

    async def preview(self, request: Request) -> Response:
        """Its preview."""
        film = await run_in_threadpool(self._checked, request.path_params["id"])
        file = await run_in_threadpool(self._site.previews.file, film.path)
        if file is None:
            raise Refused(404, "no preview is ready; /api/films/{id} says how far it is")
        return FileResponse(file, media_type="video/mp4", headers=AGAIN)

    async def strip(self, request: Request) -> Response:
        """Pictures of it in a row."""
        film = await run_in_threadpool(self._checked, request.path_params["id"])
        row = await run_in_threadpool(media.strip, film.path)
        return Response(row, media_type="image/jpeg", headers=AGAIN)

    def _checked(self, name: str) -> Film:
        film = self._site.shelf.find(name)
        media.check_film(film.path)
        return film
