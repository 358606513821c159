"""The built-in kind of backend, on a random model of a few thousand parameters."""

import gc
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from ntlbg.backends.ntlbg import LONGEST_ANSWER_TOKENS, NtlbgBackend

from fakes import ColourBackend, ColourEncoder
from ntlbg import backends
from ntlbg.backends import VideoContext, load_backend
from ntlbg.errors import ConfigError, WeightsError
from ntlbg.selectors import select_frames
from tiny_models import HIDDEN, tiny_model, tiny_processor

QUESTION = "What is it?"


@pytest.fixture(scope="module")
def backend():
    return NtlbgBackend(tiny_model(), tiny_processor(), ColourEncoder(), name="tiny")


@pytest.fixture(scope="module")
def video(backend):
    features = np.random.default_rng(0).standard_normal((30, HIDDEN)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    times = np.arange(30) * 2.0
    scores = backend.score_frames(features, QUESTION)
    return VideoContext(
        features, times, select_frames("ntlbg", features, 5, scores=scores, pts_seconds=times)
    )


def test_scores_are_the_models(backend, video):
    scores = backend.score_frames(video.features, QUESTION)
    query = torch.tensor(backend.processor.query_ids(QUESTION))
    expected = backend.model.score(torch.tensor(video.features), query)
    assert scores.shape == (30,)
    np.testing.assert_allclose(scores, expected, rtol=1e-6)
    assert np.ptp(scores) > 0


def test_free_answer_is_greedy(backend, video):
    """Against a loop that feeds the whole sequence again for every token."""
    reply = backend.answer(QUESTION, video=video, options=None)
    inputs = backend.processor(QUESTION, video.features, video.pts_seconds, video.selection)
    ids = inputs["input_ids"]
    for _ in range(LONGEST_ANSWER_TOKENS):
        step = {
            **inputs,
            "input_ids": ids,
            "attention_mask": torch.ones_like(ids),
        }
        with torch.no_grad():
            token = backend.model(**step).logits[0, -1].argmax()
        if token == backend.processor.end_token_id:
            break
        ids = torch.cat([ids, token.view(1, 1)], dim=1)
    answer = ids[0, inputs["input_ids"].shape[1] :]
    assert reply.text == backend.processor.decode_answer(answer)
    assert reply.option_scores is None
    assert reply.visual_tokens == 5


def test_options_are_scored_by_the_likelihood_of_their_text(backend, video):
    """Against one full forward pass per option, summed over its tokens and its end."""
    options = ["owl", "a red kite", "7"]
    reply = backend.answer(QUESTION, video=video, options=options)
    sums = []
    for option in options:
        inputs = backend.processor(
            QUESTION, video.features, video.pts_seconds, video.selection, answer=option
        )
        with torch.no_grad():
            output = backend.model(**inputs, logits_at_labels=True)
        sums.append(-float(output.loss) * len(backend.processor.answer_ids(option)))
    expected = torch.tensor(sums).softmax(0).numpy()
    np.testing.assert_allclose(reply.option_scores, expected, rtol=1e-3)
    assert reply.text == options[int(expected.argmax())]
    assert sum(reply.option_scores) == pytest.approx(1)


def test_order_of_options_does_not_matter(backend, video):
    options = ["owl", "a red kite", "7", "an umbrella"]
    one = backend.answer(QUESTION, video=video, options=options)
    other = backend.answer(QUESTION, video=video, options=options[::-1])
    assert one.text == other.text
    assert one.option_scores == other.option_scores[::-1]


def test_rich_points_are_those_of_the_model(backend, video):
    points = backend.rich_points(QUESTION, video=video)
    chosen = video.selection.indices
    np.testing.assert_array_equal(points.pts_seconds, video.pts_seconds[chosen])
    np.testing.assert_allclose(
        points.feature_norms, np.linalg.norm(video.features[chosen], axis=1), rtol=1e-5
    )
    assert points.context.shape == (5, backend.model.config.context_size)
    np.testing.assert_allclose(points.weights[:, 1], video.selection.weights, rtol=1e-6)
    assert (points.weights[:, 0] > 0).all()
    assert points.weights[:, 0].sum() < 1


def test_backends_are_loaded_once_and_by_name(monkeypatch):
    made = []
    monkeypatch.setitem(backends.BACKENDS, "colours", lambda: made.append(1) or ColourBackend())
    assert load_backend("colours") is load_backend("colours")
    assert made == [1]
    own = ColourBackend()
    assert load_backend(own) is own


def test_a_model_that_is_measured_is_loaded_apart(monkeypatch):
    made = []
    monkeypatch.setitem(
        backends.BACKENDS, "taught", lambda **how: made.append(how) or ColourBackend()
    )
    apart = load_backend("taught", enrolled=False)
    assert apart is load_backend("taught", enrolled=False)
    assert apart is not load_backend("taught")
    assert made == [{"enrolled": False}, {}]


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("collects", [False, True])
def test_no_garbage_is_collected_while_a_backend_loads(monkeypatch, fails, collects):
    seen = []

    def load():
        seen.append(gc.isenabled())
        if fails:
            raise WeightsError("not there")
        return ColourBackend()

    monkeypatch.setitem(backends.BACKENDS, f"colours {fails} {collects}", load)
    monkeypatch.setattr(backends, "_loaded", backends._loaded.__wrapped__)
    if not collects:
        gc.disable()
    try:
        with pytest.raises(WeightsError) if fails else nullcontext():
            load_backend(f"colours {fails} {collects}")
        assert gc.isenabled() == collects
    finally:
        gc.enable()
    assert seen == [False]


def test_unknown_backend_names_what_there_is():
    with pytest.raises(ConfigError, match=r"no model 'gpt' here, and names of the hub are not"):
        load_backend("gpt")


WORDS = {"projector": "vocabulary", "vocabulary": [[10, 11], [12], [13], [16]]}


def test_an_event_is_named_surely_and_does_not_recur():
    backend = NtlbgBackend(tiny_model(**WORDS), tiny_processor(), ColourEncoder())
    projector = backend.model.multi_modal_projector
    words = torch.nn.functional.normalize(
        projector.word_embeddings - projector.embedding_mean, dim=-1
    )
    scene, event, nothing = words[0].numpy(), words[1].numpy(), words[-1].numpy()
    features = np.stack([scene] * 40 + [nothing] * 40 + [event] * 3)
    odds = backend.event_odds(features, np.arange(83.0))
    assert odds[-3:].min() > odds[:40].max() + 5  # named as surely, but shown all the time
    assert odds[:40].min() > odds[40:80].max() + 3  # shown as often, but nothing
    plain = NtlbgBackend(tiny_model(), tiny_processor(), ColourEncoder())
    assert plain.event_odds(features, np.arange(83.0)) is None


def test_the_reader_is_told_how_relevant_each_frame_is(video):
    backend = NtlbgBackend(tiny_model(**WORDS), tiny_processor(), ColourEncoder())
    inputs = backend._inputs(QUESTION, video)
    chosen = video.selection.scores[video.selection.indices]
    np.testing.assert_allclose(inputs["frame_scores"][0], chosen, rtol=1e-6)
    text = ("input_ids", "attention_mask")
    visual = {name: value for name, value in inputs.items() if name not in text}
    with torch.no_grad():
        doubted = backend.model.represent(**visual)["visual_tokens"]
        visual.pop("frame_scores")
        plain = backend.model.represent(**visual)["visual_tokens"]
    best = int(chosen.argmax())
    torch.testing.assert_close(doubted[0, best], plain[0, best])
    assert not torch.equal(doubted, plain)
