"""An encoder without texts: frames that cover the video, those at named times, and a note."""

import numpy as np
import pytest

from counter_videos import MeanColourEncoder
from fakes import MOMENTS, ColourAnswerer
from ntlbg.choosing import choose
from ntlbg.errors import QueryRequired
from ntlbg.index.store import FeatureIndex
from ntlbg.pipeline import ask, select
from ntlbg.question import parse_question
from ntlbg.retrievers.coverage import CoverageRetriever
from ntlbg.selectors import SELECTORS
from ntlbg.types import VideoIndex

BLIND = "encoder mean-colour knows pictures only: the frames "


@pytest.fixture
def index(tmp_path):
    return FeatureIndex(tmp_path / "index")


@pytest.fixture
def how(index):
    return {"model": ColourAnswerer(), "encoder": MeanColourEncoder(), "index": index}


@pytest.mark.parametrize(
    "selector", [name for name, one in SELECTORS.items() if not one.needs_query]
)
@pytest.mark.parametrize("question", ["When is it red?", "Is there a dog and a cat?"])
def test_frames_are_those_without_a_question(selector, question):
    features = np.random.default_rng(0).normal(size=(200, 12)).astype(np.float32)
    video = VideoIndex(np.arange(200.0), {"mean-colour": features})
    retriever = CoverageRetriever(MeanColourEncoder())
    asked, plain = (
        choose(retriever, video, one, selector, 9) for one in (parse_question(question), None)
    )
    np.testing.assert_array_equal(asked.indices, plain.indices)
    assert asked.scores is None
    assert asked.num_relevance == 0


@pytest.mark.parametrize("command", [ask, select])
def test_a_note_says_that_the_question_chose_nothing(colour_video, how, command):
    found = command(colour_video, "Is it red?", num_frames=4, **how)
    assert [note for note in found.notes if note.startswith(BLIND)] == [
        f"{BLIND}cover the video, and were not chosen by what the question asks"
    ]
    assert all(item.score is None for item in found.evidence)
    for moment in MOMENTS.values():  # what stands out is covered, too
        assert any(moment[0] <= item.pts_seconds < moment[1] for item in found.evidence)


def test_without_a_question_there_is_nothing_to_say(colour_video, how):
    assert select(colour_video, num_frames=4, **how).notes == []


def test_frames_at_a_time_that_is_named_are_found(colour_video, how):
    found = ask(colour_video, "What is shown at 00:33?", num_frames=3, selector="top_k", **how)
    best = max(found.evidence, key=lambda item: item.score)  # one, since it stands still there
    assert abs(best.pts_seconds - 33) <= 1.5
    assert any("are those at the times it names" in note for note in found.notes)


def test_a_selector_that_goes_by_relevance_is_refused_before_the_video_is_read(colour_video, how):
    with pytest.raises(QueryRequired, match="encoder mean-colour knows pictures only") as error:
        ask(colour_video, "Is it red?", selector="top_k", **how)
    assert how["model"].encoder.encoded == 0
    _, _, others = str(error.value).partition("or select by ")
    assert {"ntlbg", "dpp", "uniform"} <= set(others.split(", "))
