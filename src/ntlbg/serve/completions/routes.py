"""What can be called: ``POST /v1/chat/completions``, ``GET /v1/models`` and one of the models."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp

from ntlbg.errors import NtlbgError
from ntlbg.serve.completions.asked import Asked, asked_of
from ntlbg.serve.completions.body import MOST_BYTES, read_body
from ntlbg.serve.completions.job import Job
from ntlbg.serve.completions.objects import Completion
from ntlbg.serve.completions.refusals import Refused, json_response, refusal_of
from ntlbg.serve.completions.sending import Sending
from ntlbg.serve.completions.work import answer
from ntlbg.serve.films import Films
from ntlbg.serve.parts import Parts
from ntlbg.serve.steps import Tell
from ntlbg.serve.turns import Turns
from ntlbg.types import Answer
from ntlbg.visible import shortened

PREFIX = "/v1"
# Whatever the model is, so that settings of programs need not change with it.
ANY_MODEL = "ntlbg"
# Read without being kept, so that a client that sends too much has sent it before it is told so.
MOST_SKIPPED_BYTES = 4 * MOST_BYTES


def completion_routes(
    films: Films, turns: Turns, parts: Callable[[], Parts] | None = None
) -> list[BaseRoute]:
    """For a Starlette application, which sees to who is let in.

    Args:
        films: what is asked about, and the model; it is loaded with the first question.
        turns: does one question at a time.
        parts: called at each turn for the model of ``films``, where others may have taken its
            place meanwhile.
    """
    face = _Face(films, turns, parts or (lambda: films.parts))
    routes = [
        Route("/chat/completions", face.complete, methods=["POST"]),
        Route("/models", face.models),
        Route("/models/{name:path}", face.model),
    ]
    handlers = {
        Refused: _refuse, NtlbgError: _refuse, HTTPException: _refuse_call, Exception: _refuse,
        ClientDisconnect: _say_nothing,
    }  # fmt: skip
    return [Mount(PREFIX, app=Starlette(routes=routes, exception_handlers=handlers))]


class _Answering:
    """Answers a question when it is its turn.

    Attributes:
        unit: of the scores; known when there is an answer.
    """

    unit: str

    def __init__(self, films: Films, parts: Callable[[], Parts], asked: Asked):
        self._films, self._parts, self._asked = films, parts, asked

    def __call__(self, tell: Tell, on_text: Callable[[str], None]) -> Answer:
        films = replace(self._films, parts=self._parts())
        found = answer(films, self._asked, tell, on_text)
        self.unit = films.parts.system.retriever.unit
        return found


class _Face:
    def __init__(self, films: Films, turns: Turns, parts: Callable[[], Parts]):
        self._films, self._turns, self._parts = films, turns, parts
        self._since = int(time.time())
        self._names = dict.fromkeys((ANY_MODEL, _model_name(films)))

    async def complete(self, request: Request) -> ASGIApp:
        asked = await run_sync(self._read, await _content(request))
        answering = _Answering(self._films, self._parts, asked)
        completion = Completion(asked.model, asked.with_usage, lambda: answering.unit)
        return Sending(partial(Job, self._turns, answering), completion, asked.is_stream)

    def _read(self, content: bytes) -> Asked:
        body = read_body(content)
        self._check_model(body.model)
        return asked_of(body, self._films.roots)

    def _check_model(self, name: str) -> None:
        if name not in self._names:
            raise Refused(
                f"no model {shortened(repr(name))} here; there are: {', '.join(self._names)}", 404,
                param="model", code="model_not_found",
            )  # fmt: skip

    async def models(self, request: Request) -> Response:
        return json_response({"object": "list", "data": [*map(self._about, self._names)]})

    async def model(self, request: Request) -> Response:
        name = request.path_params["name"]
        self._check_model(name)
        return json_response(self._about(name))

    def _about(self, name: str) -> dict:
        return {"id": name, "object": "model", "created": self._since, "owned_by": "ntlbg"}


def _model_name(films: Films) -> str:
    """As it was named, but not where it is; it need not be loaded for it."""
    model = films.parts.model
    if not isinstance(model, str):
        return model.name
    return Path(model).resolve().name if Path(model).exists() else model


async def _content(request: Request) -> bytes:
    """The body; too much of it is not kept.

    Raises:
        Refused: it is too large, or says that it is no JSON.
    """
    kind = request.headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() != "application/json":
        raise Refused(f"content-type is {kind!r:.100}; send application/json", 415)
    kept, size = bytearray(), 0
    async for piece in request.stream():
        size += len(piece)
        if size <= MOST_BYTES:
            kept += piece
        elif size > MOST_SKIPPED_BYTES:
            break
    if size > MOST_BYTES:
        raise Refused(
            f"the request is larger than {MOST_BYTES // 2**20} MiB; send smaller pictures, or "
            "leave earlier ones out",
            413,
        )
    return bytes(kept)


async def _refuse(request: Request, error: Exception) -> Response:
    return refusal_of(error).response()


async def _refuse_call(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    calls = "POST /v1/chat/completions, GET /v1/models"
    message = f"{request.method} {shortened(request.url.path)}: {error.detail}; there are: {calls}"
    return Refused(message, error.status_code, headers=error.headers).response()


async def _say_nothing(request: Request, error: Exception) -> Response:
    """Who has hung up reads nothing."""
    return Response(status_code=400)
