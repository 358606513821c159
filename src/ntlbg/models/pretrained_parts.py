"""Configuration and weights of a model in a folder, by transformers; what is wrong, in one line."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from pickle import UnpicklingError
from types import TracebackType
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from jinja2 import TemplateError
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModel, PreTrainedConfig

from ntlbg.errors import ConfigError, NtlbgError, WeightsError
from ntlbg.hub import CONFIG, SETTINGS, VOCABULARIES, read_settings, reason

# What transformers and what it calls raise at files that are damaged, or of something else.
DAMAGE = (
    OSError, ValueError, TypeError, LookupError, AttributeError, RuntimeError, ArithmeticError,
    AssertionError, EOFError, ImportError, UnpicklingError, SafetensorError, StrictDataclassError,
    TemplateError,
)  # fmt: skip
# The same where a model reads: a closed pipe, or a missing package, is no fault of its files.
MISFIT = tuple(kind for kind in DAMAGE if kind not in (OSError, ImportError))
# Layers are made one by one before weights are looked for. The deepest models have 130 or so.
MOST_LAYERS = 1000
# A size is a side of some tensor, so weights have as many numbers; of small ones it is not asked.
SMALL_SIZE = 2**18
_LAYERS = re.compile(r"(num_|n_).*layers?|.*depth|num_.*stages")
_SIZE = re.compile(r".*(_size|_dim|_heads|_channels|_grid)")


class Loading(AbstractContextManager):
    """What libraries raise at a damaged folder becomes our error, in one line.

    Args:
        failure: our error; what is one already stays what it is.
        told: the beginning and the end of its message; the reason stands between them.
    """

    causes: tuple[type[Exception], ...] = DAMAGE

    def __init__(self, failure: type[NtlbgError], *told: str):
        self._failure, self._told = failure, told

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # tokenizers raises Exception itself
        if isinstance(error, self.causes) or type(error) is Exception:
            before, after = self._told
            raise self._failure(f"{before} ({reason(error)}){after}") from error


class Running(Loading):
    """The same of a model that was loaded, and is tried or asked for the first time.

    Args:
        name: of the model.
    """

    causes = MISFIT

    def __init__(self, name: str):
        advice = "; if its files were changed or damaged, copy or download them again"
        super().__init__(WeightsError, f"{name}: the model cannot be run as its files say", advice)


def check_settings(folder: Path) -> None:
    """The JSON in a model's folder, before a library reads it, which may take any time or memory.

    Raises:
        ConfigError: it is damaged, or there are sizes that are none, with file and key.
    """
    for name in SETTINGS:
        path = folder / name
        if name.endswith(".json") and name not in VOCABULARIES and path.is_file():
            settings = read_settings(path)
            if name == CONFIG:
                _check_sizes(settings, folder)


def _check_sizes(config: dict[str, Any], folder: Path) -> None:
    weights = [path for form in ("*.safetensors", "*.bin") for path in folder.glob(form)]
    # half a byte a number is the least that anybody stores
    most = max(SMALL_SIZE, 2 * sum(path.stat().st_size for path in weights))
    for key, value in _numbers(config):
        name = key.rsplit(".", 1)[-1]
        limit = MOST_LAYERS if _LAYERS.fullmatch(name) else most if _SIZE.fullmatch(name) else None
        if limit is not None and not 0 <= value <= limit:
            raise ConfigError(
                f"{folder / CONFIG}: {key}: got {value}; its weights are for {limit} at most"
            )


def _numbers(config: dict[str, Any], before: str = "") -> Iterator[tuple[str, float]]:
    """All numbers in blocks of settings, by dotted keys."""
    for key, value in config.items():
        if isinstance(value, dict):
            yield from _numbers(value, f"{before}{key}.")
        elif type(value) in (int, float):
            yield f"{before}{key}", value


def load_config(folder: Path) -> PreTrainedConfig:
    """What ``config.json`` says.

    Raises:
        ConfigError: there is none, or something else.
    """
    check_settings(folder)
    with Loading(ConfigError, f"{folder}: config.json cannot be used", ""):
        return AutoConfig.from_pretrained(folder, local_files_only=True)


def load_weights(
    folder: Path,
    config: PreTrainedConfig,
    dtype: torch.dtype,
    is_unread: Callable[[str], bool],
) -> Any:
    """The model with all its tensors.

    Args:
        is_unread: of the name of a tensor, whether it may be missing, since only training read it.

    Raises:
        WeightsError: they are damaged, or tensors are missing.
    """
    told = f"{folder}: its weights cannot be read", "; fetch or copy them again"
    with Loading(WeightsError, *told):
        model, report = AutoModel.from_pretrained(
            folder, config=config, dtype=dtype, local_files_only=True, output_loading_info=True
        )
    missing = sorted(name for name in report["missing_keys"] if not is_unread(name))
    if missing:
        raise WeightsError(
            f"{folder}: {len(missing)} tensors are not in its weights, such as {missing[0]}; fetch "
            "or copy them again"
        )
    return model
