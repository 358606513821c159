"""Low-rank adapters beside a language model's linear layers (Hu et al. 2021, arXiv:2106.09685).

Training adds them, a model that only answers has them in its weights.
"""

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

# How peft names the weights it adds.
LORA_KEY = re.compile(r"(?P<layer>.+)\.lora_(?P<side>[AB])\.(default\.)?weight$")
# alpha over r, whatever the rank: as published for GPT-3, so that a rank can change alone.
LORA_SCALE = 2


def is_adapter(name: str) -> bool:
    """Whether this is the name of an adapter's weight."""
    return any(part.startswith("lora_") for part in name.split("."))


def add_adapters(model: Any, rank: int) -> None:
    """float32 factors beside every linear layer of what reads text; the rest is frozen.

    Args:
        model: has a ``language_model``, and says by ``adapted_part`` what of it reads text.
        rank: r, columns of a factor.
    """
    from peft import inject_adapter_in_model

    model.get_submodule("language_model").requires_grad_(False)
    inject_adapter_in_model(adapter_settings(rank), model.adapted_part())
    for name, parameter in model.named_parameters():
        if is_adapter(name):  # steps of 1e-3 vanish in half precision
            parameter.data = parameter.data.float()


def adapter_settings(rank: int, alpha: int | None = None, **more):
    """PEFT's settings; factors count alpha / rank times, `LORA_SCALE` times where it is None."""
    from peft import LoraConfig

    alpha = alpha or LORA_SCALE * rank
    return LoraConfig(r=rank, lora_alpha=alpha, **{"target_modules": "all-linear"} | more)


@torch.no_grad()
def merge_adapters(model: nn.Module, factors: Mapping[str, Tensor]) -> None:
    """W += alpha / r * B A for every pair of factors, of a model without adapters."""
    pairs: dict[str, dict[str, Tensor]] = {}
    for name, tensor in factors.items():
        if (found := LORA_KEY.match(name)) is None:
            raise ValueError(f"{name!r} is not the name of an adapter's factor")
        pairs.setdefault(found["layer"], {})[found["side"]] = tensor.float()
    for layer, pair in pairs.items():
        weight = model.get_parameter(f"{layer}.weight")
        update = (pair["B"].to(weight.device), pair["A"].to(weight.device))
        merged = torch.addmm(weight.float(), *update, alpha=LORA_SCALE)
        weight.data = merged.to(weight.dtype)  # new memory: the old may be a file's
