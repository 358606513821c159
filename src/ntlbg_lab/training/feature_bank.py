"""Frame features of every object and of empty frames, to assemble training videos from.

Training the language model needs no pixels: a video is a list of times and feature vectors.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from ntlbg.models.builtin.vision_tower import BuiltinVisionTower, normalize_pixels
from ntlbg.models.builtin.vocabulary import object_names
from ntlbg_lab.haystack.augmentation import FrameRenderer

BATCH = 64


@dataclass(frozen=True)
class FeatureBank:
    """Unit vectors of rendered frames.

    Attributes:
        needles: (N, D), frames that show an object.
        groups: for each object name, lists of rows of ``needles`` drawn from the same picture.
        empty: (M, D), frames that show none.
    """

    needles: Tensor
    groups: dict[str, list[np.ndarray]]
    empty: Tensor


@torch.inference_mode()
def encode(tower: BuiltinVisionTower, frames: Iterable[np.ndarray]) -> Tensor:
    """Frames uint8 (H, W, 3) -> (N, D), in batches: one frame alone takes half as long as 64."""
    frames, parts = iter(frames), []
    while batch := list(islice(frames, BATCH)):
        parts.append(tower(normalize_pixels(torch.from_numpy(np.stack(batch)))))
    return torch.cat(parts).clone()


def build_feature_bank(
    tower: BuiltinVisionTower,
    renderer: FrameRenderer,
    *,
    repeats: int,
    empty: int,
    names: int | None = None,
) -> FeatureBank:
    """Render each picture ``repeats`` times and ``empty`` frames without an object.

    ``names``: only of the first so many objects; None is all of them.
    """
    known, groups = object_names(), {}
    places: list[tuple[int, int]] = []
    for label in renderer.drawable[:names]:
        rows = len(places) + np.arange(len(renderer.variants[label]) * repeats)
        groups[known[label]] = list(rows.reshape(-1, repeats))
        places += [(label, number // repeats) for number in range(len(rows))]
    needles = encode(tower, (renderer.needle(*place)[0] for place in places))
    nothing = encode(tower, (renderer.negative()[0] for _ in range(empty)))
    return FeatureBank(needles, groups, nothing)
