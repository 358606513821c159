"""A base model of one's choice behind NTLBG's parts."""

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
)

from ntlbg.config import changed
from ntlbg.errors import ConfigError, WeightsError
from ntlbg.models.ntlbg.building import build_reader, qwen_language_model
from ntlbg.models.ntlbg.checkpoints import WEIGHTS_FILE, load_reader_weights, save_reader
from small_experiment import small_config, tiny_base
from tiny_models import tiny_tokenizer

TEXT = {
    "vocab_size": 128,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "bos_token_id": None,
    "eos_token_id": 1,
    "rope_parameters": {"rope_type": "default", "rope_theta": 5e4, "mrope_section": [1, 1, 2]},
}
QWEN = {
    "qwen2_vl": (
        Qwen2VLConfig,
        Qwen2VLForConditionalGeneration,
        {"depth": 1, "embed_dim": 16, "num_heads": 2, "hidden_size": 32},
    ),
    "qwen2_5_vl": (
        Qwen2_5_VLConfig,
        Qwen2_5_VLForConditionalGeneration,
        {"depth": 1, "hidden_size": 16, "num_heads": 2, "out_hidden_size": 32,
         "intermediate_size": 24},
    ),
}  # fmt: skip


def tiny_qwen(kind: str, tied: bool):
    config_class, model_class, vision = QWEN[kind]
    torch.manual_seed(0)
    config = config_class(text_config=TEXT, vision_config=vision, tie_word_embeddings=tied)
    return model_class(config).eval()


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("kind", QWEN)
def test_the_language_model_of_a_qwen_vl_says_the_same_about_text(kind, tied):
    whole = tiny_qwen(kind, tied)
    ids = torch.randint(3, 120, (2, 40), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        alone = qwen_language_model(whole).eval()(ids).logits
        assert torch.allclose(alone, whole(ids).logits, atol=1e-5)


def test_a_qwen_vl_is_taken_from_its_folder(tmp_path):
    tiny_qwen("qwen2_vl", False).save_pretrained(tmp_path / "qwen")
    tiny_tokenizer().save_pretrained(tmp_path / "qwen")
    config = small_config(tmp_path, **{"model_config.base_model": str(tmp_path / "qwen")})
    model, _ = build_reader(config, 20, torch.float32)
    assert model.config.text_config.model_type == "qwen2"
    assert model.config.feature_size == 20


def test_the_base_keeps_its_weights_and_only_adapters_train(tmp_path):
    config = small_config(tmp_path)
    model, _ = build_reader(config, 20, torch.float32)
    base = AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    weight = model.language_model.model.layers[0].mlp.up_proj.base_layer.weight
    assert torch.equal(weight, base.model.layers[0].mlp.up_proj.weight)
    training = {name for name, p in model.language_model.named_parameters() if p.requires_grad}
    assert training
    assert all("lora_" in name for name in training)
    assert not any(parameter.is_meta for parameter in model.parameters())
    assert all(torch.isfinite(buffer).all() for buffer in model.buffers())


def test_rich_points_can_be_taken_away(tmp_path):
    points = "model_config.rich_point_config"
    full, _ = build_reader(small_config(tmp_path), 20, torch.float32)
    config = small_config(tmp_path, **{f"{points}.enable": False})
    bare, _ = build_reader(config, 20, torch.float32)
    assert bare.config.rich_point_size == 20 + 1 + 2
    assert full.config.rich_point_size == 20 + 128 + 2 + 16


@pytest.mark.parametrize("rank", [0, 2])
def test_what_is_saved_is_all_that_training_changed(rank, tmp_path):
    config = small_config(tmp_path, **{"model_config.lora_rank": rank})
    trained, processor = build_reader(config, 20, torch.float32)
    with torch.no_grad():
        for parameter in trained.parameters():
            if parameter.requires_grad:
                parameter.add_(0.5)
    folder = save_reader(trained, processor, tmp_path / "saved")
    again, _ = build_reader(config, 20, torch.float32)
    load_reader_weights(again, folder)
    expected, found = trained.state_dict(), again.state_dict()
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_weights_of_another_model_are_refused(tmp_path):
    config = small_config(tmp_path)
    model, processor = build_reader(config, 20, torch.float32)
    path = save_reader(model, processor, tmp_path / "saved") / WEIGHTS_FILE
    other, _ = build_reader(config, 24, torch.float32)
    with pytest.raises(WeightsError, match="weights of another model"):
        load_reader_weights(other, path)
    bare, _ = build_reader(changed(config, {"model_config.lora_rank": 0}), 20, torch.float32)
    with pytest.raises(WeightsError, match=r"such as .*lora_"):
        load_reader_weights(bare, path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(WeightsError, match="damaged"):
        load_reader_weights(model, path)
    with pytest.raises(WeightsError, match="no trained weights"):
        load_reader_weights(bare, tmp_path / "nothing")


def test_bases_that_cannot_be_used(tmp_path):
    config = small_config(tmp_path, **{"model_config.base_model": str(tmp_path / "none")})
    with pytest.raises(ConfigError, match="cannot be loaded"):
        build_reader(config, 20, torch.float32)
    folder = tiny_base(tmp_path / "odd")
    plain = tiny_tokenizer().backend_tokenizer
    PreTrainedTokenizerFast(tokenizer_object=plain, eos_token="<|im_end|>").save_pretrained(folder)
    text = (folder / "tokenizer.json").read_text().replace("<|frame|>", "<|other|>")
    (folder / "tokenizer.json").write_text(text)
    config = small_config(tmp_path, **{"model_config.base_model": str(folder)})
    with pytest.raises(ConfigError, match="none of the tokens that can stand for a frame"):
        build_reader(config, 20, torch.float32)
