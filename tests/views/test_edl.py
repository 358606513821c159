"""Lists of cuts, read back by the published form of CMX 3600, with values worked out by hand."""

import re
from fractions import Fraction

import pytest

from ntlbg.views.edl import Event, edl_text, reel_name

NTSC = Fraction(30_000, 1001)
CODE = r"(\d\d):(\d\d):(\d\d):(\d\d)"
# number, reel, tracks, a cut, then the four codes; columns are parted by blanks
LINE = re.compile(rf"(\d{{3}})  ([A-Z0-9 ]{{8}}) (\S+) +C +{CODE} {CODE} {CODE} {CODE}")


def read(text, rate):
    """Title, mode, and of each event its number, reel, tracks and four numbers of pictures."""
    title, mode, blank, *lines = text.split("\n")
    assert blank == ""
    events = []
    for line in lines:
        if not line or line.startswith("*"):
            continue
        number, reel, tracks, *codes = LINE.fullmatch(line).groups()
        values = list(map(int, codes))
        places = []
        for hour, minute, second, picture in zip(*[iter(values)] * 4):
            assert minute < 60
            assert second < 60
            assert picture < rate
            places.append(((hour * 60 + minute) * 60 + second) * rate + picture)
        events.append((int(number), reel.rstrip(), tracks, *places))
    return title, mode, events


def test_a_list_as_it_is_written():
    events = [Event(3.2, 4.8), Event(3661.0, 3662.04)]
    assert edl_text(events, "My film.mp4", Fraction(25), has_sound=True) == (
        "TITLE: My film.mp4, written by ntlbg\n"
        "FCM: NON-DROP FRAME\n"
        "\n"
        "001  MYFILM   AA/V  C        00:00:03:05 00:00:04:20 00:00:00:00 00:00:01:15\n"
        "* FROM CLIP NAME: My film.mp4\n"
        "\n"
        "002  MYFILM   AA/V  C        01:01:01:00 01:01:02:01 00:00:01:15 00:00:02:16\n"
        "* FROM CLIP NAME: My film.mp4\n"
    )


@pytest.mark.parametrize(
    ("rate", "base", "seconds", "picture"),
    [
        (Fraction(24_000, 1001), 24, 3600.0, 86_314),  # 3600 * 23.976 = 86313.69
        (NTSC, 30, 3600.0, 107_892),  # an hour is 59:56:12 without drop frames
        (Fraction(50), 50, 10.02, 501),
        (Fraction(120), 60, 1.0, 60),  # two digits hold no 120
        (Fraction(25, 2), 12, 2.0, 25),
    ],
)
def test_time_codes_count_pictures(rate, base, seconds, picture):
    text = edl_text([Event(seconds, seconds + 2)], "f.mp4", rate, has_sound=False)
    _, mode, [event] = read(text, base)
    assert mode == "FCM: NON-DROP FRAME"
    assert event[:4] == (1, "F", "V", picture)


def test_the_hour_of_ntsc_by_hand():
    text = edl_text([Event(3600.0, 3601.0)], "f.mp4", NTSC, has_sound=False)
    assert " 00:59:56:12 00:59:57:12 00:00:00:00 00:00:01:00" in text


def test_cuts_follow_each_other():
    events = [Event(0.5 + 7.3 * number, 3.1 + 7.3 * number) for number in range(20)]
    _, _, found = read(edl_text(events, "f.mp4", NTSC, has_sound=True), 30)
    assert [one[0] for one in found] == list(range(1, 21))
    done = 0
    for _, _, _, first, after, begin, end in found:
        assert (begin, end) == (done, done + after - first)
        done = end


def test_names_stay_what_the_form_allows():
    name = "日本\n" + "x" * 200 + ".mp4"
    title, _, [event] = read(edl_text([Event(0, 1)], name, Fraction(25), has_sound=True), 25)
    assert len(title.removeprefix("TITLE: ")) <= 70
    assert event[1] == "X" * 8
    assert reel_name("日本.mp4") == "AX"
