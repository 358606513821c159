"""Models of sentence-transformers, read without that library."""

import hashlib
import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from fake_hub import fake_hub, reach
from ntlbg.errors import ConfigError, WeightsError
from ntlbg.published_parts import PARTS
from ntlbg.text.meaning import (
    DEFAULT_TEXT_ENCODER,
    TextEncoder,
    load_text_encoder,
    text_encoder_at_hand,
)
from ntlbg.text.meaning.loading import load_sentence_encoder
from ntlbg.text.meaning.recipe import read_recipe
from sentences import SynonymEncoder, write_json, write_sentence_model

MEAN = {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}
CLS = {"pooling_mode_mean_tokens": False, "pooling_mode_cls_token": True}
TEXTS = ["the budget of seeds was red", "owl", "it is the bus and the owl and a greenhouse"]


def bert(weights: dict, ids: list[int]) -> torch.Tensor:
    """Last states (L, D) of one text by the published formulas, without transformers."""

    def linear(x, name):
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def normed(x, name):
        x = (x - x.mean(-1, keepdim=True)) / (
            x.var(-1, unbiased=False, keepdim=True) + 1e-12
        ).sqrt()
        return x * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def heads(x):
        return x.reshape(len(ids), 2, 8).transpose(0, 1)

    states = weights["embeddings.word_embeddings.weight"][ids]
    states = states + weights["embeddings.position_embeddings.weight"][: len(ids)]
    states = states + weights["embeddings.token_type_embeddings.weight"][0]
    states = normed(states, "embeddings.LayerNorm")
    for number in range(2):
        of = f"encoder.layer.{number}"
        q, k, v = (
            heads(linear(states, f"{of}.attention.self.{n}")) for n in ("query", "key", "value")
        )
        mixed = (q @ k.transpose(1, 2) / math.sqrt(8)).softmax(-1) @ v
        mixed = mixed.transpose(0, 1).reshape(len(ids), 16)
        mixed = linear(mixed, f"{of}.attention.output.dense")
        states = normed(states + mixed, f"{of}.attention.output.LayerNorm")
        inner = linear(states, f"{of}.intermediate.dense")
        inner = inner * (1 + torch.erf(inner / math.sqrt(2))) / 2
        inner = linear(inner, f"{of}.output.dense")
        states = normed(states + inner, f"{of}.output.LayerNorm")
    return states


def reference(model, ids: list[int], pooling: str) -> np.ndarray:
    states = bert(dict(model.state_dict()), ids)
    pooled = states.mean(0) if pooling == "mean" else states[0]
    return (pooled / pooled.norm()).detach().numpy()


@pytest.mark.parametrize(
    ("pooling", "mode"),
    [(MEAN, "mean"), (CLS, "cls"), ({"pooling_mode": "cls"}, "cls"), (None, "mean")],
)
def test_vectors_are_those_of_the_formulas(tmp_path, pooling, mode):
    model = write_sentence_model(tmp_path, pooling=pooling)
    encoder = load_sentence_encoder(str(tmp_path))
    found = encoder.encode(TEXTS)
    assert (found.shape, found.dtype) == ((3, 16), np.float32)
    for vector, text in zip(found, TEXTS, strict=True):
        expected = reference(model, encoder.tokenizer(text)["input_ids"], mode)
        np.testing.assert_allclose(vector, expected, atol=2e-6)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)


def test_a_vector_does_not_depend_on_what_is_encoded_beside_it(tmp_path):
    write_sentence_model(tmp_path, pooling=MEAN)
    encoder = load_sentence_encoder(str(tmp_path))
    many = encoder.encode(TEXTS * 30)
    np.testing.assert_allclose(many, np.tile(encoder.encode(TEXTS), (30, 1)), atol=2e-6)
    np.testing.assert_array_equal(many, encoder.encode(TEXTS * 30))
    assert encoder.encode([]).shape == (0, 16)


def test_what_is_longer_than_the_model_reads_is_cut_off(tmp_path):
    write_sentence_model(tmp_path, pooling=MEAN)
    write_json(tmp_path / "sentence_bert_config.json", {"max_seq_length": 6, "do_lower_case": True})
    encoder = load_sentence_encoder(str(tmp_path))
    one, other = encoder.encode(["the budget OF seeds was red", "the budget of seeds"])
    np.testing.assert_allclose(one, other, atol=2e-6)
    assert encoder.reads_all_of("the budget of seeds")
    assert not encoder.reads_all_of("the budget OF seeds was")


def test_a_model_without_lengths_reads_as_much_as_it_has_places_for(tmp_path):
    write_sentence_model(tmp_path, pooling=MEAN)
    encoder = load_sentence_encoder(str(tmp_path))
    assert np.isfinite(encoder.encode(["owl bus " * 200])).all()


def test_what_a_model_wants_before_a_text_is_put_there(tmp_path):
    write_sentence_model(tmp_path, pooling=MEAN)
    plain = load_sentence_encoder(str(tmp_path))
    expected = plain.encode(["query: owl", "passage: owl"])
    prompts = {"prompts": {"query": "query: ", "document": "passage: "}}
    write_json(tmp_path / "config_sentence_transformers.json", prompts)
    encoder = load_sentence_encoder(str(tmp_path))
    found = [encoder.encode_questions(["owl"])[0], encoder.encode(["owl"])[0]]
    np.testing.assert_allclose(found, expected, atol=2e-6)
    assert encoder.fingerprint != plain.fingerprint


def test_a_question_is_encoded_once(tmp_path, monkeypatch):
    write_sentence_model(tmp_path, pooling=MEAN)
    encoder, computed = load_sentence_encoder(str(tmp_path)), []
    encode = type(encoder)._encode
    monkeypatch.setattr(
        encoder, "_encode", lambda texts: computed.extend(texts) or encode(encoder, texts)
    )
    first = encoder.encode_questions(["owl", "bus", "owl"])
    second = encoder.encode_questions(["seeds", "owl"])
    assert computed == ["owl", "bus", "seeds"]
    assert (first[0] == first[2]).all()
    assert (second[1] == first[0]).all()
    np.testing.assert_allclose(second, encode(encoder, ["seeds", "owl"]), atol=2e-6)
    assert encoder.encode_questions([]).shape == (0, encoder.feature_size)
    second[1] = 0  # what was given away is not what is remembered
    assert (encoder.encode_questions(["owl"]) == first[:1]).all()


@pytest.mark.parametrize(
    ("name", "prompts"),
    [
        ("intfloat/multilingual-e5-small", ("query: ", "passage: ")),
        ("intfloat/e5-base-v2@main", ("query: ", "passage: ")),
        ("/models/e5-large/", ("query: ", "passage: ")),
        ("someone/made5-small", ("", "")),
        ("sentence-transformers/all-MiniLM-L6-v2", ("", "")),
    ],
)
def test_models_of_e5_want_two_words(tmp_path, name, prompts):
    recipe = read_recipe(tmp_path, name)
    assert (recipe.question, recipe.passage) == prompts


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pooling": {"pooling_mode_max_tokens": True}}, "pools its tokens by pooling_mode_max"),
        ({"pooling": {"word_embedding_dimension": 4}}, "pools its tokens by nothing"),
        (
            {"pooling": MEAN | CLS | {"pooling_mode_mean_tokens": True}},
            "read here are mean and cls",
        ),
        (
            {"pooling": MEAN, "modules": ("Dense",)},
            "made by Transformer, Pooling, Normalize, Dense",
        ),
    ],
)
def test_another_recipe_is_refused(tmp_path, change, message):
    write_sentence_model(tmp_path, **change)
    with pytest.raises(ConfigError, match=message):
        load_sentence_encoder(str(tmp_path))


def test_prompts_that_do_not_count_are_refused(tmp_path):
    write_sentence_model(tmp_path, pooling=MEAN | {"include_prompt": False})
    load_sentence_encoder(str(tmp_path))
    write_json(tmp_path / "config_sentence_transformers.json", {"prompts": {"query": "query: "}})
    with pytest.raises(ConfigError, match="leaves what is put before a text out of its vector"):
        load_sentence_encoder(str(tmp_path))


@pytest.mark.parametrize(
    ("damage", "error", "message"),
    [
        (
            lambda at: (at / "modules.json").write_text("{"),
            ConfigError,
            "modules.json:1: not JSON",
        ),
        (lambda at: (at / "modules.json").write_text("[1]"), ConfigError, "lists no modules"),
        (lambda at: (at / "1_Pooling/config.json").unlink(), ConfigError, "config.json is missing"),
        (lambda at: (at / "tokenizer.json").unlink(), ConfigError, "has no vocabulary"),
        (lambda at: (at / "config.json").write_text("{}"), ConfigError, "no model in this folder"),
        (lambda at: (at / "model.safetensors").unlink(), WeightsError, "no weights in this folder"),
        (lambda at: (at / "model.safetensors").write_bytes(b"x" * 99), WeightsError, "cannot be r"),
    ],
)
def test_a_damaged_folder_says_what_to_do(tmp_path, damage, error, message):
    write_sentence_model(tmp_path, pooling=MEAN)
    damage(tmp_path)
    with pytest.raises(error, match=message) as caught:
        load_sentence_encoder(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_from_the_hub_come_the_small_files_too(tmp_path, monkeypatch):
    write_sentence_model(tmp_path / "model", pooling=CLS)
    (tmp_path / "model" / "README.md").write_text("not read")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    with fake_hub({"made/sentences": tmp_path / "model"}) as hub:
        reach(hub, monkeypatch)
        encoder = load_text_encoder("made/sentences")
        assert {"modules.json", "model.safetensors"} < set(hub.fetched())
        assert "README.md" not in hub.fetched()
    assert encoder.recipe.pooling == "cls"
    here = load_sentence_encoder(str(tmp_path / "model"))
    np.testing.assert_array_equal(encoder.encode(TEXTS), here.encode(TEXTS))


def test_names_are_those_of_the_menu():
    own = SynonymEncoder()
    assert load_text_encoder(own) is own
    for wrong in ("best", ""):
        with pytest.raises(ConfigError, match=f"no text encoder {wrong!r}; there are: all-MiniLM"):
            load_text_encoder(wrong)
    with pytest.raises(ConfigError, match="the textencoder must be a name"):
        load_text_encoder(3)
    assert own.reads("zh")
    assert not SynonymEncoder(("en",)).reads("zh")
    assert issubclass(SynonymEncoder, TextEncoder)


def test_the_default_one_is_used_where_it_was_fetched_before(tmp_path, monkeypatch):
    monkeypatch.setenv("NTLBG_CACHE", str(tmp_path))
    assert text_encoder_at_hand() is None
    assert list(tmp_path.iterdir()) == []
    write_sentence_model(tmp_path / "made", pooling=MEAN)
    part = tmp_path / "parts" / "text" / "model.zip"
    part.parent.mkdir(parents=True)
    shutil.make_archive(str(part.with_suffix("")), "zip", tmp_path / "made")
    sha256 = hashlib.sha256(part.read_bytes()).hexdigest()
    made = replace(PARTS["text"], member_sha256=sha256)
    monkeypatch.setitem(PARTS, "text", made)  # as if it was published
    found = text_encoder_at_hand()
    assert (found.name, found.languages) == (DEFAULT_TEXT_ENCODER, ("en",))
    expected = load_sentence_encoder(str(tmp_path / "made")).encode(TEXTS)
    np.testing.assert_array_equal(found.encode(TEXTS), expected)
    assert sorted(one.name for one in part.parent.iterdir()) == ["model", "model.zip"]


@pytest.mark.slow
def test_similarities_of_minilm_are_the_published_ones():
    """Of the first example in the documentation of sentence-transformers."""
    encoder = load_text_encoder(DEFAULT_TEXT_ENCODER)
    vectors = encoder.encode(
        ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]
    )
    published = [[1.0, 0.6660, 0.1046], [0.6660, 1.0, 0.1411], [0.1046, 0.1411, 1.0]]
    np.testing.assert_allclose(vectors @ vectors.T, published, atol=1e-4)
    assert (encoder.feature_size, encoder.max_tokens) == (384, 256)
    assert load_text_encoder(DEFAULT_TEXT_ENCODER) is encoder
