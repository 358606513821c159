"""Whether a configuration's weights are on this machine; nothing is loaded or fetched."""

from pathlib import Path

from ntlbg.config import Config
from ntlbg.config.blocks import OWN_BASES
from ntlbg.downloads import missing_parts
from ntlbg.errors import ConfigError
from ntlbg.hub import part_names

# What the built-in language model and the built-in encoder are made of.
LANGUAGE_MODEL = ("language_model",)
ENCODER = ("vision_backbone", "class_synsets", "class_lemmas")


def missing_weights(config: Config, videos: bool) -> str | None:
    """What is not here, and how it comes here; None where all is.

    Args:
        videos: whether there are videos, which the encoder has to look at.
    """
    problems, name = [], config.model.base_model
    own = name in OWN_BASES
    parts: tuple[str, ...] = LANGUAGE_MODEL if own else ()
    parts += ENCODER if videos and config.model.feature_encoder == "builtin" else ()
    absent = missing_parts(parts)
    if absent:
        problems.append(f"{', '.join(absent)} of the built-in model; run ntlbg fetch")
    if not own:
        folder = Path(name) if Path(name).is_dir() else _cached(name)
        if folder is None:
            problems.append(f"{name} is not on this machine; it would be asked of the hub")
        elif not _has_weights(folder):
            problems.append(f"{folder}: there are no whole weights of {name}")
    return "; ".join(problems) or None


def _cached(name: str) -> Path | None:
    """The snapshot of a model of the hub in the cache of Hugging Face."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(name, "config.json")
    except HFValidationError:  # no name that the hub could know
        return None
    return Path(found).parent if isinstance(found, str) else None


def _has_weights(folder: Path) -> bool:
    """Whether a file of weights is there, and with an index every one that it names."""
    for index in folder.glob("*.index.json"):
        try:
            names = part_names(index)
        except ConfigError:  # damaged
            return False
        return all((folder / name).is_file() for name in names)
    return any(folder.glob("*.safetensors")) or any(folder.glob("*.bin"))
