"""Fetching from a server of ours: what arrives, what is asked, what goes on after a break."""

import json
import os
import signal
import stat
import subprocess
import sys
import threading
from functools import partial
from urllib.parse import quote

import av
import pytest

from film_server import VIDEOS, Content, Site, endless, mp4, page
from ntlbg.errors import ConfigError, LinkError, OutputError
from ntlbg.links import fetch
from ntlbg.links.kept import Place
from ntlbg.text.subtitles import find_subtitles, load_subtitles
from processes import PATIENCE, finish, started, wait_for

FILM = (VIDEOS / "vfr.mp4").read_bytes()
VTT = b"WEBVTT\n\n00:00.000 --> 00:01.000\nhello there\n"
get = partial(fetch, allow_private=True)


def refusal(address: str, **options) -> str:
    with pytest.raises(LinkError) as refused:
        get(address, **options)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_film_is_the_same_file(site, cache):
    site.paths["/film.mp4"] = Content(FILM)
    said, shares = [], []
    film = get(f"{site.address}/film.mp4", tell=said.append, progress=lambda *at: shares.append(at))
    assert film.read_bytes() == FILM
    assert film.is_relative_to(cache)
    assert said == [
        f'fetching "film" (length unknown, 16.0 kB, mp4, no subtitles) from {site.address}/film.mp4'
    ]
    assert shares[-1] == (0, 1.0)
    assert all(0 <= share <= 1 for _, share in shares)


def test_a_second_time_asks_nobody(site):
    site.paths["/film.mp4"] = Content(FILM)
    film = get(f"{site.address}/film.mp4")
    asked = len(site.requests)
    # the same address, written otherwise
    assert get(f"HTTP://{site.address[7:]}/film.mp4#t=3") == film
    assert len(site.requests) == asked


def test_again_takes_what_is_there_now(site):
    site.paths["/film.mp4"] = Content(FILM)
    get(f"{site.address}/film.mp4")
    site.paths["/film.mp4"] = Content(mp4(50_000))
    film = get(f"{site.address}/film.mp4", again=True)
    assert film.read_bytes() == mp4(50_000)
    assert get(f"{site.address}/film.mp4") == film


def test_what_cannot_be_fetched_again_stays(site):
    site.paths["/film.mp4"] = Content(FILM)
    film = get(f"{site.address}/film.mp4")
    del site.paths["/film.mp4"]
    assert "404" in refusal(f"{site.address}/film.mp4", again=True)
    assert film.read_bytes() == FILM
    assert get(f"{site.address}/film.mp4") == film


def test_what_is_kept_is_told_in_its_folder(site):
    site.paths["/film.mp4"] = Content(FILM)
    film = get(f"{site.address}/film.mp4")
    about = json.loads((film.parent / "link.json").read_text())
    assert about["address"] == f"{site.address}/film.mp4"
    assert about["title"] == "film"
    assert about["size"] == len(FILM)
    assert about["media"] == "mp4"
    assert sorted(path.name for path in film.parent.iterdir()) == ["film.mp4", "link.json"]


@pytest.mark.parametrize("damage", ["shorter", "gone", "no json", "other json"])
def test_a_damaged_film_is_fetched_anew(site, damage):
    site.paths["/film.mp4"] = Content(FILM)
    film = get(f"{site.address}/film.mp4")
    if damage == "shorter":
        film.write_bytes(FILM[:100])
    elif damage == "gone":
        film.unlink()
    else:
        (film.parent / "link.json").write_text("{" if damage == "no json" else "[1]")
    assert get(f"{site.address}/film.mp4").read_bytes() == FILM


def test_a_broken_transfer_goes_on_where_it_broke(site):
    data = mp4(3_000_000)
    site.paths["/film.mp4"] = Content(data, cuts=[None, 1_000_000, 500_000])
    assert get(f"{site.address}/film.mp4").read_bytes() == data
    _, first, second, third = site.asked("/film.mp4")  # the first looks what there is
    assert first is None
    assert 0 < start_of(second) <= 1_000_000
    assert start_of(second) < start_of(third) <= 1_500_000


def start_of(given: str) -> int:
    return int(given.removeprefix("bytes=").split("-")[0])


def test_a_silent_server_is_a_break(site, monkeypatch):
    monkeypatch.setattr("ntlbg.links.client.SILENT_SECONDS", 0.5)
    data = mp4(1_000_000)
    site.paths["/film.mp4"] = Content(data, holds_at=500_000)
    assert get(f"{site.address}/film.mp4").read_bytes() == data
    assert 0 < start_of(site.asked("/film.mp4")[-1]) <= 500_000 + (1 << 14)


def test_attempts_have_an_end_and_the_next_command_goes_on(site):
    data = mp4(3_000_000)
    site.paths["/film.mp4"] = content = Content(data, cuts=[None, *[200_000] * 50])
    said = refusal(f"{site.address}/film.mp4")
    assert "try again: what is there of the film is kept" in said
    assert len(site.requests) < 20
    there = Place(f"{site.address}/film.mp4").part_bytes()
    assert 0 < there < len(data)
    content.cuts, site.requests = [], []
    assert get(f"{site.address}/film.mp4").read_bytes() == data
    assert start_of(site.asked("/film.mp4")[-1]) == there


def test_without_ranges_a_broken_transfer_begins_anew(site):
    data = mp4(1_000_000)
    site.paths["/film.mp4"] = Content(data, ranges=False, cuts=[None, 300_000])
    assert get(f"{site.address}/film.mp4").read_bytes() == data


def test_a_bound_is_of_the_film_and_not_of_what_came_twice(site):
    data = mp4(1_000_000)
    site.paths["/film.mp4"] = Content(data, ranges=False, cuts=[None, 900_000, 900_000])
    assert get(f"{site.address}/film.mp4", max_gigabytes=0.001).read_bytes() == data


def test_what_was_fetched_of_another_film_is_not_gone_on_with(site):
    site.paths["/film.mp4"] = Content(mp4(2_000_000), cuts=[None, *[300_000] * 50])
    refusal(f"{site.address}/film.mp4")
    data = mp4(2_100_000, "rotate90.mp4")
    site.paths["/film.mp4"] = Content(data)
    assert get(f"{site.address}/film.mp4").read_bytes() == data


@pytest.mark.parametrize("declared", [len(FILM) + 1000, 10 * len(FILM)])
def test_a_length_that_is_never_reached_is_an_error(site, declared):
    site.paths["/film.mp4"] = Content(FILM, declared=declared, ranges=False)
    assert "cannot be fetched" in refusal(f"{site.address}/film.mp4")


def test_a_length_that_is_too_short_gives_no_film(site):
    site.paths["/film.mp4"] = Content(FILM, declared=9000, ranges=False)
    said = refusal(f"{site.address}/film.mp4")
    assert "no film that can be read" in said
    assert not Place(f"{site.address}/film.mp4").part.exists()


def test_a_film_without_a_length_is_whole(site):
    site.paths["/film.mp4"] = Content(FILM, declared=-1)
    said = []
    assert get(f"{site.address}/film.mp4", tell=said.append).read_bytes() == FILM
    assert "size unknown" in said[0]


def test_a_film_that_says_it_is_too_large_is_not_begun(site):
    site.paths["/film.mp4"] = Content(FILM, declared=5_000_000_000)
    said = refusal(f"{site.address}/film.mp4")
    assert "is 5.0 GB, more than the 4.0 GB that are fetched at most" in said
    assert "--max-download-gb" in said
    assert site.asked("/film.mp4") == [None]


def test_a_film_that_is_too_large_as_a_whole_is_not_gone_on_with(site):
    data = mp4(3_000_000)
    site.paths["/film.mp4"] = Content(data, cuts=[None, *[1_000_000] * 2, *[0] * 50])
    refusal(f"{site.address}/film.mp4", max_gigabytes=0.0035)
    site.paths["/film.mp4"] = Content(data)
    assert "more than the 2.5 MB" in refusal(f"{site.address}/film.mp4", max_gigabytes=0.0025)


def test_an_endless_film_ends_at_the_bound(site):
    site.paths["/film.mp4"] = endless("video/mp4", FILM)
    said = refusal(f"{site.address}/film.mp4", max_gigabytes=0.003)
    assert "more than the 3.0 MB" in said
    assert Place(f"{site.address}/film.mp4").part_bytes() <= 3_000_000


def test_an_endless_page_ends(site, monkeypatch):
    monkeypatch.setattr("ntlbg.links.meter.PAGE_BYTES", 2_000_000)
    site.paths["/"] = endless("text/html", b"<!DOCTYPE html><html>")
    assert "sends more than 2.0 MB and no film" in refusal(site.address)


@pytest.mark.parametrize("size", [0, -1.0, float("nan"), float("inf")])
def test_sizes_that_are_none(site, size):
    with pytest.raises(ConfigError, match="is no size"):
        get(f"{site.address}/film.mp4", max_gigabytes=size)


def test_a_full_disk_is_told_before(site, monkeypatch):
    monkeypatch.setattr("ntlbg.disk_space.free_bytes", lambda folder: 1000)
    site.paths["/film.mp4"] = Content(FILM)
    with pytest.raises(OutputError, match=r"16.0 kB or more will be written.*NTLBG_CACHE"):
        get(f"{site.address}/film.mp4")
    assert site.asked("/film.mp4") == [None]


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_cache_that_cannot_be_written(site, cache):
    cache.mkdir()
    cache.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(OutputError, match="NTLBG_CACHE"):
        get(f"{site.address}/film.mp4")


def test_a_cache_that_is_a_file(site, cache):
    cache.write_text("")
    with pytest.raises(OutputError, match=r"films cannot be kept there.*NTLBG_CACHE"):
        get(f"{site.address}/film.mp4")


def test_a_page_instead_of_a_film(site):
    site.paths["/film.mp4"] = page("<title>no</title><p>log in first</p>")
    assert "cannot be fetched" in refusal(f"{site.address}/film.mp4")


def test_what_calls_itself_a_film_and_is_none(site):
    site.paths["/film.mp4"] = Content(b"<html>" * 1000)
    assert "what it sends is no film that can be read" in refusal(f"{site.address}/film.mp4")


def test_a_list_of_files_of_this_machine_is_no_film(site):
    listed = f"ffconcat version 1.0\nfile '{VIDEOS / 'vfr.mp4'}'\n".encode()
    site.paths["/film.mp4"] = Content(listed)
    assert "no film that can be read" in refusal(f"{site.address}/film.mp4")


@pytest.mark.parametrize("status", ["missing", "sound"])
def test_no_film_there(site, status):
    site.paths["/sound.m4a"] = Content((VIDEOS / "audio_only.m4a").read_bytes(), "audio/mp4")
    refusal(f"{site.address}/{status}.m4a")


def test_nobody_there():
    with Site().serving() as site:
        address = site.address
    assert "cannot be fetched" in refusal(f"{address}/film.mp4")


PAGE = """<head><title>{title}</title></head><body><video src="/files/film.mp4">
<track kind="subtitles" src="/files/en.vtt" srclang="en"><track src="/files/fr.vtt" srclang="fr">
</video></body>"""


@pytest.mark.parametrize(
    "title", ["A talk", "Ein Vortrag über Käse 演讲", "long " * 100, "../../x"]
)
def test_a_page_that_shows_a_film_with_subtitles(site, title):
    site.paths["/talk"] = page(PAGE.format(title=title))
    site.paths["/files/film.mp4"] = Content(FILM)
    site.paths["/files/en.vtt"] = Content(VTT, "text/vtt")
    site.paths["/files/fr.vtt"] = Content(VTT, "text/vtt")
    said = []
    film = get(f"{site.address}/talk", tell=said.append)
    assert film.read_bytes() == FILM
    assert title.strip()[:60] in said[0]
    assert "subtitles en" in said[0]
    assert [choice.name for choice in find_subtitles(film)] == ["film.en.vtt"]
    [passage] = load_subtitles(film).passages
    assert passage.text == "hello there"
    about = json.loads((film.parent / "link.json").read_text(encoding="utf-8"))
    assert about["title"].startswith(title.strip())  # yt-dlp numbers the films of a page


def test_a_page_that_names_its_film_for_others(site):
    meta = f'<meta property="og:video" content="{site.address}/film.mp4">'
    site.paths["/talk"] = page(f'<head><meta property="og:title" content="T">{meta}</head>')
    site.paths["/film.mp4"] = Content(FILM)
    assert get(f"{site.address}/talk").read_bytes() == FILM


def test_subtitles_that_cannot_be_fetched_are_left_out_and_told(site):
    site.paths["/talk"] = page(PAGE.format(title="A talk"))
    site.paths["/files/film.mp4"] = Content(FILM)
    said = []
    film = get(f"{site.address}/talk", tell=said.append)
    assert find_subtitles(film) == []
    assert any("subtitles en are left out" in line for line in said)


@pytest.mark.parametrize("path", ["/fílm 演讲.mp4", "/f%C3%ADlm.mp4", "/" + "x" * 300 + ".mp4"])
def test_names_of_any_kind(site, path):
    site.paths[quote(path, safe="/%")] = Content(FILM)
    assert get(site.address + path).read_bytes() == FILM


SEVERAL = '<video src="/a.mp4"></video><video src="/b.mp4"></video>'


def test_several_films_are_not_fetched(site):
    site.paths["/list"] = page(SEVERAL)
    said = refusal(f"{site.address}/list")
    assert "is a list of 2 films; give the address of one" in said
    assert f"{site.address}/a.mp4" in said
    assert site.asked("/a.mp4") == []


def m3u8(*segments: str, ends: bool = True) -> Content:
    lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:4", "#EXT-X-MEDIA-SEQUENCE:0"]
    for segment in segments:
        lines += ["#EXTINF:4,", segment]
    lines += ["#EXT-X-ENDLIST"] * ends
    return Content("\n".join(lines).encode(), "application/vnd.apple.mpegurl")


TS = (VIDEOS / "start_10s.ts").read_bytes()
HALF = len(TS) // 188 // 2 * 188


def test_segments_become_one_film(site):
    site.paths |= {"/film.m3u8": m3u8("a.ts", "b.ts"), "/a.ts": Content(TS[:HALF], "video/mp2t"),
                   "/b.ts": Content(TS[HALF:], "video/mp2t")}  # fmt: skip
    shares = []
    film = get(f"{site.address}/film.m3u8", progress=lambda done, share: shares.append(share))
    assert film.read_bytes() == TS
    assert shares[-1] == 1.0


@pytest.mark.usefixtures("unclosed_files")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_segment_that_is_missing_is_an_error_and_no_hole(site):
    site.paths |= {"/film.m3u8": m3u8("a.ts", "b.ts"), "/a.ts": Content(TS[:HALF], "video/mp2t")}
    refusal(f"{site.address}/film.m3u8")
    site.paths["/b.ts"] = Content(TS[HALF:], "video/mp2t")
    site.requests = []
    assert get(f"{site.address}/film.m3u8").read_bytes() == TS
    assert site.asked("/a.ts") == []  # kept from before


@pytest.mark.usefixtures("unclosed_files")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_many_segments_end_at_the_bound(site):
    names = [f"{number}.ts" for number in range(40)]
    site.paths |= {f"/{name}": Content(TS, "video/mp2t") for name in names}
    site.paths["/film.m3u8"] = m3u8(*names)
    most = 5 * len(TS) + 1000
    said = refusal(f"{site.address}/film.m3u8", max_gigabytes=most / 1e9)
    assert "that are fetched at most" in said
    assert sum(bool(site.asked(f"/{name}")) for name in names) == 6


@pytest.mark.usefixtures("unclosed_files")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_endless_segments_end_at_the_bound(site):
    site.paths |= {"/film.m3u8": m3u8("a.ts"), "/a.ts": endless("video/mp2t", TS)}
    assert "more than the 2.0 MB" in refusal(f"{site.address}/film.m3u8", max_gigabytes=0.002)


def test_a_live_stream_is_refused(site):
    site.paths |= {"/film.m3u8": m3u8("a.ts", ends=False), "/a.ts": Content(TS, "video/mp2t")}
    assert "is being sent live" in refusal(f"{site.address}/film.m3u8")
    assert site.asked("/a.ts") == []


MASTER = """#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="sound",DEFAULT=YES,URI="sound.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=300000,RESOLUTION=320x240,CODECS="avc1.42c01e,mp4a.40.2",AUDIO="a"
pictures.m3u8"""


def test_pictures_and_sound_from_two_files_become_one(site):
    sound = VIDEOS / "audio_only.m4a"
    site.paths |= {
        "/film.m3u8": Content(MASTER.encode(), "application/vnd.apple.mpegurl"),
        "/pictures.m3u8": m3u8("a.ts"), "/a.ts": Content(TS, "video/mp2t"),
        "/sound.m3u8": m3u8("b.mp4"), "/b.mp4": Content(sound.read_bytes(), "video/mp4"),
    }  # fmt: skip
    said = []
    film = get(f"{site.address}/film.m3u8", tell=said.append)
    assert "320x240 mp4 and mp4" in said[0]
    assert film.name == "film.mkv"
    assert sorted(path.name for path in film.parent.iterdir()) == ["film.mkv", "link.json"]
    assert packets(film, "video") == packets(VIDEOS / "start_10s.ts", "video")
    assert packets(film, "audio") == packets(sound, "audio")


def packets(path, kind: str) -> int:
    with av.open(str(path)) as file:
        return sum(packet.size > 0 for packet in file.demux(file.streams.best(kind)))


FETCH = "import sys; from ntlbg.links import fetch; print(fetch(sys.argv[1], allow_private=True))"


def fetching(address: str, **options):
    return started([sys.executable, "-c", FETCH, address], **options)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_process_leaves_what_the_next_goes_on_with(site, number):
    data = mp4(2_000_000)
    content = site.paths["/film.mp4"] = Content(data, holds_at=1_000_000)
    place = Place(f"{site.address}/film.mp4")
    with fetching(f"{site.address}/film.mp4", stderr=subprocess.DEVNULL) as process:
        wait_for(lambda: place.part.is_dir() and place.part_bytes() >= 500_000, process)
        process.send_signal(number)
        process.wait(PATIENCE)
    there = place.part_bytes()
    assert 500_000 <= there <= 1_000_000
    content.goes_on.set()
    site.requests = []
    assert get(f"{site.address}/film.mp4").read_bytes() == data
    assert site.asked("/film.mp4") == [None, f"bytes={there}-"]


@pytest.mark.slow
def test_of_two_processes_one_fetches_and_the_other_waits(site):
    data = mp4(2_000_000)
    content = site.paths["/film.mp4"] = Content(data, holds_at=1_000_000)
    place = Place(f"{site.address}/film.mp4")
    with fetching(f"{site.address}/film.mp4", stdout=subprocess.PIPE, text=True) as process:
        wait_for(lambda: place.part.is_dir() and place.part_bytes() > 0, process)
        said, asked = [], len(site.requests)

        def tell(line):
            said.append(line)
            content.goes_on.set()

        film = get(f"{site.address}/film.mp4", tell=tell)
        assert finish(process)[0] == f"{film}\n"
    assert said == [f"another process fetches {site.address}/film.mp4; waiting for it"]
    assert film.read_bytes() == data
    assert len(site.requests) == asked


def test_threads_wait_for_each_other(site):
    site.paths["/film.mp4"] = Content(FILM)
    films = []
    threads = [
        threading.Thread(target=lambda: films.append(get(f"{site.address}/film.mp4")))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(films) == 4
    assert {film.read_bytes() for film in films} == {FILM}
