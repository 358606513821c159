"""Which questions name nothing, and what is looked for in their place."""

import pytest

from ntlbg.errors import QuestionError
from ntlbg.question import checked_talk, parse_question, sought_by
from ntlbg.types import Turn

HOLDING = Turn("What is the man holding?", "An umbrella.")


@pytest.mark.parametrize(
    "text",
    [
        "and what colour is it?", "Why?", "And why does he do that?", "How many are there?",
        "What happens after that?", "What’s it called?", "And then?", "Don't they?",
        "What else does he do in the video?", "Does he say why?", "Which one?", "How old is she?",
        "它是什么颜色？", "为什么？", "然后呢？", "他说了什么？", "那个人是谁？", "他们在做什么？",
    ],
)  # fmt: skip
def test_names_nothing(text):
    question = parse_question(text)
    assert question.intent.refers_back
    sought = sought_by(question, [HOLDING])
    assert sought.text == f"{HOLDING.question} {text}"
    assert HOLDING.question in sought.intent.parts


@pytest.mark.parametrize(
    "text",
    [
        "What colour is the car?", "Who is Anna?", "And the dog?", "Is it blue?",
        "What is this video about?", "What happens in the video?", "What is shown?",
        "What comes first?", "What is shown at 2:05?", "Summarise it.", "What is on the screen?",
        "视频讲的是什么？", "猫是什么颜色？", "2分5秒有什么？", "他开的车是什么颜色？",
        "最后出现什么？", "Welche Farbe hat es?", "何色ですか？", "???",
    ],
)  # fmt: skip
def test_names_something_or_the_film(text):
    question = parse_question(text)
    assert not question.intent.refers_back
    assert sought_by(question, [HOLDING]) is question


def test_without_a_talk_a_question_is_itself():
    question = parse_question("and what colour is it?")
    assert sought_by(question, ()) is question
    assert sought_by(question, [Turn("Why?", "No reason.")]) is question


def test_the_last_question_that_names_something_counts():
    talk = [Turn("Is there a dog?", "Yes."), HOLDING, Turn("Why?", "It rains."), Turn("When?", "1")]
    assert sought_by(parse_question("Where is it?"), talk).text.startswith(HOLDING.question)


def test_parts_of_both_stay_parts_and_no_pair_is_made_of_two_questions():
    asked = parse_question("And which of them is there?", ["A cup", "An umbrella"])
    sought = sought_by(asked, [Turn("Is there a cat and a dog?", "Yes.")])
    assert sought.options == asked.options
    assert {"cat", "dog", "cup", "umbrella", sought.text} <= set(sought.intent.parts)
    one = sought_by(parse_question("and what colour is it?"), [HOLDING])
    assert not one.intent.names_pair


def test_the_order_that_a_follow_up_asks_for_is_kept():
    sought = sought_by(parse_question("What happens after that?"), [HOLDING])
    assert sought.intent.direction == 1


@pytest.mark.parametrize(
    ("turn", "why"),
    [
        (("a", "b"), "turn 2 of the talk is .*; give Turn"),
        (Turn(" ", "b"), "the question of turn 2 of the talk is empty"),
        (Turn("a", ""), "the answer of turn 2 of the talk is empty"),
        (Turn("a", "\udce9"), "the answer of turn 2 of the talk holds a byte"),
    ],
)
def test_what_is_no_turn(turn, why):
    with pytest.raises(QuestionError, match=why):
        checked_talk([HOLDING, turn])
