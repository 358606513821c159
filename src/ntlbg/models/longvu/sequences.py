"""Text and videos in one sequence: who gets how many tokens, and where they go.

B rows of a batch, S tokens of a row, L of the longest row with its videos, H hidden size.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ntlbg.compressors.longvu import (
    MODES,
    low_resolution_size,
    max_frames_within,
    tokens_per_frame,
)
from ntlbg.models.layers import IGNORED_LABEL
from ntlbg.models.longvu.configuration_longvu import LongVUConfig
from ntlbg.models.longvu.video_tokens import (
    FrameGrids,
    VideoTokens,
    choose_regime,
    represent_video,
)


@dataclass(frozen=True)
class PreparedInputs:
    """What the language model reads.

    Attributes:
        inputs_embeds: (B, L, H).
        attention_mask: (B, L) bool.
        labels: (B, L), ignored where a video is; None when none were given.
        videos: tokens of each video that is shown, row by row.
    """

    inputs_embeds: Tensor
    attention_mask: Tensor
    labels: Tensor | None
    videos: list[VideoTokens]


def text_mask(input_ids: Tensor, attention_mask: Tensor | None, pad_token_id: int | None) -> Tensor:
    """(B, S) bool: what of a row is text."""
    if attention_mask is not None:
        return attention_mask.bool()
    if pad_token_id is None:
        return torch.ones_like(input_ids, dtype=torch.bool)
    return input_ids != pad_token_id


def frame_limits(
    config: LongVUConfig, input_ids: Tensor, mask: Tensor, sizes: list[tuple[int, int]]
) -> list[int]:
    """For each video, the number of frames from which on temporal reduction is needed."""
    rows = _row_of_each_video(config, input_ids, mask, len(sizes))
    lengths = mask.sum(1).tolist()
    return [frame_limit(config, lengths[row], size) for row, size in zip(rows, sizes, strict=True)]


def frame_limit(config: LongVUConfig, text: int, size: tuple[int, int]) -> int:
    """Frames from which on temporal reduction is needed, beside ``text`` ids, placeholder included.

    The published rule counts cells; the corrected one the tokens that are really used.
    """
    side = config.lowres_grid if config.highres else config.query_grid
    if not MODES[config.mode].fills_budget:
        return max_frames_within(config.context_length, text, config.reserved_tokens, side**2)
    coarse = low_resolution_size(size, config.query_grid, side)
    count = tokens_per_frame(side, coarse)
    return 1 + max_frames_within(config.context_length, text - 1, config.reserved_tokens, count)


def _row_of_each_video(
    config: LongVUConfig, input_ids: Tensor, mask: Tensor, num_videos: int
) -> list[int]:
    slots = ((input_ids == config.image_token_id) & mask).sum(1).tolist()
    unseen = [max(1, count) for count in slots]
    for counts in (slots, unseen):
        if sum(counts) == num_videos:
            return [row for row, count in enumerate(counts) for _ in range(count)]
    raise ValueError(
        f"input_ids have {slots} placeholders in their rows, for {num_videos} pictures or videos"
    )


def place_videos(
    config: LongVUConfig,
    embed: Callable[[Tensor], Tensor],
    input_ids: Tensor,
    mask: Tensor,
    labels: Tensor | None,
    grids: list[FrameGrids],
    padding_side: str | None = None,
) -> PreparedInputs:
    """Represent every video within its row's budget, and put it in the place of its placeholder.

    A row is cut at the context length, from the right.
    """
    rows = _row_of_each_video(config, input_ids, mask, len(grids))
    targets = torch.full_like(input_ids, IGNORED_LABEL) if labels is None else labels
    regime = _regime(config, grids[0], int(mask[0].sum())) if grids else None
    sequences, shown = [], []
    for row, kept in enumerate(mask):
        own = [grid for grid, owner in zip(grids, rows, strict=True) if owner == row]
        embeds, target, videos = _sequence(
            config, embed, input_ids[row][kept], targets[row][kept], own, regime
        )
        sequences.append((embeds[: config.context_length], target[: config.context_length]))
        shown += videos
    rows_of_embeds, answers = zip(*sequences, strict=True)
    side = padding_side or config.padding_side
    lengths = [torch.ones(len(target), dtype=torch.bool, device=mask.device) for target in answers]
    return PreparedInputs(
        _pad(rows_of_embeds, 0.0, side),
        _pad(lengths, False, side),
        None if labels is None else _pad(answers, IGNORED_LABEL, side),
        shown,
    )


def _regime(config: LongVUConfig, first: FrameGrids, text: int) -> str | None:
    if MODES[config.mode].fills_budget:
        return None
    if first.video.still:
        return "mixed" if config.highres else "high"
    return choose_regime(config, len(first), text)


def _sequence(
    config: LongVUConfig,
    embed: Callable[[Tensor], Tensor],
    ids: Tensor,
    labels: Tensor,
    grids: list[FrameGrids],
    regime: str | None,
) -> tuple[Tensor, Tensor, list[VideoTokens]]:
    """Embeddings and labels of one row, ids (S,), and the videos in it."""
    slots = (ids == config.image_token_id).nonzero().squeeze(1).tolist()
    text = embed(torch.where(ids == config.image_token_id, 0, ids))
    if not slots:
        return text, labels, []
    budget = config.context_length - config.reserved_tokens - (len(ids) - len(slots))
    after = text[slots[-1] + 1 :]
    videos = [
        represent_video(grid, after, tokens, regime)
        for grid, tokens in _budgets(config, grids, budget, regime)
    ]
    pieces, targets, start = [], [], 0
    for slot, video in zip(slots, videos, strict=True):
        tokens = video.tokens.to(text)
        pieces += [text[start:slot], tokens]
        targets += [labels[start:slot], labels.new_full((len(tokens),), IGNORED_LABEL)]
        start = slot + 1
    pieces.append(text[start:])
    targets.append(labels[start:])
    return torch.cat(pieces), torch.cat(targets), videos


def _budgets(
    config: LongVUConfig, grids: list[FrameGrids], budget: int, regime: str | None
) -> Iterator[tuple[FrameGrids, int]]:
    """Equal shares; the published code gives all to the first video and does not limit others."""
    for number, grid in enumerate(grids):
        if MODES[config.mode].fills_budget:
            yield grid, budget // len(grids)
        elif number == 0:
            yield grid, budget
        else:
            yield grid, len(grid) * (grid.num_low if regime == "mixed" else grid.num_high)


def _pad(rows: tuple[Tensor, ...] | list[Tensor], value: float, side: str) -> Tensor:
    return torch.nn.utils.rnn.pad_sequence(
        list(rows), batch_first=True, padding_value=value, padding_side=side
    )
