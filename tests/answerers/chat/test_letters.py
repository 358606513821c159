"""Reading which option was chosen: what is clear is read, what is not is not guessed."""

import math
import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ntlbg.answerers.chat.letters import letter_chances, read_choice

OPTIONS = ["a red car", "the dog", "three birds", "nothing"]

CLEAR = {
    "B": 1, "b": None, "B.": 1, "(B)": 1, "B)": 1, "[B]": 1, "**B**": 1, "`B`": 1, " B\n": 1,
    "B. the dog": 1, "B: the dog": 1, "B - the dog": 1, "(B) the dog": 1, "B\nBecause it barks.": 1,
    "The answer is B": 1, "The answer is (B).": 1, "Answer: B": 1, "**Answer:** B": 1,
    "The correct answer is option B.": 1, "My answer would be B, as there is one.": 1,
    "Option B": 1, "I choose B.": 1, "I would go with B": 1, "B is correct": 1, "It's B.": 1,
    "Not A. The answer is B.": 1, "I think the answer is C": 2,
    "答案是B": 1, "选B": 1, "答案：（B）": 1, "应该选择B选项": 1,
    "the dog": 1, "The dog.": 1, "It is the dog that barks": 1, "It shows a red car.": 0,
    "A red car": 0, "A dog": None, "I see nothing": 3, "A": 0, "A.": 0, "The answer is A": 0,
    "<think>A? No, C?</think>\nB": 1, "<think>B, as it": None,
    "B, because there is no red car": 1, "B. the dog, not a red car": 1,
}  # fmt: skip
UNCLEAR = [
    "", "?", "E", "Z.", "none of them", "A or B", "A, B", "B and C", "(A) or (B)", "A/B",
    "The answer is A. The answer is B.", "the dog and a red car", "B. a red car", "B: nothing",
    "Option A or option C", "cars", "dogged", "I do not know",
]  # fmt: skip


@pytest.mark.parametrize(("text", "place"), CLEAR.items())
def test_what_is_read(text, place):
    assert read_choice(text, OPTIONS) == place


@pytest.mark.parametrize("text", UNCLEAR)
def test_what_is_not_guessed(text):
    assert read_choice(text, OPTIONS) is None


def test_options_inside_others():
    options = ["red", "dark red", "3", "13"]
    assert read_choice("It is dark red.", options) == 1
    assert read_choice("It is red.", options) == 0
    assert read_choice("13", options) == 3
    assert read_choice("red, not dark red", options) is None


def test_options_that_are_letters():
    assert read_choice("A", ["B", "A"]) is None
    assert read_choice("A", ["A", "B"]) == 0
    assert read_choice("A. B", ["B", "A"]) == 0


def test_chinese_options():
    assert read_choice("画面里是红色的汽车", ["蓝色", "红色"]) == 1


FORMS = ["{}", "({})", "{}.", "{})", "{}: {}", "{}. {}", "The answer is {}.", "Answer: **{}**"]


WORDS = st.text(string.ascii_lowercase + " ").filter(lambda text: len(text.strip()) > 1)


@given(
    st.lists(WORDS, min_size=2, max_size=26, unique_by=lambda text: " ".join(text.split())),
    st.data(),
)
def test_every_form_of_every_letter_is_read_back(options, data):
    place = data.draw(st.integers(0, len(options) - 1))
    form = data.draw(st.sampled_from(FORMS))
    # "I" and an article are words where they stand in a sentence, not in these forms
    assert read_choice(form.format(string.ascii_uppercase[place], options[place]), options) == place


@given(st.lists(st.sampled_from(string.ascii_uppercase), min_size=2, max_size=4, unique=True))
def test_several_letters_are_none(letters):
    assume(letters[0] != "I")
    options = [f"option number {number}" for number in range(26)]
    for joint in (" or ", ", ", " and "):
        assert read_choice(joint.join(letters), options) is None


def test_chances_of_letters():
    listed = [("B", math.log(0.5)), (" A", math.log(0.2)), ("(B", math.log(0.1)),
              ("The", math.log(0.1)), ("E", math.log(0.05))]  # fmt: skip
    assert letter_chances(listed, 3) == pytest.approx([0.25, 0.75, 0])
    assert letter_chances([("The", -0.1)], 3) is None
    assert letter_chances([], 3) is None
