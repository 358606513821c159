"""What a server says when it refuses, in one line; servers say it in four shapes."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ntlbg.errors import EndpointError

# Set by hand: two or three sentences of a server's own words are enough.
LONGEST_QUOTE = 300
# Names of a server's models in a message; those that serve hundreds are asked for the rest.
SHOWN_MODELS = 8
# Request timeout, conflict and too many requests, as the clients of OpenAI try again; also all
# from 500 on.
TRIED_AGAIN = (408, 409, 429)
# What an error is that came without a status of its own: asking again would not help.
BAD_REQUEST = 400
# Of llama.cpp and of OpenAI.
_OVERFLOWS = ("exceed_context_size_error", "context_length_exceeded")
# As vLLM, SGLang and OpenAI say it.
_OVERFLOW_TEXT = re.compile(
    r"maximum (?:context|model|sequence) length|context (?:size|length|window)", re.IGNORECASE
)
# As OpenAI, vLLM and Ollama say it, and ``transformers serve``.
_UNKNOWN_MODEL = re.compile(
    r"model.*(?:not found|not exist)|unknown model|pinned to", re.IGNORECASE | re.DOTALL
)
_LIMIT = re.compile(r"(?:maximum (?:context|model) length (?:is|of) |context length \()(\d+)")
_HTML = re.compile(r"\s*<(?:!doctype html|html)", re.IGNORECASE)


class ServerError(EndpointError):
    """A request that came to nothing.

    Attributes:
        again: whether the same request may succeed a little later.
        wait_seconds: what the server asks to wait before; None: it does not say.
    """

    def __init__(self, message: str, *, again: bool = False, wait_seconds: float | None = None):
        super().__init__(message)
        self.again, self.wait_seconds = again, wait_seconds


@dataclass(frozen=True)
class Said:
    """What a refusal holds.

    Attributes:
        message: the server's words.
        names: its code and type, as text; ``code`` is a number in some servers.
        parameter: name of the field that it is about, where it says so.
        prompt_tokens, context_length: of a prompt that is too long, where it says so.
    """

    message: str
    names: tuple[str, ...] = ()
    parameter: str | None = None
    prompt_tokens: int | None = None
    context_length: int | None = None

    @property
    def is_overflow(self) -> bool:
        return any(name in _OVERFLOWS for name in self.names) or bool(
            _OVERFLOW_TEXT.search(self.message)
        )

    @property
    def is_unknown_model(self) -> bool:
        return "model_not_found" in self.names or bool(_UNKNOWN_MODEL.search(self.message))

    def is_about(self, field: str) -> bool:
        """Whether a field of the request is refused."""
        quoted = re.search(rf"['\"`]{field}['\"`]", self.message)
        return self.parameter == field or quoted is not None


class Unreadable(ServerError):
    """The server sent something else than what belongs there."""


class Refusal(ServerError):
    """The server answered with an error.

    Attributes:
        status: of HTTP; of an error that came as an answer what it would be.
        said: what it holds.
    """

    def __init__(
        self,
        status: int,
        said: Said,
        message: str,
        *,
        again: bool = False,
        wait_seconds: float | None = None,
    ):
        super().__init__(message, again=again, wait_seconds=wait_seconds)
        self.status, self.said = status, said


class ContextOverflow(Refusal):
    """The prompt is longer than what the model reads."""


def read_error(text: str) -> Said:
    """Of ``{"error": {...}}``, ``{"detail": text}``, ``{"detail": [...]}`` or plain text."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return Said(_plain(text))
    if not isinstance(found, dict):
        return Said(_plain(text))
    error = found.get("error", found)
    if isinstance(error, dict):
        return _of_object(error, text)
    return Said(_plain(str(error)))


def _of_object(error: Mapping[str, Any], text: str) -> Said:
    detail = error.get("detail")
    if isinstance(detail, list):
        return _of_fields(detail)
    message = _plain(str(error.get("message") or detail or text))
    names = tuple(str(error[key]) for key in ("code", "type") if error.get(key) is not None)
    parameter = error.get("param")
    limit = _LIMIT.search(message)
    return Said(
        message,
        names,
        parameter if isinstance(parameter, str) else None,
        _number(error.get("n_prompt_tokens")),
        _number(error.get("n_ctx")) or (int(limit[1]) if limit else None),
    )


def _of_fields(detail: Sequence[Any]) -> Said:
    """As FastAPI reports fields that it does not accept."""
    fields = [item for item in detail if isinstance(item, dict)]
    places = [".".join(map(str, item.get("loc", ()))) for item in fields]
    lines = [f"{place}: {item.get('msg')}" for place, item in zip(places, fields)]
    last = places[0].rpartition(".")[2] if places else None
    return Said(_plain("; ".join(lines) or str(detail)), parameter=last)


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _plain(text: str) -> str:
    """On one line, and not too long."""
    if _HTML.match(text):
        title = re.search(r"<title>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
        return f"a web page, {' '.join(title[1].split())!r}" if title else "a web page"
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_QUOTE else line[:LONGEST_QUOTE] + "..."


def is_page(content_type: str, text: str) -> bool:
    """Whether a reply is for people, as of a proxy that wants a login."""
    return "html" in content_type.lower() or bool(_HTML.match(text))


def refusal(
    address: str,
    status: int,
    text: str,
    *,
    should_retry: str | None = None,
    wait_seconds: float | None = None,
) -> Refusal:
    """Why a server refuses, and what to do about it.

    Args:
        should_retry: "true" or "false" where the server says whether to try again.
    """
    again = should_retry == "true" or (should_retry != "false" and _may_pass(status))
    said = read_error(text)
    kind, message = _refused(address, status, said, f"status {status}")
    return kind(status, said, message, again=again, wait_seconds=wait_seconds)


def error_as_answer(address: str, text: str) -> Refusal:
    """An error that came with status 200, whole or at the end of a stream."""
    said = read_error(text)
    codes = [int(name) for name in said.names if name.isdecimal()]
    status = next((code for code in codes if code in range(400, 600)), BAD_REQUEST)
    how = f"its answer is an error (code {codes[0]})" if codes else "its answer is an error"
    kind, message = _refused(address, status, said, how)
    return kind(status, said, message, again=_may_pass(status))


def _may_pass(status: int) -> bool:
    return status in TRIED_AGAIN or status >= 500


def _refused(address: str, status: int, said: Said, how: str) -> tuple[type[Refusal], str]:
    """``how`` it was refused, as in "status 400"."""
    kind = ContextOverflow if said.is_overflow and status < 500 else Refusal
    return kind, f"{address}: {_advised(status, said, how)}"


def _advised(status: int, said: Said, how: str) -> str:
    words = f"{how}, {said.message}" if said.message else how
    if status in (401, 403):
        return f"no access ({words}); put a key of this server into OPENAI_API_KEY"
    if status == 413:
        return f"the pictures are too many bytes ({words}); give fewer frames, or smaller ones"
    if said.is_overflow and status < 500:
        return f"{_overflow(said)}; give fewer frames or --max-visual-tokens, or --shrink"
    if status == 404 and not said.is_unknown_model:
        return (
            f"nothing is served there ({words}); give the address up to its version, as in "
            "http://localhost:8000/v1"
        )
    return words


def _overflow(said: Said) -> str:
    if said.prompt_tokens is None:
        return f"the prompt is too long ({said.message})"
    return f"the prompt is {said.prompt_tokens} tokens, the model reads {said.context_length}"


def with_models(error: Refusal, model: str, known: Sequence[str]) -> Refusal:
    """The same about a model that a server does not have, with those that it names."""
    shown = ", ".join(known[:SHOWN_MODELS]) + (", ..." if len(known) > SHOWN_MODELS else "")
    there = f"it names {shown} at /models" if known else "it names none at /models"
    return Refusal(error.status, error.said, f"{error}; the model asked for is {model!r}, {there}")


def redirected(address: str, status: int, place: str) -> Unreadable:
    """Not followed: the key is for the server that was named, and for no other."""
    return Unreadable(
        f"{address}: leads to {place} (status {status}), which is not followed, as a key is for "
        "the server that was named; give the address that answers itself"
    )
