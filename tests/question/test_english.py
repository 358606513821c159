"""What English questions ask for: by the wordings of made videos, and by hand."""

from dataclasses import replace

import pytest

from ntlbg.question import english, parse_question
from ntlbg_lab.haystack.questions import TEMPLATES

WORD_LISTS = (
    "_TRAINED",
    "_TRAINED_IN_NAMES",
    "_UNTRAINED",
    "_UNTRAINED_IN_NAMES",
    "_ABOUT_PICTURES",
)


def intent(question):
    return parse_question(question).intent


@pytest.mark.parametrize(
    ("question", "seconds"),
    [
        ("What is at 02:05?", [125.0]),
        ("At 1:00:00 or 61:30?", [3600.0, 3690.0]),
        ("At 99:99, 00:00:99 or 1:99:30?", []),
        ("At 1:5:20, and 120:30: what?", [3920.0, 7230.0]),
        ("Is the ratio 3:75 or 7?", []),
        ("What appears first?", []),
    ],
)
def test_clock_times_are_read(question, seconds):
    assert intent(question).times_seconds == tuple(seconds)


@pytest.mark.parametrize(
    ("question", "clock"),
    [
        ("What is shown at 64 seconds?", "What is shown at 1:04?"),
        ("What is shown at 1 minute 4 seconds?", "What is shown at 1:04?"),
        ("At 1 minute and 4 seconds, what is shown?", "At 1:04, what is shown?"),
        ("What is shown at 90 s?", "What is shown at 1:30?"),
        ("At 1m4s, what is shown?", "At 1:04, what is shown?"),
        ("At 1h 2m, what is shown?", "At 1:02:00, what is shown?"),
        ("What is shown at about 2 minutes?", "What is shown at about 2:00?"),
        ("What is shown at 2 minutes and 3 doors?", "What is shown at 2:00 and 3 doors?"),
        ("What is shown 64 seconds into the video?", "What is shown 1:04 into the video?"),
        ("64 seconds in, what is shown?", "1:04 in, what is shown?"),
        ("What is at the 64-second mark?", "What is at the 1:04 mark?"),
        ("What is shown right after 64 seconds?", "What is shown right after 1:04?"),
        ("What is seen between 20 and 80 seconds?", "What is seen between 0:20 and 1:20?"),
        ("Is he there from 0:20 to 1 minute 20 s?", "Is he there from 0:20 to 1:20?"),
    ],
)
def test_spoken_times_are_read_as_those_of_a_clock(question, clock):
    spoken, written = intent(question), intent(clock)
    assert spoken.names_time
    assert replace(spoken, parts=()) == replace(written, parts=())


@pytest.mark.parametrize(
    "question",
    [
        "What happens 38 seconds after the fire?",
        "What happens at 38 seconds before the fire?",
        "What comes 5 seconds later?",
        "Who speaks for 30 seconds?",
        "Does he talk around 30 seconds?",
        "Does the bomb explode after 5 seconds?",
        "How long is the 30 second clip?",
        "Does it take between 20 and 40 seconds?",
        "Who wins by 3 seconds?",
        "What is seen at 10 second intervals?",
        "What is in the first 30 seconds?",
        "What plays at 90s parties?",
        "Who stands at 5 m from the wall?",
        "Is he at 5 mph?",
    ],
)
def test_a_length_of_time_and_an_offset_are_no_time(question):
    assert not intent(question).names_time


@pytest.mark.parametrize(
    ("question", "ranges", "times"),
    [
        ("What appears between 0:50 and 1:10?", [(50, 70)], []),
        ("What appears from 0:20 to 1:20?", [(20, 80)], []),
        ("between 0:10 and 0:20", [(10, 20)], []),
        ("Who is there 0:50-1:10, and at 2:00?", [(50, 70)], [120]),
        ("What is there from the 0:50 mark until the 1:10 mark?", [(50, 70)], []),
        ("What comes after 0:10 and before 0:30?", [(10, 30)], []),
        ("What changes between 1:10 and 0:50?", [(50, 70)], []),
        ("From 0:10 to 0:20 or from 0:40 to 0:50?", [(10, 20), (40, 50)], []),
        ("Is it there between 0:10 and 99:99?", [], [10]),
        ("What is at 0:50 and 1:10?", [], [50, 70]),
        ("Does it go from red at 0:50 to blue at 1:10?", [], [50, 70]),
    ],
)
def test_a_stretch_of_time_is_no_two_moments(question, ranges, times):
    read = intent(question)
    assert read.ranges_seconds == tuple(ranges)
    assert read.times_seconds == tuple(times)
    assert read.has_timing


@pytest.mark.parametrize(
    ("question", "beside"),
    [
        ("What appears before 0:30?", True),
        ("What is shown right after 02:05?", True),
        ("What did the man at 0:30 do before dinner?", False),
        ("What is shown at 0:30?", False),
        ("What comes after the owl?", False),
        ("What comes after the owl between 0:30 and 0:40?", False),
    ],
)
def test_a_time_can_be_what_something_comes_next_to(question, beside):
    assert intent(question).beside_time == beside


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


@pytest.mark.parametrize(
    ("question", "is_pair"),
    [
        ("What do the man and the woman do after dinner?", False),
        ("When do the man and the woman meet?", False),
        ("Is the man and the old woman's dog seen?", False),
        ("What is seen after the owl and the bus?", False),
        ("Where do a man and a woman sit down?", False),
        ("Are the man and the woman dancing?", False),
        ("Does the video show the owl and the bus?", True),
        ("Which is first, the owl or the bus?", True),
        ("Of the owl and the bus, what is seen first?", True),
        ("The owl and the bus: which comes first?", True),
        ("When do the owl and the bus appear?", True),
        ("Can you see the owl and the bus?", True),
        ("Is there an owl and a bus?", True),
        ("Are the owl and the bus in the video?", True),
        ("Is the owl and the bus that's red seen?", True),
        ("the owl and the bus", True),
    ],
)
def test_two_things_are_a_pair_where_each_is_asked_about(question, is_pair):
    assert intent(question).names_pair == is_pair


@pytest.mark.parametrize(
    "question",
    [
        "Who looks after the dog?",
        "Whom does the boy take after?",
        "Which street is named after a king?",
        "Is it a cat, after all?",
        "After all, what is it?",
        "What is next to the lamp?",
        "Do they fall in love at first sight?",
        "What did he do last week?",
        "What is his last name?",
        "What is her first name?",
        "Who gives first aid?",
        "Where was he last night?",
        "Who presses the start button?",
        "What is on the end table?",
    ],
)
def test_what_only_looks_like_an_order_is_none(question):
    read = intent(question)
    assert (read.direction, read.side, read.earlier_or_later) == (0, 0, 0)
    assert not read.has_timing


@pytest.mark.parametrize(
    ("question", "direction", "side"),
    [
        ("How does the room look after the party?", 1, 0),
        ("What does he look for after the party?", 1, 0),
        ("What is seen after all others?", 0, -1),
        ("Who is the first person shown?", 0, 1),
        ("What is the first name shown in the credits?", 0, 1),
        ("What happens on the last night of the trip?", 0, -1),
        ("What comes next?", 1, 0),
        ("When does he look after the dog for the last time?", 0, -1),
    ],
)
def test_an_order_beside_such_words_is_one(question, direction, side):
    assert (intent(question).direction, intent(question).side) == (direction, side)


@pytest.mark.parametrize(
    ("question", "counts"),
    [
        ("Who is Count Dracula?", False),
        ("What does the count wear?", False),
        ("What happened to Count Olaf?", False),
        ("Who wrote The Count of Monte Cristo?", False),
        ("Count the owls.", True),
        ("Count owls.", True),
        ("Please count all owls", True),
        ("What is the count of owls?", True),
    ],
)
def test_a_count_is_a_number_or_a_person(question, counts):
    assert intent(question).counts == counts


def test_a_word_stands_in_one_list():
    lists = [value.split() for name, value in vars(english).items() if name in WORD_LISTS]
    assert len(lists) == len(WORD_LISTS)
    listed = [word for words in lists for word in words]
    assert len(listed) == len(set(listed))
