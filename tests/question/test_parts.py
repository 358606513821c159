"""What a question names, by its words."""

import pytest

from ntlbg.question import parse_question
from ntlbg_lab.haystack.questions import TEMPLATES, with_article


def question_parts(question, options=None):
    return parse_question(question, options).intent.parts


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("Which appears first, the cat or the guitar?", ("cat", "guitar")),
        ("Is there a cat, a dog or a horse?", ("cat", "dog", "horse")),
        ("The man and the woman walking a dog", ("man", "woman walking a dog")),
        (
            "What does the woman put on the table after she closes the door?",
            ("woman put on the table", "closes the door"),
        ),
        ("What is the man doing when the dog barks?", ("man", "dog barks")),
        ('Does "NO ENTRY" or "EXIT and go" appear?', ("NO ENTRY", "EXIT and go")),
        (
            "Are the red car and the black and white cat shown?",
            ("red car", "black and white cat"),
        ),
        (
            "What do the man, and the woman do when the dog barks?",
            ("man, and the woman", "dog barks"),
        ),
    ],
)
def test_several_things_are_several_parts(question, parts):
    assert question_parts(question) == parts


@pytest.mark.parametrize(
    "question",
    [
        "When does the guitar appear?",
        "Who looks after the child?",
        "Is the film in black and white?",
        "Show me the before and after picture",
        "Do they play rock and roll?",
        "What is on the table and then what happens?",
        "What object is seen before all others?",
        "Describe what happens between 02:05 and 03:10",
        "When and where does the film take place?",
        "Does he knock again and again?",
        "What, if anything, is on the desk?",
        "The man, wearing a hat, sits down. What does he do?",
        "Who is at the after-party?",
        "Do the red car and the black and white cat meet?",
        "When do the man and the woman meet?",
        "Where do a man and a woman sit down?",
        "What is seen after the owl and the bus?",
        "Is the man and the woman's dog asleep?",
        "男人和女人什么时候见面？",
        "猫和狗在做什么？",
    ],
)
def test_one_thing_stays_whole(question):
    assert question_parts(question) == (question,)


def test_wordings_about_two_objects_give_both_and_others_none():
    names = ("cat", "electric guitar", "bow and arrow", "owl")
    for kind, templates in TEMPLATES.items():
        for template, name, other in zip(templates, names * 3, names[1:] * 4, strict=False):
            question = template.format(
                name=name, other=other, time="02:05",
                article=with_article(name), other_article=with_article(other),
            )  # fmt: skip
            several = kind in ("order", "both")
            expected = {name, other} if several else {question}
            assert set(question_parts(question)) == expected


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["A cup", "An umbrella", "None of the above"], ("cup", "umbrella")),
        (["The man leaves.", "The man stays."], ("man leaves", "man stays")),
        (["02:05", "03:10"], ()),
        (["2", "3"], ()),
        (["Two cats", "Three cats"], ()),
        (["Yes", "No"], ()),
        (["red", "blue"], ()),
        (["A cup", "2"], ()),
        (None, ()),
    ],
)
def test_options_are_parts_where_they_name_things(options, named):
    assert question_parts("What is it?", options) == ("What is it?", *named)


def test_an_option_that_the_question_names_is_one_part():
    parts = question_parts("Which appears first, the cat or the dog?", ["The dog", "the cat"])
    assert parts == ("cat", "dog")
