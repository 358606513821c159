"""Chapters in each form; that of YouTube by the rules of its help page."""

import json
import re
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ntlbg.errors import ConfigError
from ntlbg.types import Chapter
from ntlbg.views.chapters import YOUTUBE_MOST, chapters_text, check_form

THREE = (
    Chapter(0.0, 12.4, "Costs <of> the harbour", "screen"),
    Chapter(12.4, 760.9, "Beans are dear", "speech"),
    Chapter(760.9, 4000.0, "Chapter 3", "number"),
)


def test_lines():
    assert chapters_text(THREE, "txt") == (
        "00:00  Costs <of> the harbour\n00:12  Beans are dear\n12:40  Chapter 3\n"
    )


def test_json_has_seconds_and_where_titles_are_from():
    rows = json.loads(chapters_text(THREE, "json"))["chapters"]
    assert [Chapter(**row) for row in rows] == list(THREE)


def seconds_of(clock):
    total = 0
    for part in clock.split(":"):
        total = 60 * total + int(part)
    return total


@example([31.1, 31.5, 10.0], "a")  # the last of them comes out a little below 10
@given(st.lists(st.floats(10, 5000), min_size=3, max_size=40), st.text("a<>é猫 ", min_size=1))
def test_youtube_takes_the_description(lengths, title):
    """The first timestamp is 00:00; three or more, ascending; ten seconds each; no < nor >."""
    ends = [sum(lengths[: place + 1]) for place in range(len(lengths))]
    found = [Chapter(s, e, title, "speech") for s, e in zip([0.0, *ends], ends)]
    text = chapters_text(found, "youtube")
    lines = text.splitlines()
    clocks = [re.match(r"(\d+:)?\d\d:\d\d(?= )", line).group() for line in lines]
    assert clocks[0] == "00:00"
    times = [*map(seconds_of, clocks), ends[-1]]
    assert len(lines) == len(found) >= 3
    assert all(later - sooner >= 10 for sooner, later in pairwise(times))
    assert not set(text) & set("<>")
    assert len(text) <= YOUTUBE_MOST


def test_what_youtube_does_not_take_is_refused():
    with pytest.raises(ConfigError, match=r"YouTube shows 3 chapters.* here are 2"):
        chapters_text(THREE[:2], "youtube")
    short = (Chapter(0.0, 9.0, "a", "number"), Chapter(9.0, 50.0, "b", "number"),
             Chapter(50.0, 70.0, "c", "number"))  # fmt: skip
    with pytest.raises(ConfigError, match=r"the shortest of 9\.0 seconds"):
        chapters_text(short, "youtube")
    many = [Chapter(10.0 * n, 10.0 * n + 10, "long title " * 5, "speech") for n in range(200)]
    with pytest.raises(ConfigError, match=r"5000 at most; give --number (\d+)") as error:
        chapters_text(many, "youtube")
    number = int(re.search(r"--number (\d+)", str(error.value)).group(1))
    assert len(chapters_text(many[:number], "youtube")) <= YOUTUBE_MOST


def test_too_few_are_refused_before_a_video_is_read():
    with pytest.raises(ConfigError, match="--number 3"):
        check_form("youtube", 2)
    check_form("youtube", None)
    check_form("youtube", 3)
    check_form("txt", 1)
