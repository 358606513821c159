"""Pixels, grids and ids against transformers' own processors, which need torchvision."""

from importlib.util import find_spec

import pytest
import torch
from safetensors.torch import load_file

from golden_qwen_vl import FAMILIES as KINDS
from golden_qwen_vl import PROCESSOR, STRIDE, TIMES, golden_size, kept, processed
from ntlbg.models.qwen_vl.families import FAMILIES
from ntlbg.models.qwen_vl.inputs import vision_prompt
from qwen_vl_models import VIDEO, frames, qwen_tokenizer, tiny_processor

# They multiply and add in another order: a few units of the last place of a float32 near 2.
ROUNDING = 1e-6
EVERY_CASE = [
    pytest.mark.parametrize("layout", TIMES),
    pytest.mark.parametrize("kind", KINDS),
]
WITH_TORCHVISION = pytest.mark.skipif(
    find_spec("torchvision") is None,
    reason="torchvision is not installed; transformers' own video processors need it",
)


def every_case(test):
    for mark in EVERY_CASE:
        test = mark(test)
    return test


def ours(kind, layout, height, width):
    video = frames(TIMES[layout], height, width)
    return vision_prompt(
        FAMILIES[kind], tiny_processor(kind), f"Look: {VIDEO}What?", video, layout=layout
    )


@every_case
def test_what_a_model_is_given_is_what_transformers_gives_it(kind, layout):
    found = ours(kind, layout, *golden_size(kind))
    pixels = found.pixel_values_videos.flatten()[::STRIDE]
    golden = load_file(PROCESSOR)
    expected = {name: golden[f"{kind}.{layout}.{name}"] for name in kept(_mapping(found))}
    for name in ("input_ids", "mm_token_type_ids", "video_grid_thw"):
        assert torch.equal(getattr(found, name), expected[name]), name
    torch.testing.assert_close(pixels, expected["pixels"], atol=ROUNDING, rtol=0)


def _mapping(prompt):
    return {name: getattr(prompt, name) for name in prompt.tensors() if hasattr(prompt, name)}


@pytest.mark.thorough
@WITH_TORCHVISION
@every_case
def test_transformers_still_gives_it(kind, layout):
    height, width = golden_size(kind)
    made, golden = processed(kind, layout, height=height, width=width), load_file(PROCESSOR)
    for name, tensor in kept(made).items():
        assert torch.equal(tensor, golden[f"{kind}.{layout}.{name}"]), name
    found = ours(kind, layout, height, width).pixel_values_videos
    torch.testing.assert_close(found, made["pixel_values_videos"], atol=ROUNDING, rtol=0)


@pytest.mark.thorough
@WITH_TORCHVISION
@pytest.mark.parametrize(("height", "width"), [(200, 330), (700, 500)])
@every_case
def test_scaled_pictures_have_the_same_grids_and_nearly_the_same_pixels(
    kind, layout, height, width
):
    """Pillow and torchvision round differently: nearly all pixels agree, none is far off."""
    made, found = (
        processed(kind, layout, height=height, width=width),
        ours(kind, layout, height, width),
    )
    for name in ("input_ids", "mm_token_type_ids", "video_grid_thw"):
        assert torch.equal(getattr(found, name), made[name]), name
    apart = (found.pixel_values_videos - made["pixel_values_videos"]).abs()
    level = 1 / 255 / min(tiny_processor(kind).image_processor.image_std)
    assert apart.max() < 2.5 * level
    assert (apart > level / 2).float().mean() < 0.01


@pytest.mark.thorough
@WITH_TORCHVISION
def test_transformers_still_begins_a_video_of_qwen3_twice():
    """When this fails transformers is repaired, and a sentence in ``inputs`` may go."""
    height, width = golden_size("qwen3_vl")
    made = processed("qwen3_vl", "twice", height=height, width=width, template=True)
    text = qwen_tokenizer().decode(made["input_ids"][0])
    assert text.startswith("Look: <|vision_start|><0.4 seconds><|vision_start|>")
    assert text.endswith("<|vision_end|><|vision_end|>What?")
    ids = ours("qwen3_vl", "twice", height, width).input_ids
    assert made["input_ids"].shape[1] == ids.shape[1] + 2
