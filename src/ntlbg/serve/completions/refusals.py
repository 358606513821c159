"""What is not done, as OpenAI's clients expect to be told: a status, and words in an object."""

import json
import logging
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from ntlbg.errors import (
    EndpointError,
    MissingPackage,
    NotReadyError,
    NtlbgError,
    OutputError,
    VideoNotFound,
    WeightsError,
)
from ntlbg.serve.replies import error_text
from ntlbg.serve.turns import Busy

# Errors that no other request would mend, with the status that says so; all others are the
# request's own.
OF_THE_SERVER: dict[type[NtlbgError], int] = {
    EndpointError: 502,  # the model's own server failed
    WeightsError: 500,
    MissingPackage: 500,
    NotReadyError: 500,
    OutputError: 500,
}
# By status, as OpenAI names them.
KINDS = {429: "rate_limit_error"}
_LOG = logging.getLogger(__name__)


class Refused(Exception):
    """A request that is not done.

    Args:
        message: what was given, what is accepted, what to do.
        status: of HTTP.
        param: the field of the request.
        code: for programs.
    """

    def __init__(
        self,
        message: str,
        status: int = 400,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ):
        super().__init__(message)
        self.status, self.param, self.code = status, param, code
        self.headers = dict(headers or {})

    @property
    def content(self) -> dict[str, Any]:
        """The object."""
        usual = "server_error" if self.status >= 500 else "invalid_request_error"
        told = {"message": error_text(self), "type": KINDS.get(self.status, usual)}
        return {"error": {**told, "param": self.param, "code": self.code}}

    def response(self) -> Response:
        """For who has been told nothing so far."""
        # clients try again after a failure of ours, which would read the film once more
        again = {} if self.status < 500 else {"x-should-retry": "false"}
        return json_response(self.content, self.status, {**again, **self.headers})


def refusal_of(error: BaseException) -> Refused:
    """How an error is told; what nobody foresaw is written into the log, and not told."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, Busy):
        headers = {"retry-after": str(error.retry_after_seconds)}
        return Refused(str(error), 429, code="rate_limit_exceeded", headers=headers)
    if isinstance(error, VideoNotFound):
        return Refused(str(error), 404, code="video_not_found")
    if isinstance(error, NtlbgError):
        status = next(
            (OF_THE_SERVER[kind] for kind in OF_THE_SERVER if isinstance(error, kind)), 400
        )
        return Refused(str(error), status)
    if isinstance(error, OSError | MemoryError):
        return Refused(str(error) or "not enough memory", 500)
    _LOG.error("a question could not be answered", exc_info=error)
    return Refused("the server failed at this; its log says why", 500, code="internal_error")


def json_response(
    content: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """An answer in JSON."""
    return Response(as_json(content), status, headers, "application/json")


def as_json(content: Any) -> bytes:
    """In ASCII, since names of files may hold halves of characters."""
    return json.dumps(content, allow_nan=False).encode("ascii")
