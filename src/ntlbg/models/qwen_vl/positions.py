"""Where each token of a prompt stands: in time, in rows and in columns.

After a picture or a video, text goes on at the highest position so far plus one, as the families
were trained. transformers 5.23 goes on half a picture after a video's start, so that the question
stands inside the video; what it computes for Qwen3-VL and for images is the same as here.

S tokens, t temporal grids of h x w cells, which are merged patches.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ntlbg.models.qwen_vl.families import Family, family_of, time_steps
from ntlbg.models.qwen_vl.inputs import (
    IMAGE_TYPE,
    TEXT_TYPE,
    VIDEO_TYPE,
    VisionPrompt,
    split_times,
)


@dataclass(frozen=True, eq=False)
class Block:
    """Tokens that are seen: an image, a video, or one picture of a video.

    Attributes:
        steps: int64 (t,), positions after the start of the block.
        height, width: cells of a grid.
    """

    steps: np.ndarray
    height: int
    width: int

    def offsets(self) -> Tensor:
        """(3, t * h * w) from the start of the block: time, row, column."""
        time = torch.from_numpy(self.steps)
        cells = torch.meshgrid(
            time, torch.arange(self.height), torch.arange(self.width), indexing="ij"
        )
        return torch.stack(cells).flatten(1)


def prompt_positions(config: Any, prompt: VisionPrompt) -> Tensor:
    """(4, 1, S) int64 ``position_ids``: the number of the token, then time, row, column.

    Args:
        config: of the model.
    """
    family, merge = family_of(config), config.vision_config.spatial_merge_size
    images = [Block(np.zeros(1, np.int64), *size) for size in _sizes(prompt.image_grid_thw, merge)]
    videos = _video_blocks(family, config, prompt.grid_seconds, prompt.video_grid_thw, merge)
    seen = token_positions(prompt.mm_token_type_ids[0], images, videos)
    return torch.cat([torch.arange(seen.shape[1])[None], seen])[:, None]


def token_positions(types: Tensor, images: Iterable[Block], videos: Iterable[Block]) -> Tensor:
    """(3, S) positions of tokens of these types (S,), 0 text, 1 image, 2 video.

    Args:
        images, videos: in the order in which they stand.

    Raises:
        ValueError: the tokens do not fit the blocks.
    """
    waiting = {IMAGE_TYPE: iter(images), VIDEO_TYPE: iter(videos)}
    parts, token, start = [], 0, 0
    while token < len(types):
        offsets = _next_offsets(types, token, waiting)
        parts.append(offsets + start)
        token += offsets.shape[1]
        start += int(offsets.max()) + 1
    if any(next(blocks, None) is not None for blocks in waiting.values()):
        raise ValueError("there are more images or videos than places for them")
    return torch.cat(parts, dim=1)


def _next_offsets(types: Tensor, token: int, waiting: dict[int, Iterator[Block]]) -> Tensor:
    """(3, n) of the run of text, or of the block, that begins at ``token``."""
    kind = int(types[token])
    if kind == TEXT_TYPE:
        others = torch.nonzero(types[token:] != TEXT_TYPE)
        length = int(others[0]) if len(others) else len(types) - token
        return torch.arange(length).expand(3, -1)
    block = next(waiting[kind], None)
    if block is None:
        raise ValueError(f"token {token} is of type {kind}, and nothing is left to be seen there")
    offsets = block.offsets()
    places = types[token : token + offsets.shape[1]]
    if len(places) < offsets.shape[1] or (places != kind).any():
        raise ValueError(f"from token {token} on there is no room for {offsets.shape[1]} cells")
    return offsets


def _sizes(grids: Tensor | None, merge: int) -> list[tuple[int, int]]:
    """Cells of each grid, in rows and columns."""
    rows = [] if grids is None else grids.tolist()
    return [(height // merge, width // merge) for _, height, width in rows]


def _video_blocks(
    family: Family, config: Any, grid_seconds: np.ndarray, grids: Tensor | None, merge: int
) -> list[Block]:
    sizes = _sizes(grids, merge)
    if not sizes:
        return []
    assert grids is not None  # it has sizes
    blocks = []
    for size, seconds in zip(sizes, split_times(grid_seconds, grids), strict=True):
        steps = time_steps(family, config, seconds)
        parts = np.split(steps, len(steps)) if family.clock == "stamps" else [steps]
        blocks += [Block(part, *size) for part in parts]
    return blocks
