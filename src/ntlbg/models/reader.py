"""A language model of one's choice behind NTLBG's parts, as a configuration file asks for it."""

from pathlib import Path

import torch
from peft import LoraConfig, inject_adapter_in_model
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoTokenizer,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from ntlbg.config import Config
from ntlbg.errors import ConfigError, WeightsError
from ntlbg.marks import tensor_file
from ntlbg.models.configuration_ntlbg import NtlbgConfig
from ntlbg.models.layers import materialize
from ntlbg.models.modeling_ntlbg import NtlbgForConditionalGeneration
from ntlbg.models.processing_ntlbg import NtlbgProcessor
from ntlbg.outputs import staged_file

WEIGHTS_FILE = "model.safetensors"
TRAINED = tensor_file("trained weights", "ntlbg_attention.raw_diagonal")
# Special tokens that no question contains; the first one a tokenizer knows marks a frame.
FRAME_TOKENS = ("<|video_pad|>", "<|frame|>", "<empty_output>", "<|reserved_special_token_0|>")
# Vision-language models whose language model is a Qwen2 with positions along one axis.
_QWEN_TYPES = ("qwen2_vl", "qwen2_5_vl")


def build_reader(config: Config, feature_size: int, dtype: torch.dtype):
    """The base model's language model, and new NTLBG parts in front of it.

    Args:
        feature_size: D of the frame features that it will read.
        dtype: of the language model; the other parts are float32.

    Returns:
        (NtlbgForConditionalGeneration, NtlbgProcessor); of the language model, only adapters train
        where the configuration has a ``lora_rank``.

    Raises:
        ConfigError: the base model cannot be loaded, or its tokenizer has no token for a frame.
    """
    name = config.model.base_model
    if name == "builtin":
        model, processor = _builtin(feature_size, dtype)
    else:
        model, processor = _around(name, config, feature_size, dtype)
    text = model.language_model.config
    text.attention_dropout = config.model.ntlbg_attention_dropout
    fused = config.model.ntlbg_use_flash_attention
    model.language_model.set_attn_implementation("sdpa" if fused else "eager")
    if config.model.lora_rank:
        add_adapters(model, config.model.lora_rank)
    return model, processor


def add_adapters(model: NtlbgForConditionalGeneration, rank: int) -> None:
    """float32 factors beside every linear layer of the language model; the rest of it is frozen."""
    model.language_model.requires_grad_(False)
    inject_adapter_in_model(
        LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear"), model.language_model
    )
    for name, parameter in model.named_parameters():
        if "lora_" in name:  # small steps vanish in half precision
            parameter.data = parameter.data.float()


def trained_names(model: NtlbgForConditionalGeneration) -> list[str]:
    """Everything but the vision tower and, where there are adapters, the base model's weights.

    Of a weight with two names (tied embeddings) it is the first one.
    """
    state = model.state_dict()
    adapted = any("lora_" in name for name in state)
    first: dict[int, str] = {}
    for name, tensor in state.items():
        first.setdefault(tensor.data_ptr(), name)
    return [
        name
        for name in state
        if not name.startswith("vision_tower.")
        and first[state[name].data_ptr()] == name
        and ("lora_" in name or not adapted or not name.startswith("language_model."))
    ]


def save_reader(model: NtlbgForConditionalGeneration, folder: Path) -> Path:
    """Everything but the base model: NTLBG's parts, and adapters or the whole language model."""
    state = model.state_dict()
    tensors = {name: state[name].detach().cpu().clone() for name in trained_names(model)}
    with staged_file(folder / WEIGHTS_FILE, TRAINED) as stage:
        save_file(tensors, stage, metadata={"format": "pt"})
    return folder / WEIGHTS_FILE


def load_reader_weights(model: NtlbgForConditionalGeneration, path: str | Path) -> None:
    """Fill in what ``save_reader`` wrote.

    Raises:
        WeightsError: no such file, or weights of another model.
    """
    path = Path(path)
    path = path / WEIGHTS_FILE if path.is_dir() else path
    if not path.is_file():
        raise WeightsError(f"{path}: no trained weights; train them with scripts/train_ntlbg.py")
    try:
        strangers = model.load_state_dict(load_file(path), strict=False).unexpected_keys
    except SafetensorError as error:
        raise WeightsError(f"{path}: damaged, or no safetensors file ({error})") from error
    except RuntimeError as error:  # shapes differ
        raise WeightsError(f"{path}: weights of another model ({error})") from error
    if strangers:
        raise WeightsError(f"{path}: weights of another model, such as {strangers[0]}")


def _builtin(feature_size: int, dtype: torch.dtype):
    from ntlbg.models.builtin import load_builtin

    model, processor = load_builtin(dtype=dtype)
    if feature_size != model.config.feature_size:
        raise ConfigError(
            f"base_model builtin reads features of size {model.config.feature_size}, and these "
            f"have {feature_size}; encode the videos with feature_encoder builtin"
        )
    return model, processor


def _around(name: str, config: Config, feature_size: int, dtype: torch.dtype):
    language_model, tokenizer = _load_base(name, dtype)
    processor = NtlbgProcessor(tokenizer, _frame_token(name, tokenizer), tokenizer.eos_token)
    points = config.model.rich_point_config
    settings = NtlbgConfig(
        text_config=language_model.config,
        feature_size=feature_size,
        context_size=128 if points.enable else 1,
        context_frames=points.temporal_context_length // 2 if points.enable else 0,
        time_frequencies=8 if points.enable else 0,
        adapter_size=points.feature_dim,
        video_token_id=processor.video_token_id,
    )
    # on the meta device, so that the language model is in memory once
    with torch.device("meta"):
        model = NtlbgForConditionalGeneration(settings)
    model.language_model = language_model
    for part in (model.ntlbg_attention, model.rich_points, model.multi_modal_projector):
        materialize(part)
    model.initialize_from_language_model()
    return model, processor


def _load_base(name: str, dtype: torch.dtype):
    try:
        kind = AutoConfig.from_pretrained(name).model_type
        tokenizer = AutoTokenizer.from_pretrained(name)
        if kind in _QWEN_TYPES:
            whole = AutoModelForImageTextToText.from_pretrained(name, dtype=dtype)
            return qwen_language_model(whole), tokenizer
        return AutoModelForCausalLM.from_pretrained(name, dtype=dtype), tokenizer
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"base_model {name!r} cannot be loaded ({str(error).splitlines()[0]}); give a folder "
            "with its weights and tokenizer, a model of the hub, or builtin"
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
