"""What training changed, and the folder that it is kept in: a model like any other.

``config.json`` (`NtlbgConfig`, which names the base model), ``model.safetensors`` and the
tokenizer's files. Weights that training left alone are those of the base model, and are not copied:
those of a 7B model with adapters would be 15 GB instead of 0.1.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    PreTrainedModel,
)

from ntlbg.config import Config
from ntlbg.errors import ConfigError, WeightsError
from ntlbg.files import staged_directory
from ntlbg.marks import of_model, tensor_file
from ntlbg.models.builtin.loading import convolutions_in, load_builtin, load_vision_tower
from ntlbg.models.lora import LORA_KEY, is_adapter, merge_adapters
from ntlbg.models.ntlbg.building import class_for, load_base, parts_around
from ntlbg.models.ntlbg.configuration_ntlbg import NtlbgConfig, NtlbgVLConfig
from ntlbg.models.ntlbg.modeling_ntlbg import NtlbgForConditionalGeneration
from ntlbg.models.ntlbg.processing_ntlbg import NtlbgProcessor
from ntlbg.models.precision import inference_dtype
from ntlbg.models.pretrained_parts import Loading, check_settings

WEIGHTS_FILE = "model.safetensors"
MODEL = of_model(NtlbgConfig.model_type, NtlbgVLConfig.model_type)
FILES = dict.fromkeys(
    (
        "config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
        "vocab.json", "merges.txt", "added_tokens.json", "tokenizer.model", "chat_template.jinja",
        "processor_config.json", "*",
    ),
    MODEL,
) | {WEIGHTS_FILE: tensor_file("trained weights", "ntlbg_attention.raw_diagonal")}  # fmt: skip
# What the Auto classes of Hugging Face pass on; a folder does not need it.
HUB_OPTIONS = ("cache_dir", "force_download", "local_files_only", "proxies", "revision",
               "subfolder", "token", "trust_remote_code", "_commit_hash", "_from_auto",
               "adapter_kwargs")  # fmt: skip


def trained_names(model: NtlbgForConditionalGeneration) -> list[str]:
    """Weights that are not the base model's and not those of a vision tower that did not train.

    Of a weight with two names (tied embeddings) it is the first one.
    """
    state = model.state_dict(keep_vars=True)  # so that a tied weight is one object
    adapted = any(is_adapter(name) for name in state)
    first: dict[int, str] = {}
    for name, tensor in state.items():
        first.setdefault(id(tensor), name)

    def trained(name: str) -> bool:
        if name.startswith(model.tower_names):
            return model.config.trained_tower
        if model.is_of_language(name):
            return is_adapter(name) or not adapted
        return not name.startswith(("vision_tower.", "language_model."))

    return [name for name in state if first[id(state[name])] == name and trained(name)]


def save_reader(
    model: NtlbgForConditionalGeneration, processor: NtlbgProcessor, folder: Path
) -> Path:
    """Write what `load_reader` reads; returns the folder."""
    state = model.state_dict()
    tensors = {name: state[name].detach().cpu().clone() for name in trained_names(model)}
    with staged_directory(folder, FILES) as stage:
        for part in (model.config, model.language_model.config, model.config.get_text_config()):
            part._name_or_path = ""  # a place on this machine
        model.config.save_pretrained(stage)
        processor.save_pretrained(stage)
        save_file(tensors, stage / WEIGHTS_FILE, metadata={"format": "pt"})
        shutil.copymode(stage / "config.json", stage / WEIGHTS_FILE)  # not for its owner alone
    return folder


def is_reader(folder: str | Path) -> bool:
    """Whether the folder holds an NTLBG model."""
    path = Path(folder) / WEIGHTS_FILE
    return path.is_file() and MODEL.holds(path)


def trained_by(config: Config) -> str | None:
    """The folder in which training by a configuration left a model; None where there is none."""
    return config.output_dir if is_reader(config.output_dir) else None


def needs_base(folder: str | Path) -> bool:
    """Whether this is a folder whose weights are completed by those of a base model."""
    if not is_reader(folder):
        return False
    with Loading(ConfigError, f"{folder}: config.json cannot be used", ""):
        return AutoConfig.from_pretrained(folder).base_model is not None


def load_completed(folder: str | Path, options: Mapping) -> NtlbgForConditionalGeneration:
    """What ``from_pretrained`` with these options gives for a folder that `needs_base`.

    Raises:
        TypeError: an option that cannot be heeded, such as a device map.
    """
    if unknown := set(options) - {"dtype", "config", *HUB_OPTIONS}:
        names = ", ".join(sorted(unknown))
        raise TypeError(f"{folder} is completed with its base model: there is no option {names}")
    return load_reader(folder, options.get("dtype"))[0]


def load_reader(
    folder: str | Path, dtype: torch.dtype | None = None
) -> tuple[NtlbgForConditionalGeneration, NtlbgProcessor]:
    """The model in a folder that training left, on the GPU if there is one, and its processor.

    A folder of ``save_pretrained``, which holds all weights, is read as well.

    Args:
        dtype: of the language model; None for what is fastest here.

    Raises:
        WeightsError: the folder holds no such model, or is damaged.
        ConfigError: its base model cannot be loaded.
    """
    folder, gpu = Path(folder), torch.cuda.is_available()
    dtype = dtype or (_gpu_dtype() if gpu else inference_dtype())
    if not is_reader(folder):
        lacking = [name for name in ("config.json", WEIGHTS_FILE) if not (folder / name).is_file()]
        why = f", there is no {' and no '.join(lacking)}" if lacking else ""
        raise WeightsError(f"{folder}: holds no model that training left{why}; see docs/config.md")
    tensors = _read(folder / WEIGHTS_FILE)
    check_settings(folder)
    with Loading(WeightsError, f"{folder}: its config.json or tokenizer is damaged", ""):
        settings = AutoConfig.from_pretrained(folder)
        processor = NtlbgProcessor.from_pretrained(folder)
        _try(processor, settings)
    _check_finite(tensors, folder)
    told = f"{folder}: its weights and its config.json do not make a model", "; copy it again"
    with Loading(WeightsError, *told):
        if settings.base_model is None:
            model = class_for(settings).from_pretrained(folder, dtype=dtype)
        else:
            model = _base_of(settings, folder, tensors, dtype)
            _fill_in(model, tensors, folder)
    if model.vision_tower is not None:
        convolutions_in(model.vision_tower, inference_dtype())
    return model.to("cuda" if gpu else "cpu").eval(), processor


def _try(processor: NtlbgProcessor, settings: NtlbgConfig) -> None:
    """Two frames: settings that do not fit together are noticed when they are used.

    Raises:
        ValueError: they have no place in the prompt, or words are none of the model's.
    """
    features = torch.zeros(2, settings.feature_size)
    made = processor("?", features, torch.arange(2.0), indices=[0, 1], answer="?")
    ids, most = made["input_ids"], settings.get_text_config().vocab_size
    if int((ids == settings.video_token_id).sum()) != len(features):
        raise ValueError("frames have no place in its prompt")
    if not 0 <= int(ids.min()) <= int(ids.max()) < most:
        raise ValueError(f"its tokenizer has a word {int(ids.max())}, its model {most} words")


def _check_finite(tensors: Mapping[str, Tensor], folder: Path) -> None:
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise WeightsError(f"{folder}: {name} is not finite: the training went astray")


def _fill_in(
    model: NtlbgForConditionalGeneration, tensors: dict[str, Tensor], folder: Path
) -> None:
    """What was trained; adapters become part of the language model's weights."""
    factors = {name: tensor for name, tensor in tensors.items() if LORA_KEY.match(name)}
    rest = {name: tensor for name, tensor in tensors.items() if name not in factors}
    fill(model, rest, folder)
    try:
        merge_adapters(model, factors)
    except (AttributeError, KeyError, RuntimeError) as error:  # no such layer, half a pair, shapes
        raise WeightsError(f"{folder}: adapters of another base model ({error})") from error


def load_reader_weights(model: NtlbgForConditionalGeneration, path: str | Path) -> None:
    """Fill in the weights of a folder or file, to go on training.

    Raises:
        WeightsError: no such file, or weights of another model.
    """
    path = Path(path)
    path = path / WEIGHTS_FILE if path.is_dir() else path
    if not path.is_file():
        raise WeightsError(f"{path}: no trained weights; train them with `ntlbg train`")
    fill(model, _read(path), path)


def fill(model: NtlbgForConditionalGeneration, tensors: dict[str, Tensor], place: Path) -> None:
    """Put weights into a model, which may have more."""
    try:
        strangers = model.load_state_dict(tensors, strict=False).unexpected_keys
    except RuntimeError as error:  # shapes differ
        reason = str(error).splitlines()[-1].strip()  # one of many shapes says it
        raise WeightsError(f"{place}: weights of another model ({reason})") from error
    if strangers:
        raise WeightsError(f"{place}: weights of another model, such as {strangers[0]}")


def _read(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path}: damaged, or no safetensors file ({error})") from error


def _base_of(
    settings: NtlbgConfig, folder: Path, tensors: dict[str, Tensor], dtype: torch.dtype
) -> NtlbgForConditionalGeneration:
    """Everything at hand before what was trained is filled in."""
    if settings.base_model == "builtin":
        model, _ = load_builtin(dtype=dtype)
        model.config = settings
        return model
    if settings.lora_rank or isinstance(settings, NtlbgVLConfig):  # not all of it is kept here
        if settings.base_model is None:
            raise ConfigError(f"{folder}: its weights need a base_model in its config.json")
        try:
            language_model = load_base(settings.base_model, dtype)
        except ConfigError as error:
            raise ConfigError(f"{folder}: its {error}") from error
    else:
        language_model = _language_model(settings, tensors, dtype)
    tower_config, settings.vision_config = settings.vision_config, None
    model = parts_around(language_model, settings)
    if tower_config is not None:
        settings.vision_config = tower_config
        model.vision_tower = load_vision_tower(dtype=torch.float32)
    return model


def _language_model(
    settings: NtlbgConfig, tensors: dict[str, Tensor], dtype: torch.dtype
) -> PreTrainedModel:
    """The one that was trained as a whole."""
    start = "language_model."
    own = {name.removeprefix(start): t for name, t in tensors.items() if name.startswith(start)}
    with torch.device("meta"):
        kind = type(AutoModelForCausalLM.from_config(settings.text_config))
    return kind.from_pretrained(None, config=settings.text_config, state_dict=own, dtype=dtype)


def _gpu_dtype() -> torch.dtype:
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
