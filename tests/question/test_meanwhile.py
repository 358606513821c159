"""What is written while something is said: what is wanted, and what tells when."""

import pytest

from ntlbg.question import parse_question
from ntlbg.types import Meanwhile


@pytest.mark.parametrize(
    ("question", "wanted", "text"),
    [
        ("Which heading is on screen while the bridge is spoken of?", "written", "the bridge"),
        ("What was on the slide when she talked about the mill?", "written", "the mill"),
        ("While the lecturer explains tides, what does the slide show?", "written", "tides"),
        ("What is written on the board during the talk about rain?", "written", "rain"),
        ("What is said when the ticker reads 'Ban on pipes'?", "said", "'Ban on pipes'"),
        ("What does he say while the screen shows who is a member?", "said", "who is a member"),
        ("讲到预算的时候，幻灯片上写着什么？", "written", "预算"),
        ("屏幕上写着什么，当有人说到银行收费的时候？", "written", "银行收费"),
        ("显示“会员”幻灯片的时候，老师说了什么？", "said", "显示“会员”"),
    ],
)
def test_one_stream_tells_when_and_the_other_what(question, wanted, text):
    intent = parse_question(question).intent
    assert intent.meanwhile == Meanwhile(wanted, text)
    assert intent.parts == (question,)  # it is one question


@pytest.mark.parametrize(
    "question",
    [
        "What is on the table while the cat sleeps?",
        "What does the man hold while he talks about rain?",
        "What does the man say while the dog barks?",
        "When is the slide about rent shown?",
        "What is said about the slide?",
        "What is on the slide while he talks?",  # of what, nobody says
        "猫睡觉的时候，桌子上有什么？",
        "老师什么时候提到预算？",
    ],
)
def test_other_questions_are_about_one(question):
    assert parse_question(question).intent.meanwhile is None
