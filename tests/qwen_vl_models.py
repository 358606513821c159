"""Small random Qwen-VL models, their pictures and their prompts; no torchvision, no folder."""

from types import SimpleNamespace

import numpy as np
import torch
import transformers
from transformers import PreTrainedTokenizerFast
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from ntlbg.models.qwen_vl.families import FAMILIES
from ntlbg.types import Frames
from tiny_models import tiny_tokenizer

SPECIAL = [
    "<|pad|>", "<|im_start|>", "<|im_end|>", "<|image_pad|>", "<|video_pad|>",
    "<|vision_start|>", "<|vision_end|>",
]  # fmt: skip
NAMES = {
    "qwen2_vl": "Qwen2VL",
    "qwen2_5_vl": "Qwen2_5_VL",
    "qwen3_vl": "Qwen3VL",
    "qwen3_vl_moe": "Qwen3VLMoe",
}
PATCH = {"qwen2_vl": 14, "qwen2_5_vl": 14, "qwen3_vl": 16, "qwen3_vl_moe": 16}
SEEN = "<|vision_start|><|{}_pad|><|vision_end|>"
VIDEO, IMAGE = SEEN.format("video"), SEEN.format("image")


def qwen_tokenizer() -> PreTrainedTokenizerFast:
    """Of single characters, with the tokens of Qwen-VL."""
    return tiny_tokenizer(SPECIAL, SPECIAL[3:])


def tiny_processor(kind: str, **changes) -> SimpleNamespace:
    """Its pictures may have 4 to 64 tokens."""
    side = 2 * PATCH[kind]
    size = {"shortest_edge": 4 * side**2, "longest_edge": 64 * side**2}
    pictures = Qwen2VLImageProcessorPil(**({"size": size, "patch_size": PATCH[kind]} | changes))
    return SimpleNamespace(image_processor=pictures, tokenizer=qwen_tokenizer())


def _vision_config(kind: str) -> dict:
    common = {"depth": 2, "num_heads": 4, "initializer_range": 0.2}
    if kind == "qwen2_vl":
        return common | {"embed_dim": 32, "hidden_size": 64, "mlp_ratio": 2}
    common |= {"hidden_size": 32, "out_hidden_size": 64, "intermediate_size": 64}
    if kind == "qwen2_5_vl":
        return common | {"window_size": 56, "fullatt_block_indexes": [1], "tokens_per_second": 2}
    return common | {"deepstack_visual_indexes": [0, 1], "num_position_embeddings": 64}


def tiny_config(kind: str, **vision):
    """``vision``: changes of its vision_config."""
    text = {
        "vocab_size": 128, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
        "max_position_embeddings": 4096, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
        "initializer_range": 0.2,
        "rope_parameters": {
            "rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3],
        },
    }  # fmt: skip
    if kind == "qwen3_vl_moe":
        text |= {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
    tokens = ("image", "video", "vision_start", "vision_end")
    ids = {f"{token}_token_id": number for number, token in enumerate(tokens, start=3)}
    config = getattr(transformers, f"{NAMES[kind]}Config")
    return config(text_config=text, vision_config=_vision_config(kind) | vision, **ids)


def tiny_model(kind: str, seed: int = 0):
    torch.manual_seed(seed)
    model = getattr(transformers, f"{NAMES[kind]}ForConditionalGeneration")(tiny_config(kind))
    # it never says that it is done, so that every answer has the length that is asked for
    model.generation_config = transformers.GenerationConfig(pad_token_id=0, do_sample=False)
    return model.eval()


def pictures(count: int, height: int = 112, width: int = 168, seed: int = 0) -> np.ndarray:
    """uint8 (count, height, width, 3)."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, height, width, 3), np.uint8)


def frames(seconds, height: int = 112, width: int = 168, seed: int = 0) -> Frames:
    """Pictures at these times."""
    times = np.array(seconds, dtype=np.float64)
    return Frames(pictures(len(times), height, width, seed), times)


def family(kind: str):
    return FAMILIES[kind]
