"""Written transcripts are read back, by another library, as what they were."""

import json

import pysubs2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntlbg.types import Passage
from ntlbg.views.transcript import FORMS, transcript_text

PASSAGES = [
    Passage("Good morning.", 0.5, 2.25, "speech"),
    Passage("AT&T: 3 < 5 --> wait\n\nsecond line", 59.9996, 61.0, "screen"),
    Passage("一百个人，{括号}", 7322.125, 7330.0, "subtitles"),
]


@pytest.mark.parametrize("form", ["srt", "vtt"])
def test_times_and_texts_are_read_back_by_pysubs2(form):
    read = pysubs2.SSAFile.from_string(transcript_text(PASSAGES, form), format_=form,
                                       keep_unknown_html_tags=True)  # fmt: skip
    assert [(cue.start, cue.end) for cue in read] == [
        (500, 2250),
        (60000, 61000),
        (7322125, 7330000),
    ]
    assert read[0].text == "Good morning."
    assert read[2].text == "一百个人，{括号}"
    assert "second line" in read[1].text


def test_vtt_is_escaped_as_its_form_says():
    assert "AT&amp;T: 3 &lt; 5 --&gt; wait\nsecond line\n" in transcript_text(PASSAGES, "vtt")


def test_plain_text_has_a_line_for_each():
    assert transcript_text(PASSAGES, "txt").splitlines() == [
        "00:00  Good morning.",
        "00:59  AT&T: 3 < 5 --> wait second line",
        "2:02:02  一百个人，{括号}",
    ]


def test_json_holds_them_as_they_are():
    rows = json.loads(transcript_text(PASSAGES, "json"))["passages"]
    assert [Passage(**row) for row in rows] == PASSAGES


@given(
    st.lists(st.tuples(st.text(), st.floats(-5, 1e5), st.floats(0, 30))),
    st.sampled_from(list(FORMS)),
)
def test_nothing_in_a_text_makes_another_passage(drawn, form):
    passages = [Passage(text, start, start + length, "speech") for text, start, length in drawn]
    written = transcript_text(passages, form)
    if form in ("srt", "vtt"):
        assert written.count("-->") == len(passages)
    if form == "txt":
        assert written.count("\n") == len(passages)


def test_no_passages_is_a_file_without_cues():
    assert transcript_text([], "srt") == ""
    assert transcript_text([], "vtt") == "WEBVTT\n"
