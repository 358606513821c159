"""Published LongVU checkpoints on disk -> folders that ``from_pretrained`` reads.

A published folder holds the language model, the projectors and the aggregator. The two vision
towers were frozen and are not in it; they come from their own checkpoints.
"""

from collections.abc import Iterator
from pathlib import Path
from pickle import UnpicklingError

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled
from safetensors import SafetensorError, safe_open
from torch import Tensor
from transformers import AutoConfig, AutoTokenizer, GenerationConfig, PreTrainedConfig

from ntlbg.errors import ConfigError, WeightsError
from ntlbg.files import check_folder, staged_directory
from ntlbg.hub import read_settings
from ntlbg.marks import of_model
from ntlbg.models.longvu.configuration_longvu import LongVUConfig
from ntlbg.models.longvu.convert_longvu_weights_to_hf import (
    Conversion,
    check_config,
    convert_config,
    convert_dinov2,
    convert_siglip,
    convert_state_dict,
    fill,
)
from ntlbg.models.longvu.modeling_longvu import LongVUForConditionalGeneration
from ntlbg.models.longvu.processing_longvu import LongVUProcessor

# What the published model was trained with; named in errors, fetched only when asked for by name.
TOWERS = {"siglip": "google/siglip-so400m-patch14-384", "dinov2": "facebook/dinov2-giant"}


MODEL = of_model(LongVUConfig.model_type)
FILES = dict.fromkeys(
    (
        "config.json", "generation_config.json", "model.safetensors", "model-*.safetensors",
        "model.safetensors.index.json", "tokenizer.json", "tokenizer_config.json",
        "special_tokens_map.json", "vocab.json", "merges.txt", "added_tokens.json",
        "tokenizer.model", "chat_template.jinja", "processor_config.json", "*",
    ),
    MODEL,
)  # fmt: skip


def convert(
    source: str | Path,
    destination: str | Path,
    *,
    siglip: str | Path | None = None,
    dinov2: str | Path | None = None,
) -> Conversion:
    """Write a published checkpoint as a folder for ``from_pretrained``.

    Args:
        source: folder with config.json, weights (safetensors or pytorch_model.bin), tokenizer.
        siglip, dinov2: folders or hub names of the towers' checkpoints; by default the folders of
            these names inside ``source``.

    Raises:
        ConfigError, WeightsError, OutputError: what cannot be read, does not fit, or be written.
    """
    source = Path(source)
    published = _published(source)  # before towers, which may be fetched for it
    # Nearly every weight that is published is written again, of the same size.
    needed = sum(file.stat().st_size for file in _weight_files(source)) / 2
    check_folder(destination, FILES, inputs=[source, siglip, dinov2], needed=needed)
    folders = {
        "siglip": _tower_folder(source, "siglip", siglip),
        "dinov2": _tower_folder(source, "dinov2", dinov2),
    }
    configs = {kind: _tower_config(folder) for kind, folder in folders.items()}
    vision = getattr(configs["siglip"], "vision_config", configs["siglip"])
    config = convert_config(published, vision, configs["dinov2"])
    tensors = dict(read_tensors(source))
    config.get_text_config().vocab_size = len(_find(tensors, "model.embed_tokens.weight", source))
    config.dtype = tensors["model.embed_tokens.weight"].dtype
    with torch.device("meta"):
        model = LongVUForConditionalGeneration(config)
    done = convert_state_dict(tensors.items(), model.state_dict())
    for kind, convert_tower in (("siglip", convert_siglip), ("dinov2", convert_dinov2)):
        tower = convert_tower(read_tensors(folders[kind]))
        done.state_dict |= tower.state_dict
        done.unused += [f"{kind}: {name}" for name in tower.unused]
    fill(model, done.state_dict, config.dtype)
    companions = _companions(source, config)
    with staged_directory(destination, FILES, inputs=[source, *folders.values()]) as stage:
        for part in (model, *companions):
            part.save_pretrained(stage)
    return done


def _published(source: Path) -> dict:
    """What ``config.json`` says, of a folder that looks like a LongVU checkpoint."""
    if not source.is_dir():
        raise ConfigError(
            f"{source}: no such folder; download a published LongVU checkpoint and give its folder"
        )
    missing = ["config.json"] * (not (source / "config.json").is_file())
    missing += ["*.safetensors or pytorch_model*.bin"] * (not _weight_files(source))
    if missing:
        raise ConfigError(
            f"{source}: no {' and no '.join(missing)} in there; give the folder of a published "
            "LongVU checkpoint"
        )
    published = read_settings(source / "config.json")
    check_config(published)
    return published


def _tower_folder(source: Path, kind: str, given: str | Path | None) -> Path:
    """A folder as it is; a hub name is fetched, or found in the cache of Hugging Face."""
    if given is None:
        given = source / kind
        if not given.is_dir():
            raise ConfigError(
                f"the {kind} tower is not part of a LongVU checkpoint, and there is no {given}; "
                f"name a folder or a hub model, such as {TOWERS[kind]}"
            )
    if Path(given).is_dir():
        return Path(given)
    try:
        return Path(snapshot_download(str(given), allow_patterns=["*.json", "*.safetensors"]))
    except (HFValidationError, OSError, HfHubHTTPError, OfflineModeIsEnabled) as error:
        raise ConfigError(
            f"{given}: neither a folder nor a hub model that can be fetched ({error})"
        ) from error


def _tower_config(folder: Path) -> PreTrainedConfig:
    try:
        return AutoConfig.from_pretrained(folder)
    except (OSError, ValueError) as error:  # no config.json, not JSON, no known kind of model
        raise ConfigError(
            f"{folder}: no configuration of a vision tower ({error}); give its checkpoint folder"
        ) from error


def _find(tensors: dict[str, Tensor], name: str, folder: Path) -> Tensor:
    if name not in tensors:
        raise WeightsError(f"{folder}: no {name} in its weights; is it a LongVU checkpoint?")
    return tensors[name]


def _companions(source: Path, config: LongVUConfig) -> list[GenerationConfig | LongVUProcessor]:
    """Generation settings, and tokenizer with prompt, where the source has them."""
    found: list[GenerationConfig | LongVUProcessor] = []
    try:
        if (source / "generation_config.json").is_file():
            found.append(GenerationConfig.from_pretrained(source))
        if (source / "tokenizer_config.json").is_file():
            # read as what its own files say, not as what the published config.json says
            tokenizer = AutoTokenizer.from_pretrained(source, config=config.text_config)
            family = "llama" if config.get_text_config().model_type == "llama" else "qwen2"
            found.append(LongVUProcessor(tokenizer, family, config.mode))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{source}: its tokenizer or generation settings cannot be read ({error})"
        ) from error
    return found


def read_tensors(folder: Path) -> Iterator[tuple[str, Tensor]]:
    """Names and tensors of all ``*.safetensors``, else ``pytorch_model*.bin``, of a folder.

    Raises:
        WeightsError: there are none, or one is damaged or holds more than tensors.
    """
    files = _weight_files(folder)
    if not files:
        raise WeightsError(f"{folder}: no *.safetensors and no pytorch_model*.bin in there")
    for path in files:
        try:
            yield from (_safetensors if path.suffix == ".safetensors" else _pickled)(path)
        except (SafetensorError, UnpicklingError, RuntimeError, EOFError) as error:
            raise WeightsError(f"{path}: cannot be read as weights ({error})") from error


def _weight_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.safetensors")) or sorted(folder.glob("pytorch_model*.bin"))


def _safetensors(path: Path) -> Iterator[tuple[str, Tensor]]:
    with safe_open(path, framework="pt") as file:
        for name in file.keys():  # noqa: SIM118  (not a dictionary)
            yield name, file.get_tensor(name)


def _pickled(path: Path) -> Iterator[tuple[str, Tensor]]:
    yield from torch.load(path, map_location="cpu", weights_only=True, mmap=True).items()
