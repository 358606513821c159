"""Addresses as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntlbg.addresses import is_address, normalised, without_secret
from ntlbg.errors import LinkError


@pytest.mark.parametrize(
    "given", ["https://example.org/film", "http:/example.org", "rtsp://h/x", "file:///films/a.mp4"]
)
def test_addresses(given):
    assert is_address(given)


@pytest.mark.parametrize("given", ["film.mp4", "/films/a.mp4", "C:/films/a.mp4", "a:b", "", "~/x"])
def test_what_is_a_path(given):
    assert not is_address(given)


def test_a_file_that_is_called_like_an_address_is_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "http:").mkdir()
    (tmp_path / "http:" / "film").write_text("")
    assert not is_address("http://film")


SAME = [
    ("https://example.org", "HTTPS://EXAMPLE.org:443/"),
    ("http://example.org/a", "http://anna:b@example.org:80/a#t=10"),
    ("http://example.org/fílm", "http://example.org/f%C3%ADlm"),
    ("http://example.org/?q=演讲&x=1", "http://example.org/?q=%E6%BC%94%E8%AE%B2&x=1"),
    ("http://[::1]:8000/a", "  http://[::1]:8000/a "),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_film(one, other):
    assert normalised(one) == normalised(other)


OTHERS = ["http://example.org/a", "https://example.org/a", "http://example.org:81/a",
          "http://example.org/A", "http://example.org/a?v=1", "http://example.org/a?v=2",
          "http://example.org/a/", "http://www.example.org/a", "http://example.org/a#/film/1",
          "http://example.org/a#/film/2"]  # fmt: skip


def test_other_films():
    assert len({normalised(address) for address in OTHERS}) == len(OTHERS)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("ftp://example.org/film", "only addresses of http and https"),
        ("file:///etc/passwd", "only addresses of http and https"),
        ("rtsp://anna:secret@host/live", "only addresses of http and https"),
        ("http:///film", "names no host"),
        ("http:/example.org/film", "names no host"),
        ("http://example.org:port/", "is no address"),
        ("http://example.org:99999/", "is no address"),
        ("http://[::1/", "is no address"),
    ],
)
def test_what_is_not_fetched(address, said):
    with pytest.raises(LinkError, match=said) as error:
        normalised(address)
    assert "secret" not in str(error.value)


WORD = st.text(alphabet=st.characters(exclude_characters="/?#@: ", exclude_categories=("C", "Z")),
               min_size=1)  # fmt: skip


@given(WORD, WORD)
def test_no_password_is_told(name, password):
    told = without_secret(f"see https://{name}:x{password}x@example.org/a@b?c@d and")
    assert told == "see https://***@example.org/a@b?c@d and"


@given(st.text())
def test_normalising_twice_is_normalising_once(path):
    try:
        once = normalised(f"https://example.org/{path}")
    except LinkError:
        return
    assert normalised(once) == once
    assert once.isascii()
