"""Traps of SRT and VTT: each text comes out once, at its time, or it is said why not."""

import codecs
from itertools import pairwise

import pytest
from subtitle_reading import AUTOMATIC, cues_of, srt

from ntlbg.text.sentences import sentences
from ntlbg.text.subtitles.content import decode
from ntlbg.text.subtitles.cues import mended
from ntlbg.text.subtitles.formats import read_cues


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


def test_a_line_that_comes_back_after_an_empty_screen_is_said_again(tmp_path):
    words = ["la la", "oh no", "oh no", "hey", "hey"]
    timings = [f"00:00:{3 * n:02d}.000 --> 00:00:{3 * n + 1:02d}.000" for n in range(len(words))]
    content = "WEBVTT\n\n" + "\n\n".join(
        f"{timing}\n{word}<00:00:00.000>" for timing, word in zip(timings, words)
    )
    found, _ = cues_of(tmp_path, content)
    assert [text for *_, text in found] == words


@pytest.mark.parametrize(
    "words", [["Yes.", "Yes.", "Well.", "No."], ["No.", "No one.", "No one came."]]
)
def test_a_few_repetitions_make_no_live_captions(tmp_path, words):
    timings = [f"00:00:{n:02d},000 --> 00:00:{n:02d},800" for n in range(len(words))]
    content = "\n\n".join(f"{timing}\n{word}" for timing, word in zip(timings, words))
    found, _ = cues_of(tmp_path, content)
    assert [text for *_, text in found] == words
