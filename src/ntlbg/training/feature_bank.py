"""Frame features of every object and of empty frames, to assemble training videos from.

Training the language model needs no pixels: a video is a list of times and feature vectors.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ntlbg.haystack.augmentation import FrameRenderer
from ntlbg.haystack.pictures import object_names
from ntlbg.models.vision_tower import BuiltinVisionTower, normalize_pixels


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
def encode(tower: BuiltinVisionTower, frames: np.ndarray, batch_size: int = 64) -> Tensor:
    """uint8 (N, H, W, 3) -> (N, D)."""
    batches = torch.from_numpy(frames).split(batch_size)
    return torch.cat([tower(normalize_pixels(batch)) for batch in batches])


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
    groups, features, row = {}, [], 0
    known = object_names()
    for label in renderer.drawable[:names]:
        groups[known[label]] = []
        for variant in range(len(renderer.variants[label])):
            frames = [renderer.needle(label, variant)[0] for _ in range(repeats)]
            features.append(encode(tower, np.stack(frames)))
            groups[known[label]].append(np.arange(row, row + repeats))
            row += repeats
    nothing = []
    for start in range(0, empty, 256):
        frames = [renderer.negative()[0] for _ in range(min(256, empty - start))]
        nothing.append(encode(tower, np.stack(frames)))
    return FeatureBank(torch.cat(features).clone(), groups, torch.cat(nothing).clone())
