"""What the shipped model answers about frames that show a word each, without drawing any."""

import numpy as np
import pytest

from ntlbg.answerers import load_answerer
from ntlbg.data import NOT_SEEN
from ntlbg.models.builtin.vocabulary import object_names
from roles import chosen, given, reply_of

pytestmark = pytest.mark.slow
SECONDS = 300
SHOWN = {"guitar": (40, 43), "owl": (120, 122), "pizza": (200, 203)}


@pytest.fixture(scope="module")
def answerer():
    return load_answerer("builtin")


def answer(answerer, question, options=None):
    words = answerer.model.multi_modal_projector.directions().numpy()
    noise = np.random.default_rng(0).standard_normal((SECONDS, words.shape[1]))
    features = words[-1] + 0.01 * noise  # "nothing"
    for name, (start, end) in SHOWN.items():
        features[start:end] += words[object_names().index(name)] - words[-1]
    features = (features / np.linalg.norm(features, axis=1, keepdims=True)).astype(np.float32)
    times = np.arange(float(SECONDS))
    selection = chosen(answerer.retriever, features, times, question, "ntlbg", 16)
    return reply_of(answerer, question, given(features, times, selection), options)


@pytest.mark.parametrize(
    ("question", "options"),
    [
        ("Which object appears first?", ["owl", "guitar", "pizza", "banana"]),
        pytest.param(
            "How often is the owl shown?", ["3", "1", "0", "2"], marks=pytest.mark.thorough
        ),
        ("When does the owl appear?", ["00:40", "02:01", "03:20", "04:10"]),
    ],
)
def test_rotated_options_have_the_same_chances(answerer, question, options):
    """Position is the commonest bias of multiple choice; here there is none to correct."""
    expected = dict(zip(options, answer(answerer, question, options).option_scores))
    for turn in range(1, len(options)):
        rotated = options[turn:] + options[:turn]
        found = answer(answerer, question, rotated).option_scores
        assert dict(zip(rotated, found)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    "question",
    [
        "When does the banana appear?",
        "What comes right after the banana?",
        "Which object comes just before the banana?",
        "What object appears at 04:30?",
    ],
)
def test_what_is_not_there_was_not_seen(answerer, question):
    assert answer(answerer, question).text == NOT_SEEN


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What comes right after the guitar?", "owl"),
        ("Which object appears last?", "pizza"),
        ("How many times does the pizza appear?", "1"),
        ("How many times does the banana appear?", "0"),
        ("Is there a banana in the video?", "No"),
    ],
)
def test_what_is_there_is_still_answered(answerer, question, expected):
    assert answer(answerer, question).text == expected
