"""How many parameters each stage of training trains, from sizes alone: no weights, no torch.

The stages are those of ``ntlbg.train.stages``: each trains what the one before it trains, and
one part more.
"""

from dataclasses import replace

from ntlbg.config import Config
from ntlbg.memory.fitting import reader_sizes
from ntlbg.memory.parameters import (
    lora_parameters,
    ntlbg_weights,
    text_parameters,
    trained_tower_parameters,
)

MILLION = 10**6
Stages = dict[str, dict[str, int]]


def stage_parameters(
    config: Config, *, feature_size: int | None = None, pixels: bool = True
) -> Stages:
    """Parameters of each part that trains, by stage.

    Args:
        feature_size: D of the frame features; None is that of the built-in encoder.
        pixels: whether there are videos, whose chosen frames the vision tower sees; without any,
            it does not train.

    Raises:
        ConfigError: a base model that is not known, or that training does not take.
    """
    sizes = reader_sizes(config)
    parts = sizes.ntlbg
    if feature_size is not None:
        parts = replace(parts, features=feature_size)
    rank = config.model.lora_rank
    words = lora_parameters(sizes.text, rank) if rank else text_parameters(sizes.text)
    representation = ntlbg_weights(parts, sizes.text)
    joint = representation | {"language_model": words}
    tower = {"vision_tower": trained_tower_parameters(sizes.tower)} if pixels else {}
    return {"representation": representation, "joint": joint, "full": joint | tower}


def as_text(found: Stages, config: Config) -> str:
    """One line for people."""
    rank = config.model.lora_rank
    added = {
        "representation": ", ".join(found["representation"]),
        "joint": "those and "
        + (f"adapters of rank {rank}" if rank else "all weights")
        + " of the language model",
        "full": "the same"
        if found["full"] == found["joint"]
        else "those and the vision tower's last blocks and head",
    }
    lines = [
        f"{stage} {_shown(sum(parts.values()))} parameters ({added[stage]})"
        for stage, parts in found.items()
    ]
    return f"stages train: {', '.join(lines)}"


def _shown(number: int) -> str:
    """In millions, from a tenth of one on."""
    return f"{number / MILLION:,.1f} M" if number >= MILLION / 10 else f"{number:,}"
