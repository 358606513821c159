"""An answer that the model cannot know comes with a note that says so."""

import numpy as np
import pytest

from ntlbg.models.builtin import wording
from ntlbg.models.builtin.vocabulary import object_names
from ntlbg.models.builtin.wording import (
    NOT_ENGLISH,
    UNNAMED,
    UNTRAINED,
    ObjectNames,
    unknown_words,
)
from ntlbg.question import Intent, parse_question
from ntlbg.selectors import select_frames
from ntlbg_lab.haystack.questions import TEMPLATES
from roles import given, reply_of
from tiny_models import tiny_answerer

FACTS = {"name": "owl", "other": "bus", "article": "an owl", "other_article": "a bus"}
NAMES = ObjectNames(object_names())


def answer_caveats(question, names, options=None):
    return wording.answer_caveats(parse_question(question, options), names)


def as_counted(question, options):
    return wording.as_counted(parse_question(question).intent, options)


@pytest.mark.parametrize("kind", TEMPLATES)
def test_every_kind_of_question_that_is_trained_has_none(kind):
    for template in TEMPLATES[kind]:
        assert answer_caveats(template.format(**FACTS, time="03:10"), NAMES) == ()


@pytest.mark.parametrize(
    "question",
    [
        "What's the first thing shown?",
        "When do owls appear?",
        "When does the owl appear for the last time?",
        "What is the first object after the owl?",
        "Does an eight ball appear at any time?",
        "What is shown at 64 seconds?",
        "Which object is visible at 1 minute and 4 seconds?",
    ],
)
def test_other_words_for_the_same_have_none(question):
    assert answer_caveats(question, NAMES) == ()


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("What does the man say at the end?", ["man", "say"]),
        ("What does the sign at 03:20 say?", ["sign", "say"]),
        ("Is there a pole vaulter?", ["pole", "vaulter"]),
        ("What colour is the owl?", ["colour"]),
        ("Which word is shown first?", ["word"]),
        ("What is on the right at the end?", ["right"]),
        ("Does the phone ring?", ["phone ring"]),
        ("Is there an orange shirt?", ["orange shirt"]),
        ("What object appears at 10?", ["10"]),
        ("Wann erscheint die Eule?", ["wann", "erscheint", "die", "eule"]),
        ("Is there a café?", ["café"]),
        ("Is there a fire hydrant?", ["hydrant"]),
        ("Isn't the door's handle visible?", ["handle"]),
        ("What does the nurse look after?", ["nurse", "look after"]),
        ("How does the room look after the party?", ["room", "look", "party"]),
        ("What is on the end table?", ["end table"]),
        ("What is shown 38 seconds after the party?", ["38", "seconds", "party"]),
    ],
)
def test_a_word_more_is_another_question(question, words):
    assert unknown_words(question, NAMES) == words
    [note] = answer_caveats(question, NAMES)
    assert ", ".join(f'"{word}"' for word in words) in note


@pytest.mark.parametrize(
    ("question", "listed"),
    [
        ("How many times do the two men appear?", '"men"'),
        ("What is the man doing in the kitchen while he cooks?", '"man", "kitchen", "cooks"'),
        ("Who's at the harbour, and why does she cry?", '"harbour", "cry"'),
        ("Does the owl leave more than twice?", '"leave"'),
    ],
)
def test_words_of_grammar_are_not_listed(question, listed):
    [note] = answer_caveats(question, NAMES)
    assert f"no word for {listed}, so the answer is a guess" in note


@pytest.mark.parametrize(
    "question",
    [
        "Who appears first?",
        "Where is the owl?",
        "What happens?",
        "Is the owl above the bus?",
        "Does the owl appear twice?",
        "How does the film end?",
        "What is seen when the owl appears?",
        "Is there an owl at the end?",
        "Is there an owl at 03:20?",
        "Is the owl before the bus?",
        "Does an owl, a bus and a kite appear?",
        "What appears after 03:20?",
        "Is there an owl or a bus?",
        "How many times do the owl and the bus appear?",
        "What is this?",
    ],
)
def test_known_words_can_make_an_unknown_question(question):
    assert answer_caveats(question, NAMES) == (UNTRAINED,)


@pytest.mark.parametrize(
    "question", ["When does it appear?", "How many objects are there?", "When does the film end?"]
)
def test_a_question_without_a_name_tells_little(question):
    assert answer_caveats(question, NAMES) == (UNNAMED,)


@pytest.mark.parametrize(
    "question", ["猫头鹰什么时候出现？", "Когда появляется сова?", "owl 什么时候?"]
)
def test_other_scripts_are_not_read(question):
    assert answer_caveats(question, NAMES) == (NOT_ENGLISH,)


def test_of_chinese_the_model_understands_only_times():
    """It answers as it did when nobody read Chinese; the frames are chosen by what is asked."""
    asked = wording.read_in_english("猫和狗在02：05之后出现了几次？", ["两次", "三次"])
    assert asked.options == ("两次", "三次")
    assert asked.intent == Intent("zh", times_seconds=(125.0,))
    assert wording.read_in_english("How often?") is parse_question("How often?")


def test_words_of_options_count():
    def notes(*options):
        return answer_caveats("Which object appears first?", NAMES, options)

    assert notes("owl", "a bus") == ()
    assert '"man", "smiles"' in notes("the man smiles", "owl")[0]
    for options in (
        ["00:40", "1:02:00"],
        ["3", "1"],
        ["Yes, there is", "No."],
        ["I did not see that.", "owl"],
        ["two", "Three times"],
        ["3 owls", "eight ball"],
        ["never", "once", "twelve"],
    ):
        assert notes(*options) == ()
    assert notes("more than two", "owl") == (UNTRAINED,)


def test_numbers_among_options_are_read_in_digits():
    question = "How often does the owl appear?"
    words = ["Two", "three times.", "once", "never", "exactly 12 times", "zero", "two red owls"]
    assert as_counted(question, words) == ["2", "3", "1", "0", "12", "0", "2"]
    others = ["two or three", "more than two", "many", "the owl", "twelve of those red owls", "1.5"]
    assert as_counted(question, others) == others
    assert as_counted("What appears first?", ["two", "eight ball"]) == ["two", "eight ball"]


@pytest.mark.parametrize("options", [None, ["a kiss", "a fight"]])
def test_the_note_comes_with_the_answer(options):
    answerer, wordless = tiny_answerer("owl", "bus"), tiny_answerer()
    features = np.random.default_rng(0).normal(size=(4, 32)).astype(np.float32)
    times = np.arange(4.0)
    video = given(features, times, select_frames("uniform", features, 4, pts_seconds=times))

    def notes(question, model):
        return reply_of(model, question, video, options).notes

    strange, known, other = (
        notes(question, answerer)
        for question in ("Is there a zebra?", "Is there an owl?", "How is the owl seen?")
    )
    assert "zebra" in strange[0]
    if options is None:
        assert (known, other) == ((), (UNTRAINED,))
    else:
        assert known == other
        assert '"kiss", "fight"' in known[0]
    asked = ("Is there a zebra?", "Is there an owl?", "What happens?")
    # a model without words of its own may know everything
    assert [notes(question, wordless) for question in asked] == [(), (), ()]
