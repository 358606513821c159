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
    """Counts what is read; ends with an error where it is too much."""

    def __init__(self, told: str):
        self._told, self._left = told, PAGE_BYTES
        self._of_film: int | None = None

    def allow_film(self, most: int, there: int) -> None:
        """From here on the film is read: ``most`` bytes of which some are there already."""
        self._of_film, self._left = most, most - there

    def watch(self, response: Any, method: str) -> None:
        """Of a response of yt-dlp: what is read of it counts.

        Raises:
            LinkError: it says itself that it is too large.
        """
        length = str(response.headers.get("Content-Length") or "")
        comes = self._of_film is not None and method != "HEAD"
        if comes and length.isdecimal() and int(length) > self._left:
            raise self._error()
        response.read = partial(self._read, response.read)

    def _read(self, read: Callable[[int], bytes], amount: int | None = None) -> bytes:
        if amount is None or amount < 0:
            return b"".join(iter(partial(self._read, read, PIECE), b""))
        data = read(amount)
        self._left -= len(data)
        if self._left < 0:
            raise self._error()
        return data

    def _error(self) -> LinkError:
        if self._of_film is None:
            return LinkError(
                f"{self._told}: sends more than {size_text(PAGE_BYTES)} and no film; give the "
                "address of the film"
            )
        return too_large(self._told, self._of_film)


def too_large(told: str, most: int, size: int | None = None) -> LinkError:
    """What is said of a film above the bound."""
    is_so = "more than the" if size is None else f"{size_text(size)}, more than the"
    return LinkError(f"{told}: is {is_so} {size_text(most)} that are fetched at most; {LARGER}")
