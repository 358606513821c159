"""The built-in kind of answerer and its retriever, as a random model of a few thousand numbers."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ntlbg.answerers.ntlbg import LONGEST_ANSWER_TOKENS, SIGN_TOKENS
from ntlbg.answerers.quoting import with_quotations
from ntlbg.budget import plan_frames
from ntlbg.errors import BudgetError
from ntlbg.question import parse_question
from ntlbg.selectors import select_frames
from ntlbg.types import Decision, Passage
from roles import given, index_of, reply_of
from tiny_models import HIDDEN, tiny_answerer

QUESTION = "What is it?"


@pytest.fixture(scope="module")
def answerer():
    return tiny_answerer()


@pytest.fixture(scope="module")
def video(answerer):
    features = np.random.default_rng(0).standard_normal((30, HIDDEN)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    times = np.arange(30) * 2.0
    scores = answerer.retriever.score_features(features, QUESTION)
    return given(
        features, times, select_frames("ntlbg", features, 5, scores=scores, pts_seconds=times)
    )


def test_scores_are_the_models(answerer, video):
    scores = answerer.retriever.score_features(video.features, QUESTION)
    query = torch.tensor(answerer.processor.query_ids(QUESTION))
    expected = answerer.model.score(torch.tensor(video.features), query)
    assert scores.shape == (30,)
    np.testing.assert_allclose(scores, expected, rtol=1e-6)
    assert np.ptp(scores) > 0


def test_free_answer_is_greedy(answerer, video):
    """Against a loop that feeds the whole sequence again for every token."""
    reply = reply_of(answerer, QUESTION, video)
    inputs = answerer.processor(QUESTION, video.features, video.pts_seconds, video.selection)
    ids = inputs["input_ids"]
    for _ in range(LONGEST_ANSWER_TOKENS):
        step = {
            **inputs,
            "input_ids": ids,
            "attention_mask": torch.ones_like(ids),
        }
        with torch.no_grad():
            token = answerer.model(**step).logits[0, -1].argmax()
        if token == answerer.processor.end_token_id:
            break
        ids = torch.cat([ids, token.view(1, 1)], dim=1)
    answer = ids[0, inputs["input_ids"].shape[1] :]
    assert reply.text == answerer.processor.decode_answer(answer)
    assert reply.option_scores is None
    assert reply.visual_tokens == 5


@pytest.mark.parametrize("kind", ["said", "nearest", "not said", "whole"])
def test_where_words_answer_and_pictures_cannot_tell_nothing_is_written(
    answerer, video, monkeypatch, kind
):
    """The text would not be shown: found out by writing it, which takes seconds of a real model."""
    said = Passage("It is an owl.", 8.0, 11.0, "speech")
    index = replace(video.index, passages=(said,))
    decision = Decision(kind, () if kind == "not said" else (said,), 0.8)
    known = replace(video, index=index, decision=decision)
    written = with_quotations(parse_question(QUESTION), reply_of(answerer, QUESTION, video), known)
    monkeypatch.setattr(answerer.model, "generate", None)
    reply = reply_of(answerer, QUESTION, known)
    assert ("owl" in reply.text) == (kind != "not said")
    assert (reply.text, reply.found, reply.notes) == (written.text, written.found, written.notes)
    assert (reply.visual_tokens, reply.written) == (written.visual_tokens, False)


def test_options_are_scored_by_the_likelihood_of_their_text(answerer, video):
    """Against one full forward pass per option, summed over its tokens and its end."""
    options = ["owl", "a red kite", "7"]
    reply = reply_of(answerer, QUESTION, video, options)
    sums = []
    for option in options:
        inputs = answerer.processor(
            QUESTION, video.features, video.pts_seconds, video.selection, answer=option
        )
        with torch.no_grad():
            output = answerer.model(**inputs, logits_at_labels=True)
        sums.append(-float(output.loss) * len(answerer.processor.answer_ids(option)))
    expected = torch.tensor(sums).softmax(0).numpy()
    np.testing.assert_allclose(reply.option_scores, expected, rtol=1e-3)
    assert reply.text == options[int(expected.argmax())]
    assert sum(reply.option_scores) == pytest.approx(1)


def test_order_of_options_does_not_matter(answerer, video):
    options = ["owl", "a red kite", "7", "an umbrella"]
    one = reply_of(answerer, QUESTION, video, options)
    other = reply_of(answerer, QUESTION, video, options[::-1])
    assert one.text == other.text
    assert one.option_scores == other.option_scores[::-1]


def test_rich_points_are_those_of_the_model(answerer, video):
    points = answerer.rich_points(QUESTION, video)
    chosen = video.selection.indices
    np.testing.assert_array_equal(points.pts_seconds, video.pts_seconds[chosen])
    np.testing.assert_allclose(
        points.feature_norms, np.linalg.norm(video.features[chosen], axis=1), rtol=1e-5
    )
    assert points.context.shape == (5, answerer.model.config.context_size)
    np.testing.assert_allclose(points.weights[:, 1], video.selection.weights, rtol=1e-6)
    assert (points.weights[:, 0] > 0).all()
    assert points.weights[:, 0].sum() < 1


WORDS = {"projector": "vocabulary", "vocabulary": [[10, 11], [12], [13], [16]]}


def test_an_event_is_named_surely_and_does_not_recur():
    answerer = tiny_answerer(**WORDS)
    projector = answerer.model.multi_modal_projector
    words = torch.nn.functional.normalize(
        projector.word_embeddings - projector.embedding_mean, dim=-1
    )
    scene, event, nothing = words[0].numpy(), words[1].numpy(), words[-1].numpy()
    features = np.stack([scene] * 40 + [nothing] * 40 + [event] * 3)
    odds = answerer.retriever.event_odds(index_of(features, np.arange(83.0)))
    assert odds[-3:].min() > odds[:40].max() + 5  # named as surely, but shown all the time
    assert odds[:40].min() > odds[40:80].max() + 3  # shown as often, but nothing
    assert tiny_answerer().retriever.event_odds(index_of(features, np.arange(83.0))) is None


def test_the_reader_is_told_how_relevant_each_frame_is(video):
    answerer = tiny_answerer(**WORDS)
    inputs = answerer._inputs(QUESTION, video)
    chosen = video.selection.scores[video.selection.indices]
    np.testing.assert_allclose(inputs["frame_scores"][0], chosen, rtol=1e-6)
    text = ("input_ids", "attention_mask")
    visual = {name: value for name, value in inputs.items() if name not in text}
    with torch.no_grad():
        doubted = answerer.model.represent(**visual)["visual_tokens"]
        visual.pop("frame_scores")
        plain = answerer.model.represent(**visual)["visual_tokens"]
    best = int(chosen.argmax())
    torch.testing.assert_close(doubted[0, best], plain[0, best])
    assert not torch.equal(doubted, plain)


@pytest.mark.parametrize(
    ("question", "known"),
    [
        ("When does the owl appear?", True), ("Which object appears first?", True),
        ("What is shown at 00:10?", True), ("Who pays the rent?", False),
        ("How much is the rent of the owl?", True),  # it may be shown while it is spoken of
        ("租金是多少？", False),
    ],
)  # fmt: skip
def test_it_knows_what_its_scores_are_about(question, known):
    retriever = tiny_answerer("owl", "bus", feature_size=4).own_retriever()
    assert retriever.knows(parse_question(question)) == known


@pytest.mark.parametrize(
    ("question", "options"),
    [("7" * 10_000, None), ("(" * 9_000, None), ("Is it?", ["a", "0" * 100_000])],
)
def test_what_is_longer_than_the_model_reads_is_refused_before_any_work(question, options):
    answerer = tiny_answerer()
    answerer.context_length = 200
    with pytest.raises(BudgetError, match=r"the question.* are \d{3,} tokens, tiny reads 200; ask"):
        plan_frames(answerer, parse_question(question, options), (64, 64), 30)


def test_what_is_planned_beside_the_frames_is_no_less_than_the_prompt(answerer, video):
    for text, options in (
        (QUESTION, None), ("why " * 50, None), (QUESTION, ["a long answer " * 9, "no"]),
    ):  # fmt: skip
        asked = parse_question(text, options)
        inputs = answerer.processor(text, video.features, video.pts_seconds, video.selection)
        answers = [len(answerer.processor.answer_ids(one)) for one in options or ()]
        used = inputs["input_ids"].shape[1] + max(answers, default=LONGEST_ANSWER_TOKENS)
        used -= len(answerer.processor.prefix_ids(video.times)) - len(
            answerer.processor.prefix_ids([])
        )
        assert used <= answerer.text_tokens(asked, 0, 60.0) <= used + SIGN_TOKENS
