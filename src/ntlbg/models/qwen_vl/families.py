"""What differs between the families: how each is told when a picture was taken."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ntlbg.errors import ConfigError


@dataclass(frozen=True)
class Family:
    """How a family of models takes a video.

    Attributes:
        name: for people.
        clock: where the time of a picture is found. ``order``: nowhere, positions count pictures;
            ``positions``: in the distance between positions; ``stamps``: as text before each
            picture.
    """

    name: str
    clock: Literal["order", "positions", "stamps"]


FAMILIES = {
    "qwen2_vl": Family("Qwen2-VL", "order"),
    "qwen2_5_vl": Family("Qwen2.5-VL", "positions"),
    "qwen3_vl": Family("Qwen3-VL", "stamps"),
    "qwen3_vl_moe": Family("Qwen3-VL", "stamps"),
}


def family_of(config: Any) -> Family:
    """Of a model's configuration.

    Raises:
        ConfigError: the model is of none of these families.
    """
    if config.model_type not in FAMILIES:
        raise ConfigError(
            f"a model of type {config.model_type} does not take videos in this way; "
            f"these do: {', '.join(FAMILIES)}. Show it pictures instead"
        )
    return FAMILIES[config.model_type]


def time_steps(family: Family, config: Any, grid_seconds: np.ndarray) -> np.ndarray:
    """How many positions after the video's start each temporal grid stands, int64 (t,).

    Where positions tell the time, they count from the first picture of the whole video, not of
    those that are shown: ten minutes into it is as far from the start whatever else is shown. What
    they tell is true to half a step, 0.25 s for the published 2 positions a second. Pictures
    nearer to one another than a step may share one.

    Args:
        config: of the model.
        grid_seconds: (t,) time of each grid, ascending, 0 or more.
    """
    if family.clock == "order":
        return np.arange(len(grid_seconds))
    if family.clock == "stamps":
        return np.zeros(len(grid_seconds), np.int64)  # each grid stands by itself
    return np.rint(grid_seconds * config.vision_config.tokens_per_second).astype(np.int64)
