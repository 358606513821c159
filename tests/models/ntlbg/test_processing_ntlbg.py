import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Regex, pre_tokenizers

from ntlbg.errors import QuestionError
from ntlbg.models import NtlbgProcessor
from ntlbg.models.ntlbg.processing_ntlbg import format_seconds
from ntlbg.selectors import select_frames
from tiny_models import HIDDEN, SPECIAL, tiny_processor, tiny_tokenizer

PROCESSOR = tiny_processor()


def decode(ids):
    return PROCESSOR.tokenizer.decode(ids)


def test_prompt_reads_as_documented():
    features, times = torch.randn(20, HIDDEN), torch.arange(20) * 30.5
    out = PROCESSOR("What is it?", features, times, indices=[1, 7, 19])
    assert decode(out["input_ids"][0]) == (
        "Video frames:\n00:30<|frame|>\n03:33<|frame|>\n09:39<|frame|>\nQ: What is it?\nA:"
    )
    assert decode(out["query_input_ids"][0, 0]) == " What is it?"
    assert "labels" not in out
    assert "point_mass" not in out


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("When does the T-shirt appear?", ["When", "does", "the", "T-shirt", "appear", "?"]),
        ("What's at 02:28, and  then ", ["What's", "at", "02:28", ",", "and", "then"]),
        ("鼓在哪里？ the owl", ["鼓", "在", "哪", "里", "？", "the", "owl"]),
    ],
)
def test_every_token_of_a_question_belongs_to_a_word(question, words):
    found, places = PROCESSOR.query_words(question)
    assert found == words
    ids = PROCESSOR.query_ids(question)
    assert len(places) == len(ids)
    assert places == sorted(places)
    if question.isascii():  # the tokens of a word spell it
        for place, word in enumerate(words):
            spelled = decode([one for one, owner in zip(ids, places) if owner == place])
            assert spelled.strip() == word


def test_words_that_share_a_token_are_one():
    pairs = tiny_tokenizer()
    pairs.backend_tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(".."), behavior="isolated")
    found = NtlbgProcessor(pairs, "<|frame|>").query_words("鼓在哪里")
    assert found == (["鼓", "在哪", "里"], [0, 1, 2])


def test_without_places_of_characters_the_tokens_are_the_words(monkeypatch):
    monkeypatch.setattr(type(PROCESSOR.tokenizer), "is_fast", False)
    assert PROCESSOR.query_words("An owl") == ([*" An owl"], [*range(7)])


def test_labels_are_the_answer_and_its_end():
    out = PROCESSOR("What?", torch.randn(4, HIDDEN), range(4), indices=[2], answer="a dog")
    answer = out["labels"][0] != -100
    assert decode(out["labels"][0, answer]) == " a dog<|im_end|>"
    assert torch.equal(out["input_ids"][0, answer], out["labels"][0, answer])
    assert answer.tolist() == sorted(answer.tolist())


def test_pieces_join_to_the_prompt():
    out = PROCESSOR("Who?", torch.randn(4, HIDDEN), [0, 1, 2, 3], indices=[0, 3], answer="me")
    pieces = PROCESSOR.prefix_ids([0.0, 3.0]) + PROCESSOR.question_ids("Who?")
    assert out["input_ids"][0].tolist() == pieces + PROCESSOR.answer_ids("me")


def test_a_selection_brings_its_indices_and_shares():
    features = np.random.default_rng(0).normal(size=(12, HIDDEN))
    selection = select_frames("uniform", features, 3)
    out = PROCESSOR("Who?", features, np.arange(12.0), selection)
    assert out["indices"][0].tolist() == selection.indices.tolist()
    np.testing.assert_allclose(out["point_mass"][0], selection.weights, rtol=1e-6)


def test_a_batch_is_padded_text_left_and_video_right():
    features = [torch.randn(5, HIDDEN), torch.randn(3, HIDDEN)]
    out = PROCESSOR(
        ["Who is it?", "Why?"],
        features,
        [range(5), range(3)],
        indices=[[0, 2, 4], [1]],
        point_mass=[[0.5, 0.3, 0.2], [1.0]],
    )
    assert out["indices"].tolist() == [[0, 2, 4], [1, -1, -1]]
    assert out["video_mask"].tolist() == [[1] * 5, [1, 1, 1, 0, 0]]
    assert out["point_mass"][1].tolist() == [1, 0, 0]
    assert torch.equal(out["video_features"][1, :3], features[1])
    assert out["attention_mask"][1].tolist() == sorted(out["attention_mask"][1].tolist())
    assert out["query_attention_mask"].sum((1, 2)).tolist() == [11, 5]
    alone = PROCESSOR("Why?", features[1], range(3), indices=[1])["input_ids"][0]
    assert torch.equal(out["input_ids"][1, -len(alone) :], alone)


@given(st.lists(st.sampled_from([*SPECIAL, "a", " ", "?", "Q:"]), min_size=1).map("".join))
def test_text_cannot_smuggle_in_special_tokens(text):
    ids = PROCESSOR.question_ids(text) + PROCESSOR.encode(text)
    assert not set(ids) & set(range(len(SPECIAL)))


@given(st.floats(0, 1e6))
def test_times_are_minutes_and_seconds_rounded_down(seconds):
    minutes, rest = format_seconds(seconds).split(":")
    assert len(rest) == 2
    assert len(minutes) >= 2
    assert 60 * int(minutes) + int(rest) <= seconds < 60 * int(minutes) + int(rest) + 1


@pytest.mark.parametrize("question", ["", "  ", "\n"])
def test_an_empty_question_is_refused(question):
    with pytest.raises(QuestionError, match="empty"):
        PROCESSOR(question, torch.randn(4, HIDDEN), range(4), indices=[2])


def test_frames_must_be_chosen():
    with pytest.raises(ValueError, match="a selection, or indices"):
        PROCESSOR("Who?", torch.randn(4, HIDDEN), range(4))


@pytest.mark.parametrize("names", [("<|film|>", "<|im_end|>"), ("<|frame|>", "<|stop|>")])
def test_tokens_must_exist(names):
    with pytest.raises(ValueError, match="not a token of this tokenizer"):
        NtlbgProcessor(tiny_tokenizer(), *names)


def test_answers_decode_without_their_end():
    assert PROCESSOR.decode_answer(torch.tensor(PROCESSOR.answer_ids("a dog"))) == "a dog"
