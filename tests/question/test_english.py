"""What English questions ask for: by the wordings of made videos, and by hand."""

import pytest

from ntlbg.haystack.questions import TEMPLATES
from ntlbg.question import parse_question


def intent(question):
    return parse_question(question).intent


@pytest.mark.parametrize(
    ("question", "seconds"),
    [
        ("What is at 02:05?", [125.0]),
        ("Between 1:00:00 and 61:30?", [3600.0, 3690.0]),
        ("Is the ratio 3:75 or 7?", []),
        ("What appears first?", []),
    ],
)
def test_clock_times_are_read(question, seconds):
    assert intent(question).times_seconds == tuple(seconds)


@pytest.mark.parametrize(
    ("question", "direction"),
    [
        ("What appears right after the guitar?", 1),
        ("Which object comes next?", 1),
        ("What preceded the owl?", -1),
        ("Just before the bus, what was shown?", -1),
        ("What object is seen before all others?", 0),
        ("What object is seen after all others?", 0),
        ("Is the cat before the dog or after the dog?", 0),
        ("When does the guitar appear?", 0),
    ],
)
def test_direction_is_read_from_the_words(question, direction):
    assert intent(question).direction == direction


@pytest.mark.parametrize("kind", list(TEMPLATES))
def test_what_is_asked_in_order(kind):
    for wording in TEMPLATES[kind]:
        question = wording.format(
            name="owl", other="bus", article="an owl", other_article="a bus", time="01:00"
        )
        in_order = kind in ("first", "last", "before", "after")
        assert intent(question).asks_what_in_order == in_order, question
    for question in ("How does the game end?", "Why is he last?", "Who wins after the break?"):
        assert not intent(question).asks_what_in_order


@pytest.mark.parametrize("kind", ["order", "both", "count", "exist", "first", "last", "when"])
def test_wordings_are_understood(kind):
    for wording in TEMPLATES[kind]:
        question = wording.format(
            name="owl", other="bus", article="an owl", other_article="a bus", time="01:00"
        )
        assert intent(question).names_pair == (kind in ("order", "both")), question
        assert intent(question).counts == (kind == "count"), question
        assert intent(question).asks_when == (kind == "when"), question
        assert intent(question).asks_about_events == (kind in ("first", "last")), question
        about_one = kind in ("both", "count", "exist", "when")
        assert kind == "order" or intent(question).asks_about_one == about_one, question
        assert intent(question).first_of_two == (kind == "order"), question
        denied = kind in ("both", "count", "exist")
        assert intent(question).is_yes_no_or_count == denied, question
