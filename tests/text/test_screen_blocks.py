"""Which lines are one paragraph: drawn as a typesetter breaks them, and as writers part them."""

import textwrap

import numpy as np
import pytest
from PIL import ImageFont

from ntlbg.text.screen.blocks import passages
from ntlbg.text.screen.lines import Line
from screen_films import SANS

LETTERS = ImageFont.truetype(SANS, 30)
PARAGRAPH = (
    "The council met in the glass house by the river and spoke about the seeds that were bought "
    "in spring, what they cost, and who is to water them while the treasurer is away."
)


def line(text, left=80.0, top=100.0, start=0.0, end=10.0, height=40.0):
    right, bottom = left + LETTERS.getlength(text) * height / 40, top + height
    box = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    return Line(text, 0.99, box, start, end)


def column(texts, left=80.0, top=100.0, step=50.0, **spans):
    return [line(text, left, top + step * n, **spans) for n, text in enumerate(texts)]


def texts(lines):
    return sorted(one.text for one in passages(lines, 1.0))


@pytest.mark.parametrize("width", [30, 45, 60])
def test_a_paragraph_broken_by_its_column_is_one_passage(width):
    lines = column(textwrap.wrap(PARAGRAPH, width))
    assert len(lines) > 2
    assert texts(lines) == [PARAGRAPH]
    assert texts(lines[::-1]) == [PARAGRAPH]


def test_items_of_a_list_stay_apart():
    items = ["Glass for the greenhouse", "Seeds", "A tram line to the harbour", "Copper"]
    assert texts(column(items)) == sorted(items)
    marked = [f"• {item.lower()}" for item in items]
    assert texts(column(marked)) == sorted(marked)


def test_a_long_item_is_joined_and_the_next_is_not():
    wrapped = ["1. The council met in the glass house", "by the river", "2. Seeds were bought"]
    assert texts(column(wrapped)) == [
        "1. The council met in the glass house by the river", "2. Seeds were bought",
    ]  # fmt: skip


def test_code_is_left_as_it_is():
    code = ["def total(costs, seeds):", "rate = costs[3]", "return rate * seeds", "print(total)"]
    assert texts(column(code)) == sorted(code)


def test_a_title_is_not_part_of_the_text_below():
    title = line("minutes of the council", top=30.0, height=60.0)
    lines = column(textwrap.wrap(PARAGRAPH, 40), top=110.0)
    assert texts([title, *lines]) == sorted(["minutes of the council", PARAGRAPH])


def test_two_columns_do_not_mix():
    left = column(textwrap.wrap(PARAGRAPH, 24))
    right = column(textwrap.wrap(PARAGRAPH.upper().lower(), 24), left=700.0)
    assert texts(left + right) == sorted([PARAGRAPH, PARAGRAPH.lower()])


def test_lines_with_other_times_stay_apart():
    one, two = textwrap.wrap("the council met in the glass house by the river", 26)
    together = [line(one, top=100, start=0, end=10), line(two, top=150, start=1, end=10)]
    apart = [line(one, top=100, start=0, end=10), line(two, top=150, start=5, end=10)]
    [joined] = passages(together, 1.0)
    assert (joined.text, joined.start_seconds, joined.end_seconds) == (f"{one} {two}", 0, 10)
    assert len(passages(apart, 1.0)) == 2


def test_broken_words_and_chinese_are_joined_without_a_space():
    assert texts(column(["the council met in the glass-", "house"])) == [
        "the council met in the glasshouse"
    ]
    assert texts([line("图书馆明天上午九点开门请大家", top=100), line("准时到", top=150)]) == [
        "图书馆明天上午九点开门请大家准时到"
    ]


def test_no_letter_is_lost():
    lines = column(textwrap.wrap(PARAGRAPH, 40)) + column(["Seeds", "Glass"], top=600.0)
    expected = sorted("".join(one.text for one in lines).replace(" ", ""))
    assert sorted("".join(texts(lines)).replace(" ", "")) == expected
