"""A question is read once, by the table of its language."""

import dataclasses
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntlbg.errors import QuestionError
from ntlbg.question import checked_question, parse_question


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("When does the owl appear?", "en"),
        ("02:05?", "en"),
        ("Is there a café?", "en"),
        ("Who says 你好 in the video?", "en"),
        ('Where is "请勿停车禁止入内" seen?', "en"),
        ("猫头鹰什么时候出现？", "zh"),
        ("electric guitar 什么时候出现？", "zh"),
        ("猫はいつ現れますか？", "other"),
        ("Когда появляется сова?", "other"),
        ("고양이는 언제 나와요?", "other"),
    ],
)
def test_a_language_is_told_by_most_of_its_letters(question, language):
    assert parse_question(question).intent.language == language


def test_times_are_read_in_every_language():
    assert parse_question("Что видно в 02:05?").intent.times_seconds == (125.0,)


def test_full_width_letters_count_as_the_usual_ones():
    wide = parse_question("Ｗｈａｔ ｉｓ ｓｅｅｎ ａｔ ０２：０５？")
    usual = parse_question("What is seen at 02:05?")
    assert dataclasses.replace(wide.intent, parts=()) == dataclasses.replace(usual.intent, parts=())
    assert wide.intent.parts == (wide.text,)  # what is searched for is what was asked


def test_options_are_kept_and_the_same_question_is_read_once():
    question = parse_question("What is it?", ["A cup", "An umbrella"])
    assert question.options == ("A cup", "An umbrella")
    assert question is parse_question("What is it?", ("A cup", "An umbrella"))
    assert parse_question("What is it?").options is None


def test_nobody_changes_what_was_read():
    question = parse_question("What is it?")
    with pytest.raises(dataclasses.FrozenInstanceError):
        question.intent.side = 1


@given(st.text(max_size=60), st.lists(st.text(max_size=10), max_size=3))
def test_any_text_is_read(text, options):
    intent = parse_question(text, options).intent
    assert intent.parts
    assert 0.09 < intent.localized_prior < 0.91
    assert all(seconds >= 0 for seconds in intent.times_seconds)
    assert {intent.direction, intent.side, intent.first_of_two} <= {-1, 0, 1}


@pytest.mark.parametrize(
    ("question", "is_it"),
    [
        ("What is shown in the video?", True),
        ("At 0:04, which object is on screen?", True),
        ("视频里有什么？", True),
        ("在0:04时画面里出现了什么？", True),
        ("What is shown before the cat?", False),
        ("猫什么时候出现？", False),
    ],
)
def test_a_question_about_the_whole_picture_is_told(question, is_it):
    assert parse_question(question).intent.asks_what_is_shown == is_it


@pytest.mark.parametrize(
    "text",
    ["7", "(", "x", "a red car and ", "1:20 ", '"', "before the ", "猫", "第1", "和", "“"],
)
def test_a_long_question_is_read_in_time_that_grows_with_it(text):
    def seconds(length):
        began = time.process_time()
        parse_question((text * length)[:length])
        return time.process_time() - began

    seconds(100)
    # quadratic it would be 256 times as much, of which the second term is a small part
    assert seconds(32_000) < 64 * seconds(2_000) + 0.5


def test_bytes_that_are_no_letters_are_told():
    for text, options in (("caf\udce9?", None), ("Which?", ["a", "caf\udce9"])):
        with pytest.raises(QuestionError, match="holds a byte that is no letter"):
            checked_question(text, options)
