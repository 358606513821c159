"""Addresses of films, as text: which is one, how it is told, when two are the same."""

import os
import re
from urllib.parse import quote, urlsplit, urlunsplit

from ntlbg.errors import LinkError

# "https://example.org/film", of which a path keeps one slash, and "file:///film". One letter alone
# is a drive.
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/{1,3}[^/]")
# Up to the last "@" before the path: a password may hold one, too.
_SECRET = re.compile(r"(?<=:/)(/?)[^/?#\s]*@")
_MOMENT = re.compile(r"t=[\w.:,]*")
SCHEMES = ("http", "https")
_PORTS = {"http": 80, "https": 443}
# What RFC 3986 lets stand as it is, and "%": what is quoted already stays.
_UNQUOTED = "/%:@!$&'()*+,;=?-._~[]"


def is_address(given: str | os.PathLike) -> bool:
    """Whether it is written as an address, of whatever kind, and no file is called like that.

    >>> is_address("https://example.org/film.mp4"), is_address("film.mp4")
    (True, False)
    """
    return _ADDRESS.match(os.fsdecode(given)) is not None and not os.path.exists(given)


def without_secret(text: str) -> str:
    """A text without the names and passwords in its addresses.

    >>> without_secret("https://anna:secret@example.org/film: not found")
    'https://***@example.org/film: not found'
    """
    return _SECRET.sub(r"\1***@", text)


def normalised(address: str) -> str:
    """The same for addresses that lead to the same film; without name, password and ``#t=10``.

    >>> normalised("HTTPS://anna:secret@Example.org:443/fílm#t=10")
    'https://example.org/f%C3%ADlm'

    Raises:
        LinkError: it is not one of http or https, or names no host.
    """
    told = without_secret(address)
    try:
        parts = urlsplit(address.strip())
        port = parts.port
    except ValueError as error:  # of a port, or brackets
        raise LinkError(f"{told}: is no address ({error}); check it") from error
    if parts.scheme.lower() not in SCHEMES:
        raise LinkError(f"{told}: only addresses of http and https are fetched; give one of these")
    if not parts.hostname:
        raise LinkError(f"{told}: names no host; write it as in https://example.org/film.mp4")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else quote(parts.hostname, safe="")
    place = host if port in (None, _PORTS[parts.scheme.lower()]) else f"{host}:{port}"
    path, query = quote(parts.path or "/", _UNQUOTED), quote(parts.query, _UNQUOTED)
    # a moment of the film is the same film; anything else may name one, on pages that are a program
    fragment = "" if _MOMENT.fullmatch(parts.fragment) else quote(parts.fragment, _UNQUOTED)
    return urlunsplit((parts.scheme.lower(), place, path, query, fragment))
