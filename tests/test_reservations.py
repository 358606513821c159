"""An answer that the model cannot know comes with a note that says so."""

import numpy as np
import pytest

from ntlbg.backends import VideoContext
from ntlbg.backends.seen import UNNAMED, UNTRAINED, reservations
from ntlbg.haystack.questions import TEMPLATES
from ntlbg.selection import select_frames
from tiny_models import tiny_backend

FACTS = {"name": "owl", "other": "bus", "article": "an owl", "other_article": "a bus"}


@pytest.mark.parametrize("kind", TEMPLATES)
def test_every_kind_of_question_that_is_trained_has_none(kind):
    for template in TEMPLATES[kind]:
        question = template.format(**FACTS, time="03:10")
        named = [name for name in ("owl", "bus") if name in question]
        assert reservations(question, named) == ()


@pytest.mark.parametrize(
    "question",
    ["What happens?", "What colour is the owl?", "Why does the owl laugh?", "Summarise the video."],
)
def test_another_kind_of_question_is_a_guess(question):
    assert reservations(question, ["owl"]) == reservations(question, []) == (UNTRAINED,)


@pytest.mark.parametrize(
    "question",
    [
        "Is there a man?",
        "How many people are there?",
        "When does it rain?",
        "What follows the kiss?",
    ],
)
def test_a_question_without_a_known_word_tells_little(question):
    assert reservations(question, []) == (UNNAMED,)
    assert reservations(question, ["owl"]) == ()


@pytest.mark.parametrize("options", [None, ["a kiss", "a fight"]])
def test_the_note_comes_with_the_answer(options):
    backend, wordless = tiny_backend("owl", "bus"), tiny_backend()
    features = np.random.default_rng(0).normal(size=(4, 32)).astype(np.float32)
    times = np.arange(4.0)
    video = VideoContext(features, times, select_frames("uniform", features, 4, pts_seconds=times))

    def notes(question, model):
        return model.answer(question, video=video, options=options).notes

    asked = ("Is there a zebra?", "Is there an owl?", "What happens?")
    assert [notes(question, backend) for question in asked] == [(UNNAMED,), (), (UNTRAINED,)]
    # a model without words of its own may know everything
    assert [notes(question, wordless) for question in asked] == [(), (), ()]
