"""What trains when: three stages, and the weights of the losses over a stage's progress."""

from dataclasses import dataclass

from ntlbg.config.training_blocks import LossConfig
from ntlbg.errors import ConfigError
from ntlbg.models.lora import is_adapter
from ntlbg.models.ntlbg.modeling_ntlbg import NtlbgForConditionalGeneration

PARTS = ("ntlbg_attention.", "rich_points.", "multi_modal_projector.")
DEFAULT_LOSSES = LossConfig()


@dataclass(frozen=True)
class Stage:
    """Which parts of `NtlbgForConditionalGeneration` a stage trains.

    Attributes:
        language_model: its adapters train, or all of it where there are none.
        pixels: what sees trains, too (the model's ``tower_names``): the chosen frames are seen
            again, with gradient.
    """

    language_model: bool
    pixels: bool = False


STAGES: dict[str, Stage] = {
    # learn what to look for and how to say it; the language model stays as it is
    "representation": Stage(language_model=False),
    # the language model learns to read frames along with it
    "joint": Stage(language_model=True),
    # what sees, too, from the pixels of the chosen frames
    "full": Stage(language_model=True, pixels=True),
}


def loss_weights(
    progress: float, losses: LossConfig = DEFAULT_LOSSES, steps: int = 0
) -> dict[str, float]:
    """Weights of the loss terms at a progress from 0 to 1, by ``loss_config``.

    By default, first choose frames that represent the video, then bring their tokens close to text.

    Args:
        steps: of the whole training, for the schedule "warmup".
    """
    if not 0 <= progress <= 1:
        raise ValueError(f"progress must be between 0 and 1, got {progress}")
    weights = losses.loss_weights.model_dump()
    if losses.weight_schedule == "lambda":
        weights["ntlbg"] *= 1 - progress
        weights["align"] *= progress
    elif losses.weight_schedule == "warmup" and losses.weight_warmup_steps:
        share = min(1.0, progress * steps / losses.weight_warmup_steps)
        weights |= {name: weights[name] * share for name in ("ntlbg", "align", "context")}
    return weights


def set_stage(model: NtlbgForConditionalGeneration, name: str) -> list[str]:
    """Let exactly the parameters of a stage train.

    Returns:
        their names.

    Raises:
        ConfigError: for an unknown stage.
    """
    if name not in STAGES:
        raise ConfigError(f"unknown stage {name!r}; there are {', '.join(STAGES)}")
    stage, trained = STAGES[name], []
    adapted = any(is_adapter(parameter_name) for parameter_name, _ in model.named_parameters())
    for parameter_name, parameter in model.named_parameters():
        parameter.requires_grad_(_trains(model, stage, parameter_name, adapted))
        if parameter.requires_grad:
            trained.append(parameter_name)
    return trained


def _trains(model: NtlbgForConditionalGeneration, stage: Stage, name: str, adapted: bool) -> bool:
    if name.startswith(PARTS):
        return True
    if name.startswith(model.tower_names):
        return stage.pixels
    return stage.language_model and model.is_of_language(name) and (is_adapter(name) or not adapted)
