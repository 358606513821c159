"""Operations of a training, against what PyTorch counts while it computes."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

from ntlbg.config import GPUS, changed
from ntlbg.config.generate import config_for_level
from ntlbg.memory import Workload, reader_sizes
from ntlbg.memory.operations import Operations, question_operations, time_line
from ntlbg.memory.plan import sequence_tokens
from ntlbg.models.lora import add_adapters
from ntlbg_vl_models import KINDS, built, vl_config
from small_experiment import small_config
from tiny_vlms import drawn


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("rank", [0, 2])
def test_the_language_model(rank, again, tmp_path, monkeypatch):
    config = small_config(tmp_path, **{"model_config.lora_rank": rank})
    # all products are counted there, also of what is masked
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "base", attn_implementation="eager")
    monkeypatch.setattr("ntlbg.memory.operations.CAUSAL", 1.0)
    # short, so that weights are most of it
    sizes, work = reader_sizes(config, 20), Workload(40, 2, text_tokens=12, answer_tokens=8)
    if rank:
        owner = torch.nn.ModuleDict({"language_model": model})
        owner.adapted_part = lambda: model
        add_adapters(owner, rank)
    if again:
        model.activation_checkpointing_enable({"use_reentrant": False})
    embeds = torch.randn(1, sequence_tokens(sizes, work), sizes.text.hidden, requires_grad=True)
    with FlopCounterMode(display=False) as counter:
        model.train()(inputs_embeds=embeds, logits_to_keep=8).logits.sum().backward()
    found = question_operations(sizes, work, lora=rank > 0, again=again)
    # the adapters themselves are left out
    assert found.language == pytest.approx(counter.get_total_flops(), rel=0.2)


@pytest.mark.parametrize("kind", KINDS)
def test_the_vision_tower_of_a_base(kind, tmp_path):
    config = vl_config(tmp_path, kind)
    encoder = built(config).encoders[0]
    sizes = reader_sizes(config)
    stock = AutoModelForImageTextToText.from_pretrained(
        tmp_path / "base", attn_implementation="eager"
    )
    inputs = encoder.processor.pictures(list(drawn(4, 112, 112)))
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        stock.model.get_image_features(**inputs, return_dict=True)
    work = Workload(8, 4, frame_size=(112, 112))
    found = question_operations(sizes, work, lora=True, again=True)
    assert found.vision == pytest.approx(counter.get_total_flops(), rel=0.25)


def test_twice_the_steps_take_twice_as_long_and_a_faster_card_less():
    config, work = config_for_level("long"), Operations(2e15, 1e15)
    line = time_line(config, work, 32)
    # 3e15 x 32 x 10,000 / (312e12 x .4) / 3600
    assert "computes 9.6e+04 TFLOP, 33% of it in the vision tower; all 10000 take" in line
    assert "about 2.14e+03 hours of one A100_40GB at 40% of its 312 TFLOP/s" in line
    faster = changed(config, {"hardware_config.gpu_type": "H200"})
    assert "about 674 hours of one H200" in time_line(faster, work, 32)
    assert all(card.half_tflops > 100 for card in GPUS.values())
