"""From a folder or a name of the hub to an encoder that others trained."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoImageProcessor,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedTokenizerFast,
    ViTImageProcessorPil,
)
from transformers.image_utils import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD

from ntlbg.downloads import index_root
from ntlbg.encoders import Encoder
from ntlbg.encoders.pixels import Pixels, WholePicture, read_pixels
from ntlbg.encoders.pretrained import DualEncoder, PictureEncoder, Texts
from ntlbg.errors import ConfigError
from ntlbg.hub import (
    PICTURES,
    TOKENIZER_CONFIG,
    VOCABULARIES,
    find_model,
    folder_fingerprint,
    model_type,
    read_settings,
    weight_files,
)
from ntlbg.models.precision import gpu_dtype
from ntlbg.models.pretrained_parts import Loading, load_config, load_weights
from ntlbg.models.quiet import quiet_transformers

# Change this when the same model would give other vectors of the same frames.
FORMAT = 1
# What only the loss of training reads; folders may lack it.
_OF_THE_LOSS = {"logit_scale", "logit_bias"}


@dataclass(frozen=True)
class Family:
    """What a kind of model wants, beside what its files say.

    Attributes:
        feature_size: D, of its configuration.
        texts: how its texts are tokenized; None where it knows pictures only.
        side: pixels of the pictures that it can read, where it can read one size only.
    """

    feature_size: Callable[[PreTrainedConfig], int]
    texts: Texts | None = None
    side: Callable[[PreTrainedConfig], int] | None = None


def _projected(config: PreTrainedConfig) -> int:
    return config.projection_dim


def _pooled(config: PreTrainedConfig) -> int:
    return config.vision_config.hidden_size


def _hidden(config: PreTrainedConfig) -> int:
    return config.hidden_size


def _trained_side(config: PreTrainedConfig) -> int:
    return config.vision_config.image_size


# SigLIP was trained on lower case and full length, without a mask; SigLIP 2 so, too. Checkpoints of
# SigLIP 2 for one size of pictures are of the type "siglip", and their tokenizer keeps capitals.
_SIGLIP_TEXTS = Texts(to_full_length=True, lower_case=True)
FAMILIES = {
    "clip": Family(_projected, Texts(), _trained_side),
    "metaclip_2": Family(_projected, Texts(), _trained_side),
    "siglip": Family(_pooled, _SIGLIP_TEXTS, _trained_side),
    "siglip2": Family(_pooled, _SIGLIP_TEXTS),
    "dinov2": Family(_hidden),
    "dinov2_with_registers": Family(_hidden),
    "dinov3_vit": Family(_hidden),
}


def load_pretrained_encoder(
    source: str,
    *,
    name: str | None = None,
    dtype: torch.dtype | None = None,
    device: str | None = None,
) -> Encoder:
    """The encoder in a folder, or of a name of the hub; the last two stay in memory.

    Args:
        source: a folder, ``organisation/model`` or ``organisation/model@revision``.
        name: of its track in the index; by default the source.
        dtype: numbers that it computes with; by default half precision on a GPU, else float32.
        device: by default a GPU if there is one.

    Raises:
        ConfigError: there is no such model, or of another kind.
        WeightsError: its weights are missing, damaged or cannot be fetched.
    """
    folder = find_model(source, check_files)
    where = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    if dtype is None:
        dtype = gpu_dtype() if where.type == "cuda" else torch.float32
    return _loaded(folder, _fingerprint(folder, dtype), name or source, dtype, where)


def check_files(folder: Path) -> None:
    """Whether all that is needed is in a folder; the large files are not opened.

    Raises:
        ConfigError, WeightsError: as :func:`load_pretrained_encoder`.
    """
    kind = model_type(folder)
    if kind not in FAMILIES:
        raise ConfigError(
            f"{folder}: a model of type {kind!r} is no encoder that is known here; known are "
            f"{', '.join(FAMILIES)}"
        )
    needed: dict[str, tuple[str, ...]] = {"how it wants its pictures": PICTURES}
    if FAMILIES[kind].texts is not None:
        needed["a vocabulary"] = VOCABULARIES
    for what, names in needed.items():
        if not any((folder / name).is_file() for name in names):
            raise ConfigError(f"{folder}: says not {what}; there has to be {' or '.join(names)}")
    weight_files(folder)


def _fingerprint(folder: Path, dtype: torch.dtype) -> str:
    """Hash of all that is read, and the numbers that compute with it; not of the place."""
    return (
        f"{folder_fingerprint(folder, index_root())} {str(dtype).removeprefix('torch.')} {FORMAT}"
    )


@lru_cache(maxsize=2)
def _loaded(
    folder: Path, fingerprint: str, name: str, dtype: torch.dtype, device: torch.device
) -> Encoder:
    with quiet_transformers():
        config = load_config(folder)
        family = FAMILIES[config.model_type]
        pixels = _pixels(folder, config, family)
        tokenizer = None
        if family.texts is not None:
            tokenizer = _tokenizer(folder, config)
            _check_tokens(folder, tokenizer, config)
        model = load_weights(folder, config, dtype, _OF_THE_LOSS.__contains__).to(device)
    about: dict[str, Any] = {
        "name": name,
        "fingerprint": fingerprint,
        "feature_size": family.feature_size(config),
    }
    if family.texts is None:
        return PictureEncoder(model, pixels, **about)
    texts = replace(family.texts, punctuation=not _is_first_siglip(folder))
    return DualEncoder(model, pixels, tokenizer, texts, **about)


def _pixels(folder: Path, config: PreTrainedConfig, family: Family) -> Pixels:
    with Loading(ConfigError, f"{folder}: how it wants its pictures cannot be read", ""):
        pixels = read_pixels(_processor(folder, config))
    side = None if family.side is None else family.side(config)
    if side is not None and isinstance(pixels, WholePicture) and pixels.size != (side, side):
        height, width = pixels.size
        raise ConfigError(
            f"{folder}: {PICTURES[0]} makes pictures of {width} x {height}, and the model in "
            f"config.json reads {side} x {side}"
        )
    return pixels


def _processor(folder: Path, config: PreTrainedConfig) -> Any:
    if config.model_type != "dinov3_vit":
        return AutoImageProcessor.from_pretrained(folder, backend="pil", local_files_only=True)
    # its own needs torchvision; of sizes and colours another one says the same
    settings, _ = ViTImageProcessorPil.get_image_processor_dict(folder, local_files_only=True)
    colours = {"image_mean": IMAGENET_DEFAULT_MEAN, "image_std": IMAGENET_DEFAULT_STD}
    return ViTImageProcessorPil.from_dict(colours | settings)


def _tokenizer(folder: Path, config: PreTrainedConfig) -> Any:
    with Loading(ConfigError, f"{folder}: its tokenizer cannot be read", ""):
        try:
            if _is_first_siglip(folder) and (folder / "tokenizer.json").is_file():
                # the same tokens as by its own class, which needs sentencepiece
                return PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)
            return AutoTokenizer.from_pretrained(folder, config=config, local_files_only=True)
        except ImportError as error:
            raise ConfigError(
                f"{folder}: its tokenizer needs sentencepiece; run `pip install sentencepiece "
                "protobuf`"
            ) from error


def _check_tokens(folder: Path, tokenizer: Any, config: PreTrainedConfig) -> None:
    if len(tokenizer) > config.text_config.vocab_size:
        raise ConfigError(
            f"{folder}: the tokenizer has {len(tokenizer)} tokens, and the model in config.json "
            f"knows {config.text_config.vocab_size}; they are not of one model"
        )


def _is_first_siglip(folder: Path) -> bool:
    """Trained without punctuation, unlike SigLIP 2, whose tokenizer is another."""
    try:
        about = read_settings(folder / TOKENIZER_CONFIG)
    except ConfigError:
        return False  # whether it is needed is known to those who read the tokenizer
    return str(about.get("tokenizer_class")).startswith("SiglipTok")
