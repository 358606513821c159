"""A base model of one's choice behind NTLBG's parts."""

import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from ntlbg.config import changed
from ntlbg.errors import ConfigError, WeightsError
from ntlbg.models.ntlbg.building import build_reader
from ntlbg.models.ntlbg.checkpoints import WEIGHTS_FILE, load_reader_weights, save_reader
from small_experiment import small_config, tiny_base
from tiny_models import tiny_tokenizer


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
