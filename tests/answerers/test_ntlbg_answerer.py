"""The built-in kind of answerer, on a random model of a few thousand parameters."""

import gc
from contextlib import nullcontext

import numpy as np
import pytest
import torch

from fakes import ColourAnswerer, ColourEncoder
from ntlbg import answerers
from ntlbg.answerers import AnswerInput, load_backend
from ntlbg.answerers.ntlbg import LONGEST_ANSWER_TOKENS, NtlbgAnswerer
from ntlbg.errors import ConfigError, WeightsError
from ntlbg.selectors import select_frames
from tiny_models import HIDDEN, tiny_model, tiny_processor

QUESTION = "What is it?"


@pytest.fixture(scope="module")
def answerer():
    return NtlbgAnswerer(tiny_model(), tiny_processor(), ColourEncoder(), name="tiny")


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


def test_backends_are_loaded_once_and_by_name(monkeypatch):
    made = []
    monkeypatch.setitem(answerers.BACKENDS, "colours", lambda: made.append(1) or ColourAnswerer())
    assert load_answerer("colours") is load_answerer("colours")
    assert made == [1]
    own = ColourAnswerer()
    assert load_answerer(own) is own


def test_a_model_that_is_measured_is_loaded_apart(monkeypatch):
    made = []
    monkeypatch.setitem(
        answerers.BACKENDS, "taught", lambda **how: made.append(how) or ColourAnswerer()
    )
    apart = load_answerer("taught", pristine=True)
    assert apart is load_answerer("taught", pristine=True)
    assert apart is not load_answerer("taught")
    assert made == [{"enrolled": False}, {}]


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("collects", [False, True])
def test_no_garbage_is_collected_while_a_backend_loads(monkeypatch, fails, collects):
    seen = []

    def load():
        seen.append(gc.isenabled())
        if fails:
            raise WeightsError("not there")
        return ColourAnswerer()

    monkeypatch.setitem(answerers.BACKENDS, f"colours {fails} {collects}", load)
    monkeypatch.setattr(answerers, "_loaded", answerers._loaded.__wrapped__)
    if not collects:
        gc.disable()
    try:
        with pytest.raises(WeightsError) if fails else nullcontext():
            load_answerer(f"colours {fails} {collects}")
        assert gc.isenabled() == collects
    finally:
        gc.enable()
    assert seen == [False]


def test_unknown_backend_names_what_there_is():
    with pytest.raises(ConfigError, match=r"no model 'gpt' here, and names of the hub are not"):
        load_answerer("gpt")


WORDS = {"projector": "vocabulary", "vocabulary": [[10, 11], [12], [13], [16]]}


def test_an_event_is_named_surely_and_does_not_recur():
    answerer = NtlbgAnswerer(tiny_model(**WORDS), tiny_processor(), ColourEncoder())
    projector = answerer.model.multi_modal_projector
    words = torch.nn.functional.normalize(
        projector.word_embeddings - projector.embedding_mean, dim=-1
    )
    scene, event, nothing = words[0].numpy(), words[1].numpy(), words[-1].numpy()
    features = np.stack([scene] * 40 + [nothing] * 40 + [event] * 3)
    odds = answerer.retriever.event_odds(index_of(features, np.arange(83.0)))
    assert odds[-3:].min() > odds[:40].max() + 5  # named as surely, but shown all the time
    assert odds[:40].min() > odds[40:80].max() + 3  # shown as often, but nothing
    plain = NtlbgAnswerer(tiny_model(), tiny_processor(), ColourEncoder())
    assert plain.retriever.event_odds(index_of(features, np.arange(83.0))) is None


def test_the_reader_is_told_how_relevant_each_frame_is(video):
    answerer = NtlbgAnswerer(tiny_model(**WORDS), tiny_processor(), ColourEncoder())
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
