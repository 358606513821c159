"""LongVU's compression of a video to a budget of tokens: pure functions of tensors.

features of all frames --temporal_reduction--------> frames unlike their neighbours
tokens, text ----------query_guided_resolution-----> frames that keep the fine grid
tokens ----------------spatial_token_compression---> tokens unlike those in the same place before

Method: Shen et al. 2024, "LongVU", arXiv:2410.17434; where its published code differs from the
paper, these functions follow the code. ``MODES`` names the two ways to put them together.

T frames, s cells on a side of a square grid of tokens, P tokens of a frame (with newlines), L text
tokens, H hidden size. Sizes of pictures are (width, height), in any unit.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ntlbg.selectors.longvu_window import DEFAULT_LIMIT, DEFAULT_WINDOW

FRAME_WINDOW = DEFAULT_WINDOW  # frames compared with each other by temporal_reduction
MAX_FRAMES = DEFAULT_LIMIT  # more survivors than this are sampled evenly
TOKEN_WINDOW = 8  # frames compared with the first of them by spatial_token_compression
BLOCK_FRAMES = 8 * TOKEN_WINDOW  # bounds the float32 copies of tokens


@dataclass(frozen=True)
class Mode:
    """How the parts are put together.

    Attributes:
        swapped_sides: the size of a video is given as (height, width) where (width, height) is
            read, so that a landscape video loses its left and right, not the bars above and below.
        fills_budget: every video is planned by itself, and tokens that compression freed are
            spent again. Otherwise the first video of a batch decides about the resolution of all,
            and what is too long loses each window's last tokens.
        unit_relevance: relevance compares directions; otherwise lengths count as well.
        full_time_code: a frame's time is told by sine and cosine, not by the cosine of the sine.
    """

    swapped_sides: bool
    fills_budget: bool
    unit_relevance: bool
    full_time_code: bool


MODES = {
    # as published weights were trained and evaluated
    "faithful": Mode(True, False, False, False),
    "corrected": Mode(False, True, True, True),
}


# ------------------------------------------------------------------------------- geometry


def hidden_border(side: int, size: tuple[int, int]) -> tuple[int, int]:
    """Rows at the top (and bottom) and columns at the left (and right) that show only padding.

    A picture of this size was padded to a square and cut into side x side cells. Fractions of a
    cell are rounded such that one padded row or column may stay on each side.
    """
    width, height = size
    if width > height:
        return (side - int(height * (side / width))) // 2, 0
    return 0, (side - int(width * (side / height))) // 2


def visible_cells(side: int, size: tuple[int, int]) -> Tensor:
    """(side, side) bool: the cells that `hidden_border` leaves."""
    rows, columns = hidden_border(side, size)
    visible = torch.zeros(side, side, dtype=torch.bool)
    visible[rows : side - rows, columns : side - columns] = True
    return visible


def cropped_grid(side: int, size: tuple[int, int]) -> tuple[slice, slice]:
    """The rows and columns of a token grid that are kept; all of them where none would be left."""
    everything = slice(0, side), slice(0, side)
    if min(size) < 1:
        return everything
    rows, columns = hidden_border(side, size)
    if 2 * max(rows, columns) >= side:
        return everything
    return slice(rows, side - rows), slice(columns, side - columns)


def low_resolution_size(size: tuple[int, int], fine: int, coarse: int) -> tuple[int, int]:
    """The size that `cropped_grid` is asked about for the coarse grid, in whole units."""
    return int(size[0] / (fine / coarse)), int(size[1] / (fine / coarse))


def tokens_per_frame(side: int, size: tuple[int, int]) -> int:
    """P: cells that are kept, and a newline for each row."""
    rows, columns = cropped_grid(side, size)
    return (rows.stop - rows.start) * (columns.stop - columns.start + 1)


def add_newlines(tokens: Tensor, newline: Tensor, size: tuple[int, int]) -> Tensor:
    """Tokens (T, s * s, H) -> (T, P, H): cropped, with a newline (H,) at the end of each row."""
    side = round(tokens.shape[1] ** 0.5)
    rows, columns = cropped_grid(side, size)
    grid = tokens.unflatten(1, (side, side))[:, rows, columns]
    ends = newline.to(grid.dtype).expand(*grid.shape[:2], 1, -1)
    return torch.cat([grid, ends], dim=2).flatten(1, 2)


def resize_grid(tokens: Tensor, side: int) -> Tensor:
    """Tokens (T, s * s, H) -> (T, side * side, H), bilinear, computed in float32."""
    old = round(tokens.shape[1] ** 0.5)
    grid = tokens.transpose(1, 2).unflatten(2, (old, old)).float()
    grid = F.interpolate(grid, size=(side, side), mode="bilinear", align_corners=False)
    return grid.flatten(2).transpose(1, 2).to(tokens.dtype)


# ------------------------------------------------------------------------------- frames


def max_frames_within(context: int, text: int, reserve: int, tokens_per_frame: int) -> int:
    """Frames that fit beside the text and a reserve for the answer; at least 1."""
    return max(1, (context - text - reserve) // tokens_per_frame)


def window_similarity(features: Tensor, window: int = FRAME_WINDOW) -> Tensor:
    """Mean cosine of every frame with all frames of its window, itself included: (T, ...) -> (T,).

    A frame of zeros counts as unlike everything. `ntlbg.selectors.longvu_window` is the same rule
    for arrays.
    """
    flat = F.normalize(features.flatten(1).float(), dim=1, eps=1e-12)
    # <x_i, mean of x_j> is the mean of <x_i, x_j>, without the matrix of all pairs
    return torch.cat([part @ part.mean(0) for part in flat.split(window)])


def temporal_reduction(
    similarity: Tensor,
    threshold: float,
    *,
    window: int = FRAME_WINDOW,
    max_frames: int = MAX_FRAMES,
) -> Tensor:
    """Indices (K,) of the frames to keep, ascending, given `window_similarity` (T,).

    A frame is kept below the threshold, and the one in the middle of a window always. Of more
    than ``max_frames`` an even selection remains.
    """
    keep = similarity < threshold
    starts = torch.arange(0, len(similarity), window, device=similarity.device)
    lengths = (len(similarity) - starts).clamp_max(window)
    keep[starts + lengths // 2] = True
    kept = keep.nonzero().squeeze(1)
    if len(kept) <= max_frames:
        return kept
    interval = len(kept) / max_frames
    # the published code cuts the product of floats: of 402 frames place 200 of 400 is 200, not 201
    places = torch.arange(max_frames, dtype=torch.float64, device=kept.device) * interval
    return kept[places.long()]


# ------------------------------------------------------------------------------- resolution


def frame_relevance(tokens: Tensor, text: Tensor, *, unit: bool = False) -> Tensor:
    """How much each frame has to do with the text: tokens (T, P, H), text (L, H) -> (T,) float32.

    The mean over all pairs of their inner product, or with ``unit`` of their cosine. 0 without
    text.
    """
    if not len(text):
        return torch.zeros(len(tokens), device=tokens.device)
    direction = F.normalize(text.float(), dim=-1) if unit else text.float()
    means = [
        (F.normalize(block.float(), dim=-1) if unit else block.float()).mean(1)
        for block in tokens.split(BLOCK_FRAMES)
    ]
    # the mean of inner products is the inner product of the means
    return torch.cat(means) @ direction.mean(0)


def num_high_resolution(budget: int, num_frames: int, low: int, high: int) -> int:
    """N_h: frames that can have ``high`` instead of ``low`` tokens within the budget."""
    spare = budget - num_frames * low
    return 0 if spare <= 0 or high <= low else min(num_frames, spare // (high - low))


def query_guided_resolution(relevance: Tensor, count: int) -> Tensor:
    """Indices (count,), ascending, of the most relevant frames."""
    return relevance.topk(count).indices.sort().values


# ------------------------------------------------------------------------------- tokens


def reference_similarity(tokens: Tensor, window: int = TOKEN_WINDOW) -> Tensor:
    """Cosine of every token with the one at its place in its window's first frame: (T, P).

    Exactly 1 in the first frames themselves.
    """
    return torch.cat([_similarity_to_first(part) for part in tokens.split(window)])


def _similarity_to_first(tokens: Tensor) -> Tensor:
    # written out: F.cosine_similarity normalises copies of everything, which takes eight times
    # as long for tokens of 3584 numbers
    tokens = tokens.float()
    norms = torch.linalg.vector_norm(tokens, dim=-1)
    similarity = (tokens * tokens[0]).sum(-1) / (norms * norms[0]).clamp_min(1e-12)
    similarity[0] = 1
    return similarity


def spatial_token_compression(
    similarity: Tensor, threshold: float, *, window: int = TOKEN_WINDOW
) -> Tensor:
    """(T, P) bool: the tokens to keep, given `reference_similarity` (T, P).

    The first frame of every window is kept whole, of the others what is below the threshold.
    """
    keep = similarity < threshold
    keep[::window] = True
    return keep


def cut_tails(keep: Tensor, budget: int, *, window: int = TOKEN_WINDOW) -> Tensor:
    """Of the tokens ``keep`` (T, P) at most ``budget``: every window loses as many of its last.

    What is still too much is cut from the end; the last window may end up empty.
    """
    excess = int(keep.sum()) - budget
    if excess <= 0:
        return keep
    num_windows = -(-len(keep) // window)
    each = -(-excess // num_windows)
    number = torch.arange(len(keep), device=keep.device) // window
    counts = torch.zeros(num_windows, dtype=torch.int64, device=keep.device)
    counts.index_add_(0, number, keep.sum(1))
    before = (counts.cumsum(0) - counts)[number].unsqueeze(1)  # tokens of earlier windows
    rank = keep.flatten().cumsum(0).view_as(keep) - before  # from 1, within the window
    keep = keep & (rank <= (counts[number] - each).unsqueeze(1))
    return keep & (keep.flatten().cumsum(0).view_as(keep) <= max(0, budget))


@dataclass(frozen=True)
class TokenPlan:
    """Which tokens represent a video.

    Attributes:
        low: (T, P_low) bool, of the coarse grid; None where that grid is not made.
        high: (T, P_high) bool, of the fine grid.
    """

    low: Tensor | None
    high: Tensor

    def __len__(self) -> int:
        return int(self.high.sum()) + (0 if self.low is None else int(self.low.sum()))


def fill_budget(
    similarity: Tensor,
    relevance: Tensor,
    high: int,
    budget: int,
    threshold: float,
    *,
    window: int = TOKEN_WINDOW,
) -> TokenPlan:
    """The plan that spends the whole budget and never more.

    Only when all coarse tokens are too many, repeated ones are dropped, and if that is not
    enough, those most like their reference. What is free then goes to the most relevant frames,
    which get all ``high`` tokens, and the rest to the dropped tokens least like their reference.

    Args:
        similarity: (T, P_low), `reference_similarity` of the coarse tokens.
        relevance: (T,).
        high: P_high, tokens of a frame at high resolution; no frame gets those that are not more
            than its coarse ones.
    """
    order = _telling_order(similarity, window)
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order), device=order.device)
    rank = rank.view_as(similarity)
    keep = torch.ones_like(similarity, dtype=torch.bool)
    if keep.numel() > budget:
        keep = spatial_token_compression(similarity, threshold, window=window) & (rank < budget)
    upgraded = _upgrades(keep, relevance, high, budget - int(keep.sum()))
    keep[upgraded] = False
    spare = budget - int(keep.sum()) - int(upgraded.sum()) * high
    dropped = (~keep & ~upgraded.unsqueeze(1)).flatten()[order]
    back = order[dropped][: max(0, spare)]
    keep.view(-1)[back] = True
    return TokenPlan(keep, upgraded.unsqueeze(1).expand(-1, high))


def _telling_order(similarity: Tensor, window: int) -> Tensor:
    """Flat positions of all tokens (T, P), the most telling first.

    First frames of windows lead, spread over the video as far as the budget may reach; the others
    follow from the least to the most like their reference.
    """
    value = similarity.clone()
    first = value[::window]
    # bisection order: any leading part of these frames covers the whole video
    value[::window] = (_bisection_rank(len(first)).to(first) / len(first) - 3).unsqueeze(1)
    return value.flatten().argsort(stable=True)


def _bisection_rank(count: int) -> Tensor:
    """Rank (count,) of 0 ... count-1 in the order 0, middle, quarters, eighths, ..."""
    bits = max(1, (count - 1).bit_length())
    reversed_bits = torch.tensor([int(f"{i:0{bits}b}"[::-1], 2) for i in range(count)])
    return reversed_bits.argsort().argsort()


def _upgrades(keep: Tensor, relevance: Tensor, high: int, free: int) -> Tensor:
    """(T,) bool: the most relevant frames whose tokens ``keep`` (T, P) can become ``high``."""
    if high <= keep.shape[1]:
        return torch.zeros_like(keep[:, 0])
    order = relevance.argsort(descending=True, stable=True)
    upgraded = torch.zeros_like(keep[:, 0])
    upgraded[order] = (high - keep.sum(1))[order].cumsum(0) <= free  # every upgrade costs some
    return upgraded
