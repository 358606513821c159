import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from peft import LoraConfig, inject_adapter_in_model
from torch import nn

from ntlbg.config.training_blocks import LossConfig
from ntlbg.errors import ConfigError
from ntlbg.train.stages import STAGES, loss_weights, set_stage
from tiny_models import tiny_model

HEADS = {"ntlbg_attention", "rich_points", "multi_modal_projector"}


def full_model():
    model = tiny_model()
    parts = {name: nn.Linear(2, 2) for name in ("stem", "trunk", "tail", "head")}
    model.vision_tower = nn.ModuleDict(parts)
    lora = LoraConfig(r=2, target_modules=["q_proj", "v_proj"])
    inject_adapter_in_model(lora, model.language_model)
    return model


@pytest.mark.parametrize(
    ("stage", "modules"),
    [
        ("representation", HEADS),
        ("joint", {*HEADS, "language_model"}),
        ("full", {*HEADS, "language_model", "vision_tower"}),
    ],
)
def test_a_stage_trains_exactly_its_modules(stage, modules):
    model = full_model()
    names = set_stage(model, stage)
    assert {name.split(".")[0] for name in names} == modules
    assert names == [name for name, p in model.named_parameters() if p.requires_grad]
    for module in HEADS:
        assert all(p.requires_grad for p in model.get_submodule(module).parameters())


def test_of_a_language_model_adapters_train_or_all_of_it():
    adapted = [name for name in set_stage(full_model(), "joint") if "language_model" in name]
    assert adapted
    assert all("lora_" in name for name in adapted)
    plain = tiny_model()
    whole = {name for name, _ in plain.named_parameters() if name.startswith("language_model")}
    assert whole < set(set_stage(plain, "joint"))
    assert not whole & set(set_stage(plain, "representation"))


@pytest.mark.parametrize("adapted", [True, False])
def test_each_stage_trains_what_the_one_before_did_and_more(adapted):
    model = full_model()
    if not adapted:
        model.language_model = tiny_model().language_model
    first, second, third = (set(set_stage(model, name)) for name in STAGES)
    assert first < second < third
    assert {name.split(".")[0] for name in second - first} == {"language_model"}
    tower = {name.rsplit(".", 1)[0] for name in third - second}
    assert tower == {"vision_tower.tail", "vision_tower.head"}
    assert [stage.pixels for stage in STAGES.values()] == [False, False, True]


def test_stages_can_follow_one_another_in_any_order():
    model = full_model()
    first = set_stage(model, "representation")
    set_stage(model, "full")
    assert set_stage(model, "representation") == first


def test_unknown_stage_is_named():
    with pytest.raises(ConfigError, match="unknown stage 'warmup'; there are representation, "):
        set_stage(tiny_model(), "warmup")


@given(st.floats(0, 1))
def test_representation_gives_way_to_alignment(progress):
    weights = loss_weights(progress)
    assert set(weights) == {"task", "ntlbg", "align", "context"}
    assert weights["task"] == 1
    assert weights["context"] == 0.5
    assert weights["ntlbg"] + 2 * weights["align"] == pytest.approx(2)
    assert all(0 <= weight <= 2 for weight in weights.values())


def test_weights_at_both_ends():
    assert loss_weights(0) == {"task": 1, "ntlbg": 2, "align": 0, "context": 0.5}
    assert loss_weights(1) == {"task": 1, "ntlbg": 0, "align": 1, "context": 0.5}


@pytest.mark.parametrize("progress", [-0.1, 1.5, float("nan"), torch.tensor(2.0)])
def test_progress_has_limits(progress):
    with pytest.raises(ValueError, match="between 0 and 1"):
        loss_weights(progress)


def test_other_schedules():
    static = LossConfig(weight_schedule="static")
    weights = {"task": 1.0, "ntlbg": 2.0, "align": 1.0, "context": 0.5}
    assert loss_weights(0.0, static) == loss_weights(1.0, static) == weights
    rising = LossConfig(weight_schedule="warmup", weight_warmup_steps=1000)
    first = {"task": 1, "ntlbg": 0, "align": 0, "context": 0}
    assert loss_weights(0.0, rising, 10_000) == first
    assert loss_weights(0.05, rising, 10_000)["ntlbg"] == pytest.approx(1.0)
    assert loss_weights(0.5, rising, 10_000) == weights
