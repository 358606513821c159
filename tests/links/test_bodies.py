"""What would be read as a whole ends."""

import gzip
import zlib

import pytest

from film_server import VIDEOS, Content, endless, page
from ntlbg.errors import LinkError
from ntlbg.links import fetch

FILM = (VIDEOS / "vfr.mp4").read_bytes()
PAGE = page('<video src="/film.mp4"></video>').data


def compressed(data: bytes, encoding: str):
    def reply(handler):
        handler.head(200, "text/html", len(data), Content_Encoding=encoding)
        handler.send(data)

    return reply


@pytest.mark.parametrize(
    ("pack", "encoding"),
    [(gzip.compress, "gzip"), (gzip.compress, "GZIP "), (zlib.compress, "deflate")],
)
def test_a_page_that_comes_compressed_is_read(site, pack, encoding):
    site.paths["/talk"] = compressed(pack(PAGE), encoding)
    site.paths["/film.mp4"] = Content(FILM)
    assert fetch(f"{site.address}/talk", allow_private=True).read_bytes() == FILM
    assert {headers["accept-encoding"] for _, _, headers in site.requests} == {"identity"}


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (gzip.compress(bytes(50_000_000)), "gzip"),
        (gzip.compress(PAGE)[:-20], "gzip"),
        (PAGE, "gzip"),
        (PAGE, "secret"),
        (gzip.compress(gzip.compress(PAGE)), "gzip, gzip"),
    ],
    ids=["bomb", "cut", "plain", "unknown", "twice"],
)
def test_what_unpacks_to_too_much_or_not_at_all(site, data, encoding, monkeypatch):
    monkeypatch.setattr("ntlbg.links.meter.PAGE_BYTES", 1_000_000)
    site.paths["/talk"] = compressed(data, encoding)
    with pytest.raises(LinkError, match="cannot be fetched"):
        fetch(f"{site.address}/talk", allow_private=True)


def test_an_endless_body_of_a_redirect_is_not_read(site):
    forever = endless("text/plain")

    def reply(handler):
        head = handler.head
        handler.head = lambda status, kind, length: head(302, kind, length, Location="/film.mp4")
        forever(handler)

    site.paths["/talk"] = reply
    site.paths["/film.mp4"] = Content(FILM)
    assert fetch(f"{site.address}/talk", allow_private=True).read_bytes() == FILM


def test_an_endless_body_of_an_error_ends(site):
    forever = endless("text/plain")

    def reply(handler):
        head = handler.head
        handler.head = lambda status, kind, length: head(403, kind, length)
        forever(handler)

    site.paths["/talk"] = reply
    with pytest.raises(LinkError, match=r"403|more than"):
        fetch(f"{site.address}/talk", allow_private=True)
