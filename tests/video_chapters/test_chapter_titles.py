"""Names of chapters: headings, else the sentence that says most, else a number."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntlbg.types import Passage
from ntlbg.video_chapters.titles import MOST_LETTERS, is_heading, says_enough, shortened, titled
from ntlbg.video_chapters.topics import Topics, topics_of


def page(start, end, *lines):
    return [Passage(line, start, end, "screen") for line in lines]


def said(start, *sentences, source="speech"):
    return [
        Passage(text, start + 5.0 * place, start + 5.0 * place + 4, source)
        for place, text in enumerate(sentences)
    ]


def names(spans, *passages):
    topics = topics_of([one for some in passages for one in some], lambda: None)
    return [(one.title, one.title_source) for one in titled(spans, topics)]


def test_a_heading_names_a_chapter_and_not_the_lines_below_it():
    slides = page(0, 50, "Costs of the harbour", "Two cranes and a quay", "A new lock gate")
    talk = said(0, "The harbour has two cranes and a quay.", "Cranes are dear.")
    assert names([(0, 60)], slides, talk) == [("Costs of the harbour", "screen")]


def test_of_several_headings_the_one_that_stays_and_is_central():
    slides = [
        *page(0, 8, "Good morning", "Annual meeting"),
        *page(8, 55, "Costs of the harbour"),
        *page(55, 61, "Thanks to the pilots"),
    ]
    assert names([(0, 61)], slides)[0][0] == "Costs of the harbour"


@pytest.mark.parametrize("line", ["- two skips", "x = f(y);", "2026", "14:30", "1. Begin"])
def test_lists_code_and_numbers_are_no_headings(line):
    assert not is_heading(line)
    sentence = "The gardeners ordered seeds for the plot."
    assert names([(0, 60)], page(0, 60, line), said(0, sentence)) == [
        ("The gardeners ordered seeds for the plot", "speech")
    ]


def test_subtitles_in_the_picture_are_no_headings():
    burned = [Passage("So we went on", 5.0 * n, 5.0 * n + 3, "screen") for n in range(10)]
    talk = said(0, "We went on to the harbour in the fog.", source="subtitles")
    assert names([(0, 60)], burned, talk)[0][1] == "subtitles"


def test_the_sentence_that_says_most_of_its_chapter_and_not_of_the_rest():
    first = said(0, "Thank you.", "Welcome to the meeting of the society.",
                 "Seeds of beans are dear.", "Beans and seeds of peas are dear this year.",
                 "Peas are dear.")  # fmt: skip
    second = said(100, "Welcome back to the meeting of the society.", "The fence has holes.",
                  "Rabbits dig holes below the fence at night.", "Holes in the fence.")  # fmt: skip
    found = names([(0, 100), (100, 200)], first, second)
    assert found[0] == ("Beans and seeds of peas are dear this year", "speech")
    assert found[1][0] in {one.text[:-1] for one in second[1:3]}


def test_vectors_decide_where_there_are_some():
    passages = tuple(said(0, "One two three four five.", "Six seven eight nine ten."))
    for row in (0, 1):
        vectors = np.eye(3)[[0, 1]] if row else np.eye(3)[[1, 0]]
        topics = Topics(
            (*passages, *said(20, *["And more of it all."] * 3)),
            np.concatenate([vectors, np.tile(np.eye(3)[0], (3, 1))]),
        )
        [chapter] = titled([(0, 10)], topics)
        assert chapter.title == passages[row].text[:-1]


def test_without_words_chapters_have_numbers():
    assert names([(0, 20), (20, 40)]) == [("Chapter 1", "number"), ("Chapter 2", "number")]
    assert names([(0, 20), (20, 40)], said(0, "Only the first one has words."))[1][1] == "number"


def test_no_name_twice_while_there_are_others():
    slides = [*page(0, 90, "Valley news"), *page(0, 30, "The vote"), *page(60, 90, "Snow depths")]
    found = [title for title, _ in names([(0, 30), (30, 60), (60, 90)], slides)]
    assert found[1] == "Valley news"
    assert found[0] == "The vote"
    assert found[2] == "Snow depths"


def test_a_line_that_is_not_the_first_names_what_has_no_other_name():
    assert names([(0, 60)], page(0, 60, "2026", "Costs of the harbour")) == [
        ("Costs of the harbour", "screen")
    ]


@given(st.text(), st.integers(10, 80))
def test_titles_are_short_and_one_line(text, most):
    line = shortened(text, most)
    assert len(line) <= most
    assert line == " ".join(line.split())


@given(st.lists(st.text("abcdefgh", min_size=1, max_size=9), min_size=1, max_size=30))
def test_they_are_cut_between_words(words):
    text = " ".join(words)
    line = shortened(text)
    if len(text) <= MOST_LETTERS:
        assert line == text
        return
    assert line.endswith("…")
    assert text.startswith(line[:-1])
    assert text[len(line) - 1] == " "


def test_scripts_without_spaces_are_cut_between_characters():
    assert len(shortened("猫" * 100)) == MOST_LETTERS
    assert says_enough("我们今天讲港口的费用")
    assert not says_enough("谢谢")
