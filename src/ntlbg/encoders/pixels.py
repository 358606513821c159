"""Frames as the first layer of a model reads them.

Frames arrive at the size that the model wants, scaled in one step while the video is decoded; what
is left of the model's own preprocessing is done here, where the model is: a quarter of the bytes go
to a GPU, and no picture is made twice. N frames of H x W pixels, P patches of p x p.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Normalisation:
    """Channels of 0..255 to what a model was trained on: ``channel * scale - shift``."""

    scale: tuple[float, ...]
    shift: tuple[float, ...]

    def __call__(self, frames: Tensor) -> Tensor:
        """uint8 (N, H, W, 3) -> float32 of the same shape."""
        scale, shift = (torch.tensor(row, device=frames.device) for row in (self.scale, self.shift))
        return frames.float().mul_(scale).sub_(shift)


class Pixels(ABC):
    """What of a model's preprocessing is left to do."""

    @abstractmethod
    def size_for(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) to scale pictures to that are shown at this size."""

    @abstractmethod
    def __call__(self, frames: Tensor) -> dict[str, Tensor]:
        """uint8 (N, H, W, 3) -> inputs of the model, by name.

        Raises:
            ValueError: frames of a size that it did not ask for.
        """


@dataclass(frozen=True)
class WholePicture(Pixels):
    """Pictures of one size, squashed to it.

    SigLIP was trained on squashed pictures. CLIP, MetaCLIP and DINOv2 were trained on crops of the
    middle, and their processors cut one out: of a wide film that is little more than half, and what
    happens at the border could never be found. So the whole frame is squashed for them, too:
    things are up to 1.8 times too slim, and none is cut away.
    """

    size: tuple[int, int]
    normalise: Normalisation

    def size_for(self, height: int, width: int) -> tuple[int, int]:
        """Its one size."""
        return self.size

    def __call__(self, frames: Tensor) -> dict[str, Tensor]:
        if frames.ndim != 4 or frames.shape[1:] != (*self.size, 3):
            height, width = self.size
            raise ValueError(f"frames must be (N, {height}, {width}, 3), got {tuple(frames.shape)}")
        return {"pixel_values": self.normalise(frames).permute(0, 3, 1, 2)}


@dataclass(frozen=True)
class Patches(Pixels):
    """Pictures of any shape, as so many patches at most: SigLIP 2 in its NaFlex form.

    Frames keep their shape but for less than a patch, as the model's own processor has it.
    """

    patch: int
    most: int
    normalise: Normalisation

    def size_for(self, height: int, width: int) -> tuple[int, int]:
        """The largest size of about this shape that has no more patches than allowed."""
        from transformers.models.siglip2.image_processing_pil_siglip2 import (
            get_image_size_for_max_num_patches,
        )

        return get_image_size_for_max_num_patches(height, width, self.patch, self.most)

    def __call__(self, frames: Tensor) -> dict[str, Tensor]:
        p = self.patch
        rows, columns = frames.shape[1] // p, frames.shape[2] // p
        if frames.shape[1:] != (rows * p, columns * p, 3) or not 0 < rows * columns <= self.most:
            raise ValueError(
                f"frames must be (N, H, W, 3) of at most {self.most} patches of {p} pixels, got "
                f"{tuple(frames.shape)}"
            )
        grid = self.normalise(frames).reshape(-1, rows, p, columns, p, 3)
        patches = grid.permute(0, 1, 3, 2, 4, 5).reshape(len(frames), rows * columns, p * p * 3)
        shape = torch.tensor([[rows, columns]], device=frames.device).expand(len(frames), 2)
        mask = torch.ones(patches.shape[:2], dtype=torch.int32, device=frames.device)
        return {"pixel_values": patches, "pixel_attention_mask": mask, "spatial_shapes": shape}


def read_pixels(processor: Any) -> Pixels:
    """What an image processor of transformers says of sizes and colours.

    Raises:
        AttributeError, TypeError: it says something else.
    """
    factor = processor.rescale_factor if processor.do_rescale else 1.0
    mean, std = (0.0,) * 3, (1.0,) * 3
    if processor.do_normalize:
        mean, std = processor.image_mean, processor.image_std
    scale = tuple(factor / one for one in std)
    normalise = Normalisation(scale, tuple(one / other for one, other in zip(mean, std)))
    if hasattr(processor, "max_num_patches"):
        return Patches(processor.patch_size, processor.max_num_patches, normalise)
    size = processor.crop_size if processor.do_center_crop else processor.size
    height, width = (size.height or size.shortest_edge, size.width or size.shortest_edge)
    return WholePicture((int(height), int(width)), normalise)
