"""A program's side: a server on the loopback address, and OpenAI's own client of it."""

import base64
import io
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openai
import uvicorn
from agents import films
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from fakes import ColourAnswerer
from ntlbg.serve.completions.routes import completion_routes
from ntlbg.serve.films import Films
from ntlbg.serve.turns import OneByOne, Turns

RED = "Is it red?"
CHAT, JSON = "/v1/chat/completions", {"content-type": "application/json"}


def application(asked: Films, turns: Turns) -> Starlette:
    """With nothing else in it."""
    return Starlette(routes=completion_routes(asked, turns))


@contextmanager
def serving(asked: Films, turns: Turns | None = None) -> Iterator[str]:
    """Its address, as clients are given it; ``turns`` are the caller's to close."""
    own = OneByOne()
    config = uvicorn.Config(application(asked, turns or own), log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        finally:
            server.should_exit = True
            thread.join()
            own.close()


@contextmanager
def client(
    folder: Path, index: Path, answerer: ColourAnswerer | None = None, turns: Turns | None = None
) -> Iterator[openai.OpenAI]:
    """Of a server of the films in a folder."""
    with serving(films(folder, index, answerer), turns) as address, connected(address) as asking:
        yield asking


def connected(address: str) -> openai.OpenAI:
    """Which asks once, so that errors are seen."""
    return openai.OpenAI(base_url=address, api_key="any", max_retries=0)


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def film(url: str = "film.mp4") -> dict[str, Any]:
    return {"type": "video_url", "video_url": {"url": url}}


def picture(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def user(*parts: Any) -> dict[str, Any]:
    """A message."""
    return {"role": "user", "content": list(parts)}


def said(words: str) -> dict[str, Any]:
    """A message of the model."""
    return {"role": "assistant", "content": words}


def question(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A request: as given, or about the film."""
    asked = list(messages) or [user(film(), text(RED))]
    return {"model": "ntlbg", "messages": asked, **more}


def refusal(calling: TestClient, body: Any, status: int = 400) -> dict[str, Any]:
    """What is told of a body, JSON or bytes, that is refused."""
    given = {"content": body} if isinstance(body, bytes) else {"json": body}
    answered = calling.post(CHAT, headers=JSON, **given)
    assert answered.status_code == status, answered.text[:500]
    error = answered.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    assert error["message"]
    assert "\n" not in error["message"]
    return error


def png(width: int = 8, height: int = 8, colour: Any = "red") -> bytes:
    """A picture's file."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(file, "PNG")
    return file.getvalue()


def data_url(content: bytes, kind: str = "image/png") -> str:
    """As pictures are sent."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
