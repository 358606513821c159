"""Folders of small random models of every family, with tokenizers of their families' own kinds."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    BitImageProcessorPil,
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPModel,
    CLIPTokenizer,
    Dinov2Config,
    Dinov2Model,
    Dinov2WithRegistersConfig,
    Dinov2WithRegistersModel,
    DINOv3ViTConfig,
    DINOv3ViTModel,
    GemmaTokenizer,
    MetaClip2Config,
    MetaClip2Model,
    PreTrainedTokenizerFast,
    Siglip2Config,
    Siglip2ImageProcessorPil,
    Siglip2Model,
    Siglip2Tokenizer,
    SiglipConfig,
    SiglipImageProcessorPil,
    SiglipModel,
    XLMRobertaTokenizer,
)

from ntlbg.models.quiet import quiet_transformers

SIDE, PATCH, LENGTH = 32, 8, 16
TOWER = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
}  # fmt: skip
CHINESE = "小狗什么时候出现？视频里有没有红色的气球？"


def clip_tokenizer() -> CLIPTokenizer:
    """Bytes, each also as the end of a word, and a few pairs of them."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    pairs = [("r", "e"), ("re", "d</w>"), ("o", "w"), ("ow", "l</w>")]
    joined = ["".join(pair) for pair in pairs]
    special = ["<|startoftext|>", "<|endoftext|>"]
    tokens = [*alphabet, *(f"{byte}</w>" for byte in alphabet), *joined, *special]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    return CLIPTokenizer(vocab=vocabulary, merges=pairs, model_max_length=LENGTH)


def pieces(special: list[str]) -> list[tuple[str, float]]:
    """A vocabulary of single characters; of pieces of words they are the last resort."""
    characters = sorted({*CHINESE, *map(chr, range(33, 127))})
    return [*((one, 0.0) for one in special), ("▁", -1.0), *((one, -2.0) for one in characters)]


def xlm_tokenizer() -> XLMRobertaTokenizer:
    return XLMRobertaTokenizer(vocab=pieces(["<s>", "<pad>", "</s>", "<unk>", "<mask>"]))


def siglip_tokenizer() -> PreTrainedTokenizerFast:
    """As the published tokenizer.json: lower case, no punctuation, the end as padding."""
    backend = Tokenizer(models.Unigram(pieces(["<unk>", "</s>"]), unk_id=0))
    backend.normalizer = normalizers.Sequence(
        [normalizers.Lowercase(), normalizers.Replace(Regex(r"[!-/:-@\[-`{-~]"), ""),
         normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    )  # fmt: skip
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, unk_token="<unk>", eos_token="</s>", pad_token="</s>",
        model_input_names=["input_ids"],
    )  # fmt: skip


def gemma_tokenizer(kind: type = GemmaTokenizer) -> PreTrainedTokenizerFast:
    """Bytes for all that has no character of its own, an end and no beginning."""
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    tokens = [*special, *(f"<0x{byte:02X}>" for byte in range(256)), "▁", *map(chr, range(33, 127))]
    tokenizer = kind(
        vocab={token: number for number, token in enumerate(tokens)}, merges=[],
        padding_side="right", model_input_names=["input_ids"],
    )  # fmt: skip
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <eos>", special_tokens=[("<eos>", 1)]
    )
    return tokenizer


def dual(model: type, config: type, tokenizer: Any, **vision: Any) -> tuple[Any, Any]:
    text = TOWER | {
        "vocab_size": len(tokenizer),
        "max_position_embeddings": LENGTH,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    if config in (CLIPConfig, MetaClip2Config):
        sizes = {"projection_dim": 24}
    else:
        text["projection_size"], sizes = TOWER["hidden_size"], {}
    return model(config(text_config=text, vision_config=TOWER | vision, **sizes)), tokenizer


def _fixed(model: type, config: type, tokenizer: Any) -> tuple[Any, Any]:
    return dual(model, config, tokenizer, image_size=SIDE, patch_size=PATCH)


def _dino(model: type, config: type, **more: Any) -> tuple[Any, None]:
    sizes = {key: value for key, value in TOWER.items() if key != "intermediate_size"}
    # Positions are learned for another size, and fitted to that of the pictures.
    return model(config(**sizes, image_size=56, patch_size=PATCH, **more)), None


CROPPED = {"size": {"shortest_edge": SIDE}, "crop_size": {"height": SIDE, "width": SIDE}}
DINO_CROPPED = CROPPED | {"size": {"shortest_edge": 40}}  # larger than what is cut out of it
SQUASHED = {"size": {"height": SIDE, "width": SIDE}}
IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
# By name: model and tokenizer, and the processor of pictures.
FAMILIES: dict[str, tuple[Callable[[], tuple[Any, Any]], Any]] = {
    "clip": (
        lambda: _fixed(CLIPModel, CLIPConfig, clip_tokenizer()),
        lambda: CLIPImageProcessorPil(**CROPPED),
    ),
    "metaclip2": (
        lambda: _fixed(MetaClip2Model, MetaClip2Config, xlm_tokenizer()),
        lambda: CLIPImageProcessorPil(**CROPPED),
    ),
    "siglip": (
        lambda: _fixed(SiglipModel, SiglipConfig, siglip_tokenizer()),
        lambda: SiglipImageProcessorPil(**SQUASHED),
    ),
    "siglip2": (
        lambda: _fixed(SiglipModel, SiglipConfig, gemma_tokenizer()),
        lambda: SiglipImageProcessorPil(**SQUASHED),
    ),
    "siglip2-naflex": (
        lambda: dual(
            Siglip2Model, Siglip2Config, gemma_tokenizer(Siglip2Tokenizer), num_patches=16,
            patch_size=PATCH,
        ),
        lambda: Siglip2ImageProcessorPil(patch_size=PATCH, max_num_patches=24),
    ),
    "dinov2": (
        lambda: _dino(Dinov2Model, Dinov2Config),
        lambda: BitImageProcessorPil(**DINO_CROPPED, **IMAGENET),
    ),
    "dinov2-registers": (
        lambda: _dino(Dinov2WithRegistersModel, Dinov2WithRegistersConfig, num_register_tokens=4),
        lambda: BitImageProcessorPil(**DINO_CROPPED, **IMAGENET),
    ),
    "dinov3": (
        lambda: _dino(DINOv3ViTModel, DINOv3ViTConfig, intermediate_size=48, num_register_tokens=4),
        lambda: None,
    ),
}  # fmt: skip
DUAL = ("clip", "metaclip2", "siglip", "siglip2", "siglip2-naflex")
DINOV3_PICTURES = {
    "image_processor_type": "DINOv3ViTImageProcessorFast", "do_center_crop": None,
    "do_rescale": True, "do_normalize": True, "do_resize": True, "resample": 2,
    "rescale_factor": 1 / 255, **SQUASHED, **IMAGENET,
}  # fmt: skip


def write_tiny_encoder(family: str, folder: Path, seed: int = 0) -> Path:
    """A folder as ``save_pretrained`` leaves it; weights larger than at the start of a training."""
    make, processor = FAMILIES[family]
    torch.manual_seed(seed)
    with quiet_transformers():
        model, tokenizer = make()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.15 * torch.randn_like(parameter))
        model.save_pretrained(folder)
    if tokenizer is not None:
        tokenizer.save_pretrained(folder)
    if family == "dinov3":
        (folder / "preprocessor_config.json").write_text(json.dumps(DINOV3_PICTURES))
    else:
        processor().save_pretrained(folder)
    if family == "siglip":  # the name that the published folders give their tokenizer
        path = folder / "tokenizer_config.json"
        path.write_text(
            json.dumps(json.loads(path.read_text()) | {"tokenizer_class": "SiglipTokenizer"})
        )
    return folder
