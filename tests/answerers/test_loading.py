"""Answerers by their name."""

import gc
from contextlib import nullcontext

import pytest

from fakes import ColourAnswerer
from ntlbg import answerers
from ntlbg.answerers import load_answerer
from ntlbg.errors import ConfigError, WeightsError


def test_answerers_are_loaded_once_and_by_name(monkeypatch):
    made = []
    monkeypatch.setitem(
        answerers.ANSWERERS, "colours", lambda choice: made.append(1) or ColourAnswerer()
    )
    assert load_answerer("colours") is load_answerer("colours")
    assert made == [1]


def test_a_model_that_is_measured_is_loaded_apart(monkeypatch):
    made = []
    monkeypatch.setitem(
        answerers.ANSWERERS,
        "taught",
        lambda choice: made.append(choice.pristine) or ColourAnswerer(),
    )
    apart = load_answerer("taught", pristine=True)
    assert apart is load_answerer("taught", pristine=True)
    assert apart is not load_answerer("taught")
    assert made == [True, False]


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("collects", [False, True])
def test_no_garbage_is_collected_while_an_answerer_loads(monkeypatch, fails, collects):
    seen = []

    def load(choice):
        seen.append(gc.isenabled())
        if fails:
            raise WeightsError("not there")
        return ColourAnswerer()

    monkeypatch.setitem(answerers.ANSWERERS, "colours", load)
    monkeypatch.setattr(answerers, "_loaded", answerers._loaded.__wrapped__)
    if not collects:
        gc.disable()
    try:
        with pytest.raises(WeightsError) if fails else nullcontext():
            load_answerer("colours")
        assert gc.isenabled() == collects
    finally:
        gc.enable()
    assert seen == [False]


def test_an_unknown_answerer_names_what_there_is():
    with pytest.raises(ConfigError, match=r"no model 'gpt' here, and names of the hub are not"):
        load_answerer("gpt")
