"""Subtitles in other forms, in damaged files, and beside another reader."""

import json
import os

import av
import pysubs2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from subtitle_reading import ASS_HEAD, AUTOMATIC, cues_of, error_of, srt

from ntlbg.errors import DataError
from ntlbg.text.sentences import sentences
from ntlbg.text.subtitles import SubtitleFile
from ntlbg.text.subtitles.cues import mended
from ntlbg.text.subtitles.formats import read_cues
from ntlbg.text.subtitles.markup import ass_text
from ntlbg.text_files import MAX_BYTES


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
    assert notes == ["cues that cross the one before or go back: 1, sorted"]


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
        ("WEBVTT\n\nNOTE x --> y\n\na:b --> c\nx\n", ", line 5: 'a:b --> c' are no times"),
        ('[{"timestamp": [1, 2], "text": "a"},\n{"timestamp": 1 "text"}]',
         ":2: not JSON (Expecting ',' delimiter, column 17)"),
        ('[{"timestamp": [1, 2], "text": "a"}, {"timestamp": 3}]', ', entry 2: {"timestamp": 3}'),
        ('[{"start": "1:2", "end": "", "line": "a"}]', ", entry 1: "),
        ('[{"timestamp": [NaN, 2], "text": "a"}]', ":1: 0.timestamp.0: NaN is no number in JSON"),
        ('[{"timestamp": "45", "text": "a"}]', ", entry 1: "),
        ('[{"timestamp": [true, 2], "text": "a"}]', ", entry 1: "),
        ('[{"timestamp": {"4": 1, "5": 2}, "text": "a"}]', ", entry 1: "),
        ('[{"start": "1_0:0:0", "end": "1_1:0:0", "line": "a"}]', ", entry 1: "),
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
    with pytest.raises(DataError, match="no such file; give a file of subtitles"):
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
    assert all(both.count(f"#{number}#") == 1 for number in range(1, len(lines) + 1))
    given_text = "".join(f"#{number}#{text}" for number, (*_, text) in enumerate(lines, 1))
    assert sorted("".join(both.split())) == sorted("".join(given_text.split()))
