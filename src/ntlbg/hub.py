"""Where a model of Hugging Face is: its folder, or a name of the hub.

The hub is contacted for a name that is given, and then only for what is not in its cache: a model
that was fetched stays what it was, without a network, until another revision is named or
``hf download`` renews it. Features kept of videos stay valid as long.
"""

import hashlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ntlbg.errors import ConfigError, NtlbgError, WeightsError
from ntlbg.hashes import content_hash
from ntlbg.text_files import read_json

CONFIG = "config.json"
PICTURES = ("preprocessor_config.json", "processor_config.json")
# Any of these holds a vocabulary.
VOCABULARIES = (
    "tokenizer.json", "vocab.json", "vocab.txt", "spiece.model", "sentencepiece.bpe.model",
    "tokenizer.model",
)  # fmt: skip
TOKENIZER_CONFIG = "tokenizer_config.json"
_BESIDE = (
    "merges.txt", TOKENIZER_CONFIG, "special_tokens_map.json", "added_tokens.json",
    "chat_template.jinja", "chat_template.json", "generation_config.json",
)  # fmt: skip
SETTINGS = (CONFIG, *PICTURES, *VOCABULARIES, *_BESIDE)
# The better format first; of two that are there one is fetched.
_WEIGHTS = (
    (r"model(-\d+-of-\d+)?\.safetensors(\.index\.json)?", "model.safetensors"),
    (r"pytorch_model(-\d+-of-\d+)?\.bin(\.index\.json)?", "pytorch_model.bin"),
)
Wanted = Callable[[Iterable[str]], list[str]]
_PART = re.compile(r"[\w-][\w.-]{0,200}", re.ASCII)
HUB_NAME = re.compile(r"([\w-][\w.-]*/[\w.-]+)(?:@([\w./-]+))?", re.ASCII)


def find_model(name: str, check: Callable[[Path], None], wanted: Wanted | None = None) -> Path:
    """The folder of a model: of this name, or of the hub's model of this name.

    Args:
        name: a folder, ``organisation/model`` or ``organisation/model@revision``.
        check: raises where something is missing in a folder; then a model of the hub is fetched
            again, as far as it is not there.
        wanted: of the names of its files those that are read; None: ``wanted_files``.

    Raises:
        ConfigError: no such folder and no such model.
        WeightsError: the model cannot be fetched. And what ``check`` raises.
    """
    if Path(name).is_dir():
        check(Path(name))
        return Path(name)
    named = HUB_NAME.fullmatch(name)
    if Path(name).exists() or named is None:
        raise ConfigError(
            f"{name}: no such folder; give the folder of a model, or its name on the hub as in "
            "organisation/model or organisation/model@revision"
        )
    model, revision = named.groups()
    folder = _cached(model, revision)
    if folder is None or not _passes(check, folder):
        folder = _fetch(name, model, revision, folder, check, wanted or wanted_files)
    check(folder)
    return folder


def is_cached(model: str, check: Callable[[Path], None]) -> bool:
    """Whether a model of the hub was fetched before, as far as ``check`` tells; offline."""
    folder = _cached(model, None)
    return folder is not None and _passes(check, folder)


def fetched_folder(name: str) -> Path | None:
    """Of a model that is here: its folder, or what an earlier fetch left; nothing is contacted."""
    if Path(name).is_dir():
        return Path(name)
    named = HUB_NAME.fullmatch(name)
    try:
        return None if named is None else _cached(*named.groups())
    except ConfigError:  # a name of something else
        return None


def read_at_once(folder: Path) -> int | None:
    """Tokens that a language model reads at once, as its settings say; None where they do not."""
    try:
        config = read_settings(folder / CONFIG)
    except ConfigError:
        return None
    text = config.get("text_config", config)
    length = text.get("max_position_embeddings") if isinstance(text, dict) else None
    return length if type(length) is int and length > 0 else None


def _passes(check: Callable[[Path], None], folder: Path) -> bool:
    try:
        check(folder)
    except NtlbgError:
        return False
    return True


def _cached(model: str, revision: str | None) -> Path | None:
    """What an earlier fetch left, complete or not; nothing is contacted."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        config = try_to_load_from_cache(model, CONFIG, revision=revision)
    except HFValidationError as error:
        raise ConfigError(f"{model}: not a name of the hub ({reason(error)})") from error
    return Path(config).parent if isinstance(config, str) else None


def _fetch(
    name: str,
    model: str,
    revision: str | None,
    cached: Path | None,
    check: Callable[[Path], None],
    wanted: Wanted,
) -> Path:
    import httpx2
    from huggingface_hub import HfApi, constants, snapshot_download

    if constants.HF_HUB_OFFLINE:
        if cached is not None:
            check(cached)  # which says what is missing
        raise ConfigError(
            f"{name}: no such folder, and not among the models fetched before; HF_HUB_OFFLINE is "
            "set, so the hub is not asked. Give the folder of a model, or unset it once"
        )
    try:
        with _quiet_hub():
            # unlike a list of files this is asked for once: without a network nobody has to wait
            listed = HfApi().model_info(model, revision=revision).siblings or []
            files = wanted(one.rfilename for one in listed)
            return Path(snapshot_download(model, revision=revision, allow_patterns=files))
    except (OSError, ValueError, httpx2.HTTPError) as error:
        raise _refusal(name, error) from error


def _refusal(name: str, error: Exception) -> NtlbgError:
    """What a user can do about it."""
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):  # also a RepositoryNotFoundError
        return ConfigError(
            f"{name}: its authors want to be asked first; accept their terms on its page of the "
            "hub, then run `hf auth login`"
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return ConfigError(
            f"{name}: no such folder, and no such model on the hub, or a private one; check the "
            "name, or run `hf auth login`"
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return ConfigError(f"{name}: the model has no such revision; leave it out")
    return WeightsError(
        f"{name}: no such folder, and it cannot be fetched from the hub ({reason(error)}); give "
        "the folder of a model that was downloaded"
    )


@contextmanager
def _quiet_hub() -> Iterator[None]:
    """No advice meanwhile, and progress only where somebody looks at it."""
    from huggingface_hub.utils import are_progress_bars_disabled, logging
    from huggingface_hub.utils.tqdm import disable_progress_bars, enable_progress_bars

    verbosity, hidden = logging.get_verbosity(), are_progress_bars_disabled()
    logging.set_verbosity_error()
    if not sys.stderr.isatty():
        disable_progress_bars()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if not hidden:
            enable_progress_bars()


def reason(error: Exception) -> str:
    """The beginning of what a library says, which may go on for pages."""
    if "ignore_mismatched_sizes" in str(error):  # it points to what it printed elsewhere
        return f"the shapes of its weights are not those that {CONFIG} says"
    lines = str(error).strip().splitlines()
    if lines and lines[0].endswith(":"):  # and then what it is
        return " ".join(lines[0:2])[:200]
    return lines[0][:200] if lines else type(error).__name__


def wanted_files(names: Iterable[str], also: re.Pattern | None = None) -> list[str]:
    """Of the files of a model those that are read: its settings, its weights once, and ``also``."""
    names = list(names)
    for form, _ in _WEIGHTS:
        weights = [name for name in names if re.fullmatch(form, name)]
        if weights:
            break
    others = [name for name in names if also is not None and also.fullmatch(name)]
    return [*(name for name in names if name in SETTINGS), *others, *weights]


def model_type(folder: Path) -> str:
    """What ``config.json`` says the model is.

    Raises:
        ConfigError: there is none, or something else.
    """
    if not os.path.lexists(folder / CONFIG):
        raise ConfigError(
            f"{folder}: no model in this folder, it has no {CONFIG}; a training that has not "
            "finished leaves checkpoints only: start it again, and take its own folder then"
        )
    try:
        kind = read_settings(folder / CONFIG).get("model_type")
    except ConfigError as error:
        raise ConfigError(
            f"{folder}: no model in this folder: {CONFIG} is damaged, or of something else "
            f"({error})"
        ) from error
    if not isinstance(kind, str) or not kind:
        raise ConfigError(
            f"{folder}: no model in this folder: {CONFIG} is of something else (model_type: got "
            f"{kind!r:.80}, a name is expected)"
        )
    return kind


def read_settings(path: Path) -> dict[str, Any]:
    """The object in a JSON file of a model's folder.

    Raises:
        ConfigError: there is none.
    """
    found = read_json(path, "the whole folder of a model", ConfigError)
    if not isinstance(found, dict):
        raise ConfigError(f"{path}: holds no settings; fetch it again")
    return found


def part_names(index: Path) -> list[str]:
    """The files that an index of weights names.

    Raises:
        ConfigError: it names none, or such as lie elsewhere.
    """
    places = read_settings(index).get("weight_map")
    names = sorted(set(map(str, places.values()))) if isinstance(places, dict) else []
    if not names or not all(_PART.fullmatch(name) for name in names):
        raise ConfigError(f"{index}: weight_map: names no files beside it")
    return names


def weight_files(folder: Path) -> list[Path]:
    """The files of a model's weights, in all their parts.

    Raises:
        WeightsError: there are none, or one of the parts is missing.
    """
    for _, whole in _WEIGHTS:
        index = folder / f"{whole}.index.json"
        if (folder / whole).is_file():
            return [folder / whole]
        if index.is_file():
            return _parts(index)
    raise WeightsError(
        f"{folder}: no weights in this folder; there has to be "
        f"{' or '.join(whole for _, whole in _WEIGHTS)}, or an index of their parts"
    )


def _parts(index: Path) -> list[Path]:
    try:
        parts = [index.parent / name for name in part_names(index)]
    except ConfigError as error:
        raise WeightsError(f"{index}: names no parts ({error}); fetch it again") from error
    missing = [part.name for part in parts if not part.is_file()]
    if missing:
        raise WeightsError(
            f"{index.parent}: {len(missing)} of {len(parts)} parts of the weights are missing, "
            f"{', '.join(missing[:3])}; finish the download, or copy them from where it was whole"
        )
    return parts


def content_hashes(folder: Path, memory: Path) -> dict[str, str]:
    """By name the sha256 of all that is read of a model's folder.

    Args:
        memory: where hashes of large files are remembered.

    Raises:
        WeightsError: as :func:`weight_files`, or one of them cannot be read.
    """
    settings = [folder / name for name in SETTINGS if (folder / name).is_file()]
    try:
        return {path.name: _hash(path, memory) for path in [*settings, *weight_files(folder)]}
    except OSError as error:
        raise WeightsError(f"{folder}: cannot be read ({error.strerror})") from error


def _hash(path: Path, memory: Path) -> str:
    """A large file in the hub's cache is a link to one that is named by its sha256."""
    file = path.resolve()
    named = file.parent.name == "blobs" and re.fullmatch("[0-9a-f]{64}", file.name)
    return file.name if named else content_hash(path, memory)


def folder_fingerprint(folder: Path, memory: Path) -> str:
    """Changes when anything that is read of a model's folder does; see :func:`content_hashes`."""
    written = json.dumps(content_hashes(folder, memory), sort_keys=True)
    return hashlib.sha256(written.encode()).hexdigest()
