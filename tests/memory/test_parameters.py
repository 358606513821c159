"""Parameters of each part, and the cache's formula, against the real classes."""

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    MistralConfig,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2Config,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    Qwen3Config,
)

from ntlbg.errors import ConfigError
from ntlbg.memory import KNOWN, base_sizes, model_sizes
from ntlbg.memory.activations import Pass, key_value_cache
from ntlbg.models import NtlbgForConditionalGeneration
from ntlbg.models.builtin.vision_tower import BuiltinVisionConfig
from tiny_models import tiny_config

TINY = {
    "vocab_size": 1003,
    "hidden_size": 96,
    "intermediate_size": 160,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
}
SEVEN_BILLION = {
    "vocab_size": 152064,
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
}


def count(model) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        (LlamaConfig, {}),
        (LlamaConfig, {"tie_word_embeddings": True}),
        (LlamaConfig, {"attention_bias": True, "mlp_bias": True}),
        (LlamaConfig, {"head_dim": 40, "num_key_value_heads": 4}),
        (MistralConfig, {"head_dim": 16}),
        (Qwen2Config, {}),
        (Qwen2Config, {"tie_word_embeddings": True}),
        (Qwen3Config, {}),
    ],
)
def test_parameters_of_language_models(kind, more):
    config = kind(**TINY | more)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    assert model_sizes(config).total_parameters == count(model)


@pytest.mark.parametrize(
    ("kind", "model_class", "vision"),
    [
        (
            Qwen2VLConfig,
            Qwen2VLForConditionalGeneration,
            {"depth": 32, "embed_dim": 1280, "num_heads": 16, "hidden_size": 3584},
        ),
        (
            Qwen2_5_VLConfig,
            Qwen2_5_VLForConditionalGeneration,
            {"depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "out_hidden_size": 3584},
        ),
    ],
)
def test_parameters_of_vision_language_models_of_seven_billion(kind, model_class, vision):
    config = kind(text_config=SEVEN_BILLION, vision_config=vision, tie_word_embeddings=False)
    with torch.device("meta"):
        model = model_class(config)
    sizes = model_sizes(config)
    assert sizes.total_parameters == count(model)
    assert sizes.vision_parameters == count(model.model.visual)
    name = {"qwen2_vl": "Qwen2-VL", "qwen2_5_vl": "Qwen2.5-VL"}[config.model_type]
    assert base_sizes(f"Qwen/{name}-7B-Instruct").total_parameters == count(model)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"projector": "vocabulary", "vocabulary": [[1], [2, 3], [4]]},
        {"feature_size": 48, "covariance_rank": 5, "attention_hidden_size": 20},
        {"feature_size": 48, "projector": "vocabulary", "vocabulary": [[1], [2]]},
        {"time_frequencies": 0, "context_size": 1, "context_frames": 0},
        {"vision_config": BuiltinVisionConfig()},
    ],
)
def test_parameters_of_ntlbg_models(changes):
    config = tiny_config(**changes)
    with torch.device("meta"):
        model = NtlbgForConditionalGeneration(config)
    buffers = sum(
        buffer.numel()
        for name, buffer in model.named_buffers()
        if not name.startswith("language_model.")
    )
    assert model_sizes(config).total_parameters == count(model) + buffers


def test_parameters_of_adapters():
    from peft import LoraConfig, inject_adapter_in_model

    config = LlamaConfig(**TINY)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    inject_adapter_in_model(LoraConfig(r=3, target_modules="all-linear"), model.model)
    adapters = [p.numel() for name, p in model.named_parameters() if "lora_" in name]
    assert 3 * model_sizes(config).text.adapter_parameters == sum(adapters)


@pytest.mark.parametrize("kind", [LlamaConfig, Qwen2Config, Qwen3Config])
def test_bytes_of_the_cache(kind):
    config = kind(**TINY)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).eval()
    with torch.inference_mode():
        cache = model(torch.ones(2, 17, dtype=torch.int64), use_cache=True).past_key_values
    held = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)
    assert key_value_cache(model_sizes(config).text, Pass(2, 17)) == held


def test_published_totals():
    """As the model cards and their safetensors files give them."""
    totals = {name: base_sizes(name).total_parameters for name in KNOWN}
    assert totals["Qwen/Qwen2-VL-2B-Instruct"] == 2_208_985_600
    assert totals["Qwen/Qwen2.5-7B-Instruct"] == 7_615_616_512
    assert totals["Qwen/Qwen2.5-VL-3B-Instruct"] == 3_754_622_976


@pytest.mark.slow
def test_the_builtin_model_is_known():
    from ntlbg.models.builtin.loading import build_base

    model, _ = build_base()
    read, known = model_sizes(model.config, "builtin"), base_sizes("builtin")
    assert read.text == known.text
    assert read.total_parameters == known.total_parameters
    assert read.trained == known.trained
    theta = model.config.text_config.rope_parameters["rope_theta"]
    assert known.config.text_config.rope_parameters["rope_theta"] == theta
    assert len(known.ntlbg.vocabulary) == len(model.multi_modal_projector.words)


def test_sizes_of_a_folder(tmp_path):
    config = LlamaConfig(**TINY)
    config.save_pretrained(tmp_path)
    assert base_sizes(str(tmp_path)).text == model_sizes(config).text


def test_a_model_that_cannot_be_planned_is_refused(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(ConfigError, match=r"'gpt2' model cannot be planned; there are: llama"):
        base_sizes(str(tmp_path))
    with pytest.raises(ConfigError, match=r"config\.json cannot be read"):
        base_sizes(str(tmp_path / "nothing"))
