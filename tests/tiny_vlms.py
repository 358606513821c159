"""Tiny random vision-language models in folders, as they are published: config, weights, processor.

Nothing of them needs torchvision. Their words mean nothing; tokens, places and pictures are real.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import BaseImageProcessor, GenerationConfig, PreTrainedModel
from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import GotOcr2ImageProcessorPil
from transformers.models.llava_onevision.image_processing_pil_llava_onevision import (
    LlavaOnevisionImageProcessorPil,
)
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil

from ntlbg.encoders import Encoder
from ntlbg.selectors import select_frames
from ntlbg.types import AnswerInput, Frames, Plan, VideoIndex

CONTEXT = 4096
CHAT = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% if m['content'] is string %}"
    "{{ m['content'] }}{% else %}{% for c in m['content'] %}{% if c['type'] == 'image' %}IMAGE"
    "{% elif c['type'] == 'video' %}VIDEO{% else %}{{ c['text'] }}{% endif %}{% endfor %}"
    "{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CORPUS = ["what is shown in these pictures? a red car, a dog; seconds 0 1 2 3 4 5 6 7 8 9 . yes no"]
QWEN_MARKS = ["<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>",
              "<|vision_pad|>"]  # fmt: skip
TOWER = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
         "num_attention_heads": 4}  # fmt: skip
TILES = [[56, 56], [56, 112], [112, 56], [112, 112]]


def make_vlm(family: str, folder: Path, seed: int = 0) -> Path:
    """A model of a family in FAMILIES, always the same weights of a seed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        FAMILIES[family](family, folder)
    return folder


def tokenizer(marks: list[str], **named) -> transformers.PreTrainedTokenizerFast:
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    bpe.train_from_iterator(
        CORPUS * 4,
        trainers.BpeTrainer(
            vocab_size=400,
            special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>", *marks],
            show_progress=False,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        ),
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=bpe, eos_token="<|im_end|>", pad_token="<|endoftext|>",
        model_max_length=CONTEXT, additional_special_tokens=marks, **named,
    )  # fmt: skip


def text_config(words: transformers.PreTrainedTokenizerFast, **more) -> dict:
    return {
        "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": len(words),
        "max_position_embeddings": CONTEXT, "pad_token_id": 0, "bos_token_id": 1,
        "eos_token_id": 2, **more,
    }  # fmt: skip


def save(
    folder: Path,
    model: PreTrainedModel,
    pictures: BaseImageProcessor,
    words: transformers.PreTrainedTokenizerFast,
    processor: str,
    image: str,
    *,
    video: str | None = None,
    **settings,
) -> None:
    # real checkpoints suggest how to sample; that must neither warn nor be followed
    model.generation_config = GenerationConfig(
        eos_token_id=[2, 0], pad_token_id=0, do_sample=True, temperature=0.7, top_p=0.8, top_k=20
    )
    model.save_pretrained(folder)
    pictures.save_pretrained(folder)
    words.chat_template = CHAT.replace("IMAGE", image).replace("VIDEO", video or image)
    words.save_pretrained(folder)
    path = folder / "processor_config.json"
    kept = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(kept | {"processor_class": processor} | settings))


def _qwen(family: str, folder: Path) -> None:
    words = tokenizer(QWEN_MARKS)
    names = ("vision_start_token_id", "vision_end_token_id", "image_token_id", "video_token_id")
    ids = dict(zip(names, words.convert_tokens_to_ids(QWEN_MARKS)))
    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3]}
    text, patch = text_config(words, rope_parameters=rope, head_dim=16), 14
    if family == "qwen2_vl":
        tower = {"depth": 2, "embed_dim": 32, "hidden_size": 64, "num_heads": 4, "mlp_ratio": 2}
        config, kind = transformers.Qwen2VLConfig, "Qwen2VL"
    elif family == "qwen2_5_vl":
        tower = {
            "depth": 2, "hidden_size": 32, "num_heads": 4, "out_hidden_size": 64,
            "intermediate_size": 64, "window_size": 56, "fullatt_block_indexes": [1],
            "tokens_per_second": 2,  # as published; the class says 4
        }  # fmt: skip
        config, kind = transformers.Qwen2_5_VLConfig, "Qwen2_5_VL"
    else:
        patch = 16
        tower = {"depth": 3, "hidden_size": 32, "num_heads": 4, "out_hidden_size": 64,
                 "intermediate_size": 64, "patch_size": 16, "deepstack_visual_indexes": [0, 1],
                 "num_position_embeddings": 64}  # fmt: skip
        config, kind = transformers.Qwen3VLConfig, "Qwen3VL"
    model = getattr(transformers, f"{kind}ForConditionalGeneration")(
        config(text_config=text, vision_config=tower, **ids)
    )
    token = (2 * patch) ** 2
    size = {"shortest_edge": 4 * token, "longest_edge": 64 * token}
    pictures = Qwen2VLImageProcessorPil(size=size, patch_size=patch)
    image = "<|vision_start|><|image_pad|><|vision_end|>"
    video = image.replace("image", "video")
    save(folder, model, pictures, words, f"{kind}Processor", image, video=video)


def _smolvlm(family: str, folder: Path) -> None:
    places = [f"<row_{row}_col_{column}>" for row in range(1, 5) for column in range(1, 5)]
    marks = [
        "<fake_token_around_image>",
        "<image>",
        "<global-img>",
        "<end_of_utterance>",
        "<video>",
        "<empty_output>",
    ]
    words = tokenizer([*marks, *places])
    config = transformers.SmolVLMConfig(
        text_config=text_config(words, model_type="llama"),
        vision_config=TOWER | {"image_size": 64, "patch_size": 8},
        image_token_id=words.convert_tokens_to_ids("<image>"), scale_factor=2, pad_token_id=0,
    )  # fmt: skip
    pictures = SmolVLMImageProcessorPil(
        size={"longest_edge": 128}, max_image_size={"longest_edge": 64}
    )
    model = transformers.SmolVLMForConditionalGeneration(config)
    save(folder, model, pictures, words, "SmolVLMProcessor", "<image>", image_seq_len=16)


def _llava_onevision(family: str, folder: Path) -> None:
    words = tokenizer(["<image>", "<video>"])
    tower = TOWER | {"model_type": "siglip_vision_model", "image_size": 56, "patch_size": 14,
                     "vision_use_head": False}  # fmt: skip
    seen = {"vision_aspect_ratio": "anyres_max_9", "vision_feature_select_strategy": "full"}
    config = transformers.LlavaOnevisionConfig(
        text_config=text_config(words, model_type="qwen2"), vision_config=tower,
        image_token_index=words.convert_tokens_to_ids("<image>"),
        video_token_index=words.convert_tokens_to_ids("<video>"),
        image_grid_pinpoints=TILES, vision_feature_layer=-1, **seen,
    )  # fmt: skip
    pictures = LlavaOnevisionImageProcessorPil(
        size={"height": 56, "width": 56}, image_grid_pinpoints=TILES
    )
    model = transformers.LlavaOnevisionForConditionalGeneration(config)
    save(folder, model, pictures, words, "LlavaOnevisionProcessor", "<image>\n",
         num_image_tokens=16, **seen)  # fmt: skip


def _internvl(family: str, folder: Path) -> None:
    names = {"start_image_token": "<img>", "end_image_token": "</img>",
             "context_image_token": "<IMG_CONTEXT>", "video_token": "<video>"}  # fmt: skip
    words = tokenizer(list(names.values()), extra_special_tokens=names)
    config = transformers.InternVLConfig(
        text_config=text_config(words, model_type="qwen2"),
        vision_config=TOWER | {"image_size": [56, 56], "patch_size": [14, 14]},
        image_token_id=words.convert_tokens_to_ids("<IMG_CONTEXT>"), image_seq_length=4,
        downsample_ratio=0.5,
    )  # fmt: skip
    pictures = GotOcr2ImageProcessorPil(
        size={"height": 56, "width": 56}, crop_to_patches=True, min_patches=1, max_patches=12
    )
    model = transformers.InternVLForConditionalGeneration(config)
    save(folder, model, pictures, words, "InternVLProcessor", "<IMG_CONTEXT>\n",
         image_seq_length=4)  # fmt: skip


FAMILIES: dict[str, Callable[[str, Path], None]] = {
    "qwen2_vl": _qwen,
    "qwen2_5_vl": _qwen,
    "qwen3_vl": _qwen,
    "smolvlm": _smolvlm,
    "llava_onevision": _llava_onevision,
    "internvl": _internvl,
}


def shown(pictures: np.ndarray, times, plan: Plan | None = None, **more) -> AnswerInput:
    """Pictures (k, H, W, 3) at times (k,), all that there is of a video."""
    times = np.asarray(times, np.float64)
    features = np.eye(len(times), dtype=np.float32)
    selection = select_frames("uniform", features, len(times), pts_seconds=times)
    frames = Frames(pictures, times)
    return AnswerInput(VideoIndex(times, {}), features, selection, frames, plan=plan, **more)


def drawn(number: int, height: int = 90, width: int = 160) -> np.ndarray:
    """Pictures of noise, always the same."""
    return np.random.default_rng(0).integers(0, 256, (number, height, width, 3), np.uint8)


def assert_every_part_counts(logits_of, times: Sequence[float], least_told: float) -> None:
    """What is not shown cannot change the answer: each picture, each time and the order must.

    Args:
        logits_of: of what is shown.
        least_told: seconds by which a time has to differ to be told.
    """
    pictures = drawn(len(times))
    before = logits_of(shown(pictures, times))
    assert torch.equal(before, logits_of(shown(pictures, times)))
    for place in range(len(times)):
        other = pictures.copy()
        other[place] = 255 - other[place]
        assert not torch.allclose(before, logits_of(shown(other, times)), atol=1e-5)
        later = list(times)
        later[place] += least_told
        assert not torch.allclose(before, logits_of(shown(pictures, later)), atol=1e-5)
    swapped = shown(pictures[[1, 0, *range(2, len(times))]], times)
    assert not torch.allclose(before, logits_of(swapped), atol=1e-5)


class Colours(Encoder):
    """Mean colours: what chose the frames does not matter here."""

    name, fingerprint, feature_size, image_size = "colours of the mean", "mean-1", 3, (16, 16)

    def encode_frames(self, frames):
        return frames.mean((1, 2), dtype=np.float32) / 255

    def encode_text(self, texts):
        return np.ones((len(texts), 3), np.float32)
