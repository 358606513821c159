"""Frames are chosen in one place, so that training, answering and measuring see the same ones."""

import ast
from pathlib import Path

import numpy as np
import pytest
import torch

import ntlbg
from ntlbg.choosing import choose
from ntlbg.config import Config
from ntlbg.data import Sample
from ntlbg.feature_loader import QuestionFeatures
from ntlbg.question import parse_question
from ntlbg.system import System
from ntlbg.train.question_objective import QuestionObjective
from ntlbg_lab.evaluate.answering import MemoizedVideo
from ntlbg_lab.questions import answer_question
from roles import index_of
from tiny_models import tiny_answerer

SRC = Path(ntlbg.__file__).parents[1]
# Who may: the chooser, and made features without a question, which selectors are compared on.
CALLERS = {"ntlbg/choosing.py", "ntlbg_lab/compare/__init__.py"}
CHOOSERS = ("select_distinct", "select_frames", "choose_")


def names_of_choosers(tree: ast.AST) -> set[str]:
    """What this module calls selectors, or the functions that run them."""
    names = {"SELECTORS", "select_distinct", "select_frames"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ntlbg.selectors"):
            names |= {one.asname or one.name for one in node.names if one.name.startswith(CHOOSERS)}
    return names


def chooses(tree: ast.AST) -> bool:
    """Whether it calls one of them: ``select_frames(...)``, ``SELECTORS[name](...)``, and alike."""
    names = names_of_choosers(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        while isinstance(called, ast.Attribute | ast.Subscript):
            if isinstance(called, ast.Attribute) and called.attr in names:
                return True
            inner = called.value
            if isinstance(inner, ast.Name) and inner.id == "SELECTORS":
                return not (isinstance(called, ast.Attribute) and called.attr in dir(dict))
            called = inner
        if isinstance(called, ast.Name) and called.id in names:
            return True
    return False


def test_nothing_but_the_chooser_calls_a_selector():
    found = set()
    for path in SRC.rglob("*.py"):
        place = path.relative_to(SRC).as_posix()
        if not place.startswith("ntlbg/selectors/") and chooses(ast.parse(path.read_text())):
            found.add(place)
    assert found == CALLERS


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("selectors.select_frames('ntlbg', x, 3)", True),
        ("SELECTORS[name](x, 3)", True),
        ("SELECTORS[name].run(x, 3)", True),
        ("from ntlbg.selectors.dpp import choose_dpp as other\nother(x, None)", True),
        ("SELECTORS.items()", False),
        ("len(SELECTORS[name].options)", False),
        ("chosen(x, 3)", False),
    ],
)
def test_calls_are_recognised(code, found):
    assert chooses(ast.parse(code)) == found


QUESTIONS = {
    "when": ("When does the owl appear?", None),
    "first": ("Which object appears first?", None),
    "after": ("What comes right after the owl?", None),
    "pair": ("Which appears first, the owl or the bus?", None),
    "count": ("How many times does the bus appear?", None),
    "plain": ("What is this about?", None),
    "at a time": ("What is shown at 01:30?", None),
    "options": ("What is he holding?", ("an owl", "a bus")),
}
SHOWN = {0: (20, 23), 1: (60, 62), 2: (100, 104)}  # number of the word, and its seconds
CONFIG = Config()


@pytest.fixture(scope="module")
def answerer():
    return tiny_answerer("owl", "bus", "UFO")


@pytest.fixture(scope="module")
def features(answerer):
    """A frame a second: nothing, noise, and three objects; half a minute stands still."""
    words = answerer.model.multi_modal_projector.directions().numpy()
    noise = np.random.default_rng(0).standard_normal((160, words.shape[1]))
    found = words[-1] + 0.1 * noise
    for word, (start, end) in SHOWN.items():
        found[start:end] += words[word] - words[-1]
    found[120:150] = found[120]
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("kind", QUESTIONS)
def test_all_who_choose_frames_choose_the_same(kind, answerer, features):
    question, options = QUESTIONS[kind]
    sample = Sample(video="film.mp4", question=question, answer="an owl", options=options)
    times = np.arange(float(len(features)))
    read = QuestionFeatures(sample, features=features, pts_seconds=times)
    index, video = index_of(features, times), CONFIG.video_config
    number = video.representatives_for(len(features))
    assert number < len(features) / 2

    asked = parse_question(question, options)
    chosen = choose(answerer.retriever, index, asked, video.frame_selector, number)
    objective = QuestionObjective(answerer.model, answerer.processor, CONFIG)
    trained = objective.choose(read)
    np.testing.assert_array_equal(trained.indices, chosen.indices)
    np.testing.assert_array_equal(trained.scores, chosen.scores)
    with torch.inference_mode():
        record = answer_question(answerer, read, CONFIG, "films")
    assert record.times == times[chosen.indices].tolist()
    known = MemoizedVideo(System(answerer.retriever, answerer), index)
    measured = known.choose(sample, video.frame_selector, number)
    np.testing.assert_array_equal(measured.indices, chosen.indices)


def test_questions_differ_in_their_frames(answerer, features):
    """Else the test above would show nothing."""
    index = index_of(features, np.arange(float(len(features))))
    found = {
        kind: choose(answerer.retriever, index, parse_question(*asked), "ntlbg", 12).indices
        for kind, asked in QUESTIONS.items()
    }
    assert len({tuple(indices) for indices in found.values()}) >= 6
    assert {20, 21, 22} <= set(found["when"])
    assert 90 in found["at a time"]
