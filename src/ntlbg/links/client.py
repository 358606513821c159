"""yt-dlp, which knows how sites hand out films: what it may do here, and what it may not.

Imported only when an address is fetched. Nothing of the user's own yt-dlp counts: this reads no
configuration (only its command line does), no cookies and no password file, and loads no plugins.
It runs no other program and no script of a page, and asks nobody whether there is a new version.
"""

import os
import re
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ntlbg.addresses import without_secret
from ntlbg.errors import LinkError
from ntlbg.links.bodies import Bodies
from ntlbg.links.guard import Guard
from ntlbg.links.meter import Meter
from ntlbg.links.words import ALLOW

# Read by yt-dlp as it is imported and when a client is made, as its README says.
_NO_PLUGINS = "YTDLP_NO_PLUGINS"


@contextmanager
def _without_plugins() -> Iterator[None]:
    before = os.environ.get(_NO_PLUGINS)
    os.environ[_NO_PLUGINS] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_NO_PLUGINS]
        else:
            os.environ[_NO_PLUGINS] = before


with _without_plugins():
    from yt_dlp import YoutubeDL
    from yt_dlp.networking.exceptions import HTTPError, RequestError
    from yt_dlp.utils import YoutubeDLError
    from yt_dlp.version import __version__ as version

# What yt-dlp raises, and what its readers of pages do where a site is not as they expect it.
FAILURES = (
    YoutubeDLError, OSError, ArithmeticError, AssertionError, AttributeError, LookupError,
    TypeError, ValueError,
)  # fmt: skip
# A broken transfer goes on where it broke; a server that is away for longer is told to the user.
RETRIES = 3
RETRY_SECONDS = 1.0  # before each
# Without a byte; as yt-dlp has it by default.
SILENT_SECONDS = 20.0
# What can be fetched without another program.
_NATIVE = "[protocol~='^(https?|m3u8_native|http_dash_segments)$']"
# One file where it has 480 lines or more, on which text can be read; else pictures and sound in two
# files; else the best that there is. `?`: where nothing says how many.
FORMAT = f"b{_NATIVE}[height>=?480]/bv{_NATIVE}+ba{_NATIVE}/b{_NATIVE}/bv*{_NATIVE}"
# The most lines up to 720, else the fewest: models look at pictures of about 400. Then what
# decodes at the least cost.
SORT = ("res:720", "hdr:sdr", "vcodec:h264", "fps:30", "ext:mp4:m4a", "acodec:aac")
PLAYLIST_LOOK = 4  # entries that are asked for: one is a film, and three are shown

_ENDINGS = (" (caused by ", "; please report this issue", ". See  http", "; Use --", ". Use --")


class Log:
    """Takes what yt-dlp says; only its last complaint is wanted."""

    def __init__(self) -> None:
        self.last = ""

    def debug(self, message: str) -> None:
        """Nothing of it is shown."""

    def warning(self, message: str) -> None:
        """Kept: a film may be missing because of it."""
        self.last = reason(message)

    error = warning


class Client(YoutubeDL):
    """yt-dlp that connects only as this package lets it.

    Attributes:
        told: the address, for messages.
        log: what it said.
    """

    def __init__(self, told: str, guard: Guard, meter: Meter):
        self.told, self.guard, self.meter, self.log = told, guard, meter, Log()
        with _without_plugins():
            super().__init__(_options(self.log, guard.allow_private))
        self._lengths: dict[str, int] = {}
        self._responses: list[Any] = []
        self._hook: Callable[[dict[str, Any]], None] = _unheard
        self.add_progress_hook(lambda status: self._hook(status))

    def look(self, address: str) -> dict[str, Any]:
        """What there is; of a list of one film, that film.

        Raises:
            LinkError: as ``urlopen``. FAILURES.
        """
        try:
            info: dict[str, Any] = self.extract_info(address, download=False) or {}
            entries: Sequence[Any] = info.get("entries") or ()
            if len(entries) == 1 and info.get("playlist_count") == 1:
                info = self.process_ie_result(entries[0], download=False)
        finally:
            self.hang_up()
        return self._with_lengths(info)

    def fetch(
        self, info: Mapping[str, Any], path: Path, hook: Callable[[dict[str, Any]], None]
    ) -> bool:
        """Whether a file is there; ``hook`` is called as hooks of yt-dlp are.

        Raises:
            LinkError: as ``urlopen``. FAILURES.
        """
        self._hook = hook
        try:
            is_there, _ = self.dl(str(path), dict(info))
        finally:
            self.hang_up()
        return bool(is_there) and path.is_file()

    def build_request_director(self, handlers: Any, preferences: Any = None) -> Any:
        """Only with Python's own connections, which are the guarded ones.

        Raises:
            LinkError: this version of yt-dlp has none.
        """
        own = [_discreet(handler) for handler in handlers if handler.RH_KEY == "Urllib"]
        if not own:
            raise LinkError(
                f"yt-dlp {version} does not connect as this program knows it; install another "
                "version, for example by `pip install 'yt-dlp<2027'`"
            )
        return super().build_request_director(own, preferences)

    def urlopen(self, req: Any) -> Any:
        """As that of yt-dlp; a refusal is not tried again, and what is read counts.

        Raises:
            LinkError: a private address, or too much.
        """
        try:
            response = super().urlopen(req)
        except HTTPError as error:
            self._watch(error.response, req)
            raise
        except RequestError:
            self.guard.raise_refused(self.told)
            raise
        self._watch(response, req)
        length = str(response.headers.get("Content-Length") or "")
        if response.status == 200 and length.isdecimal():
            self._lengths[without_secret(response.url)] = int(length)
        return response

    def _watch(self, response: Any, request: Any) -> None:
        self._responses = [one for one in self._responses if not one.closed] + [response]
        self.meter.watch(response, getattr(request, "method", "GET"))

    def hang_up(self) -> None:
        """End connections: who looks whether an address is a film does not read it, nor closes."""
        for response in self._responses:
            response.close()
        self._responses = []

    def _with_lengths(self, info: Mapping[str, Any]) -> dict[str, Any]:
        """What is said of a film, with the sizes that servers told while it was looked for."""
        files = [{**one, **self._length(one)} for one in info.get("requested_formats") or ()]
        return {**info, **self._length(info), **({"requested_formats": files} if files else {})}

    def _length(self, info: Mapping[str, Any]) -> dict[str, int]:
        told = self._lengths.get(without_secret(str(info.get("url"))))
        is_file = str(info.get("protocol")) in ("http", "https")  # and no list of segments
        return {"filesize": told} if told and is_file and not info.get("filesize") else {}


def _unheard(_: dict[str, Any]) -> None:
    """Of what is fetched while nobody looks."""


def _discreet(handler: type) -> type:
    """A handler of requests that tells a password only to its server, and reads no endless body."""

    def create(self: Any, **options: Any) -> Any:
        opener = handler._create_instance(self, **options)  # type: ignore[attr-defined]
        opener.add_handler(Bodies())
        for one in opener.handlers:
            if isinstance(one, urllib.request.HTTPRedirectHandler):
                one.redirect_request = _forgetting(one.redirect_request)  # type: ignore[method-assign]
        return opener

    return type(handler.__name__, (handler,), {"_create_instance": create})


def _forgetting(redirect: Callable[..., Any]) -> Callable[..., Any]:
    def redirected(request: urllib.request.Request, *arguments: Any) -> Any:
        new = redirect(request, *arguments)
        if new is not None and (new.type, new.host) != (request.type, request.host):
            new.remove_header("Authorization")
        return new

    return redirected


def _options(log: Log, allow_private: bool) -> dict[str, Any]:
    return {
        "logger": log, "quiet": True, "noprogress": True, "color": "no_color",
        "format": FORMAT, "format_sort": SORT, "ignore_no_formats_error": True,
        "noplaylist": True, "extract_flat": "in_playlist", "playlist_items": f"1:{PLAYLIST_LOOK}",
        "default_search": "error", "cachedir": False, "geo_bypass": False, "updatetime": False,
        "js_runtimes": {}, "remote_components": (), "external_downloader": "native",
        "fixup": "never", "postprocessors": [], "check_formats": None,
        "skip_unavailable_fragments": False, "concurrent_fragment_downloads": 1,
        "retries": RETRIES, "fragment_retries": RETRIES, "extractor_retries": 1,
        "file_access_retries": 0, "socket_timeout": SILENT_SECONDS,
        "retry_sleep_functions": dict.fromkeys(("http", "fragment"), lambda n: RETRY_SECONDS),
        "proxy": None if allow_private else "",
    }  # fmt: skip


def check_proxy(told: str, host: str) -> None:
    """A proxy connects for us, unseen: then nobody can say that no private address is asked.

    Raises:
        LinkError: the environment names one for this host.
    """
    proxies = urllib.request.getproxies()
    named = [name for name in ("http", "https", "all") if proxies.get(name)]
    if named and not urllib.request.proxy_bypass(host):
        raise LinkError(
            f"{told}: would be fetched through the proxy of {named[0].upper()}_PROXY, where "
            f"private addresses cannot be told from others; if you trust the address, {ALLOW}"
        )


def reason(message: object) -> str:
    """What yt-dlp says, in one line, without what is about its own options and passwords."""
    text = " ".join(str(message).split())
    text = re.sub(r"^(?:ERROR: |WARNING: )?(?:\[[^\]]*\] (?:[\w-]+: )?)?", "", text)
    for ending in _ENDINGS:
        text = text.partition(ending)[0]
    return without_secret(text).rstrip(".:; ") or "no reason given"
