"""What every answerer promises, and that each can follow every retriever."""

from dataclasses import replace

import numpy as np
import pytest

import systems
from ntlbg.generation import Generation
from ntlbg.index.store import FeatureIndex
from ntlbg.pipeline import ask
from ntlbg.question import parse_question
from ntlbg.selectors import select_frames
from ntlbg.system import System, load_system
from ntlbg.types import AnswerInput, Frames, Reply, VideoIndex

OPTIONS = ("red", "blue", "something else")


@pytest.fixture(params=systems.ANSWERERS)
def answerer(request):
    return systems.answerer(request.param)


@pytest.fixture
def given(answerer):
    """Four of thirty made frames, as this answerer wants them."""
    draw = np.random.default_rng(0)
    features = {}
    for encoder in answerer.encoders:
        frames = draw.integers(0, 256, (30, *encoder.image_size, 3), np.uint8)
        features[encoder.name] = encoder.encode_frames(frames)
    plain = draw.normal(size=(30, 4)).astype(np.float32)
    selection = select_frames("uniform", plain, 4, pts_seconds=np.arange(30.0))
    found = AnswerInput(VideoIndex(np.arange(30.0), features), plain, selection)
    if answerer.wants.pictures:
        pictures = draw.integers(0, 256, (4, 48, 64, 3), np.uint8)
        found = replace(found, frames=Frames(pictures, found.times))
    return found


def test_a_text_and_what_it_cost(answerer, given):
    reply = answerer.answer(parse_question("When is it red?"), given)
    assert isinstance(reply, Reply)
    assert isinstance(reply.text, str)
    assert reply.option_scores is None
    assert 0 < reply.visual_tokens <= answerer.cost(4, 48, 64)


def test_one_of_the_options_and_a_chance_of_each(answerer, given):
    reply = answerer.answer(parse_question("Which colour is it?", OPTIONS), given)
    assert reply.text == OPTIONS[int(np.argmax(reply.option_scores))]
    assert len(reply.option_scores) == len(OPTIONS)
    assert sum(reply.option_scores) == pytest.approx(1)


def test_the_same_question_the_same_answer(answerer, given):
    question = parse_question("Which colour is it?", OPTIONS)
    one, other = (answerer.answer(question, given) for _ in range(2))
    assert (one.text, one.option_scores) == (other.text, other.option_scores)


def test_more_frames_cost_more_and_none_cost_nothing(answerer):
    none, one, *more = [answerer.cost(number, 48, 64) for number in range(5)]
    assert (none, one > 0) == (0, True)  # one may cost more than two: some look closer at it
    assert more == sorted(set(more))


def test_it_says_of_which_frames_the_answer_is_if_it_can(answerer, given):
    reply = answerer.answer(parse_question("When does the owl appear?"), given)
    assert reply.supports is None or reply.supports.shape == (4,)
    assert reply.found is None or 0 <= reply.found <= 1


def test_it_has_a_name_and_a_fingerprint(answerer):
    assert answerer.name
    assert answerer.fingerprint
    assert answerer.habits.budget(600) > 0


@pytest.mark.parametrize("retriever", systems.RETRIEVERS)
@pytest.mark.parametrize("answerer", systems.ANSWERERS)
def test_every_answerer_follows_every_retriever(colour_video, tmp_path, retriever, answerer):
    """Frames are those of the retriever, alone as beside the other's own."""
    system = System(systems.retriever(retriever), systems.answerer(answerer))
    index = FeatureIndex(tmp_path)
    blind = system.retriever.covers(parse_question("Is it red?"))
    how = {"num_frames": 3, "selector": "dpp" if blind else "top_k", "index": index,
           "generation": Generation(max_new_tokens=4)}  # fmt: skip
    answer = ask(colour_video, "Is it red?", model=system, **how)
    assert answer.text or answer.notes
    times = [item.pts_seconds for item in answer.evidence]
    alone = System(system.retriever, systems.answerer("echo"))
    expected = ask(colour_video, "Is it red?", model=alone, **how)
    assert times == [item.pts_seconds for item in expected.evidence]
    assert expected.usage["pictures_decoded"] == 0  # all that it needs was read for the first


def test_a_model_is_followed_by_its_own_retriever_else_by_the_one_that_is_named():
    own = systems.answerer("ntlbg")
    assert load_system(own).retriever is own.own_retriever()
    named = load_system(own, encoder=systems.encoder("colour"))
    assert named.retriever.name == "embedding"
    assert [encoder.name for encoder in named.encoders] == ["colour"]
