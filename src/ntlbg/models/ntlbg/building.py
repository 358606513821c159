"""A language model of one's choice behind NTLBG's parts, as a configuration file asks for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from ntlbg.config import Config
from ntlbg.errors import ConfigError
from ntlbg.models.builtin.base_language_model import language_model_folder, load_language_model
from ntlbg.models.builtin.loading import convolutions_in, load_builtin, load_vision_tower
from ntlbg.models.layers import materialize
from ntlbg.models.lora import add_adapters
from ntlbg.models.ntlbg.configuration_ntlbg import NtlbgConfig
from ntlbg.models.ntlbg.modeling_ntlbg import NtlbgForConditionalGeneration
from ntlbg.models.ntlbg.processing_ntlbg import NtlbgProcessor

# The language model that the built-in one has, without what was trained here.
SMOLLM2 = "smollm2"
# Special tokens that no question contains; the first one a tokenizer knows marks a frame.
FRAME_TOKENS = ("<|video_pad|>", "<|frame|>", "<empty_output>", "<|reserved_special_token_0|>")
# Vision-language models whose language model is a Qwen2 with positions along one axis.
_QWEN_TYPES = ("qwen2_vl", "qwen2_5_vl")


def build_reader(config: Config, feature_size: int, dtype: torch.dtype, *, sees: bool = False):
    """The base model's language model, and new NTLBG parts in front of it.

    Args:
        feature_size: D of the frame features that it will read.
        dtype: of the language model; the other parts are float32.
        sees: with the encoder's vision tower, whose last blocks and head can train.

    Returns:
        (NtlbgForConditionalGeneration, NtlbgProcessor); of the language model, only adapters train
        where the configuration has a ``lora_rank``.

    Raises:
        ConfigError: the base model cannot be loaded, or its tokenizer has no token for a frame.
    """
    wanted = config.model
    if wanted.base_model == "builtin":
        model, processor = _builtin(feature_size, dtype)
    else:
        model, processor = _around(wanted.base_model, config, feature_size, dtype)
        if sees:
            model.vision_tower = load_vision_tower(dtype=torch.float32)
            model.config.vision_config = model.vision_tower.config
    if sees:
        convolutions_in(model.vision_tower, torch.float32)  # small steps vanish in half precision
    _remember(model, config, sees)
    text = model.language_model.config
    check_sizes(config, text)
    text.attention_dropout = wanted.ntlbg_attention_dropout
    fused = wanted.ntlbg_use_flash_attention
    model.language_model.set_attn_implementation("sdpa" if fused else "eager")
    if wanted.lora_rank:
        add_adapters(model, wanted.lora_rank)
    return model, processor


def _remember(model: NtlbgForConditionalGeneration, config: Config, sees: bool) -> None:
    """What is not in the weights, for who loads them: see `NtlbgConfig`."""
    base = config.model.base_model
    model.config.base_model = str(Path(base).resolve()) if Path(base).is_dir() else base
    model.config.lora_rank = config.model.lora_rank
    model.config.feature_encoder = config.model.feature_encoder
    model.config.video_config = config.video_config.model_dump(mode="json")
    model.config.trained_tower = sees


def _builtin(feature_size: int, dtype: torch.dtype):
    model, processor = load_builtin(dtype=dtype)
    if feature_size != model.config.feature_size:
        raise ConfigError(
            f"base_model builtin reads features of size {model.config.feature_size}, and these "
            f"have {feature_size}; encode the videos with feature_encoder builtin"
        )
    return model, processor


def _around(name: str, config: Config, feature_size: int, dtype: torch.dtype):
    language_model, tokenizer = load_base(name, dtype), load_tokenizer(name)
    processor = NtlbgProcessor(tokenizer, _frame_token(name, tokenizer), tokenizer.eos_token)
    settings = reader_settings(config, language_model.config, feature_size)
    settings.video_token_id = processor.video_token_id
    return parts_around(language_model, settings), processor


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
    config: Config, text_config: PreTrainedConfig, feature_size: int
) -> NtlbgConfig:
    """The `NtlbgConfig` of new parts in front of a language model, as a configuration asks."""
    points = config.model.rich_point_config
    return NtlbgConfig(
        text_config=text_config,
        feature_size=feature_size,
        context_size=128 if points.enable else 1,
        context_frames=points.temporal_context_length // 2 if points.enable else 0,
        time_frequencies=8 if points.enable else 0,
        adapter_size=points.feature_dim,
    )


def parts_around(
    language_model: PreTrainedModel, settings: NtlbgConfig
) -> NtlbgForConditionalGeneration:
    """New NTLBG parts in front of a language model, without a vision tower."""
    # on the meta device, so that the language model is in memory once
    with torch.device("meta"):
        model = NtlbgForConditionalGeneration(settings)
    model.language_model = language_model
    for part in (model.ntlbg_attention, model.rich_points, model.multi_modal_projector):
        materialize(part)
    model.initialize_from_language_model()
    return model


def load_base(name: str, dtype: torch.dtype) -> PreTrainedModel:
    """The language model of a base model: a folder, a name on the hub, or SMOLLM2.

    Raises:
        ConfigError: there is none, or it cannot be loaded.
    """
    if name == SMOLLM2:
        return load_language_model(dtype)
    with _told(name):
        if AutoConfig.from_pretrained(name).model_type in _QWEN_TYPES:
            whole = AutoModelForImageTextToText.from_pretrained(name, dtype=dtype)
            return qwen_language_model(whole)
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


def qwen_language_model(whole: PreTrainedModel) -> Qwen2ForCausalLM:
    """The language model of a Qwen2-VL or Qwen2.5-VL, sharing its weights.

    Its rotary positions have three axes that are equal for text; with one position a token, as
    here, it is a Qwen2.
    """
    text = whole.config.text_config
    base = text.rope_parameters.get("rope_theta", 1e6)
    keys = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers",
            "num_attention_heads", "num_key_value_heads", "max_position_embeddings",
            "rms_norm_eps", "hidden_act", "bos_token_id", "eos_token_id", "dtype")  # fmt: skip
    settings = {key: getattr(text, key) for key in keys}
    config = Qwen2Config(
        **settings,
        rope_parameters={"rope_type": "default", "rope_theta": base},
        tie_word_embeddings=whole.config.tie_word_embeddings,
    )
    with torch.device("meta"):
        model = Qwen2ForCausalLM(config)
    tensors = {
        f"model.{name}": tensor for name, tensor in whole.model.language_model.state_dict().items()
    }
    tensors["lm_head.weight"] = whole.get_output_embeddings().weight
    model.load_state_dict(tensors, assign=True)
    model.tie_weights()
    rotary = type(model.model.rotary_emb)(config)  # its frequencies are computed, not loaded
    model.model.rotary_emb = rotary
    return model


def _frame_token(name: str, tokenizer) -> str:
    vocabulary = tokenizer.get_vocab()
    for token in FRAME_TOKENS:
        if token in vocabulary:
            return token
    raise ConfigError(
        f"base_model {name!r}: its tokenizer has none of the tokens that can stand for a frame: "
        f"{', '.join(FRAME_TOKENS)}"
    )
