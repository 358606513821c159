"""One request to a server, tried again where that can help. Nothing is said of the key, ever."""

import email.utils
import math
import os
import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

import httpx2

from ntlbg import __version__
from ntlbg.answerers.chat.bounded import bound
from ntlbg.answerers.chat.errors import ServerError, redirected, refusal
from ntlbg.answerers.chat.keys import KEY_VARIABLE, Key
from ntlbg.errors import ConfigError

ENDPOINT_VARIABLE = "NTLBG_ENDPOINT"
# Waits between tries double up to this; the clients of OpenAI do the same.
LONGEST_BACKOFF = 8.0
# Who is told to come back later than this wants to know it, not to wait.
LONGEST_WAIT = 120.0
_LOOPBACK = ("localhost", "127.0.0.1", "::1")

T = TypeVar("T")


@dataclass(frozen=True)
class Patience:
    """How long a server is waited for.

    Attributes:
        connect_seconds: until it accepts a connection.
        answer_seconds: until more of an answer comes; None: as long as it takes.
        retries: how often a request is tried again after a failure that may pass.
        backoff_seconds: before the first of them; each further wait is twice as long.
        whole_seconds: until all of an answer has come; None: as long as it takes.
    """

    # a server that does not accept a connection by then is not there
    connect_seconds: float = 10.0
    # a long prompt on a busy server; ten minutes is what the clients of OpenAI wait
    answer_seconds: float | None = 600.0
    # 0.5 + 1 + 2 seconds: over a restart of a proxy, and not long for who waits
    retries: int = 3
    backoff_seconds: float = 0.5
    # thousands of words from a slow machine; what comes a byte at a time would never end
    whole_seconds: float | None = 3600.0


class Sender:
    """Requests to one server.

    Redirects are not followed, and no connection is used twice: after an error some servers close
    theirs without a word, which would look like a failure of the next request.

    Args:
        address: as :func:`read_address` gives it.
        key: sent as bearer token; None for none.

    Raises:
        ConfigError: a key that cannot be sent.
    """

    def __init__(self, address: str, key: str | None, patience: Patience):
        self.address, self.patience = address, patience
        self.key = Key(key)
        self._was_reached = False
        headers = {"user-agent": f"ntlbg/{__version__}", "accept-encoding": "identity"}
        if key:
            headers["authorization"] = f"Bearer {key}"
        self._client = httpx2.Client(
            headers=headers,
            timeout=httpx2.Timeout(patience.answer_seconds, connect=patience.connect_seconds),
            limits=httpx2.Limits(max_keepalive_connections=0),
            follow_redirects=False,
            # a proxy is for other machines
            trust_env=httpx2.URL(address).host not in _LOOPBACK,
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.address!r})"

    def send(
        self,
        method: str,
        path: str,
        read: Callable[[httpx2.Response], T],
        body: Mapping[str, Any] | None = None,
        *,
        repeatable: Callable[[ServerError], bool] = lambda error: True,
    ) -> T:
        """What ``read`` makes of the reply; it is given one whose body was not read yet.

        Args:
            path: below the address.
            repeatable: whether to try again after a failure that may pass.

        Raises:
            ServerError: no server, no answer, or a refusal.
        """
        for tried in range(self.patience.retries + 1):
            try:
                return self._once(method, path, read, body)
            except ServerError as error:
                self._wait(error, tried, repeatable(error))
        raise AssertionError("the last try waits for nothing")

    def _once(
        self,
        method: str,
        path: str,
        read: Callable[[httpx2.Response], T],
        body: Mapping[str, Any] | None,
    ) -> T:
        try:
            with self._client.stream(method, f"{self.address}/{path}", json=body) as response:
                self._was_reached = True
                bound(response, self.address, self.patience.whole_seconds)
                if not response.is_success:
                    raise self._refusal(response)
                return read(response)
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            raise self._failure(error) from error

    def _refusal(self, response: httpx2.Response) -> ServerError:
        response.read()
        status, headers = response.status_code, response.headers
        if response.has_redirect_location:
            place = response.url.join(headers["location"]).copy_with(userinfo=b"", query=None)
            return redirected(self.address, status, str(place))
        return refusal(
            self.address, status, self.key.hidden_secret(response.text),
            should_retry=headers.get("x-should-retry"),
            wait_seconds=_asked_wait(headers),
        )  # fmt: skip

    def _failure(self, error: Exception) -> ServerError:
        """Why there was no reply at all, or not a whole one."""
        reason = str(error) or type(error).__name__
        if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout):
            # who was reached before may be back soon; else it is the address that is wrong
            return ServerError(
                f"{self.address}: no server answers there ({reason}); start it, or check the "
                "address",
                again=self._was_reached,
            )
        if isinstance(error, httpx2.TimeoutException):
            return ServerError(
                f"{self.address}: nothing came for {self.patience.answer_seconds:g} seconds; give "
                "fewer frames, or a longer --model-option timeout"
            )
        return ServerError(f"{self.address}: the connection broke ({reason})", again=True)

    def _wait(self, error: ServerError, tried: int, repeatable: bool) -> None:
        """Before the next try; raises where there is none."""
        if not (error.again and repeatable):
            self._give_up(error, "")
        if tried == self.patience.retries:
            self._give_up(error, f" (tried {tried + 1} times)" if tried else "")
        asked = error.wait_seconds
        if asked is not None and asked > LONGEST_WAIT:
            self._give_up(error, f"; it asks to wait {asked:.0f} seconds, try again then")
        usual = min(self.patience.backoff_seconds * 2**tried, LONGEST_BACKOFF)
        # by chance a little less, so that those who failed together do not come back together
        time.sleep(asked or usual * random.uniform(0.75, 1))

    def _give_up(self, error: ServerError, more: str) -> NoReturn:
        error.args = (self.key.hidden(f"{error}{more}"),)
        raise error


def _asked_wait(headers: httpx2.Headers) -> float | None:
    """Seconds to wait before the next try, as a server asks; None where it does not."""
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        with suppress(KeyError, ValueError):
            seconds = float(headers[name]) / unit
            return seconds if 0 <= seconds < math.inf else None
    try:
        date = email.utils.parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    return max(date.timestamp() - time.time(), 0.0)


def own_key() -> str | None:
    """Of the environment; None where there is none."""
    return os.environ.get(KEY_VARIABLE, "").strip() or None


def read_address(endpoint: str | None) -> str:
    """``http://host:8000/v1`` of what somebody gave, or of NTLBG_ENDPOINT.

    Without a path, ``/v1`` is meant, where almost every server has its interface.

    Raises:
        ConfigError: none was given, or it is no address of a server.
    """
    given = (endpoint or os.environ.get(ENDPOINT_VARIABLE, "")).strip()
    example = "as in --endpoint http://localhost:8000/v1"
    if not given:
        raise ConfigError(
            f"a model of a server needs its address; give it {example}, or set {ENDPOINT_VARIABLE}"
        )
    try:
        url = httpx2.URL(given)
    except httpx2.InvalidURL as error:
        raise ConfigError(f"{given!r} is no address of a server ({error}); {example}") from error
    if url.userinfo or url.query or url.fragment:
        raise ConfigError(
            f"the address of {url.host!r} holds more than host and path; a key goes into "
            f"{KEY_VARIABLE}, the address is {example}"
        )
    if url.scheme not in ("http", "https") or not url.host:
        raise ConfigError(f"{given!r} is no address of a server; {example}")
    path = url.path.rstrip("/").removesuffix("/chat/completions") or "/v1"
    return str(url.copy_with(path=path))
