"""Answers in JSON, and how requests are refused."""

import json
import math
from typing import Any

from starlette.responses import Response

from ntlbg.errors import NtlbgError, OutputError, VideoNotFound
from ntlbg.serve.replies import error_text

TOO_MANY = 429
NO_ROOM = 507
HUNG_UP = 499  # nobody reads it


class Json(Response):
    """In ASCII: names of files need not be UTF-8, and their odd bytes become escapes."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


def finite(value: Any) -> Any:
    """The same plain value, with None for numbers that JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(one) for key, one in value.items()}
    return [finite(one) for one in value] if isinstance(value, list | tuple) else value


class Refused(NtlbgError):
    """A request that is answered with an error.

    Attributes:
        status: of HTTP.
    """

    def __init__(self, status: int, text: str):
        super().__init__(text)
        self.status = status


def refusal(error: NtlbgError | OSError) -> Json:
    """What a client is told of an error that somebody can cause."""
    return Json({"error": error_text(error) or "no reason is known"}, status_of(error))


def status_of(error: NtlbgError | OSError) -> int:
    """Of HTTP."""
    if isinstance(error, Refused):
        return error.status
    if isinstance(error, VideoNotFound):
        return 404
    return NO_ROOM if isinstance(error, OutputError | OSError) else 400
