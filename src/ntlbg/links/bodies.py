"""Bodies of answers that yt-dlp's connections would read as a whole, however large they are.

Those of redirects, which nobody needs, and compressed ones, of which a few kilobytes can become
gigabytes. Stands before its own handlers (``urllib.request``).
"""

import io
import urllib.error
import urllib.request
import urllib.response
import zlib
from typing import Any

from ntlbg.disk_space import size_text
from ntlbg.links import meter

_BY_HEADER = 47  # of zlib: gzip or zlib, as the first bytes say
COMPRESSED = ("gzip", "x-gzip", "deflate")


class Bodies(urllib.request.BaseHandler):
    """Asks for uncompressed bodies, and unpacks what comes compressed up to a limit."""

    handler_order = 100  # those of urllib and yt-dlp have 500 and more

    def http_request(self, request: urllib.request.Request) -> urllib.request.Request:
        """Pages are small, and films are compressed as they are."""
        request.add_header("Accept-encoding", "identity")
        return request

    def http_response(self, request: urllib.request.Request, response: Any) -> Any:
        """A body that can be read at once."""
        if 300 <= response.status < 400:
            response.read = _nothing
            return response
        encoding = str(response.headers.get("Content-Encoding") or "identity").strip().lower()
        if encoding == "identity":
            return response
        if encoding not in COMPRESSED:
            raise urllib.error.URLError(f"it is compressed in a way that is not known: {encoding}")
        return _unpacked(response)

    https_request, https_response = http_request, http_response


def _nothing(_amount: int | None = None) -> bytes:
    return b""


def _unpacked(response: Any) -> Any:
    unpacking, most = zlib.decompressobj(_BY_HEADER), meter.PAGE_BYTES
    data = unpacking.decompress(response.read(most), most)
    if unpacking.unconsumed_tail or not unpacking.eof:
        raise urllib.error.URLError(f"it has more than {size_text(most)} unpacked, or is cut off")
    headers = response.headers
    for name in ("Content-Encoding", "Content-Length"):
        del headers[name]
    plain = urllib.response.addinfourl(io.BytesIO(data), headers, response.url, response.status)
    plain.msg = response.msg  # type: ignore[attr-defined]
    response.close()
    return plain
