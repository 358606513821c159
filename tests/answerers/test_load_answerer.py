"""Answerers by their name."""

import gc
import json
from contextlib import nullcontext

import pytest

from fakes import ColourAnswerer
from ntlbg import answerers
from ntlbg.answerers import kind_of, load_answerer
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
    with pytest.raises(ConfigError, match=r"^no model 'gpt'; give builtin, the folder of a model"):
        load_answerer("gpt")


def _folder(place, model_type):
    place.mkdir()
    (place / "config.json").write_text(json.dumps({"model_type": model_type}))
    return str(place)


def test_what_a_name_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    longvu, other = _folder(tmp_path / "a", "longvu"), _folder(tmp_path / "b", "qwen2_vl")
    assert kind_of("builtin") == ("builtin", "")
    assert kind_of(longvu) == ("longvu", longvu)
    assert kind_of(other) == ("transformers", other)
    assert kind_of("Qwen/Qwen2.5-VL-7B-Instruct") == ("transformers", "Qwen/Qwen2.5-VL-7B-Instruct")
    assert kind_of("Qwen/Qwen2-VL@main") == ("transformers", "Qwen/Qwen2-VL@main")
    assert kind_of("some/where/film.GGUF") == ("gguf", "some/where/film.GGUF")
    assert kind_of("openai:gpt-5") == ("openai", "gpt-5")
    assert kind_of("openai:org/name:tag") == ("openai", "org/name:tag")


@pytest.mark.parametrize("name", ["", "runs/mine", "./Qwen/Qwen2", "/nowhere/model", "a/b/c"])
def test_a_path_that_was_mistyped_is_no_name_of_the_hub(tmp_path, monkeypatch, name):
    (tmp_path / "runs").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="no model"):
        kind_of(name)


def test_what_a_model_does_not_have_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="model builtin has no options, got dtype"):
        load_answerer("builtin", options={"dtype": "float32"})
    with pytest.raises(ConfigError, match="builtin is no model of a server; name the server's"):
        load_answerer("builtin", endpoint="http://127.0.0.1:1/v1")
