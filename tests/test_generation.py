"""How the text of an answer is written: greedy, or drawn; and what is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from commands import assert_one_error
from fakes import ColourAnswerer
from longvu_models import tiny_longvu_processor
from longvu_models import tiny_model as tiny_longvu
from ntlbg import Generation, answerers
from ntlbg.answerers.language_model import write
from ntlbg.answerers.longvu import LongVUAnswerer
from ntlbg.errors import ConfigError, QuestionError
from ntlbg.pipeline import ask
from ntlbg.selectors import select_frames
from ntlbg.types import Frames
from roles import given, reply_of
from tiny_models import HIDDEN, tiny_answerer

QUESTION = "What is it?"
HOT = 5.0


@pytest.fixture(scope="module")
def longvu():
    model = tiny_longvu(context_length=600)
    return LongVUAnswerer(model, tiny_longvu_processor(), "tiny", name="tiny-longvu")


@pytest.fixture(scope="module")
def writers(longvu):
    """The answerers that write text, and the video that they are asked about."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((9, HIDDEN)).astype(np.float32)
    chosen = select_frames("uniform", features, 3, pts_seconds=np.arange(9.0))
    frames = Frames(rng.integers(0, 256, (3, 24, 40, 3), dtype=np.uint8), np.arange(3.0))
    video = given(features, np.arange(9.0), chosen, frames)
    return {"longvu": longvu, "ntlbg": tiny_answerer(), "video": video}


def said(writers, name, **asked):
    reply = reply_of(
        writers[name], QUESTION, replace(writers["video"], generation=Generation(**asked))
    )
    assert reply.written
    return reply.text


@pytest.mark.parametrize("name", ["longvu", "ntlbg"])
def test_what_is_asked_of_the_text(writers, name):
    answerer, video = writers[name], writers["video"]
    usual = reply_of(answerer, QUESTION, video).text
    assert len(usual) > 1
    assert said(writers, name) == said(writers, name, temperature=0.0) == usual
    state = torch.random.get_rng_state()
    first = said(writers, name, temperature=HOT, seed=1)
    assert first == said(writers, name, temperature=HOT, seed=1)
    assert torch.equal(torch.random.get_rng_state(), state)  # not the caller's random numbers
    texts = {said(writers, name, temperature=HOT, seed=seed) for seed in range(5)}
    assert len(texts) == 5
    assert said(writers, name, temperature=HOT) == said(writers, name, temperature=HOT, seed=0)
    # of the likeliest words that have a millionth of the chance together there is one
    assert said(writers, name, temperature=1.0, top_p=1e-6, seed=3) == usual
    # one token is one character here
    assert said(writers, name, max_new_tokens=1) == usual[0]
    longer = said(writers, name, max_new_tokens=3)  # of which special ones are not shown
    assert 1 < len(longer) <= 3
    assert usual.startswith(longer)
    drawn = said(writers, name, temperature=HOT, seed=1, max_new_tokens=2)
    assert len(drawn) <= 2


def test_words_are_drawn_by_their_chances(longvu):
    """Against a softmax by hand; no word is left out that nobody asked to leave out."""
    ids = torch.tensor([[9, 20, 30]])
    with torch.no_grad():
        logits = longvu.model.language_model(ids).logits[0, -1].double()

    def draws(count, **asked):
        limits = {"longest": 1, "end": 1, "pad": 1}
        inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        return [
            write(longvu.model.language_model, inputs, Generation(seed=seed, **asked), **limits)[
                0, -1
            ]
            for seed in range(count)
        ]

    likeliest = int(logits.argmax())
    chance = float((logits / 0.25).softmax(0)[likeliest])
    hits = np.mean([int(token) == likeliest for token in draws(150, temperature=0.25)])
    assert 0.05 < chance < 0.95
    assert abs(hits - chance) < 4 * np.sqrt(chance * (1 - chance) / 150)
    # nearly even chances of 128: 150 draws find 88 of them, of the 50 likeliest at most 50
    assert len({int(token) for token in draws(150, temperature=1e4)}) > 60


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"temperature": -1.0}, "temperature is -1.0; give 0"),
        ({"temperature": 1e-9}, "from 0.01 on"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"temperature": float("inf")}, "temperature is inf"),
        ({"temperature": 1.0, "top_p": 0.0}, "top_p is 0.0; give a share above 0"),
        ({"temperature": 1.0, "top_p": 1.5}, "up to 1"),
        ({"max_new_tokens": 0}, "max_new_tokens is 0; give at least 1"),
        ({"temperature": 1.0, "seed": -1}, "seed is -1"),
        ({"seed": 3}, "seed is 3, but without a temperature above 0"),
        ({"temperature": 0.0, "top_p": 0.9}, "top_p is 0.9, but without a temperature"),
    ],
)
def test_what_is_out_of_range_or_does_nothing(asked, message):
    with pytest.raises(ConfigError, match=message):
        Generation(**asked)


def test_the_commands_take_it(run, colour_video, longvu, monkeypatch, tmp_path):
    monkeypatch.setitem(answerers.ANSWERERS, "longvu", lambda choice: longvu)
    command = ("ask", colour_video, QUESTION, "--model", "longvu", "-k", 2, "--json")

    def text(*more):
        done = run(*command, *more)
        assert done.exit_code == 0, done.output
        answer = json.loads(done.stdout)
        assert not [note for note in answer["notes"] if "did nothing" in note]
        return answer["text"]

    hot = ("--temperature", HOT, "--top-p", 0.99, "--max-new-tokens", 8)
    texts = [text(*hot, "--seed", seed) for seed in (1, 2, 1)]
    assert texts[0] == texts[2] != texts[1]
    assert len(texts[0]) <= 8 < len(text())
    assert_one_error(run(*command, "--temperature", -1))
    refused = run(*command, *hot, "--option", "red", "--option", "blue")
    assert_one_error(refused)
    assert "temperature and top_p and max_new_tokens would do nothing" in refused.stderr

    questions, out = tmp_path / "questions.jsonl", tmp_path / "answers.jsonl"
    asked = {"video": str(colour_video), "question": QUESTION}
    questions.write_text(json.dumps(asked))
    command = ("answer", questions, out, "--model", "longvu", "-k", 2)
    assert run(*command, *hot, "--seed", 1).exit_code == 0
    row = json.loads(out.read_text())
    assert (row["answer"], row["settings"]["seed"]) == (texts[0], 1)
    other = run(*command, *hot, "--seed", 2)
    assert_one_error(other)
    assert "choose another file, or ask with --seed 1\n" in other.stderr
    questions.write_text(json.dumps(asked | {"options": ["a", "b"]}))
    refused = run("answer", questions, tmp_path / "no.jsonl", *command[3:], *hot)
    assert_one_error(refused)
    assert not (tmp_path / "no.jsonl").exists()


def test_a_model_that_wrote_nothing_says_so(colour_video):
    hot = Generation(temperature=1.0, seed=2)
    answer = ask(colour_video, "Is it red?", model=ColourAnswerer(), generation=hot)
    assert any(note.endswith("temperature and seed did nothing") for note in answer.notes)
    usual = ask(colour_video, "Is it red?", model=ColourAnswerer())
    assert not [note for note in usual.notes if "did nothing" in note]
    with pytest.raises(QuestionError, match="temperature and seed would do nothing"):
        ask(colour_video, "red?", options=["red", "blue"], model=ColourAnswerer(), generation=hot)
