"""How many parameters each stage of training trains.

The stages are those of ``ntlbg.train.stages``: each trains what the one before it trains, and
one part more.
"""

from ntlbg.config import Config
from ntlbg.memory.fitting import reader_sizes

MILLION = 10**6
# Parts that train in the last stage, from pixels, and what they are to people.
SEEING = {
    "vision_tower": "the vision tower's last blocks and head",
    "connector": "what joins vision tower and language model",
}
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
    sizes, rank = reader_sizes(config, feature_size), config.model.lora_rank
    words = rank * sizes.text.adapter_parameters if rank else sizes.text.parameters
    own = {part: number for part, number in sizes.trained.items() if part not in SEEING}
    joint = own | {"language_model": words}
    seeing = {part: number for part, number in sizes.trained.items() if part in SEEING}
    tower = seeing if pixels else {}
    return {"representation": own, "joint": joint, "full": joint | tower}


def as_text(found: Stages, config: Config) -> str:
    """One line for people."""
    rank = config.model.lora_rank
    words = f"adapters of rank {rank}" if rank else "all weights"
    seeing = " and ".join(told for part, told in SEEING.items() if part in found["full"])
    added = {
        "representation": ", ".join(found["representation"]),
        "joint": f"those and {words} of the language model",
        "full": "the same" if found["full"] == found["joint"] else f"those and {seeing}",
    }
    lines = [
        f"{stage} {_shown(sum(parts.values()))} parameters ({added[stage]})"
        for stage, parts in found.items()
    ]
    return f"stages train: {', '.join(lines)}"


def _shown(number: int) -> str:
    """In millions, from a tenth of one on."""
    return f"{number / MILLION:,.1f} M" if number >= MILLION / 10 else f"{number:,}"
