"""Subtitle files as tests write and read them."""

import pytest

from ntlbg.errors import DataError
from ntlbg.text.subtitles.cues import mended
from ntlbg.text.subtitles.formats import read_cues

ASS_HEAD = (
    "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nStyle: Default,Arial,20\n\n[Events]\n"
    "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
)


def cues_of(tmp_path, content, name="film.srt"):
    """(start, end, text) of what is read and mended, and the notes."""
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    cues, notes = read_cues(path)
    fragments, mends = mended(cues)
    found = [(f.start_seconds, f.end_seconds, f.text.strip()) for f in fragments]
    return found, notes + mends


def error_of(tmp_path, content, name="film.srt"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError) as told:
        read_cues(path)
    message = str(told.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message.removeprefix(str(path))


def srt(*timings, text="Line {}."):
    return "".join(f"{n}\n{timing}\n{text.format(n)}\n\n" for n, timing in enumerate(timings, 1))


AUTOMATIC = """WEBVTT
Kind: captions
Language: en

00:00:00.160 --> 00:00:02.389 align:start position:0%
 
hello<00:00:00.480><c> and</c><00:00:00.800><c> welcome</c>

00:00:02.389 --> 00:00:02.399 align:start position:0%
hello and welcome
 

00:00:02.399 --> 00:00:04.000 align:start position:0%
hello and welcome
to<00:00:02.600><c> the</c><00:00:02.900><c> show.</c>

00:00:04.000 --> 00:00:04.010 align:start position:0%
to the show.
 

00:00:04.010 --> 00:00:06.000 align:start position:0%
to the show.
Today<00:00:04.600><c> we</c>
"""
