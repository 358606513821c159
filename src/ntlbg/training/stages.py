"""What trains when: three stages, and the weights of the losses over a stage's progress."""

from dataclasses import dataclass
from typing import Literal

from torch import nn

from ntlbg.errors import ConfigError

# How peft names the weights it adds.
ADAPTER_MARKER = "lora_"


@dataclass(frozen=True)
class Stage:
    """Which parts of `NtlbgForConditionalGeneration` a stage trains.

    Attributes:
        purpose: one line for people.
        modules: attributes of the model that train as a whole.
        language_model: "frozen", "adapters" (only LoRA weights, if there are any) or "all" (which
            means the adapters alone where there are any: the base stays as published).
    """

    purpose: str
    modules: tuple[str, ...]
    language_model: Literal["frozen", "adapters", "all"]


STAGES: dict[str, Stage] = {
    "representation": Stage(
        "learn what to look for and how to say it; the language model stays as it is",
        ("vision_tower", "ntlbg_attention", "rich_points", "multi_modal_projector"),
        "frozen",
    ),
    "joint": Stage(
        "the language model's adapters learn to read frames along with it",
        ("ntlbg_attention", "rich_points", "multi_modal_projector"),
        "adapters",
    ),
    "full": Stage(
        "everything, the vision tower included",
        ("ntlbg_attention", "rich_points", "multi_modal_projector", "vision_tower"),
        "all",
    ),
}


def loss_weights(progress: float) -> dict[str, float]:
    """Weights of the loss terms at a progress from 0 to 1.

    First choose frames that represent the video, then bring their tokens close to text.
    """
    if not 0 <= progress <= 1:
        raise ValueError(f"progress must be between 0 and 1, got {progress}")
    return {"task": 1.0, "ntlbg": 2 * (1 - progress), "align": progress, "context": 0.5}


def set_stage(model: nn.Module, name: str) -> list[str]:
    """Let exactly the parameters of a stage train.

    Returns:
        their names.

    Raises:
        ConfigError: for an unknown stage.
    """
    if name not in STAGES:
        raise ConfigError(f"unknown stage {name!r}; there are {', '.join(STAGES)}")
    stage, trained = STAGES[name], []
    adapted = any(_is_adapter(parameter_name) for parameter_name, _ in model.named_parameters())
    for parameter_name, parameter in model.named_parameters():
        parameter.requires_grad_(_trains(stage, parameter_name, adapted))
        if parameter.requires_grad:
            trained.append(parameter_name)
    return trained


def _trains(stage: Stage, name: str, adapted: bool) -> bool:
    parts = name.split(".")
    if "language_model" in parts:
        whole = stage.language_model == "all" and not adapted
        return whole or (stage.language_model != "frozen" and _is_adapter(name))
    # peft wraps whole models as well, so the module need not come first
    return any(module in parts for module in stage.modules)


def _is_adapter(name: str) -> bool:
    return any(part.startswith(ADAPTER_MARKER) for part in name.split("."))
