"""Traps of subtitle files: each text comes out once, at its time, or it is said why not."""

import codecs
import json
import os
from itertools import pairwise

import av
import pysubs2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ntlbg.errors import DataError
from ntlbg.text.sentences import sentences
from ntlbg.text.subtitles import SubtitleFile
from ntlbg.text.subtitles.content import MAX_BYTES, decode
from ntlbg.text.subtitles.cues import mended
from ntlbg.text.subtitles.formats import read_cues
from ntlbg.text.subtitles.markup import ass_text

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


@pytest.mark.parametrize(
    ("timing", "start", "end"),
    [
        ("00:00:01,000 --> 00:00:02,500", 1.0, 2.5),
        ("00:00:01.000 --> 00:00:02.500", 1.0, 2.5),
        ("0:00:01,5 --> 0:00:02,50", 1.5, 2.5),
        ("00:00:01,50 --> 00:00:02,5000", 1.5, 2.5),
        ("00:00:01,1234 --> 00:00:02,0005", 1.1234, 2.0005),
        ("00:00:01 --> 00:00:02", 1.0, 2.0),
        ("00:01.000 --> 00:02.500", 1.0, 2.5),
        ("00:00:01,000-->00:00:02,500", 1.0, 2.5),
        ("  00:00:01,000  -->  00:00:02,500  ", 1.0, 2.5),
        ("00:00:01,000 --> 00:00:02,500  X1:100 X2:200 Y1:10 Y2:20", 1.0, 2.5),
        ("00:00:01.000 --> 00:00:02.500 align:start position:0% line:90%", 1.0, 2.5),
        ("02:30:00,250 --> 02:30:01,000", 9000.25, 9001.0),
        ("11:59:59,999 --> 12:00:01,000", 43199.999, 43201.0),
        ("100:00:00.000 --> 100:00:01.000", 360000.0, 360001.0),
    ],
)
@pytest.mark.parametrize("head", ["1\n", "", "WEBVTT\n\n", "WEBVTT - title\n\nintro\n"])
def test_times(tmp_path, timing, start, end, head):
    [(first, last, text)], notes = cues_of(tmp_path, f"{head}{timing}\nWords.\n")
    assert (first, last, text) == (pytest.approx(start), pytest.approx(end), "Words.")
    assert notes == []


def test_a_cue_without_an_end_lasts_until_the_next(tmp_path):
    content = srt("00:00:01,000 -->", "00:00:03,000 --> 00:00:xx,000", "00:00:20,000 --> ")
    found, notes = cues_of(tmp_path, content)
    assert found == [(1.0, 3.0, "Line 1."), (3.0, 8.0, "Line 2."), (20.0, 25.0, "Line 3.")]
    assert notes == [
        "3 cues without an end, or with one before the start: until the next cue, 5 s at most"
    ]


def test_a_cue_that_ends_before_it_starts(tmp_path):
    found, notes = cues_of(tmp_path, srt("00:00:05,000 --> 00:00:04,000"))
    assert found == [(5.0, 10.0, "Line 1.")]
    assert notes[0].startswith("1 cue without an end, or with one before the start")


def test_empty_cues_are_left_out(tmp_path):
    content = (
        "1\n00:00:01,000 --> 00:00:02,000\n\n2\n00:00:02,000 --> 00:00:03,000\n \n\n"
        "3\n00:00:03,000 --> 00:00:04,000\n4\n00:00:04,000 --> 00:00:05,000\n<i></i>\n\n"
        "5\n00:00:05,000 --> 00:00:06,000\nHere.\n"
    )
    assert cues_of(tmp_path, content) == ([(5.0, 6.0, "Here.")], [])


@pytest.mark.parametrize("head", ["", "WEBVTT\n\n"])
def test_a_first_line_that_is_blank(tmp_path, head):
    content = head + (
        "00:00:01.000 --> 00:00:02.000\n\nOne\nmore.\n\n00:00:03.000 --> 00:00:04.000\n\n\nTwo.\n"
    )
    found, notes = cues_of(tmp_path, content)
    assert found == [(1.0, 2.0, "One\nmore."), (3.0, 4.0, "Two.")]
    assert notes == []


def test_numbers_are_text_where_they_are_said(tmp_path):
    content = (
        "1\n00:00:01,000 --> 00:00:02,000\nThe answer is\n42\n\n"
        "2\n00:00:03,000 --> 00:00:04,000\n1984\n"
    )
    found, _ = cues_of(tmp_path, content)
    assert [text for *_, text in found] == ["The answer is\n42", "1984"]


def test_blank_lines_between_cues_may_be_missing(tmp_path):
    content = "1\n00:00:01,000 --> 00:00:02,000\nOne.\n2\n00:00:03,000 --> 00:00:04,000\nTwo.\n"
    assert [text for *_, text in cues_of(tmp_path, content)[0]] == ["One.", "Two."]


@pytest.mark.parametrize("tail", ["2", "2\n", "2\n00:00:0", "2\n00:00:03,000 --"])
def test_a_file_that_is_cut_off(tmp_path, tail):
    found, _ = cues_of(tmp_path, srt("00:00:01,000 --> 00:00:02,000") + tail)
    assert found == [(1.0, 2.0, "Line 1.")]


def test_names_notes_and_styles_of_vtt_are_no_text(tmp_path):
    content = (
        "WEBVTT - a title\nKind: captions\n\nSTYLE\n::cue { color: red }\n\nNOTE\nnot said\n\n"
        "intro-1\n00:01.000 --> 00:02.000 line:0\n<v Ann>Hello &amp; <b.loud>welcome</b>.</v>\n\n"
        "NOTE not said either\nand this\n\nREGION\nid:fred\n\n"
        "2\n00:03.000 --> 00:04.000\n1 &lt; 2\n"
    )
    found, notes = cues_of(tmp_path, content, "film.vtt")
    assert found == [(1.0, 2.0, "Hello & welcome."), (3.0, 4.0, "1 < 2")]
    assert notes == []


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("<i>Slanted</i> and <B>bold</B>", "Slanted and bold"),
        ('<font color="#ff0000" size=3>Red</font>', "Red"),
        ("{\\an8}{\\pos(10,20)}Above", "Above"),
        ("one<br/>two<BR>three", "one\ntwo\nthree"),
        ("Tom &amp; Jerry&nbsp;&#39;s", "Tom & Jerry 's"),
        ("if a < b and c > d", "if a < b and c > d"),
        ("std::vector<int> x", "std::vector<int> x"),
        ("{laughs} I <3 you", "{laughs} I <3 you"),
        ("\u200eRight\u202c", "Right"),
        ("a --> b", "a --> b"),
    ],
)
def test_tags_and_positions_are_taken_away(tmp_path, raw, text):
    found, _ = cues_of(
        tmp_path,
        srt("00:00:01,000 --> 00:00:02,000", text=raw.replace("{", "{{").replace("}", "}}")),
    )
    assert [one.replace("\xa0", " ") for *_, one in found] == [text]


ENCODED = {
    "utf-8": "Größe, 你好。",
    "utf-8-sig": "Größe, 你好。",
    "utf-16": "Größe, 你好。",
    "utf-16-le": "Grosse, 你好。",
    "utf-16-be": "Grosse, 你好。",
    "latin-1": "Où êtes-vous né ? C'est l'été.",
    "cp1252": "It’s “fine” – isn’t it?",
    "gb18030": "你好，世界。今天我们讨论预算。",
    "gb2312": "他们在说什么呢？",
    "cp1251": "Привет, как дела? Я думаю, что это хорошо. Мы обсуждаем бюджет на этот год.",
    "shift_jis": "こんにちは、世界。今日は予算の話です。みんなで考えましょう。",
    "big5": "你好，世界。今天我們討論預算，請大家看這一頁。",
}  # fmt: skip


@pytest.mark.parametrize("encoding", ENCODED)
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_encodings(tmp_path, encoding, ends):
    text = ENCODED[encoding]
    content = srt("00:00:01,000 --> 00:00:02,000", text=text).replace("\n", ends)
    found, notes = cues_of(tmp_path, content.encode(encoding))
    assert found == [(1.0, 2.0, text)]
    assert len(notes) == (not encoding.startswith("utf"))
    assert all(note.startswith("not in UTF-8, read as ") for note in notes)


def test_utf_16_marks_of_both_orders():
    for mark, order in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        assert decode(mark + "é你".encode(order))[0] == "é你"


def test_one_damaged_letter_is_still_utf_8(tmp_path):
    content = srt("00:00:01,000 --> 00:00:02,000", text="今天我们讨论预算。你好世界。").encode()
    damaged = content.replace("讨".encode(), "讨".encode()[:2])
    [(_, _, text)], notes = cues_of(tmp_path, damaged)
    assert text == "今天我们\ufffd论预算。你好世界。"
    assert notes == []


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


def test_automatic_captions_give_each_word_once_at_its_time(tmp_path):
    found, notes = cues_of(tmp_path, AUTOMATIC, "film.vtt")
    assert [(start, text) for start, _, text in found] == [
        (0.16, "hello"), (0.48, "and"), (0.8, "welcome"), (2.399, "to"), (2.6, "the"),
        (2.9, "show."), (4.01, "Today"), (4.6, "we"),
    ]  # fmt: skip
    assert all(start <= end <= after for (start, end, _), (after, _, _) in pairwise(found))
    assert notes == []
    path = tmp_path / "film.vtt"
    passages = sentences(mended(read_cues(path)[0])[0], "subtitles")
    assert [one.text for one in passages] == ["hello and welcome to the show.", "Today we"]


def test_automatic_captions_without_word_times(tmp_path):
    lines = ["hello and welcome", "to the show", "today we talk", "about money", "and so on"]
    cues = []
    for number, (above, below) in enumerate(pairwise(["", *lines])):
        at = f"00:00:{2 * number:02d},000", f"00:00:{2 * number + 1:02d},990"
        after = f"00:00:{2 * number + 2:02d},000"
        cues += [f"{at[0]} --> {at[1]}\n{above}\n{below}\n", f"{at[1]} --> {after}\n{below}\n \n"]
    found, _ = cues_of(tmp_path, "\n".join(cues))
    assert [text for *_, text in found] == lines


def test_captions_that_grow_word_by_word(tmp_path):
    words = ["today", "we", "talk", "about", "the", "budget", "of", "next", "year"]
    timings = [f"00:00:{n:02d},000 --> 00:00:{n + 1:02d},000" for n in range(len(words))]
    content = "".join(
        f"{timing}\n{' '.join(words[: n + 1])}\n\n" for n, timing in enumerate(timings)
    )
    found, _ = cues_of(tmp_path, content)
    assert [text for *_, text in found] == words


def test_what_is_said_twice_is_there_twice(tmp_path):
    content = srt(
        "00:00:01,000 --> 00:00:02,000", "00:00:03,000 --> 00:00:04,000",
        "00:00:04,000 --> 00:00:05,000", text="No.",
    )  # fmt: skip
    # the second and third are one: the text has not left the screen
    assert cues_of(tmp_path, content)[0] == [(1.0, 2.0, "No."), (3.0, 5.0, "No.")]


def test_cues_that_cross_or_go_back_are_sorted_and_said(tmp_path):
    content = srt(
        "00:00:10,000 --> 00:00:12,000", "00:00:01,000 --> 00:00:02,000",
        "00:00:01,500 --> 00:00:03,000", "00:00:20,000 --> 00:00:21,000",
    )  # fmt: skip
    found, notes = cues_of(tmp_path, content)
    assert [(start, text) for start, _, text in found] == [
        (1.0, "Line 2."), (1.5, "Line 3."), (10.0, "Line 1."), (20.0, "Line 4."),
    ]  # fmt: skip
    assert notes == ["2 cues that cross the one before or go back: sorted"]


def test_a_film_of_eleven_hours(tmp_path):
    timings = [
        f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d},000 --> "
        f"{(s + 2) // 3600:02d}:{(s + 2) // 60 % 60:02d}:{(s + 2) % 60:02d},000"
        for s in range(0, 11 * 3600, 10)
    ]
    found, notes = cues_of(tmp_path, srt(*timings))
    assert [start for start, *_ in found] == [float(s) for s in range(0, 11 * 3600, 10)]
    assert notes == []


def test_two_languages_are_not_mixed(tmp_path):
    content = srt("00:00:01,000 --> 00:00:03,000", text="我们今天\nToday we") + srt(
        "00:00:03,000 --> 00:00:05,000", text="讨论预算\nface the budget."
    )
    path = tmp_path / "film.srt"
    path.write_text(content)
    texts = [one.text for one in sentences(mended(read_cues(path)[0])[0], "subtitles")]
    assert sorted(texts) == ["Today we face the budget.", "我们今天讨论预算"]


def test_ass_styles_drawings_comments_and_layers(tmp_path):
    content = ASS_HEAD + (
        "Comment: 0,0:00:00.00,0:00:09.00,Default,,0,0,0,,not shown\n"
        "Dialogue: 0,0:00:03.00,0:00:04.50,Default,Ann,0,0,0,,"
        "{\\b1}Second{\\b0}, with\\Na comma\\hhere.\n"
        "Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\\an8\\fad(1,1)}First {sic}line.\n"
        "Dialogue: 1,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\\bord3}First line.\n"
        "Dialogue: 0,0:00:01.00,0:00:09.00,Box,,0,0,0,,{\\p1}m 0 0 l 100 0 100 100{\\p0}\n"
        "Dialogue: 0,0:00:05.00,0:00:06.00,Default,,0,0,0,,"
        "{\\p1}m 0 0 l 9 9{\\p0}{\\k20}Third{\\k30} line.\n"
    )
    found, notes = cues_of(tmp_path, content, "film.ass")
    assert found == [
        (1.0, 2.0, "First line."),
        (3.0, 4.5, "Second, with\na comma here."),
        (5.0, 6.0, "Third line."),
    ]
    assert notes == ["1 cue that cross the one before or go back: sorted"]


def test_damaged_looks_of_ass_do_not_cost_the_text(tmp_path):
    content = ASS_HEAD.replace("Arial,20", "Arial,many,&Hxx,") + (
        "Dialogue: 0,0:00:01.00,0:00:02.00,Gone,,x,y,z,,Words.\n"
    )
    assert cues_of(tmp_path, content, "film.ass") == ([(1.0, 2.0, "Words.")], [])


@pytest.mark.parametrize("entries", [
    [{"timestamp": [12.5, 14.0], "text": "One."}, {"timestamp": [20.0, None], "text": "Two."},
     {"timestamp": [22.0, "nan"], "text": "Three."}, {"timestamp": [40, 41], "text": "Four."}],
    [{"start": "00:00:12.500", "end": "00:00:14.000", "line": "One."},
     {"start": "0:0:20.0", "end": "00:00:22.000", "line": "Two."},
     {"start": "00:00:22.000", "end": "00:00:27", "line": "Three."},
     {"start": "00:00:40.000", "end": "00:00:41.000", "line": "Four."}],
])  # fmt: skip
def test_both_forms_of_longvideobench(tmp_path, entries, colour_video):
    path = tmp_path / "film_en.json"
    path.write_text(json.dumps(entries, indent=1))
    found, _ = cues_of(tmp_path, path.read_bytes(), "film_en.json")
    assert found == [
        (12.5, 14.0, "One."), (20.0, 22.0, "Two."), (22.0, 27.0, "Three."), (40.0, 41.0, "Four."),
    ]  # fmt: skip
    [piece] = SubtitleFile(path, starts_at_seconds=21.0).listen(colour_video, 0.0, {})
    assert [(one.text, one.start_seconds, one.end_seconds) for one in piece.passages] == [
        ("Two.", 0.0, 1.0), ("Three.", 1.0, 6.0), ("Four.", 19.0, 20.0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "form", ["srt", "vtt", "ass", "ssa", "ttml", "sami", "microdvd", "mpl2", "tmp", "json"]
)
def test_what_pysubs2_writes_is_read(tmp_path, form):
    written = pysubs2.SSAFile()
    for number in range(5):
        written.append(
            pysubs2.SSAEvent(2000 + 8000 * number, 5000 + 8000 * number, f"Line {number}.")
        )
    path = tmp_path / "film.txt"
    if form == "sami":
        path.write_text(
            "<SAMI><BODY>"
            + "".join(
                f"<SYNC Start={2000 + 8000 * n}><P>Line {n}.<SYNC Start={5000 + 8000 * n}><P>&nbsp;"
                for n in range(5)
            )
            + "</BODY></SAMI>"
        )
    else:
        written.save(str(path), format_=form, fps=25.0)
    found, _ = cues_of(tmp_path, path.read_bytes())
    assert [(start, text) for start, _, text in found] == [
        (2.0 + 8 * number, f"Line {number}.") for number in range(5)
    ]


def ffmpeg_reading(path):
    """(start, end, text) as FFmpeg's own demuxer and decoder have them."""
    found = []
    with av.open(str(path)) as container:
        stream = container.streams.subtitles[0]
        for packet in container.demux(stream):
            shown = stream.codec_context.decode2(packet) if packet.size else None
            start = None if packet.pts is None else float(packet.pts * packet.time_base)
            for event in shown or ():
                end = start + float(packet.duration * packet.time_base)
                found.append((start, end, ass_text(event.ass.decode().split(",", 8)[8]).strip()))
    return found


PLAIN = st.text("abc XYZ,.'äß你好", min_size=1, max_size=20).map(str.strip).filter(bool)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(PLAIN, st.integers(1, 5000), st.integers(1, 4000)), min_size=1, max_size=8)
)
@pytest.mark.parametrize("ending", ["srt", "vtt", "ass"])
def test_the_same_as_ffmpeg_reads(tmp_path_factory, ending, lines):
    """Two readers that share no code agree about files as they should be."""
    written, at = pysubs2.SSAFile(), 0
    for number, (text, wait, duration) in enumerate(lines):
        start = at + 10 * wait
        at = start + 10 * duration
        written.append(
            pysubs2.SSAEvent(start, at, f"{number} {text}\\N{{\\i1}}more{{\\i0}} {number}")
        )
    path = tmp_path_factory.mktemp("subs") / f"film.{ending}"
    written.save(str(path))
    theirs = ffmpeg_reading(path)
    ours = [(cue.start, cue.end, cue.text.strip()) for cue in read_cues(path)[0]]
    assert len(ours) == len(lines)
    for (start, end, text), (start2, end2, text2) in zip(ours, theirs, strict=True):
        assert (start, end) == (pytest.approx(start2, abs=1e-3), pytest.approx(end2, abs=1e-3))
        assert text == text2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", ": is empty"),
        (" \n\n", ": is empty"),
        ("Just a letter.\n", ": is in no form that is known; accepted: SRT, VTT"),
        ("WEBVTT\n\nNOTE nothing\n", ": holds no subtitles: no line such as 00:01:02.500 -->"),
        ("1\n00:00:01,000 --> 00:00:02,000\n\n", ": holds no text"),
        (srt("00:00:01,000 --> 00:00:02,000", "00:0x:03,000 --> 00:00:04,000"),
         ", line 6: '00:0x:03,000 --> 00:00:04,000' are no times; give a line such as"),
        ("WEBVTT\n\na:b --> c\nx\n", ", line 3: 'a:b --> c' are no times"),
        ('[{"timestamp": [1, 2], "text": "a"},\n{"timestamp": 1 "text"}]', ", line 2: not JSON"),
        ('[{"timestamp": [1, 2], "text": "a"}, {"timestamp": 3}]', ', entry 2: {"timestamp": 3}'),
        ('[{"start": "1:2", "end": "", "line": "a"}]', ", entry 1: "),
        ('[{"timestamp": [NaN, 2], "text": "a"}]', ", entry 1: "),
        ("[{}]", ", entry 1: {}; expected"),
        (ASS_HEAD + "Dialogue: 0,soon,0:00:02.00,D,,0,0,0,,a\n", ", line 9: cannot be read (F"),
        ("{10}{20}Hello\n", ", line 1: counts pictures and does not say how many a second"),
        ('<tt xmlns="http://www.w3.org/ns/ttml">\n<body></tt>', ": cannot be read (mism"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9, ", line 2: is not text"),
        (b"\x00\x00\x01\xba" + bytes(range(256)) * 9, ", line 1: is not text"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told_in_one_line(tmp_path, content, message):
    assert error_of(tmp_path, content).startswith(message)


def test_only_regular_files_of_some_size(tmp_path):
    with pytest.raises(DataError, match=r"cannot be read \(No such file"):
        read_cues(tmp_path / "gone.srt")
    with pytest.raises(DataError, match="is a folder"):
        read_cues(tmp_path)
    os.mkfifo(tmp_path / "pipe.srt")
    with pytest.raises(DataError, match="is not a regular file"):
        read_cues(tmp_path / "pipe.srt")
    with pytest.raises(DataError, match="cannot be read"):
        read_cues(tmp_path / "null\0.srt")
    with open(tmp_path / "large.srt", "wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(DataError, match="is larger than 64 MB"):
        read_cues(tmp_path / "large.srt")


SEEDS = [
    srt("00:00:01,000 --> 00:00:02,000", "00:00:03,000 -->").encode(),
    AUTOMATIC.encode(),
    (
        ASS_HEAD + "Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\\p1}m{\\p0}Hi\\Nyou\n"
    ).encode(),
    b'[{"timestamp": [1.5, 2], "text": "a"}, {"start": "0:0:1.5", "end": "0:0:2", "line": "b"}]',
    b"{1}{1}25\n{30}{60}Hello|you\n",
    b"[10][20]Hello|you\n",
    b"00:00:01:Hello\n00:00:03:You\n",
    b"<SAMI><BODY><SYNC Start=1000><P>Hi<SYNC Start=2000><P>&nbsp;</BODY></SAMI>",
    b'<tt xmlns="http://www.w3.org/ns/ttml"><body><div><p begin="1s" end="2s">Hi</p></div></body>'
    b"</tt>",
]


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_damaged_files_are_read_or_told(tmp_path_factory, data):
    content = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(content)))
        until = data.draw(st.integers(at, min(len(content), at + 8)))
        content[at:until] = data.draw(
            st.one_of(st.binary(max_size=4), st.sampled_from([b"-->", b"9" * 30, b"-", b"\n\n"]))
        )
    path = tmp_path_factory.getbasetemp() / "fuzzed.srt"
    path.write_bytes(bytes(content))
    cues, told = [], None
    try:
        cues, _ = read_cues(path)
    except DataError as error:
        told = str(error)
    assert told is None or (told.startswith(str(path)) and "\n" not in told)
    for one in sentences(mended(cues)[0], "subtitles"):
        assert 0 <= one.end_seconds - one.start_seconds <= 15 + 1e-9


def test_a_large_file_is_read_in_linear_time(tmp_path):
    for content in ("\n" * 300_000, "1\n" * 100_000, "<" * 100_000, "{\\" * 50_000, "&" * 50_000):
        text = "1\n00:00:01,000 --> 00:00:02,000\nWords.\n" + content
        assert cues_of(tmp_path, text)[0][0][:2] == (1.0, 2.0)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9000), st.integers(0, 30), PLAIN), min_size=1, max_size=15)
)
def test_every_text_is_there_once(tmp_path_factory, lines):
    """Cues in any order, crossing or not."""
    times = [f"00:{s // 600:02d}:{s // 10 % 60:02d},{s % 10}" for s, _, _ in lines]
    ends = [f"00:{s // 600:02d}:{s // 10 % 60:02d},{s % 10}" for s in (a + b for a, b, _ in lines)]
    content = "".join(
        f"{n}\n{start} --> {end}\n#{n}# {text}\n\n"
        for n, (start, end, (*_, text)) in enumerate(zip(times, ends, lines), 1)
    )
    path = tmp_path_factory.getbasetemp() / "any.srt"
    path.write_text(content)
    both = "".join(one.text for one in sentences(mended(read_cues(path)[0])[0], "subtitles"))
    for number, (_, _, text) in enumerate(lines, 1):
        assert both.count(f"#{number}#") == 1
        assert "".join(text.split()) in "".join(both.split())
