"""A language model of one's choice behind NTLBG's parts, as a configuration file asks for it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import is_flash_attn_2_available

from ntlbg.config import Config
from ntlbg.errors import ConfigError
from ntlbg.models.builtin.base_language_model import language_model_folder, load_language_model
from ntlbg.models.builtin.loading import convolutions_in, load_builtin, load_vision_tower
from ntlbg.models.layers import materialize
from ntlbg.models.lora import add_adapters
from ntlbg.models.ntlbg.bases import base_of, is_vision_language, tower_size
from ntlbg.models.ntlbg.configuration_ntlbg import NtlbgConfig, NtlbgVLConfig
from ntlbg.models.ntlbg.modeling_ntlbg import NtlbgForConditionalGeneration
from ntlbg.models.ntlbg.modeling_ntlbg_vl import NtlbgVLForConditionalGeneration
from ntlbg.models.ntlbg.processing_ntlbg import NtlbgProcessor

# The language model that the built-in one has, without what was trained here.
SMOLLM2 = "smollm2"
# Special tokens that no question contains; the first one a tokenizer knows marks a frame.
FRAME_TOKENS = ("<|video_pad|>", "<|frame|>", "<empty_output>", "<|reserved_special_token_0|>")


def build_reader(
    config: Config, feature_size: int | None, dtype: torch.dtype, *, sees: bool = False
):
    """The base model, and new NTLBG parts in front of it.

    Args:
        feature_size: D of the frame features that it will read; None for those of the base model's
            own vision tower.
        dtype: of the base model; the other parts are float32.
        sees: there are films, so that what sees can train: of a vision-language model what joins
            its tower and its language model, else the built-in vision tower's last blocks and head.

    Returns:
        (NtlbgForConditionalGeneration, NtlbgProcessor); of the language model, only adapters train
        where the configuration has a ``lora_rank``.

    Raises:
        ConfigError: the base model cannot be loaded, or its tokenizer has no token for a frame.
    """
    wanted = config.model
    if wanted.base_model == "builtin":
        model, processor = _builtin(config, feature_size, dtype)
    else:
        model, processor = _around(wanted.base_model, config, feature_size, dtype)
    if sees:
        _let_sight_train(model)
    _remember(model, config, sees)
    text = model.config.get_text_config()
    check_sizes(config, text)
    text.attention_dropout = wanted.ntlbg_attention_dropout
    model.language_model.set_attn_implementation(
        _attention(wanted.ntlbg_use_flash_attention, dtype)
    )
    if wanted.lora_rank:
        add_adapters(model, wanted.lora_rank)
    return model, processor


def _attention(fused: bool, dtype: torch.dtype) -> str:
    """Never all scores in memory, if asked for: by the package flash-attn where it can be used."""
    if fused and dtype != torch.float32 and is_flash_attn_2_available():
        return "flash_attention_2"
    return "sdpa" if fused else "eager"


def _let_sight_train(model: NtlbgForConditionalGeneration) -> None:
    """What sees and trains in float32: small steps vanish in half precision."""
    if isinstance(model, NtlbgVLForConditionalGeneration):
        for name, parameter in model.named_parameters():
            if name.startswith(model.tower_names):
                parameter.data = parameter.data.float()
        return
    if model.vision_tower is None:
        model.vision_tower = load_vision_tower(dtype=torch.float32)
        model.config.vision_config = model.vision_tower.config
    convolutions_in(model.vision_tower, torch.float32)


def _remember(model: NtlbgForConditionalGeneration, config: Config, sees: bool) -> None:
    """What is not in the weights, for who loads them: see `NtlbgConfig`."""
    base = config.model.base_model
    model.config.base_model = str(Path(base).resolve()) if Path(base).is_dir() else base
    model.config.lora_rank = config.model.lora_rank
    model.config.feature_encoder = config.model.feature_encoder
    model.config.video_config = config.video_config.model_dump(mode="json")
    model.config.trained_tower = sees


def _builtin(config: Config, feature_size: int | None, dtype: torch.dtype):
    model, processor = load_builtin(dtype=dtype)
    check_encoder(config, model.config)
    if feature_size != model.config.feature_size:
        raise ConfigError(
            f"base_model builtin reads features of size {model.config.feature_size}, and these "
            f"have {feature_size}; encode the videos with feature_encoder builtin"
        )
    return model, processor


def _around(name: str, config: Config, feature_size: int | None, dtype: torch.dtype):
    language_model, tokenizer = load_base(name, dtype), load_tokenizer(name)
    check_encoder(config, language_model.config)
    settings = reader_settings(config, language_model.config, feature_size)
    seeing = isinstance(settings, NtlbgVLConfig)
    tokens = base_of(language_model.config).point_tokens if seeing else FRAME_TOKENS
    processor = NtlbgProcessor(tokenizer, _known(tokens, name, tokenizer), tokenizer.eos_token)
    settings.video_token_id = processor.video_token_id
    return parts_around(language_model, settings), processor


def check_encoder(config: Config, base_config: PreTrainedConfig) -> None:
    """Whether features can come from where a configuration says.

    Raises:
        ConfigError: the base model has no vision tower of its own.
    """
    if config.model.feature_encoder == "base" and not is_vision_language(base_config):
        raise ConfigError(
            "model_config.feature_encoder: got 'base', the vision tower of base_model, and "
            f"{config.model.base_model} has none; name another encoder, such as builtin"
        )


def check_sizes(config: Config, text_config: PreTrainedConfig) -> None:
    """Whether what a configuration says of its base model is so; null says nothing.

    Raises:
        ConfigError: a key that the language model has otherwise, or more positions than it has.
    """
    for key, here in config.model.said_of_base.items():
        if key == "rope_theta":
            there = text_config.rope_parameters[key]
        else:
            there = getattr(text_config, key)
        fewer = key == "max_position_embeddings" and here <= there
        if here != there and not fewer:
            raise ConfigError(
                f"model_config.ntlbg_{key} is {here:.9g}, but {config.model.base_model} has "
                f"{there:.9g}; write that, or null, which is what base_model has"
            )


def reader_settings(
    config: Config, base_config: PreTrainedConfig, feature_size: int | None
) -> NtlbgConfig:
    """The configuration of new parts in front of a base model, as ours asks for them.

    Args:
        feature_size: None for that of the base model's own vision tower.
    """
    points = config.model.rich_point_config
    settings: dict[str, Any] = {
        "text_config": base_config,
        "feature_size": feature_size or tower_size(base_config),
        "context_size": 128 if points.enable else 1,
        "context_frames": points.temporal_context_length // 2 if points.enable else 0,
        "time_frequencies": 8 if points.enable else 0,
        "adapter_size": points.feature_dim,
    }
    if not is_vision_language(base_config):
        return NtlbgConfig(**settings)
    return NtlbgVLConfig(
        **settings,
        rich_points=points.enable,
        compress=config.model.compress,
        max_visual_tokens=config.video_config.max_visual_tokens,
    )


def parts_around(
    language_model: PreTrainedModel, settings: NtlbgConfig
) -> NtlbgForConditionalGeneration:
    """New NTLBG parts in front of a language model, without a vision tower."""
    # on the meta device, so that the language model is in memory once
    with torch.device("meta"):
        model = class_for(settings)(settings)
    model.language_model = language_model
    for part in (model.ntlbg_attention, model.rich_points, model.multi_modal_projector):
        materialize(part)
    model.initialize_from_language_model()
    return model


def class_for(settings: NtlbgConfig) -> type[NtlbgForConditionalGeneration]:
    """The class of a model of this configuration."""
    if isinstance(settings, NtlbgVLConfig):
        return NtlbgVLForConditionalGeneration
    return NtlbgForConditionalGeneration


def load_base(name: str, dtype: torch.dtype) -> PreTrainedModel:
    """A base model, whole: a folder, a name on the hub, or SMOLLM2.

    Raises:
        ConfigError: there is none, or it cannot be loaded.
    """
    if name == SMOLLM2:
        return load_language_model(dtype)
    with _told(name):
        if is_vision_language(AutoConfig.from_pretrained(name)):
            return AutoModelForImageTextToText.from_pretrained(name, dtype=dtype)
        return AutoModelForCausalLM.from_pretrained(name, dtype=dtype)


def load_tokenizer(name: str) -> PreTrainedTokenizerBase:
    """Of a base model; as `load_base`."""
    if name == SMOLLM2:
        return AutoTokenizer.from_pretrained(language_model_folder())
    with _told(name):
        return AutoTokenizer.from_pretrained(name)


@contextmanager
def _told(name: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"base_model {name!r} cannot be loaded ({str(error).splitlines()[0]}); give a folder "
            f"with its weights and tokenizer, a model of the hub, {SMOLLM2} or builtin"
        ) from error


def _known(tokens: Sequence[str], name: str, tokenizer: PreTrainedTokenizerBase) -> str:
    """The first of these tokens that the tokenizer has."""
    vocabulary = tokenizer.get_vocab()
    for token in tokens:
        if token in vocabulary:
            return token
    raise ConfigError(
        f"base_model {name!r}: its tokenizer has none of the tokens that can stand for a frame: "
        f"{', '.join(tokens)}"
    )
