"""VidCom2: tokens stay that are unlike the mean of the video and that of their frame.

Method: Liu et al. 2025, "Video Compression Commander", arXiv:2505.14454, as its published code has
it; but for the number of tokens, which is exact here.

n frames of m = h * w cells, a token of C numbers each.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from ntlbg.compressors import Compressor, Kept

# All of the published code: channels that vary least, widths of the kernels, how sharply frames
# that stand out get more.
CHANNELS = 0.5
WIDTHS = tuple(2.0**power for power in range(-3, 2))
TEMPERATURE = 0.01


class VidCom2Compressor(Compressor):
    """By uniqueness; what is asked does not matter."""

    name = "vidcom2"

    def compress(self, features: Tensor, relevance: Tensor, budget: int) -> Kept:
        """As every compressor; each frame keeps a token at least, if there are as many."""
        number, rows, columns, _ = features.shape
        like_video, like_frame = likeness(features.flatten(1, 2))
        counts = shared_out(-like_video.mean(1), budget, rows * columns)
        order = (like_video + like_frame).argsort(dim=1, stable=True)
        rank = order.argsort(dim=1)  # 0 for the most unique
        keep = rank < counts[:, None].to(rank.device)
        sides = torch.ones(number, dtype=torch.int64, device=features.device)
        return Kept(keep.view(number, rows, columns), sides)


def likeness(tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Of tokens (n, m, C) to the mean of the video, and to that of their frame: (n, m) each."""
    tokens = tokens.float()
    variances = tokens.flatten(0, 1).var(dim=0, unbiased=False)
    steady = variances.topk(int(len(variances) * CHANNELS), largest=False).indices
    tokens = F.normalize(tokens[..., steady], dim=-1)
    return _near(tokens, tokens.mean((0, 1), keepdim=True)), _near(
        tokens, tokens.mean(1, keepdim=True)
    )


def _near(tokens: Tensor, center: Tensor) -> Tensor:
    distances = (tokens - center).square().sum(-1)
    return torch.stack([torch.exp(-distances / (2 * width)) for width in WIDTHS]).sum(0)


def shared_out(uniqueness: Tensor, budget: int, most: int) -> Tensor:
    """int64 (n,): how many tokens each frame keeps, ``budget`` in all, at most ``most`` each.

    Frames that stand out get more, (n,) ``uniqueness``; fractions go to those with the largest.
    """
    number = len(uniqueness)
    budget = min(budget, number * most)
    chance = F.softmax((uniqueness - uniqueness.max()).double() / TEMPERATURE, dim=0)
    wanted = (budget / number * (1 + chance - 1 / number)).clamp(max=most)
    counts = wanted.floor().long()
    if budget >= number:
        counts = counts.clamp(min=1)
    return _exactly(counts, wanted, budget, most)


def _exactly(counts: Tensor, wanted: Tensor, budget: int, most: int) -> Tensor:
    """One more or less at a time, where it is missed most, or least."""
    least = min(1, int(counts.min()))
    while (over := int(counts.sum()) - budget) != 0:
        missed = wanted - counts
        if over < 0:
            free = (counts < most).nonzero().squeeze(1)
            first = free[missed[free].argsort(descending=True, stable=True)[:-over]]
            counts[first] += 1
        else:
            free = (counts > least).nonzero().squeeze(1)
            first = free[missed[free].argsort(stable=True)[:over]]
            counts[first] -= 1
    return counts
