"""Who is let in: programs of this machine, or whoever knows the token; never pages of others."""

import secrets
from dataclasses import dataclass
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ntlbg.errors import ConfigError
from ntlbg.serve.web.replies import Json

# Whoever guesses a thousand times a second needs longer than the machine lasts. Set by hand.
SHORTEST_TOKEN = 16
_TOKEN_SIGNS = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"
)  # that need no escapes, neither in addresses nor in cookies
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
# Nothing of an answer but the page itself may do anything in a browser.
ON_ALL = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}
STRICTEST = "default-src 'none'; frame-ancestors 'none'"
# As Fetch Metadata calls it: the page itself, or an address that somebody typed.
OWN_SITES = ("same-origin", "none")


def new_token() -> str:
    """That nobody guesses."""
    return secrets.token_urlsafe(24)


def check_token(token: str) -> str:
    """The same.

    Raises:
        ConfigError: too short, or signs that addresses have no room for.
    """
    if len(token) < SHORTEST_TOKEN or not _TOKEN_SIGNS.issuperset(token):
        raise ConfigError(
            f"--token has {len(token)} signs; give {SHORTEST_TOKEN} or more of letters, digits and "
            "- _ . ~, or leave it out, and one is made"
        )
    return token


@dataclass(frozen=True)
class Gate:
    """Around an ASGI application.

    Attributes:
        port: of the server.
        token: that has to be shown; None: whoever reaches the port is let in.
        any_host: whether it has other names than those of this machine for itself.
    """

    app: ASGIApp
    port: int
    token: str | None = None
    any_host: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        answer = self._stopped(scope) or self.app
        await answer(scope, receive, _with_headers(send))

    def _stopped(self, scope: Scope) -> Response | None:
        """What is said instead of an answer; None for who is let in."""
        headers, path = Headers(scope=scope), scope["path"]
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self._is_ours(host):
            return _error(421, f"host {host[:80]!r} is not served here; open the printed address")
        if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
            return _error(403, f"origin {origin[:80]!r}: pages of other sites are refused")
        site = headers.get("sec-fetch-site")
        if site is not None and site not in OWN_SITES and not _is_page(scope):
            return _error(403, "requests of other sites are refused; open the printed address")
        return None if self.token is None else self._asked_for_token(scope, headers, path)

    def _is_ours(self, host: str) -> bool:
        if self.any_host:
            return bool(host)
        return host in {f"{name}:{self.port}" for name in LOOPBACK_NAMES} or (
            self.port == 80 and host in LOOPBACK_NAMES
        )

    def _asked_for_token(self, scope: Scope, headers: Headers, path: str) -> Response | None:
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if path == "/" and given and self._is_right(given):
            return self._admitted()
        kind, _, shown = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self._is_right(shown.strip()):
            return None
        if any(self._is_right(value) for value in _cookies(headers, self._cookie)):
            return None
        said = (
            "a token is needed: open the address that `ntlbg serve` printed, or send it as "
            "Authorization: Bearer TOKEN"
        )
        return PlainTextResponse(said, 401) if _is_page(scope) else _error(401, said)

    def _admitted(self) -> Response:
        answer = RedirectResponse("/", 303)
        assert self.token is not None
        answer.set_cookie(self._cookie, self.token, httponly=True, samesite="strict")
        return answer

    @property
    def _cookie(self) -> str:
        """Cookies are those of a machine, whatever the port."""
        return f"ntlbg-{self.port}"

    def _is_right(self, given: str) -> bool:
        assert self.token is not None
        return secrets.compare_digest(given.encode(errors="replace"), self.token.encode())


def _cookies(headers: Headers, name: str) -> list[str]:
    parts = (part.strip().partition("=") for part in headers.get("cookie", "").split(";"))
    return [value for key, _, value in parts if key == name]


def _is_page(scope: Scope) -> bool:
    return scope["path"] == "/" and scope["method"] in ("GET", "HEAD")


def _error(status: int, text: str) -> Response:
    return Json({"error": text}, status)


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in ON_ALL.items():
                headers[name] = value
            headers.setdefault("content-security-policy", STRICTEST)
            headers.setdefault("cache-control", "no-store")
        await send(message)

    return sent
