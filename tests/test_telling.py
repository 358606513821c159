"""Passages that a model is told: inside their tokens, the best ones, those near the frames."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import ColourAnswerer
from ntlbg import FeatureIndex, ask
from ntlbg.answerers import Wants
from ntlbg.answerers.content import told_text
from ntlbg.errors import BudgetError
from ntlbg.telling import BEST_FIRST, MOST_TOKENS, plan_telling
from ntlbg.text.meaning.decision import StreamEvidence
from ntlbg.types import Passage
from sentences import write_json, write_sentence_model

PASSAGES = tuple(
    Passage(
        f"Sentence {number} about thing {number % 7}.", 10.0 * number, 10.0 * number + 4, "speech"
    )
    for number in range(400)
)


class Reader(ColourAnswerer):
    """A word is a token."""

    context_length = 4000

    def __init__(self):
        super().__init__()
        self.wants = Wants(passages=True)

    def count_text(self, text):
        return len(text.split())


def evidence(passages, best=()):
    scores = np.zeros(len(passages))
    scores[list(best)] = np.arange(len(best), 0, -1)
    shares = np.exp(scores) / np.exp(scores).sum()
    return {"speech": StreamEvidence(tuple(passages), scores, 0.8, shares)}


def test_all_that_fits_is_told_in_order_of_time():
    telling = plan_telling(Reader(), PASSAGES[9::-1], evidence(PASSAGES[:10]), "best")
    assert telling.beside(np.array([3.0])) == PASSAGES[:10]
    assert telling.tokens == len(told_text(PASSAGES[:10]).split())


def test_the_best_come_first_then_those_near_the_frames():
    best = (200, 30, 399)
    telling = plan_telling(Reader(), PASSAGES, evidence(PASSAGES, best), "best")
    assert telling.tokens == 1000  # a quarter of what it reads
    told = telling.beside(np.array([2502.0, 3501.0]))
    assert {PASSAGES[row] for row in (*best, 250, 350)} <= set(told)
    assert len(told_text(told).split()) <= telling.tokens
    assert list(told) == sorted(told, key=lambda one: one.start_seconds)
    other = telling.beside(np.array([1000.0]))
    assert PASSAGES[100] in other


@given(st.integers(1, 400), st.integers(30, 3000), st.lists(st.floats(0, 4000), min_size=1))
def test_no_more_than_there_is_room_for(number, context, times):
    reader = Reader()
    reader.context_length = context
    telling = plan_telling(reader, PASSAGES[:number], evidence(PASSAGES[:number]), "best")
    told = telling.beside(np.array(times))
    assert len(told_text(told).split()) <= telling.tokens <= min(MOST_TOKENS, context)
    assert set(told) <= set(PASSAGES[:number])


def test_all_of_it_or_an_error_that_says_how_much_that_is():
    reader = Reader()
    reader.context_length = 10**5
    telling = plan_telling(reader, PASSAGES, evidence(PASSAGES), "all")
    assert telling.beside(np.array([0.0])) == PASSAGES
    reader.context_length = 500
    needed = len(told_text(PASSAGES).split())
    with pytest.raises(BudgetError, match=f"{needed} tokens, .* reads 500; leave --transcript"):
        plan_telling(reader, PASSAGES, evidence(PASSAGES), "all")


@pytest.mark.parametrize(("reader", "transcript"), [(Reader(), "none"), (ColourAnswerer(), "best")])
def test_nothing_where_it_is_not_wanted(reader, transcript):
    telling = plan_telling(reader, PASSAGES, evidence(PASSAGES), transcript)
    assert (telling.beside(np.array([0.0])), telling.tokens) == ((), 0)


def test_as_many_of_the_best_as_are_said():
    assert BEST_FIRST == 8
    best = tuple(range(0, 400, 20))
    telling = plan_telling(Reader(), PASSAGES, evidence(PASSAGES, best), "best")
    tight = replace(telling, tokens=120)
    told = tight.beside(np.arange(0.0, 4000.0))  # every passage is near a frame
    assert {PASSAGES[row] for row in best[:BEST_FIRST]} <= set(told)


@pytest.mark.parametrize(("most", "told"), [(8, True), (64, False)])
def test_a_question_that_is_cut_off_is_told(colour_video, tmp_path, most, told):
    film, model = tmp_path / "film.mp4", tmp_path / "model"
    film.write_bytes(colour_video.read_bytes())
    film.with_suffix(".srt").write_text("1\n00:00:33,000 --> 00:00:34,500\nThe owl is red.\n")
    write_sentence_model(model)
    write_json(model / "sentence_bert_config.json", {"max_seq_length": most})
    answer = ask(
        film, "What is the owl that sits in the tree by the red bus?", model=ColourAnswerer(),
        text_encoder=str(model), num_frames=2, index=FeatureIndex(tmp_path / "index"),
    )  # fmt: skip
    assert any("is longer than" in note for note in answer.notes) == told


def test_of_what_is_quoted_a_frame_is_chosen(colour_video, tmp_path):
    """All is grey then, and red is asked for, too."""
    film = tmp_path / "film.mp4"
    film.write_bytes(colour_video.read_bytes())
    said = "1\n00:00:33,000 --> 00:00:34,500\nThe plumber charges 90 pounds.\n"
    film.with_suffix(".srt").write_text(said)
    answer = ask(
        film, "How many pounds does the plumber in red charge?", model=ColourAnswerer(),
        num_frames=2, index=FeatureIndex(tmp_path / "index"),
    )  # fmt: skip
    assert [one.text for one in answer.quotations] == ["The plumber charges 90 pounds."]
    assert any(33 <= one.pts_seconds <= 34.5 for one in answer.evidence)
    assert any(10 <= one.pts_seconds <= 13 for one in answer.evidence)
