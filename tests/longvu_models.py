"""The small models behind the reference values, and even smaller random ones."""

import json
from functools import cache

import numpy as np
import torch
from safetensors.torch import load_file
from tokenizers import Regex, Tokenizer, models, pre_tokenizers
from tokenizers.decoders import Fuse
from transformers import (
    Dinov2Config,
    PreTrainedTokenizerFast,
    Qwen2Config,
    SiglipVisionConfig,
)

from golden_longvu import FOLDER, Case
from ntlbg.models.longvu.configuration_longvu import LongVUConfig
from ntlbg.models.longvu.convert_longvu_weights_to_hf import (
    convert_config,
    convert_dinov2,
    convert_siglip,
    convert_state_dict,
    fill,
)
from ntlbg.models.longvu.modeling_longvu import LongVUForConditionalGeneration
from ntlbg.models.longvu.processing_longvu import LongVUProcessor

SPECIAL = ["<|pad|>", "<|im_end|>", "<|unk|>", "<|im_start|>", "<|eot_id|>"]
SPECIAL += ["<|start_header_id|>", "<|end_header_id|>"]


@cache
def golden_configs() -> dict:
    return json.loads((FOLDER / "e2e_weights" / "configs.json").read_text())


def golden_model(family: str, **overrides) -> LongVUForConditionalGeneration:
    """The reference model of a family, converted from its published names."""
    configs = golden_configs()
    config = convert_config(
        {**configs[family], **overrides},
        SiglipVisionConfig(**configs["siglip"]),
        Dinov2Config(**configs["dino"]),
    )
    model = LongVUForConditionalGeneration(config).eval()
    towers = load_file(FOLDER / "e2e_weights" / "towers.safetensors")
    parts = {
        kind: [(n.removeprefix(kind), t) for n, t in towers.items() if n.startswith(kind)]
        for kind in ("siglip.", "dino.")
    }
    tensors = load_file(FOLDER / "e2e_weights" / f"{family}.safetensors")
    done = convert_state_dict(tensors.items(), model.state_dict())
    done.state_dict |= convert_siglip(parts["siglip."]).state_dict
    done.state_dict |= convert_dinov2(parts["dino."]).state_dict
    fill(model, done.state_dict)
    return model


def enlarge(small: torch.Tensor, kind: str) -> torch.Tensor:
    """Stored pixels (..., 6, 6) at the size the tower gets them."""
    block = golden_configs()["pixel_block"][kind]
    return small.repeat_interleave(block, -1).repeat_interleave(block, -2)


def golden_inputs(case: Case) -> dict[str, torch.Tensor]:
    """Arguments of `forward` for an end-to-end case."""
    tensors = case.tensors
    count = len(case["num_frames"])
    siglip, dinov2 = (
        enlarge(torch.cat([tensors[f"pixels_{kind}_small_{i}"] for i in range(count)]), kind)
        for kind in ("siglip", "dino")
    )
    inputs = {
        "input_ids": tensors["input_ids"],
        "image_sizes": torch.tensor(case["image_sizes"]),
    }
    if case["image_mode"]:
        inputs |= {"pixel_values": siglip, "pixel_values_dinov2": dinov2}
    else:
        inputs |= {
            "pixel_values_videos": siglip,
            "pixel_values_videos_dinov2": dinov2,
            "num_frames": torch.tensor(case["num_frames"]),
        }
    for name in ("attention_mask", "labels"):
        if f"{name}_in" in tensors:
            inputs[name] = tensors[f"{name}_in"]
    return inputs


def tiny_config(**changes) -> LongVUConfig:
    """A Qwen2 of 32 dimensions and towers of 16, at a quarter of the real resolution."""
    text = {
        "vocab_size": 128,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "pad_token_id": 0,
        "bos_token_id": None,
        "eos_token_id": 1,
        "initializer_range": 0.2,
    }
    tower = {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "patch_size": 14,
        "image_size": 84,
    }
    values = {
        "text_config": Qwen2Config(**{**text, **changes.pop("text", {})}),
        "siglip_config": SiglipVisionConfig(**tower, intermediate_size=24, vision_use_head=False),
        "dinov2_config": Dinov2Config(**tower, use_swiglu_ffn=True, use_mask_token=False),
        "vision_hidden_size": 32,
        "feature_grid": 4,
        "query_grid": 2,
        "lowres_grid": 1,
        "connector_depth": 2,
        "context_length": 128,
        "pad_token_id": 0,
    }
    return LongVUConfig(**{**values, **changes})


def tiny_model(seed: int = 0, **changes) -> LongVUForConditionalGeneration:
    torch.manual_seed(seed)
    return LongVUForConditionalGeneration(tiny_config(**changes)).eval()


def tiny_longvu_processor(**options) -> LongVUProcessor:
    """One token per character, pictures of the tiny model's size."""
    characters = ["\n", *(chr(code) for code in range(32, 127))]
    vocabulary = {token: number for number, token in enumerate([*SPECIAL, *characters])}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token="<|unk|>"))
    backend.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), behavior="isolated")
    backend.decoder = Fuse()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="<|pad|>",
        eos_token="<|im_end|>",
        unk_token="<|unk|>",
        additional_special_tokens=SPECIAL[3:],
    )
    sizes = {"siglip_pixels": 84, "dinov2_pixels": 84}
    return LongVUProcessor(tokenizer, **{**sizes, **options})


def made_frames(count: int, size: tuple[int, int] = (24, 40), seed: int = 0) -> np.ndarray:
    """uint8 (count, H, W, 3), every frame of random blocks."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 256, (count, size[0] // 8, size[1] // 8, 3), dtype=np.uint8)
    return blocks.repeat(8, 1).repeat(8, 2)
