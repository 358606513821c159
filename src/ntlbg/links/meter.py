"""How many bytes may still come: of pages that are looked through, then of the film."""

from collections.abc import Callable
from functools import partial
from typing import Any

from ntlbg.disk_space import size_text
from ntlbg.errors import LinkError
from ntlbg.links.words import LARGER

# Pages, scripts and lists of segments that lead to a film; the largest of all pages, with their
# data inside, are a few megabytes, and a site asks for about ten of them.
PAGE_BYTES = 100_000_000
PIECE = 1 << 20  # what is read at once of what may have no end


class Meter:
    """Ends with an error where too much is read."""

    def __init__(self, told: str):
        self._told = told
        self._pages = _Rest(
            PAGE_BYTES,
            LinkError(
                f"{told}: sends more than {size_text(PAGE_BYTES)} and no film; give the address of "
                "the film"
            ),
        )
        self._most: int | None = None

    def allow_film(self, most: int) -> None:
        """From here on it is the film that is read: of each file ``most`` bytes."""
        self._most = most

    def watch(self, response: Any, method: str) -> None:
        """Of a response of yt-dlp: what is read of it counts.

        Raises:
            LinkError: it says itself that it is too large.
        """
        rest = self._pages
        if self._most is not None:
            rest = _Rest(self._most, too_large(self._told, self._most))
            length = str(response.headers.get("Content-Length") or "")
            if method != "HEAD" and length.isdecimal():
                rest.check(int(length))
        response.read = partial(rest.read, response.read)


class _Rest:
    """Bytes that may still come, and the error if more do."""

    def __init__(self, most: int, error: LinkError):
        self._left, self._error = most, error

    def check(self, length: int) -> None:
        """Raises the error if so many are too many."""
        if length > self._left:
            raise self._error

    def read(self, read: Callable[[int], bytes], amount: int | None = None) -> bytes:
        """In place of a response's own."""
        if amount is None or amount < 0:
            return b"".join(iter(partial(self.read, read, PIECE), b""))
        data = read(amount)
        self.check(len(data))
        self._left -= len(data)
        return data


def too_large(told: str, most: int, size: int | None = None) -> LinkError:
    """What is said of a film above the bound."""
    is_so = "more than the" if size is None else f"{size_text(size)}, more than the"
    return LinkError(f"{told}: is {is_so} {size_text(most)} that are fetched at most; {LARGER}")
