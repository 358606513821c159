"""The vision tower, one picture at a time, and what it saw kept for the next question.

A grid of a video, or an image, is given to the tower alone. Then what it makes of one is the same
to the bit whatever else is shown, and memory does not grow with the number of pictures. Several at
once would round a little differently, so that features could not be kept one by one.

P patches in all, D numbers of a patch.
"""

import hashlib
import json
import os
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ntlbg.errors import DataError
from ntlbg.marks import Kind
from ntlbg.models.qwen_vl.inputs import VisionPrompt
from ntlbg.models.qwen_vl.vision import (
    VisionFeatures,
    encode,
    load_features,
    pictures_of,
    save_features,
    tensor_bytes,
)

# Every name in the folder is a hash that nothing else has, as in the index: a damaged file there is
# ours, too, and is made anew.
OURS = Kind("features of a vision tower", lambda path: True)


class Tower:
    """What a model sees, picture by picture.

    Attributes:
        model: one of the families, for conditional generation.
        fingerprint: changes when its output would; part of the names of what is kept.
        learns: pictures are seen with gradient, and nothing is kept.
    """

    def __init__(self, model: Any, fingerprint: str):
        self.model, self.fingerprint, self.learns = model, fingerprint, False

    def look(self, prompt: VisionPrompt, folder: Path | None) -> dict[str, VisionFeatures]:
        """As `encode`, and kept in a folder if there is one: what lies there is not seen again.

        Raises:
            OutputError: nothing can be written into the folder.
        """
        return {
            name: self._joined(pixels, grids, folder)
            for name, (pixels, grids) in pictures_of(prompt).items()
        }

    def _joined(self, pixels: Tensor, grids: Tensor, folder: Path | None) -> VisionFeatures:
        """Of all grids (n, 3) together, as if the tower had seen them at once."""
        sizes = [(height, width) for t, height, width in grids.tolist() for _ in range(t)]
        parts = pixels.split([height * width for height, width in sizes])
        seen = [self._grid(part, size, folder) for part, size in zip(parts, sizes, strict=True)]
        layers = zip(*((one.pooled, *one.deepstack) for one in seen))
        pooled, *deepstack = (torch.cat([part.to(self.model.device) for part in layer])
                              for layer in layers)  # fmt: skip
        return VisionFeatures(
            pooled, tuple(deepstack), grids, torch.cat([one.kept for one in seen])
        )

    def _grid(self, pixels: Tensor, size: tuple[int, int], folder: Path | None) -> VisionFeatures:
        if folder is None or self.learns:
            return self._seen(pixels, size)
        name = self._name(pixels, size)
        path = folder / f"{name}.safetensors"
        kept = _kept(path, name)
        if kept is not None:
            return kept
        seen = self._seen(pixels, size)
        save_features(path, seen, OURS, about=name)
        return seen

    def _seen(self, pixels: Tensor, size: tuple[int, int]) -> VisionFeatures:
        grid, nothing = torch.tensor([[1, *size]]), torch.empty(1, 0, dtype=torch.int64)
        alone = VisionPrompt(
            nothing, nothing, np.empty(0), pixel_values=pixels, image_grid_thw=grid
        )
        with nullcontext() if self.learns else torch.no_grad():
            return encode(self.model, alone)["image"]

    def _name(self, pixels: Tensor, size: tuple[int, int]) -> str:
        """A hash of the tower and of all that it is given."""
        about = json.dumps([self.fingerprint, size, str(pixels.dtype)])
        return hashlib.sha256(about.encode() + b"\n" + tensor_bytes(pixels)).hexdigest()


def _kept(path: Path, name: str) -> VisionFeatures | None:
    """None where there is nothing, or it is damaged, or was kept under another name."""
    try:
        features = load_features(path, about=name)
    except DataError:
        return None
    with suppress(OSError):  # gone meanwhile, or another user's: it may be forgotten sooner
        os.utime(path)  # what was not used for the longest time is forgotten first
    return features
