"""Estimated peaks against measured ones. The full grid is ``benchmarks/memory.py``."""

import numpy as np
import pytest
import torch
from peft import LoraConfig, inject_adapter_in_model
from torch.nn import functional as F
from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2Config,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
)

from measured_memory import measure
from ntlbg.encoders.builtin import BuiltinEncoder
from ntlbg.memory import model_sizes
from ntlbg.memory.activations import Pass, Setup, kept_bytes, prefill_peak, step_peak
from ntlbg.memory.frames import tower_activations, tower_pixel_bytes, vision_activations
from ntlbg.models.builtin.vision_tower import BuiltinVisionConfig, BuiltinVisionTower

TOLERANCE = 0.15
SIZES = {
    "vocab_size": 1000,
    "hidden_size": 128,
    "intermediate_size": 384,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
    "tie_word_embeddings": True,
}


def language_model(kind=LlamaConfig, dtype=torch.float32, fused=True, **changes):
    config = kind(**SIZES | changes)
    attention = "sdpa" if fused else "eager"
    model = AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation=attention)
    return model, model_sizes(config).text


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    ("batch", "tokens", "kept", "kind", "changes"),
    [
        (1, 64, 1, LlamaConfig, {}),
        (2, 256, 256, LlamaConfig, {}),
        (1, 512, 1, Qwen2Config, {"num_key_value_heads": 4}),
        (1, 96, 96, Qwen2Config, {"vocab_size": 20000}),
    ],
)
def test_peak_of_reading_a_prompt(batch, tokens, kept, kind, changes, dtype, fused):
    model, text = language_model(kind, dtype, fused, **changes)
    embeds = torch.randn(batch, tokens, text.hidden, dtype=dtype)
    run = Pass(batch, tokens, Setup(dtype.itemsize, fused), labelled=batch * kept)
    with torch.inference_mode():
        model(inputs_embeds=embeds)  # what a first call of this size allocates for good
        highest, _ = measure(
            lambda: model(inputs_embeds=embeds, use_cache=True, logits_to_keep=kept)
        )
    # kernels of bfloat16 take some 50 kB of scratch, or none, by what ran before in the process
    close, scratch = (0.01, 0) if dtype is torch.float32 else (0.05, 2**16)
    assert prefill_peak(text, run) == pytest.approx(highest, rel=close, abs=scratch)


def trained(model, how: str, rank: int = 8):
    """Full, with adapters, or frozen."""
    if how == "full":
        return model.train()
    model.requires_grad_(False)
    if how == "lora":
        inject_adapter_in_model(LoraConfig(r=rank, target_modules="all-linear"), model)
        for name, parameter in model.named_parameters():
            parameter.requires_grad_("lora_" in name)
            if "lora_" in name:
                parameter.data = parameter.data.float()
    return model.train()


def training_pass(model, batch: int, tokens: int, labels: int, how: str):
    """A forward pass with its loss on the last ``labels`` tokens, as a function."""
    ids = torch.arange(batch * tokens).view(batch, tokens) % 1000

    def forward():
        embeds = model.get_input_embeddings()(ids)
        if how != "full":
            embeds = embeds.detach().requires_grad_()
        last = torch.arange(tokens - labels, tokens)
        logits = model(inputs_embeds=embeds, use_cache=False, logits_to_keep=last).logits
        return F.cross_entropy(logits.flatten(0, 1).float(), ids[:, :labels].flatten())

    return forward


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize(
    ("how", "dtype", "fused"),
    [
        ("full", torch.float32, True),
        ("full", torch.bfloat16, False),
        ("lora", torch.bfloat16, True),
        ("lora", torch.float32, False),
        ("frozen", torch.bfloat16, True),
    ],
)
@pytest.mark.parametrize(("batch", "tokens", "labels"), [(2, 64, 4), (1, 256, 256)])
def test_peak_of_a_training_step(batch, tokens, labels, how, dtype, fused, checkpointing):
    model, text = language_model(LlamaConfig, dtype, fused)
    trained(model, how)
    if checkpointing:
        model.activation_checkpointing_enable({"use_reentrant": False})
    setup = Setup(dtype.itemsize, fused, how, 8, checkpointing, accumulated=False)
    run = Pass(batch, tokens, setup, labelled=batch * labels)
    forward = training_pass(model, batch, tokens, labels, how)
    forward().backward()
    model.zero_grad(set_to_none=True)
    _, kept = measure(forward)
    highest, _ = measure(lambda: forward().backward())
    loss = run.labelled * text.vocabulary * 4
    assert kept_bytes(text, run) + loss == pytest.approx(kept, rel=TOLERANCE)
    assert step_peak(text, run) == pytest.approx(highest, rel=TOLERANCE)


def measured_kept(how, fused, rank, batch, tokens, changes) -> tuple[int, int]:
    """What a forward pass keeps, as estimated and as measured, its single logits left out."""
    model, text = language_model(LlamaConfig, torch.float32, fused, **changes)
    checkpointing = how == "recomputed"
    how = "full" if checkpointing else how
    trained(model, how, rank)
    if checkpointing:
        model.activation_checkpointing_enable({"use_reentrant": False})
    forward = training_pass(model, batch, tokens, 1, how)
    forward()
    _, kept = measure(forward)
    run = Pass(batch, tokens, Setup(4, fused, how, rank, checkpointing), labelled=batch)
    return kept_bytes(text, run), kept


SMALL = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
         "num_attention_heads": 4, "num_key_value_heads": 4, "head_dim": 8}  # fmt: skip


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("how", ["full", "lora", "frozen", "recomputed"])
@pytest.mark.parametrize(
    ("rank", "tokens", "base", "changes"),
    [
        (8, 96, {}, {"intermediate_size": 128}),
        (8, 96, {}, {"hidden_size": 64}),
        (8, 96, {}, {"head_dim": 16}),
        (8, 96, {"num_key_value_heads": 1}, {"num_key_value_heads": 2}),
        (8, 96, {}, {"num_attention_heads": 16, "num_key_value_heads": 16, "head_dim": 2}),
        (8, 96, {}, {"num_hidden_layers": 3}),
        (16, 96, {}, {}),
        (8, 192, {}, {}),
    ],
)
def test_what_is_kept_grows_with_each_size_as_planned(how, fused, rank, tokens, base, changes):
    """One size at a time, so that no term hides behind a larger one."""
    first = measured_kept(how, fused, 8, 2, 96, SMALL | base)
    second = measured_kept(how, fused, rank, 2, tokens, SMALL | base | changes)
    planned, found = (after - before for before, after in zip(first, second))
    assert planned == pytest.approx(found, rel=0.02, abs=4000)


@pytest.mark.parametrize(
    "dtype", [torch.float32, pytest.param(torch.bfloat16, marks=pytest.mark.thorough)]
)
def test_peak_of_encoding_frames(dtype):
    tower = BuiltinVisionTower(BuiltinVisionConfig()).eval()
    for part in (tower.stem, tower.trunk, tower.tail):
        part.to(dtype)
    frames = np.zeros((2, 128, 224, 3), np.uint8)
    with torch.inference_mode():
        highest, _ = measure(lambda: BuiltinEncoder(tower, "").encode_frames(frames))
    tower = BuiltinVisionConfig()
    expected = tower_activations(tower, 2, dtype.itemsize) + tower_pixel_bytes(tower, 2)
    close = 0.01 if dtype is torch.float32 else 0.05
    assert expected == pytest.approx(highest + frames.nbytes, rel=close)


TOWERS = {
    "qwen2_vl": (
        Qwen2VLConfig,
        Qwen2VLForConditionalGeneration,
        {"depth": 2, "embed_dim": 128, "num_heads": 4, "hidden_size": 64},
    ),
    "qwen2_5_vl": (
        Qwen2_5_VLConfig,
        Qwen2_5_VLForConditionalGeneration,
        {"depth": 2, "hidden_size": 128, "num_heads": 4, "out_hidden_size": 64,
         "intermediate_size": 342},
    ),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", TOWERS)
def test_peak_of_a_vision_transformer(kind, dtype):
    config_class, model_class, vision = TOWERS[kind]
    text = SIZES | {"num_hidden_layers": 1, "bos_token_id": None, "eos_token_id": 1}
    config = config_class(text_config=text, vision_config=vision)
    tower = model_class(config).eval().to(dtype).model.visual
    grid = torch.tensor([[2, 16, 16]])
    patches = torch.randn(512, 3 * 2 * 14 * 14, dtype=dtype)
    with torch.inference_mode():
        tower(patches, grid_thw=grid)
        highest, _ = measure(lambda: tower(patches, grid_thw=grid))
    expected = vision_activations(model_sizes(config).vision, 512, dtype.itemsize)
    close = 0.01 if dtype is torch.float32 else 0.05
    assert expected == pytest.approx(highest, rel=close)
