"""What is taken of what a site offers."""

import pytest

from ntlbg.errors import LinkError
from ntlbg.links.offered import chosen_subtitles, film_ending, offer
from ntlbg.text.subtitles import find_subtitles

FILM = {"id": "1", "title": "A film", "url": "https://example.org/f", "ext": "mp4"}
TRACK = [{"ext": "json3", "url": "j"}, {"ext": "srt", "url": "s"}, {"ext": "vtt", "url": "v"}]


def names(**info) -> list[str]:
    return [one.name for one in chosen_subtitles(info)]


def offered(*tags: str) -> dict:
    return dict.fromkeys(tags, TRACK)


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        ({}, []),
        ({"subtitles": offered("fr", "en", "zh-Hans", "de")}, ["film.en.vtt", "film.zh-hans.vtt"]),
        ({"subtitles": offered("en", "de", "zh"), "language": "de-AT"},
         ["film.de.vtt", "film.en.vtt", "film.zh.vtt"]),
        ({"subtitles": offered("en-US", "en-GB")}, ["film.en-us.vtt"]),
        ({"subtitles": offered("fr", "it")}, ["film.fr.vtt"]),
        ({"subtitles": offered("fr"), "automatic_captions": offered("en")}, ["film.fr.vtt"]),
        ({"automatic_captions": offered("de", "en", "fr-orig", "zh")}, ["film.fr.auto.vtt"]),
        ({"automatic_captions": offered("fr", "en", "zh")}, ["film.en.auto.vtt"]),
        ({"automatic_captions": offered("fr", "de"), "language": "de"}, ["film.de.auto.vtt"]),
        ({"subtitles": offered("en-eEY6OEpapPo")}, ["film.en.vtt"]),
        ({"subtitles": offered("../../etc")}, ["film.vtt"]),
        ({"subtitles": {"en": [{"ext": "json3", "url": "j"}]}}, []),
        ({"subtitles": {"en": [{"ext": "../sh", "url": "j"}]}}, []),
        ({"subtitles": {"live_chat": [{"ext": "json", "url": "j"}]}}, []),
    ],
)  # fmt: skip
def test_subtitles(info, expected):
    assert names(**info) == expected


@pytest.mark.parametrize("tags", [("en", "zh-Hans"), ("und",), ("es-419", "en-orig"), ("???",)])
def test_their_names_are_found_beside_the_film(tmp_path, colour_video, tags):
    film = tmp_path / "film.mp4"
    film.symlink_to(colour_video)
    written = [
        one.name for one in chosen_subtitles({"subtitles": offered(*tags), "language": "und"})
    ]
    for name in written:
        (tmp_path / name).write_text("WEBVTT\n")
    assert written
    assert sorted(choice.name for choice in find_subtitles(film)) == sorted(written)


@pytest.mark.parametrize(
    ("info", "size"),
    [
        ({}, None),
        ({"filesize": 1000}, 1000),
        ({"filesize_approx": 999.5}, 999),
        ({"tbr": 800, "duration": 10}, 1_000_000),
        ({"tbr": 800}, None),
        ({"requested_formats": [{"filesize": 1}, {"filesize": 2}]}, 3),
        ({"requested_formats": [{"filesize": 1}, {}]}, None),
    ],
)
def test_sizes(info, size):
    found = offer(FILM | info, "x")
    assert found.size == size
    assert ("size unknown" in found.described()) == (size is None)


def test_what_is_said():
    info = FILM | {"duration": 754.2, "filesize": 45_000_000, "width": 1280, "height": 720,
                   "automatic_captions": offered("en")}  # fmt: skip
    assert offer(info, "x").described() == (
        '"A film" (12:34, 45.0 MB, 1280x720 mp4, automatic subtitles en)'
    )


@pytest.mark.parametrize(
    ("info", "said"),
    [
        ({"live_status": "is_live"}, "x: is being sent live"),
        ({"is_live": True}, "x: is being sent live"),
        ({"live_status": "is_upcoming", "url": None}, "x: is yet to be sent live"),
        ({"live_status": "post_live"}, "x: was sent live"),
        ({"has_drm": True}, "x: its film is encrypted"),
        ({"url": None}, "x: holds no film"),
        ({"vcodec": "none"}, "x: holds only sound"),
        ({"_type": "playlist", "entries": []}, "x: is a list without films"),
        ({"_type": "playlist", "entries": [{"url": "u"}, {"url": "v"}], "playlist_count": 240},
         "x: is a list of 240 films; give the address of one, such as u, v"),
        ({"_type": "multi_video", "entries": [{}, {"url": "v"}, {"url": "v"}]}, "list of 2 films"),
    ],
)  # fmt: skip
def test_what_is_refused(info, said):
    with pytest.raises(LinkError, match=said):
        offer(FILM | info, "x")


@pytest.mark.parametrize("status", ["was_live", "not_live", None])
def test_what_was_live_is_a_film(status):
    assert offer(FILM | {"live_status": status, "is_live": False}, "x").title == "A film"


@pytest.mark.parametrize(
    ("ending", "taken"),
    [("mp4", ".mp4"), ("WEBM", ".webm"), ("php", ".film"), ("../x", ".film"), (None, ".film")],
)
def test_endings_are_those_of_films(ending, taken):
    assert film_ending({"ext": ending}) == taken


def test_a_transfer_goes_on_only_with_the_same_file():
    one = offer(FILM | {"format_id": "18", "filesize": 5, "timestamp": 9}, "x").identity()
    assert one == offer(FILM | {"format_id": "18", "filesize": 5, "timestamp": 9}, "y").identity()
    for change in ({"format_id": "22"}, {"filesize": 6}, {"timestamp": 10}, {"id": "2"}):
        info = FILM | {"format_id": "18", "filesize": 5, "timestamp": 9} | change
        assert offer(info, "x").identity() != one
