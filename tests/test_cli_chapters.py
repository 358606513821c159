"""``chapters`` as typed; mistakes are one line."""

import json

import pytest

from commands import assert_one_error
from fakes import ColourEncoder
from ntlbg import encoders
from ntlbg.text import LISTENERS, Listener, Piece
from ntlbg.types import Passage


@pytest.fixture
def film(colour_video, tmp_path, monkeypatch):
    monkeypatch.setitem(encoders.ENCODERS, "builtin", ColourEncoder)
    path = tmp_path / "film.mp4"
    path.write_bytes(colour_video.read_bytes())
    return path


@pytest.fixture
def written(monkeypatch):
    """Slides that are read without a recogniser."""
    pages = [Passage(f"Page {name}", start, start + 13.0, "screen")
             for name, start in (("one", 0.0), ("two", 13.0), ("three", 26.0))]  # fmt: skip

    class Screen(Listener):
        name, fingerprint, source, wants = "screen", "seen-1", "screen", "file"

        def listen(self, stream, after_seconds, state):
            yield Piece(tuple(pages), 40.0)

    monkeypatch.setitem(LISTENERS, "screen", Screen)
    return pages


def test_chapters_are_lines_and_notes_are_elsewhere(run, film):
    done = run("chapters", film, "--number", 2)
    assert done.exit_code == 0, done.output
    first, second = done.stdout.splitlines()
    assert first == "00:00  Chapter 1"
    assert second.endswith("  Chapter 2")
    assert "note: no words are known" in done.stderr


def test_what_is_read_names_them(run, film, written):
    done = run("chapters", film, "--read-screen", "--number", 3, "--format", "json")
    assert done.exit_code == 0, done.output
    rows = json.loads(done.stdout)["chapters"]
    assert [row["title"] for row in rows] == [page.text for page in written]
    assert {row["title_source"] for row in rows} == {"screen"}
    again = run("chapters", film, "--number", 3)  # known from now on
    assert [line.split("  ")[1] for line in again.stdout.splitlines()] == [
        "Page one",
        "Page two",
        "Page three",
    ]


def test_youtube_has_three_chapters_at_least(run, film):
    done = run("chapters", film, "--format", "youtube")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert len(lines) >= 3
    assert lines[0].startswith("00:00 ")


def test_mistakes_are_one_line(run, film, tmp_path):
    from fakes import write_colour_video

    short = tmp_path / "short.mp4"
    write_colour_video(short, duration=25.0)
    assert_one_error(run("chapters", short, "--format", "youtube"))
    assert_one_error(run("chapters", film, "--format", "youtube", "--number", 2))
    assert_one_error(run("chapters", film, "--number", 5))
    assert_one_error(run("chapters", film, "--model-option", "dtype=bfloat16"))
    assert_one_error(run("chapters", film, "--subtitles", tmp_path / "no.srt"))
    assert_one_error(run("chapters", tmp_path / "no.mp4"))
    assert run("chapters", film, "--format", "srt").exit_code == 2
    assert run("chapters", film, "--number", 0).exit_code == 2


def test_a_model_writes_titles_where_it_does_and_a_note_says_where_not(run, film):
    done = run("chapters", film, "--number", 2, "--model", "colours")
    assert done.exit_code == 0, done.output
    assert "note: colours wrote no title for 2 of 2 chapters" in done.stderr
