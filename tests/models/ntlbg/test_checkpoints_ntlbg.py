"""A folder that training left is a model: what was trained, and the base model it names."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForImageTextToText, AutoProcessor

from ntlbg.answerers import load_answerer
from ntlbg.answerers.ntlbg_folder import load_ntlbg_answerer
from ntlbg.errors import ConfigError, OutputError, WeightsError
from ntlbg.models import NtlbgForConditionalGeneration, NtlbgProcessor
from ntlbg.models.ntlbg.building import build_reader
from ntlbg.models.ntlbg.checkpoints import (
    WEIGHTS_FILE,
    is_reader,
    load_reader,
    save_reader,
    trained_names,
)
from small_experiment import small_config
from tiny_models import HIDDEN, tiny_model, tiny_processor


def trained(folder, **changes):
    """A reader whose every trained weight has moved."""
    model, processor = build_reader(small_config(folder, **changes), HIDDEN, torch.float32)
    generator = torch.Generator().manual_seed(1)
    names = set(trained_names(model))
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if name in names and value.is_floating_point():
                value.add_(0.1 * torch.randn(value.shape, generator=generator))
    return model.eval(), processor


def logits(model, processor):
    features = torch.randn(12, HIDDEN, generator=torch.Generator().manual_seed(2))
    inputs = processor("Which colour?", features, torch.arange(12.0), indices=[1, 5, 9])
    with torch.inference_mode():
        return model.eval()(**inputs.to(model.device)).logits.cpu()


@pytest.mark.parametrize("rank", [0, 2])
def test_a_saved_reader_answers_like_the_one_that_was_trained(rank, tmp_path):
    model, processor = trained(tmp_path, **{"model_config.lora_rank": rank})
    folder = save_reader(model, processor, tmp_path / "saved")
    assert is_reader(folder)
    again, its = load_reader(folder, torch.float32)
    expected = logits(model, processor)
    torch.testing.assert_close(logits(again, its), expected, atol=1e-4, rtol=1e-4)
    new = build_reader(small_config(tmp_path), HIDDEN, torch.float32)
    assert (logits(*new) - expected).abs().max() > 0.1
    assert not any("lora_" in name for name in again.state_dict())


def test_of_a_base_with_adapters_nothing_is_copied(tmp_path):
    model, processor = trained(tmp_path)
    folder = save_reader(model, processor, tmp_path / "saved")
    stored = load_file(folder / WEIGHTS_FILE)
    inside = [name for name in stored if name.startswith("language_model.")]
    assert inside
    assert all("lora_" in name for name in inside)
    config = json.loads((folder / "config.json").read_text())
    assert config["model_type"] == "ntlbg"
    assert config["base_model"] == str(tmp_path / "base")
    assert (config["lora_rank"], config["feature_encoder"]) == (2, "builtin")
    assert not config["text_config"].get("_name_or_path")
    assert config["video_config"]["num_representatives"] == 8


def test_hugging_face_loads_the_folder_too(tmp_path):
    model, processor = trained(tmp_path)
    folder = save_reader(model, processor, tmp_path / "saved")
    expected = logits(model, processor)
    for kind in (NtlbgForConditionalGeneration, AutoModelForImageTextToText):
        again = kind.from_pretrained(folder, dtype=torch.float32)
        assert type(again) is NtlbgForConditionalGeneration
        torch.testing.assert_close(logits(again, processor), expected, atol=1e-4, rtol=1e-4)
    assert type(AutoProcessor.from_pretrained(folder)) is NtlbgProcessor
    with pytest.raises(TypeError, match="no option device_map"):
        NtlbgForConditionalGeneration.from_pretrained(folder, device_map="auto")


def test_what_cannot_be_loaded_is_told(tmp_path):
    model, processor = trained(tmp_path)
    folder = save_reader(model, processor, tmp_path / "saved")
    with pytest.raises(WeightsError, match="holds no model that training left"):
        load_reader(tmp_path)
    shutil.move(tmp_path / "base", tmp_path / "moved")
    with pytest.raises(ConfigError, match=r"saved: its base_model '.*base' cannot be loaded"):
        load_reader(folder)
    shutil.move(tmp_path / "moved", tmp_path / "base")
    weights = folder / WEIGHTS_FILE
    whole = weights.read_bytes()
    tensors = load_file(weights)
    tensors["rich_points.lstm.weight_ih_l0"][0, 0] = torch.nan
    save_file(tensors, weights, metadata={"format": "pt"})
    with pytest.raises(WeightsError, match=r"rich_points.lstm.weight_ih_l0 is not finite"):
        load_reader(folder)
    weights.unlink()
    with pytest.raises(WeightsError, match=r"there is no model\.safetensors"):
        load_reader(folder)
    weights.write_bytes(whole[:1000])
    with pytest.raises(WeightsError, match="damaged, or no safetensors file"):
        load_reader(folder)
    weights.write_bytes(whole)
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(WeightsError, match="tokenizer is damaged"):
        load_reader(folder)


def test_a_folder_with_all_weights_needs_no_base(tmp_path):
    model, processor = tiny_model(seed=3), tiny_processor()
    model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    again = load_reader(tmp_path, torch.float32)
    torch.testing.assert_close(logits(*again), logits(model, processor))


def test_a_model_of_another_kind_is_not_written_over(tmp_path):
    model, processor = trained(tmp_path)
    base = (tmp_path / "base" / "config.json").read_bytes()
    with pytest.raises(OutputError, match="something else than a file of a model of type ntlbg"):
        save_reader(model, processor, tmp_path / "base")
    assert (tmp_path / "base" / "config.json").read_bytes() == base
    save_reader(model, processor, tmp_path / "saved")
    save_reader(model, processor, tmp_path / "saved")  # its own is


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("feature_encoder", "nosuch", "feature_encoder: got 'nosuch'; there are: builtin"),
        (
            "frame_selector",
            "nosuch",
            r"video_config.frame_selector: got 'nosuch'; there are",
        ),
        ("fps", -1, r"video_config\.fps: got -1; Input should be greater than 0$"),
    ],
)
def test_a_configuration_that_was_edited_wrongly_is_told(key, value, told, tmp_path):
    folder = save_reader(*trained(tmp_path), tmp_path / "saved")
    config = json.loads((folder / "config.json").read_text())
    (config if key in config else config["video_config"])[key] = value
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(WeightsError, match=told):
        load_ntlbg_answerer(folder, films=False)


def test_folders_without_a_model_say_why(tmp_path):
    (tmp_path / "checkpoint-3").mkdir()
    with pytest.raises(ConfigError, match=r"has no config\.json; a training that has not finished"):
        load_answerer(str(tmp_path / "checkpoint-3"))
    for text in ("", "{", "{}", "[]"):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(ConfigError, match=r"config\.json is (damaged, or )?of something"):
            load_answerer(str(tmp_path))
    with pytest.raises(ConfigError, match="no model ''; give builtin"):
        load_answerer("")
