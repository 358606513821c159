"""No private address is asked: by number, by name, by redirect, by segment, by subtitle."""

import itertools
import os
import socket
import subprocess
import sys
import threading

import pytest

from film_server import VIDEOS, Content, Site, page, redirect
from ntlbg.errors import LinkError
from ntlbg.links import fetch, guard
from ntlbg.links.guard import guarding, is_public

FILM = (VIDEOS / "vfr.mp4").read_bytes()

PRIVATE = (
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1",
    "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254",
    "ff02::1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:a9fe:a9fe::1",
    "localhost", "example.org", "/run/docker.sock", "",
)  # fmt: skip
PUBLIC = (
    "93.184.216.34", "8.8.8.8", "172.32.0.1", "172.15.0.1", "100.128.0.1", "11.0.0.1",
    "2606:2800:220:1:248:1893:25c8:1946", "::ffff:8.8.8.8", "64:ff9b::808:808",
)  # fmt: skip


@pytest.mark.parametrize("host", PRIVATE)
def test_private_addresses(host):
    assert not is_public(host)


@pytest.mark.parametrize("host", PUBLIC)
def test_public_addresses(host):
    assert is_public(host)


@pytest.fixture
def inside():
    """Where nobody is to look."""
    with Site(host="127.0.0.2").serving() as site:
        site.paths["/film.mp4"] = Content(FILM)
        yield site
        assert site.requests == []


@pytest.fixture
def public(site, monkeypatch):
    """A site that counts as public, though it is on this machine as well."""
    monkeypatch.setattr(guard, "is_public", lambda host: host == "127.0.0.1")
    return site


def refused(address: str) -> str:
    with pytest.raises(LinkError) as error:
        fetch(address)
    assert "\n" not in str(error.value)
    return str(error.value)


def forms(site: Site) -> list[str]:
    """Of writing an address of this machine."""
    port = site.address.rpartition(":")[2]
    hosts = ("127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "[::1]", "[::ffff:7f00:1]")
    return [f"http://{host}:{port}/film.mp4" for host in hosts]


def test_this_machine_is_not_asked(site):
    site.paths["/film.mp4"] = Content(FILM)
    for address in forms(site):
        said = refused(address)
        assert said.startswith(f"{address}: leads to ")
        assert "--allow-private" in said
    assert site.requests == []


@pytest.mark.parametrize("number", ["10.1.2.3", "169.254.169.254", "fd00:ec2::254"])
def test_private_numbers_are_not_connected_to(number, monkeypatch):
    host = f"[{number}]" if ":" in number else number
    assert f"leads to {number}," in refused(f"http://{host}/latest/meta-data")


def resolving(monkeypatch, *answers: str) -> list[str]:
    """The name films.example resolves to these, one after the other; gives what was asked."""
    asked, true = [], socket.getaddrinfo
    turns = itertools.chain(answers, itertools.repeat(answers[-1]))

    def lookup(host, *arguments, **options):
        if host == "films.example":
            asked.append(host)
            host = next(turns)
        return true(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    return asked


def test_names_that_resolve_to_this_machine(site, monkeypatch):
    resolving(monkeypatch, "127.0.0.1")
    port = site.address.rpartition(":")[2]
    assert "leads to 127.0.0.1" in refused(f"http://films.example:{port}/film.mp4")
    assert site.requests == []


def test_a_name_that_resolves_to_something_else_the_next_time(public, inside, monkeypatch):
    public.paths["/talk"] = page('<video src="/film.mp4"></video>')
    asked = resolving(monkeypatch, "127.0.0.1", "127.0.0.2")
    port = public.address.rpartition(":")[2]
    assert "leads to 127.0.0.2" in refused(f"http://films.example:{port}/talk")
    assert len(asked) == 2
    assert len(public.requests) == 1


def test_a_public_site_is_asked(public):
    public.paths["/film.mp4"] = Content(FILM)
    assert fetch(f"{public.address}/film.mp4").read_bytes() == FILM


def test_redirects(public, inside):
    public.paths["/film.mp4"] = redirect(f"{inside.address}/film.mp4")
    assert "leads to 127.0.0.2" in refused(f"{public.address}/film.mp4")


def test_redirects_of_redirects(public, inside):
    public.paths["/a.mp4"] = redirect("/b.mp4")
    public.paths["/b.mp4"] = redirect(f"{inside.address}/film.mp4")
    assert "leads to 127.0.0.2" in refused(f"{public.address}/a.mp4")


@pytest.mark.parametrize("to", ["file:///etc/passwd", "ftp://127.0.0.2/film.mp4", "data:,film"])
def test_redirects_to_what_is_no_site(public, inside, to):
    public.paths["/film.mp4"] = redirect(to)
    refused(f"{public.address}/film.mp4")


def test_films_of_pages(public, inside):
    public.paths["/talk"] = page(f'<video src="{inside.address}/film.mp4"></video>')
    assert "leads to 127.0.0.2" in refused(f"{public.address}/talk")


def test_subtitles_of_pages(public, inside):
    track = f'<track kind="subtitles" src="{inside.address}/en.vtt" srclang="en">'
    public.paths["/talk"] = page(f'<video src="/film.mp4">{track}</video>')
    public.paths["/film.mp4"] = Content(FILM)
    assert "leads to 127.0.0.2" in refused(f"{public.address}/talk")


LINES = (
    "#EXTINF:4,\n{}",
    '#EXT-X-KEY:METHOD=AES-128,URI="{}"\n#EXTINF:4,\na.ts',
    '#EXT-X-MAP:URI="{}"\n#EXTINF:4,\na.ts',
)


@pytest.mark.usefixtures("unclosed_files")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("line", LINES)
def test_segments_and_keys(public, inside, line):
    line = line.format(f"{inside.address}/film.mp4")
    text = f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n{line}\n#EXT-X-ENDLIST"
    public.paths["/film.m3u8"] = Content(text.encode(), "application/vnd.apple.mpegurl")
    public.paths["/a.ts"] = Content(FILM, "video/mp2t")
    assert "leads to 127.0.0.2" in refused(f"{public.address}/film.m3u8")


def test_a_proxy_is_told_and_not_used(site, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", site.address)
    monkeypatch.setenv("http_proxy", site.address)
    said = refused("http://films.example/film.mp4")
    assert "through the proxy of HTTP_PROXY" in said
    assert "--allow-private" in said
    assert site.requests == []


def test_a_proxy_is_used_where_private_addresses_are_allowed(site, monkeypatch):
    monkeypatch.setenv("http_proxy", site.address)
    site.paths["http://films.example/film.mp4"] = Content(FILM)
    film = fetch("http://films.example/film.mp4", allow_private=True)
    assert film.read_bytes() == FILM


def test_a_proxy_that_is_not_for_this_host_is_nothing(public, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.2:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    public.paths["/film.mp4"] = Content(FILM)
    assert fetch(f"{public.address}/film.mp4").read_bytes() == FILM


def test_only_the_thread_that_fetches_is_guarded(site):
    port = int(site.address.rpartition(":")[2])
    failures = []

    def connect():
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError as error:
            failures.append(error)

    other, ready, over = threading.Thread(target=connect), threading.Event(), threading.Event()

    def fetching():
        with guarding(False) as one:
            ready.set()
            over.wait()
            connect()
            assert one.refused == "127.0.0.1"

    guarded = threading.Thread(target=fetching)
    guarded.start()
    ready.wait()
    other.start()
    other.join()
    assert failures == []
    over.set()
    guarded.join()
    assert [type(failure) for failure in failures] == [PermissionError]
    connect()
    assert len(failures) == 1


@pytest.mark.parametrize("allowed", [False, True])
def test_no_program_runs_meanwhile(allowed):
    with guarding(allowed), pytest.raises(PermissionError):
        subprocess.run(["true"], check=False)
    with guarding(allowed), pytest.raises(PermissionError):
        os.system("true")
    assert subprocess.run(["true"], check=False).returncode == 0


def test_connections_come_from_the_thread_that_fetches(site):
    """Where another one would connect, nobody would see it."""
    threads, watching = set(), [True]

    def hook(event, arguments):
        if watching and event == "socket.connect":
            threads.add(threading.get_ident())

    sys.addaudithook(hook)
    segments = "".join(f"#EXTINF:4,\n{number}.ts\n" for number in range(4))
    text = f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n{segments}#EXT-X-ENDLIST"
    site.paths["/film.m3u8"] = Content(text.encode(), "application/vnd.apple.mpegurl")
    film = (VIDEOS / "start_10s.ts").read_bytes()
    for number in range(4):
        site.paths[f"/{number}.ts"] = Content(film[number * 188 * 50 :][: 188 * 50], "video/mp2t")
    fetch(f"{site.address}/film.m3u8", allow_private=True)
    watching.clear()
    assert threads == {threading.get_ident()}


def test_the_block_ends_with_an_error_too(site):
    with pytest.raises(ZeroDivisionError), guarding(False):
        _ = 1 / 0
    socket.create_connection(("127.0.0.1", int(site.address.rpartition(":")[2]))).close()
