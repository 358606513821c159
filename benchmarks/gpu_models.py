"""Models for ``gpu.py``, of the published sizes or tiny; random weights, nothing downloaded."""

import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
import transformers

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from longvu_models import tiny_config, tiny_longvu_processor
from ntlbg.answerers.longvu import LongVUAnswerer
from ntlbg.answerers.showing import shown_as
from ntlbg.answerers.transformers import TransformersAnswerer
from ntlbg.answerers.transformers_options import TransformersOptions
from ntlbg.memory import find_device, model_sizes
from ntlbg.memory.devices import GIGABYTE
from ntlbg.models import LongVUConfig
from ntlbg.models.picture_processor import load_picture_processor
from tiny_vlms import make_vlm

# As published: config.json and preprocessor_config.json of Qwen2.5-VL-7B-Instruct.
QWEN_TEXT = {
    "vocab_size": 152064, "hidden_size": 3584, "intermediate_size": 18944,
    "num_hidden_layers": 28, "num_attention_heads": 28, "num_key_value_heads": 4,
    "max_position_embeddings": 128000, "tie_word_embeddings": False,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]},
}  # fmt: skip
QWEN_VISION = {
    "depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16,
    "out_hidden_size": 3584, "window_size": 112, "fullatt_block_indexes": [7, 15, 23, 31],
    "tokens_per_second": 2,
}  # fmt: skip
QWEN_PIXELS = {"shortest_edge": 4 * 28**2, "longest_edge": 16384 * 28**2}


def random_model(config: Any, device: str) -> Any:
    """Weights of a configuration, made where they stay, in bfloat16.

    Ends with one line where there is no room for them.
    """
    needed = model_sizes(config).total_parameters * torch.bfloat16.itemsize
    there = find_device("present").usable_bytes
    if device == "cuda" and needed > there:
        sys.exit(
            f"benchmarks/gpu.py: the weights of {config.model_type} take {needed / GIGABYTE:.3g} "
            f"GB, this GPU has {there / GIGABYTE:.3g}; take a larger one, or --only another model"
        )
    torch.manual_seed(0)
    with torch.device(device):
        return transformers.AutoModelForImageTextToText.from_config(config, dtype=torch.bfloat16)


def qwen_config(marks: Any) -> Any:
    """Of the published size.

    Args:
        marks: a configuration that says which tokens stand for what is seen.
    """
    names = ("image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id")
    return transformers.Qwen2_5_VLConfig(
        text_config=QWEN_TEXT, vision_config=QWEN_VISION, tie_word_embeddings=False,
        **{name: getattr(marks, name) for name in names},
    )  # fmt: skip


def qwen_answerer(device: str, compress: str, *, full: bool) -> TransformersAnswerer:
    """Qwen2.5-VL, shown a video with true times; words are those of the tests' tokenizer."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = make_vlm("qwen2_5_vl", Path(scratch))
        config = transformers.AutoConfig.from_pretrained(folder)
        processor = load_picture_processor(folder, config)
    if full:
        config = qwen_config(config)
        processor.processor.image_processor.size = QWEN_PIXELS
    model = random_model(config, device)
    options = TransformersOptions(frames_as="video", compress=compress)
    return TransformersAnswerer(
        model, processor, shown_as(options, model, processor, "random"),
        name="qwen2_5_vl" if compress == "none" else f"qwen2_5_vl, {compress}",
        fingerprint="random", options=options,
    )  # fmt: skip


def longvu_answerer(device: str, *, full: bool) -> LongVUAnswerer:
    """LongVU with Qwen2-7B; words are those of the tests' tokenizer."""
    sides = {"siglip_pixels": 384, "dinov2_pixels": 378} if full else {}
    config = LongVUConfig() if full else tiny_config(context_length=512)
    model = random_model(config, device)
    return LongVUAnswerer(model, tiny_longvu_processor(**sides), "random", name="longvu")
