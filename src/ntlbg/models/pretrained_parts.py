"""Configuration and weights of a model in a folder, by transformers; what is wrong, in one line."""

from collections.abc import Callable
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModel, PreTrainedConfig

from ntlbg.errors import ConfigError, WeightsError
from ntlbg.hub import reason


def load_config(folder: Path) -> PreTrainedConfig:
    """What ``config.json`` says.

    Raises:
        ConfigError: there is none, or something else.
    """
    try:
        return AutoConfig.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, TypeError, StrictDataclassError) as error:
        raise ConfigError(f"{folder}: config.json cannot be used ({reason(error)})") from error


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
    try:
        model, report = AutoModel.from_pretrained(
            folder, config=config, dtype=dtype, local_files_only=True, output_loading_info=True
        )
    except (
        OSError, ValueError, RuntimeError, EOFError, UnpicklingError, SafetensorError
    ) as error:  # fmt: skip
        raise WeightsError(
            f"{folder}: its weights cannot be read ({reason(error)}); fetch or copy them again"
        ) from error
    missing = sorted(name for name in report["missing_keys"] if not is_unread(name))
    if missing:
        raise WeightsError(
            f"{folder}: {len(missing)} tensors are not in its weights, such as {missing[0]}; fetch "
            "or copy them again"
        )
    return model
