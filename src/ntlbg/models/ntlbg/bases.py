"""Vision-language models that rich points can stand in: what they have that is not alike."""

from dataclasses import dataclass
from typing import Any

from ntlbg.errors import ConfigError


@dataclass(frozen=True)
class Base:
    """A family of vision-language models.

    Attributes:
        name: for people.
        connectors: modules between the vision tower and the language model; they train in the last
            stage.
        point_tokens: special tokens that no prompt has; the first one that a tokenizer knows marks
            the place of a rich point.
    """

    name: str
    connectors: tuple[str, ...]
    point_tokens: tuple[str, ...]


# <|vision_pad|> is in the tokenizer of all Qwen-VL models, and in none of their prompts.
_QWEN = ("<|vision_pad|>",)
BASES = {
    "qwen2_vl": Base("Qwen2-VL", ("model.visual.merger",), _QWEN),
    "qwen2_5_vl": Base("Qwen2.5-VL", ("model.visual.merger",), _QWEN),
    "qwen3_vl": Base(
        "Qwen3-VL", ("model.visual.merger", "model.visual.deepstack_merger_list"), _QWEN
    ),
    # reserved by SmolLM2, on which SmolVLM and SmolVLM 2 are built
    "smolvlm": Base("SmolVLM 2", ("model.connector",), ("<empty_output>", "<reponame>")),
}


def is_vision_language(config: Any) -> bool:
    """Whether a configuration is of one of these families."""
    return config.model_type in BASES


def base_of(config: Any) -> Base:
    """Of a model's configuration.

    Raises:
        ConfigError: the model is of none of these families.
    """
    if not is_vision_language(config):
        names = ", ".join(f"{kind} ({base.name})" for kind, base in BASES.items())
        raise ConfigError(
            f"NTLBG does not stand before a model of type {config.model_type}; give one of type "
            f"{names}, or a language model"
        )
    return BASES[config.model_type]


def tower_size(config: Any) -> int:
    """Numbers of a patch as the vision tower of a base model gives it out, before the connector."""
    vision = config.vision_config
    return getattr(vision, "embed_dim", None) or vision.hidden_size
