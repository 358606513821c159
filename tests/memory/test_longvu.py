"""LongVU planned from its configuration, against the real class and what it allocates."""

from dataclasses import replace

import pytest
import torch
from transformers import Dinov2Config, SiglipVisionConfig

from longvu_models import tiny_config, tiny_model
from measured_memory import measure
from ntlbg.compressors.longvu import MAX_FRAMES
from ntlbg.config import Config, changed
from ntlbg.errors import ConfigError
from ntlbg.memory import (
    Device,
    Setup,
    Workload,
    as_text,
    base_sizes,
    find_device,
    frames_plan,
    largest_budgets,
    model_sizes,
    plans,
    reader_sizes,
)
from ntlbg.memory.activations import Pass, key_value_cache
from ntlbg.memory.plan import plan_answer
from ntlbg.models import LongVUConfig, LongVUForConditionalGeneration
from ntlbg.models.longvu.vision import BLOCK_FRAMES, PixelTensors

TOWER = {
    "hidden_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "patch_size": 14,
    "image_size": 84,
}


def count(model) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"vision_hidden_size": 64, "connector_depth": 3},
        {"query_grid": 4},  # one cell of each tower for a token: no positions
        {"text": {"tie_word_embeddings": True}},
        {
            "siglip_config": SiglipVisionConfig(
                **TOWER, intermediate_size=100, vision_use_head=False
            ),
            "dinov2_config": Dinov2Config(**TOWER, use_swiglu_ffn=False, use_mask_token=True),
        },
        {"dinov2_config": Dinov2Config(**TOWER, use_swiglu_ffn=True, use_mask_token=False)},
    ],
)
def test_parameters_are_those_of_the_real_class(changes):
    config = tiny_config(**changes)
    with torch.device("meta"):
        model = LongVUForConditionalGeneration(config)
    assert model_sizes(config).total_parameters == count(model)


def test_parameters_of_the_published_size():
    config = LongVUConfig()
    with torch.device("meta"):
        model = LongVUForConditionalGeneration(config)
    assert model_sizes(config).total_parameters == count(model)


def test_the_cache_holds_a_full_context():
    model = tiny_model()
    sizes = model_sizes(model.config)
    plan = plan_answer(sizes, Workload(3600, 16), Setup(number_bytes=4))
    assert plan.tokens == model.config.context_length
    with torch.inference_mode():
        cache = model.language_model(torch.ones(1, plan.tokens, dtype=torch.int64), use_cache=True)
    held = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.past_key_values.layers)
    assert plan.parts["KV cache"] == held
    assert held == key_value_cache(sizes.text, Pass(1, plan.tokens, Setup(number_bytes=4)))


@pytest.mark.parametrize("number", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    ("sizes", "frames"),
    [
        # widths of SigLIP, inside it, of DINOv2 and of the aggregator; grids; pixels; frames
        ((48, 100, 48, 32, 4, 2, 84), 8),
        ((48, 100, 48, 32, 4, 2, 84), 80),
        ((96, 400, 48, 16, 7, 7, 98), 20),
        ((32, 64, 32, 128, 12, 6, 196), 40),
        ((16, 32, 16, 256, 14, 14, 98), 10),  # a cell for each query
        ((144, 538, 192, 128, 24, 12, 378), 3),  # the published proportions
    ],
)
def test_frames_allocate_what_was_planned(sizes, frames, number):
    siglip, inner, dinov2, width, feature_grid, query_grid, image = sizes
    tower = {"num_hidden_layers": 2, "num_attention_heads": 4, "patch_size": 14,
             "image_size": image}  # fmt: skip
    model = tiny_model(
        vision_hidden_size=width, feature_grid=feature_grid, query_grid=query_grid,
        siglip_config=SiglipVisionConfig(
            hidden_size=siglip, intermediate_size=inner, vision_use_head=False, **tower
        ),
        dinov2_config=Dinov2Config(
            hidden_size=dinov2, use_swiglu_ffn=True, use_mask_token=False, **tower
        ),
    ).to(number)  # fmt: skip
    pixels = PixelTensors(*(torch.rand(frames, 3, image, image) for _ in range(2)))
    with torch.inference_mode():
        measured, _ = measure(lambda: model.vision_model.fuse(pixels, (image, image)))
    setup = Setup(number_bytes=number.itemsize)
    plan = plan_answer(model_sizes(model.config), Workload(frames, 8), setup)
    parts = ("pixel buffers", "vision activations", "fused frames")
    planned = sum(plan.parts[name] for name in parts)
    block = torch.rand(min(frames, BLOCK_FRAMES), 3, image, image, dtype=number)
    unfolded = convolution_workspace(model, block)
    assert 0.92 * measured - unfolded <= planned <= 1.08 * measured


def convolution_workspace(model, pixels: torch.Tensor) -> int:
    """Bytes that the patches of these pixels take for themselves where bfloat16 is emulated.

    Without instructions for bfloat16 PyTorch copies the pixels side by side for a convolution: a
    buffer of the processor, which no plan for a card counts.
    """
    if pixels.dtype != torch.bfloat16 or torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return 0
    convolution = model.vision_model.siglip_tower.embeddings.patch_embedding
    with torch.inference_mode():
        highest, result = measure(lambda: convolution(pixels))
    return highest - result


@pytest.fixture
def config(tmp_path) -> Config:
    tiny_config().save_pretrained(tmp_path)
    return changed(Config(), {"model_config.base_model": str(tmp_path)})


def test_a_folder_is_planned_for_answering_only(config):
    device = find_device("L4")
    found = plans(config, device)
    assert set(found["plans"]) == {"answer from pixels"}
    assert "fused frames" in as_text(found)
    largest = found["plans"]["answer from pixels"]["largest"]
    assert largest["tokens"] == base_sizes(config.model.base_model).text.max_positions
    assert frames_plan(config).tokens == 128
    with pytest.raises(ConfigError, match="is a LongVU model, which reads frames in its own way"):
        reader_sizes(config)


def test_text_alone_may_be_shorter_than_the_context():
    sizes, work = model_sizes(tiny_config()), Workload(1, 8, batch=32)
    short = plan_answer(sizes, replace(work, num_frames=0, text_tokens=40)).peak
    assert short < plan_answer(sizes, work).peak  # which fills the context
    device = Device("small", int(short / 0.95) + 1, is_gpu=False)
    found = largest_budgets(sizes, work, Setup(), device, "answer")
    assert 40 <= found["tokens"] < sizes.longvu.context_length
    assert found["frames"] == 0


def test_more_frames_than_are_kept_take_no_more_memory():
    sizes = model_sizes(tiny_config())
    peaks = [plan_answer(sizes, Workload(frames, 8)).parts["fused frames"] for frames in
             (MAX_FRAMES // 2, MAX_FRAMES, 10 * MAX_FRAMES)]  # fmt: skip
    assert peaks[0] < peaks[1] == peaks[2]
