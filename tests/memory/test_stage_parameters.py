"""Parameters by stage, against the real model with its adapters."""

import pytest
import torch

from ntlbg.config import changed
from ntlbg.memory.stage_parameters import as_text, stage_parameters
from ntlbg.models import NtlbgForConditionalGeneration
from ntlbg.models.builtin.vision_tower import BuiltinVisionConfig, BuiltinVisionTower
from ntlbg.models.lora import add_adapters
from ntlbg.models.ntlbg.building import build_reader
from small_experiment import small_config
from tiny_models import HIDDEN, tiny_config


def count(module, adapters: bool = False) -> int:
    return sum(
        parameter.numel()
        for name, parameter in module.named_parameters()
        if not adapters or "lora_" in name
    )


@pytest.mark.parametrize("rank", [0, 2])
@pytest.mark.parametrize("points", [True, False])
def test_stages_of_a_language_model_of_one_s_own(rank, points, tmp_path):
    keys = {"model_config.lora_rank": rank, "model_config.rich_point_config.enable": points}
    config = small_config(tmp_path, **keys)
    model, _ = build_reader(config, HIDDEN, torch.float32)
    with torch.device("meta"):
        tower = BuiltinVisionTower(BuiltinVisionConfig())
    representation = {
        name: count(getattr(model, name))
        for name in ("ntlbg_attention", "rich_points", "multi_modal_projector")
    }
    joint = representation | {"language_model": count(model.language_model, adapters=rank > 0)}
    assert stage_parameters(config, feature_size=HIDDEN) == {
        "representation": representation,
        "joint": joint,
        "full": joint | {"vision_tower": count(tower.tail) + count(tower.head)},
    }


def test_stages_of_a_model_that_has_the_parts(tmp_path):
    sizes = tiny_config(projector="vocabulary", vocabulary=[[1], [2], [3, 4]])
    sizes.save_pretrained(tmp_path / "ntlbg")
    with torch.device("meta"):
        model = NtlbgForConditionalGeneration(sizes)
    add_adapters(model, 3)
    keys = {"model_config.base_model": str(tmp_path / "ntlbg"), "model_config.lora_rank": 3}
    found = stage_parameters(small_config(tmp_path, **keys))
    parts = ("ntlbg_attention", "rich_points", "multi_modal_projector")
    assert found["representation"] == {name: count(getattr(model, name)) for name in parts}
    assert found["joint"]["language_model"] == count(model.language_model, adapters=True)


def test_without_pixels_the_last_stage_is_the_one_before(tmp_path):
    config = small_config(tmp_path)
    found = stage_parameters(config, pixels=False)
    assert found["full"] == found["joint"] != found["representation"]
    assert as_text(found, config).endswith("parameters (the same)")


def test_stages_are_told_in_millions(tmp_path):
    config = small_config(tmp_path, **{"model_config.base_model": "Qwen/Qwen2-VL-7B-Instruct",
                                       "model_config.lora_rank": 16})  # fmt: skip
    told = as_text(stage_parameters(config), config)
    assert ", joint 43.4 M parameters (those and adapters of rank 16 of the language mod" in told
    # what peft's print_trainable_parameters reports of Qwen2.5-7B at this rank
    assert stage_parameters(config)["joint"]["language_model"] == 40_370_176
    whole = changed(config, {"model_config.lora_rank": 0})
    assert "(those and all weights of the language model)" in as_text(
        stage_parameters(whole), whole
    )
