"""What several models share."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

IGNORED_LABEL = -100  # a token that is not to be learned, in transformers and PyTorch


class ConstantInitLinear(nn.Linear):
    """Starts as a constant function: zero weight, every bias at `value`.

    A layer of its own, so that a checkpoint without these weights also starts there: transformers
    initialises missing weights layer by layer.
    """

    def __init__(self, inputs: int, outputs: int, value: float = 0.0, bias: bool = True):
        self.value = value
        super().__init__(inputs, outputs, bias)

    def reset_parameters(self) -> None:
        nn.init.zeros_(self.weight)
        if self.bias is not None:
            nn.init.constant_(self.bias, self.value)


def materialize(part: nn.Module) -> None:
    """Give a part on the meta device memory and its start values."""
    part.to_empty(device="cpu")
    for module in part.modules():
        if reset := getattr(module, "reset_parameters", None):
            reset()


class LanguageModelEmbeddings:
    """Mixed into a model whose embeddings are those of its ``language_model``."""

    language_model: Any  # of whatever class its configuration names

    def get_input_embeddings(self) -> nn.Embedding:
        return self.language_model.get_input_embeddings()

    def set_input_embeddings(self, value: nn.Module) -> None:
        self.language_model.set_input_embeddings(value)

    def get_output_embeddings(self) -> nn.Module:
        return self.language_model.get_output_embeddings()

    def set_output_embeddings(self, new_embeddings: nn.Module) -> None:
        self.language_model.set_output_embeddings(new_embeddings)


def in_lists(alone: bool, *values: Any) -> list[Any]:
    """Arguments of one question as those of several: what is given, each in a list."""
    return [[value] if alone and value is not None else value for value in values]


def token_loss(logits: Tensor, targets: Tensor, num_items: Tensor | int | None) -> Tensor:
    """Mean cross-entropy of logits (..., V) at targets (...), in float32; 0 without any target.

    ``num_items`` is the number of targets of the whole batch when this is a part of it.
    """
    logits, targets = logits.flatten(0, -2).float(), targets.flatten().to(logits.device)
    total = F.cross_entropy(logits, targets, ignore_index=IGNORED_LABEL, reduction="sum")
    if num_items is None:
        num_items = (targets != IGNORED_LABEL).sum().clamp_min(1)
    return total / num_items


def ready_mask(mask: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    """A ready 4-D mask in the language model's precision; other masks as they are."""
    if mask is None or mask.dim() != 4:
        return mask
    lowest = torch.finfo(dtype).min
    if mask.dtype == torch.bool:
        return torch.zeros_like(mask, dtype=dtype).masked_fill_(~mask, lowest)
    # The lowest float32 would round to -inf in bfloat16, and a row of -inf is NaN after softmax.
    return mask.clamp_min(lowest).to(dtype)
