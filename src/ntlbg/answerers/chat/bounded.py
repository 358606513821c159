"""What a server sends, up to a limit: one that never ends would fill memory, or be waited for."""

import time
from collections.abc import Iterator

import httpx2

from ntlbg.answerers.chat.errors import ServerError

# The longest answers of today with the chances of twenty tokens at each place have a tenth of it.
MOST_BYTES = 32 * 2**20


class BoundedStream(httpx2.SyncByteStream):
    """The body of a reply.

    Args:
        stream: as it comes.
        address: of the server, for people.
        seconds: for all of it; None: as long as it takes.
    """

    def __init__(self, stream: httpx2.SyncByteStream, address: str, seconds: float | None):
        self._stream, self._address, self._seconds = stream, address, seconds
        self._began = time.monotonic()

    def __iter__(self) -> Iterator[bytes]:
        """Raises ServerError where there is no end of it."""
        sent = 0
        for piece in self._stream:
            sent += len(piece)
            if sent > MOST_BYTES:
                raise ServerError(
                    f"{self._address}: sent more than {MOST_BYTES >> 20} MB, which is no answer; "
                    "check the address"
                )
            if self._seconds is not None and time.monotonic() - self._began > self._seconds:
                raise ServerError(
                    f"{self._address}: its answer did not end in {self._seconds:g} seconds; give "
                    "fewer frames, or another server"
                )
            yield piece

    def close(self) -> None:
        """Of the connection."""
        self._stream.close()


def bound(response: httpx2.Response, address: str, seconds: float | None) -> None:
    """Let a reply be read up to the limits.

    Raises:
        ServerError: it is compressed, which was not asked for: a small one may be of any size.
    """
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise ServerError(
            f"{address}: sent a compressed answer, which it was not asked for; let it, or the "
            "proxy before it, send plain ones"
        )
    assert isinstance(response.stream, httpx2.SyncByteStream)
    response.stream = BoundedStream(response.stream, address, seconds)
