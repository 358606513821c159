"""Models in the layout of Hugging Face, in a folder or on the hub.

A hub is contacted only for what is named as there, ``owner/name``, and not in offline mode.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from transformers.utils import logging

from ntlbg.errors import WeightsError

# What is read of a checkpoint: no second copy of the weights in an older format, and no code.
FILES = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja")


def local_folder(name: str, revision: str | None = None) -> Path:
    """The folder itself, or where the hub's copy of a model lies; fetched if it must be.

    Args:
        name: a folder, or ``owner/name`` as on the hub, perhaps with ``@revision``.
        revision: a branch, tag or commit; a folder has none.

    Raises:
        WeightsError: no such model, no access, or it is not in the cache while offline.
    """
    if Path(name).is_dir():
        if revision is not None:
            raise WeightsError(f"{name} is a folder, it has no revision {revision!r}; leave it out")
        return Path(name)
    owner, _, tagged = name.partition("@")
    try:
        return Path(snapshot_download(owner, revision=revision or tagged or None,
                                      allow_patterns=list(FILES)))  # fmt: skip
    except LocalEntryNotFoundError as error:
        raise WeightsError(
            f"{name}: not in the cache of Hugging Face, and the hub cannot be reached or "
            "HF_HUB_OFFLINE is set; fetch it once with `hf download "
            f"{owner}` on a machine that is online, or give a folder"
        ) from error
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise WeightsError(
            f"{name}: cannot be fetched from the hub ({reason}); check the name and revision, and "
            "for a model with a licence to accept, run `hf auth login`"
        ) from error


def folder_fingerprint(folder: Path) -> str:
    """Changes when the files do; weights of many gigabytes are not read for it."""
    digest = hashlib.sha256()
    for path in sorted([*folder.glob("*.json"), *folder.glob("*.safetensors")]):
        about = path.stat()
        digest.update(f"{path.name} {about.st_size} {about.st_mtime_ns}\n".encode())
    return digest.hexdigest()


@contextmanager
def quietly() -> Iterator[None]:
    """Nothing on the screen while a model loads: its report lists every tensor."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
