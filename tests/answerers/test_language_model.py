"""Texts after a prompt: together they are as likely as each alone, and the likeliest is found."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import roles
from ntlbg.answerers import language_model
from ntlbg.answerers.language_model import LEAST_KNOWN_CHANCE, likeliest_option, option_chances
from ntlbg.errors import WeightsError
from ntlbg.selectors import select_frames
from tiny_models import tiny_answerer

WORDS = ["owl", "bus", "UFO"]
TEXTS = [" ".join(words) for n in (1, 2, 3) for words in itertools.permutations(WORDS, n)]


@pytest.fixture(scope="module")
def answerer():
    return tiny_answerer(*WORDS)


@pytest.fixture(scope="module")
def prompt(answerer):
    features = answerer.model.multi_modal_projector.directions()[[0, 1, 2, 0]].numpy()
    times = np.arange(4.0)
    selection = select_frames("uniform", features, 3, pts_seconds=times)
    return answerer._inputs("Which object is seen first?", roles.given(features, times, selection))


def alone(answerer, prompt, text):
    """Log-likelihood of a text: prompt and text are read as one, without a cache."""
    ids = torch.tensor([answerer.processor.answer_ids(text)])
    whole = torch.cat([prompt["input_ids"], ids], 1)
    inputs = {**prompt, "input_ids": whole, "attention_mask": torch.ones_like(whole)}
    with torch.no_grad():
        logits = answerer.model(**inputs).logits[0, -ids.shape[1] - 1 : -1].double()
    return float(logits.log_softmax(-1).gather(-1, ids[0][:, None]).sum())


@pytest.fixture(scope="module")
def likelihoods(answerer, prompt):
    return np.array([alone(answerer, prompt, text) for text in TEXTS])


def chances_of(likelihoods):
    weights = np.exp(likelihoods - likelihoods.max())
    return weights / weights.sum()


@pytest.mark.parametrize("at_once", [1, 3, 128])
@torch.no_grad()
def test_read_together_texts_are_as_likely_as_alone(
    answerer, prompt, likelihoods, at_once, monkeypatch
):
    monkeypatch.setattr(language_model, "MOST_TOKENS", at_once)
    found = option_chances(answerer.model, answerer.processor, prompt, TEXTS)
    np.testing.assert_allclose(found, chances_of(likelihoods), rtol=1e-4)


@torch.no_grad()
def test_known_chances_are_multiplied(answerer, prompt, likelihoods):
    known = {text: 0.5**place for place, text in enumerate(TEXTS[:5])}
    expected = likelihoods + np.log([known.get(text, LEAST_KNOWN_CHANCE) for text in TEXTS])
    found = option_chances(answerer.model, answerer.processor, prompt, TEXTS, known)
    np.testing.assert_allclose(found, chances_of(expected), rtol=1e-4)


@given(
    places=st.lists(st.integers(0, len(TEXTS) - 1), min_size=1, unique=True),
    known=st.none() | st.lists(st.floats(0, 1), min_size=len(TEXTS), max_size=len(TEXTS)),
    at_once=st.sampled_from([1, 4, 128]),
)
@torch.no_grad()
def test_the_likeliest_is_the_one_of_the_largest_chance(
    answerer, prompt, likelihoods, places, known, at_once
):
    texts = [TEXTS[place] for place in places]
    chances = None if known is None else dict(zip(TEXTS, known, strict=True))
    expected = likelihoods[places]
    if chances is not None:
        expected = expected + np.log([max(chances[text], LEAST_KNOWN_CHANCE) for text in texts])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(language_model, "MOST_TOKENS", at_once)
        best = likeliest_option(answerer.model, answerer.processor, prompt, texts, chances)
    assert expected[best] == pytest.approx(expected.max(), abs=1e-4)


@torch.no_grad()
def test_what_cannot_win_is_not_read(answerer, prompt, monkeypatch):
    seen = []
    read = answerer.model.forward
    monkeypatch.setattr(answerer.model, "forward", lambda **k: seen.append(k) or read(**k))
    monkeypatch.setattr(language_model, "MOST_TOKENS", 1)
    monkeypatch.setattr(language_model, "LEAST_KNOWN_CHANCE", 1e-30)
    known = dict.fromkeys(TEXTS, 0.0) | {TEXTS[1]: 1.0}
    assert likeliest_option(answerer.model, answerer.processor, prompt, TEXTS, known) == 1
    assert len(seen) == 2  # the prompt, and one text


@torch.no_grad()
def test_likelihoods_that_are_no_numbers_are_refused(answerer, prompt, monkeypatch):
    read = answerer.model.forward

    def damaged(**inputs):
        output = read(**inputs)
        output.logits = output.logits * float("nan")
        return output

    monkeypatch.setattr(answerer.model, "forward", damaged)
    for choose in (option_chances, likeliest_option):
        with pytest.raises(WeightsError, match="is no number"):
            choose(answerer.model, answerer.processor, prompt, TEXTS)
