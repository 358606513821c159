"""Passages are kept piece by piece: what a killed run had is not listened to again."""

import json

import pytest

from ntlbg.errors import DataError
from ntlbg.index.text_tracks import TextTrack
from ntlbg.text import Piece
from ntlbg.types import Passage

WORDS = ("One.", "Deux, c'est ça.", "三。", "Four.")


class Killed(Exception):
    """Stands for the end of a process."""


def pieces(after_seconds, state, dies_at=99, asked=None):
    """A piece of ten seconds for each of the words; the state counts them."""
    for number in range(int(after_seconds // 10), len(WORDS)):
        if number == dies_at:
            raise Killed
        if asked is not None:
            asked.append((number, dict(state)))
        start = 10.0 * number + 1
        state = {"pieces": number + 1}
        yield Piece((Passage(WORDS[number], start, start + 2, "speech"),), start + 9, state)


def test_a_run_that_was_killed_goes_on_where_it_was(tmp_path):
    track, asked = TextTrack(tmp_path / "film" / "speech.jsonl", "speech"), []
    with pytest.raises(Killed):
        list(track.grow(lambda after, state: pieces(after, state, dies_at=2)))
    assert not track.is_complete
    assert [one.text for one in track.passages()] == list(WORDS[:2])
    done = list(track.grow(lambda after, state: pieces(after, state, asked=asked)))
    assert done == [30.0, 40.0]
    assert asked == [(2, {"pieces": 2}), (3, {"pieces": 3})]
    assert track.is_complete
    assert track.passages() == [
        Passage(text, 10.0 * number + 1, 10.0 * number + 3, "speech")
        for number, text in enumerate(WORDS)
    ]


@pytest.mark.parametrize("change", [
    lambda lines: [lines[0].replace("One.", "Two."), *lines[1:]],
    lambda lines: [lines[0].replace('"pieces": 1', '"pieces": 7'), *lines[1:]],
    lambda lines: [lines[0], *lines[2:]],
    lambda lines: lines[:3] + lines[4:],
    lambda lines: [lines[1], lines[0], *lines[2:]],
])  # fmt: skip
def test_lines_that_were_altered_are_refused(change, tmp_path):
    track = TextTrack(tmp_path / "speech.jsonl", "speech")
    list(track.grow(pieces))
    written = track.path.read_text().splitlines(keepends=True)
    track.path.write_text("".join(change(written)))
    for read in (track.passages, lambda: list(track.grow(pieces))):
        with pytest.raises(DataError, match=r"speech\.jsonl:\d: was altered; remove the file"):
            read()


def test_lines_of_earlier_versions_are_gone_on_from_without_their_state(tmp_path):
    track, asked = TextTrack(tmp_path / "speech.jsonl", "speech"), []
    list(track.grow(pieces))
    first = json.loads(track.path.read_text().splitlines()[0])
    del first["check"]
    track.path.write_text(json.dumps(first) + "\n")
    assert [one.text for one in track.passages()] == ["One."]
    list(track.grow(lambda after, state: pieces(after, state, asked=asked)))
    assert asked[0] == (1, {})
    assert track.is_complete


def test_what_is_complete_is_not_listened_to_again(tmp_path):
    track = TextTrack(tmp_path / "speech.jsonl", "speech")
    list(track.grow(pieces))
    assert list(track.grow(lambda after, state: 1 / 0)) == []


def test_a_line_that_was_cut_off_is_found_again(tmp_path):
    track = TextTrack(tmp_path / "speech.jsonl", "speech")
    list(track.grow(pieces))
    whole = track.path.read_bytes()
    for length in range(len(whole)):
        track.path.write_bytes(whole[:length])
        list(track.grow(pieces))
        assert track.path.read_bytes() == whole, length


def test_another_file_in_its_place_is_refused(tmp_path):
    track = TextTrack(tmp_path / "speech.jsonl", "speech")
    track.path.write_text("a shopping list\n")
    with pytest.raises(DataError, match="not passages of a film"):
        track.passages()


def test_a_stream_that_holds_nothing_is_done(tmp_path):
    track = TextTrack(tmp_path / "speech.jsonl", "speech")
    assert list(track.grow(lambda after, state: iter([Piece((), 12.0)]))) == [12.0]
    assert track.is_complete
    assert track.passages() == []
