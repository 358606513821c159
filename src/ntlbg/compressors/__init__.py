"""Which visual tokens of frames stay? ``COMPRESSORS`` is the whole menu.

n frames of h x w cells, a token of C numbers each, as a vision tower made them.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ntlbg.errors import ConfigError

# Bounds copies in float32: 8 frames of 256 tokens of 3,584 numbers are 29 MB.
FRAMES_AT_ONCE = 8


@dataclass(frozen=True, eq=False)
class Kept:
    """Cells that stay, and what they stand for.

    Attributes:
        keep: bool (n, h, w).
        sides: int64 (n,). In a frame of side s > 1 a kept cell whose row and column are multiples
            of s stands for the s x s cells from it on, by their mean; others for themselves.
    """

    keep: Tensor
    sides: Tensor

    def __len__(self) -> int:
        return int(self.keep.sum())

    def tokens(self, features: Tensor) -> Tensor:
        """(len(self), C) of features (n, h, w, C), frame by frame, row by row."""
        found = features[self.keep]
        for side in self.sides.unique().tolist():
            if side > 1:
                corner = torch.zeros_like(self.keep)
                corner[self.sides == side, ::side, ::side] = True
                frames = self.sides == side
                means = block_means(features[frames], side)
                found[corner[self.keep]] = means[self.keep[frames, ::side, ::side]]
        return found


class Compressor(ABC):
    """A pure function of tokens: the same ones, the same cells.

    Attributes:
        name: as in COMPRESSORS.
    """

    name: str

    @abstractmethod
    def compress(self, features: Tensor, relevance: Tensor, budget: int) -> Kept:
        """Exactly ``budget`` cells; all of them where the budget is that large.

        Args:
            features: (n, h, w, C).
            relevance: float32 (n,), how much each frame matters for the question; all alike where
                nobody knows.
            budget: 1 or more.
        """


def block_means(features: Tensor, side: int) -> Tensor:
    """(n, h, w, C) -> (n, ceil(h / side), ceil(w / side), C) in the same precision.

    Blocks at the lower and right edges are means of the cells that they have.
    """
    return torch.cat([_block_means(frame, side) for frame in features.split(FRAMES_AT_ONCE)])


def _block_means(features: Tensor, side: int) -> Tensor:
    pooled = F.avg_pool2d(
        features.float().movedim(-1, 1), side, ceil_mode=True, count_include_pad=False
    )
    return pooled.movedim(1, -1).to(features.dtype)


def _longvu() -> Compressor:
    from ntlbg.compressors.longvu_frames import LongVUCompressor

    return LongVUCompressor()


def _vidcom2() -> Compressor:
    from ntlbg.compressors.vidcom2 import VidCom2Compressor

    return VidCom2Compressor()


COMPRESSORS: dict[str, Callable[[], Compressor]] = {"longvu": _longvu, "vidcom2": _vidcom2}


def load_compressor(name: str) -> Compressor:
    """The compressor of this name.

    Raises:
        ConfigError: there is none.
    """
    if name not in COMPRESSORS:
        raise ConfigError(f"no compressor {name!r}; give {', '.join(COMPRESSORS)} or none")
    return COMPRESSORS[name]()
