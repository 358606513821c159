"""From fused frames to the tokens a language model reads, within its budget.

T frames, q and l cells on a side of the fine and the coarse grid, P tokens of a frame, V width of
fused tokens, H hidden size of the language model, n tokens of the video.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ntlbg.compressors.longvu import (
    MODES,
    TokenPlan,
    add_newlines,
    cut_tails,
    fill_budget,
    frame_relevance,
    low_resolution_size,
    max_frames_within,
    num_high_resolution,
    query_guided_resolution,
    reference_similarity,
    resize_grid,
    spatial_token_compression,
    tokens_per_frame,
)
from ntlbg.models.longvu.configuration_longvu import LongVUConfig


@dataclass(frozen=True)
class FusedVideo:
    """A video (or picture) after the aggregator; answers any number of questions.

    Attributes:
        tokens: (T, q * q, V) of the frames that temporal reduction kept.
        frame_indices: (T,) int64, their indices among all given frames.
        size: (width, height) as the model is told.
        num_frames: frames that were given.
        window_similarity: (num_frames,), or None where no reduction was needed.
        still: a picture, not a video.
    """

    tokens: Tensor
    frame_indices: Tensor
    size: tuple[int, int]
    num_frames: int
    window_similarity: Tensor | None = None
    still: bool = False


@dataclass(frozen=True)
class VideoTokens:
    """What stands for a video between the text before and after it.

    Attributes:
        tokens: (n, H).
        plan: which tokens of which frame these are.
        relevance: (T,) float32, of each kept frame to the text; None where nothing was chosen.
    """

    tokens: Tensor
    plan: TokenPlan
    relevance: Tensor | None = None

    @property
    def highres_frames(self) -> Tensor:
        """(k,) int64, kept frames that have all tokens of the fine grid."""
        return self.plan.high.all(1).nonzero().squeeze(1)


class FrameGrids:
    """Tokens of a video's frames on the fine and on the coarse grid, made when asked for."""

    def __init__(
        self,
        video: FusedVideo,
        config: LongVUConfig,
        projector: Callable[[Tensor], Tensor],
        newline: Tensor,
    ):
        self.video, self.config = video, config
        self._projector, self._newline = projector, newline
        self.low_size = low_resolution_size(video.size, config.query_grid, config.lowres_grid)
        self.num_low = tokens_per_frame(config.lowres_grid, self.low_size)
        self.num_high = tokens_per_frame(config.query_grid, video.size)

    def __len__(self) -> int:
        return len(self.video.tokens)

    @cached_property
    def low(self) -> Tensor:
        """(T, num_low, H)."""
        grid = resize_grid(self.video.tokens, self.config.lowres_grid)
        return self._finish(grid, self.low_size, slice(None))

    @cached_property
    def high(self) -> Tensor:
        """(T, num_high, H)."""
        return self.high_of(slice(None))

    def high_of(self, frames: Tensor | slice) -> Tensor:
        """(k, num_high, H) of k frames."""
        return self._finish(self.video.tokens[frames], self.video.size, frames)

    def _finish(self, grid: Tensor, size: tuple[int, int], frames: Tensor | slice) -> Tensor:
        tokens = add_newlines(self._projector(grid), self._newline, size)
        if not self.config.frame_position:
            return tokens
        times = self.video.frame_indices[frames]
        full = MODES[self.config.mode].full_time_code
        code = time_code(times, tokens.shape[-1], full=full)
        return tokens + code.to(tokens).unsqueeze(1)

    def gather(self, plan: TokenPlan) -> Tensor:
        """(n, H): the plan's tokens, in order of time, the fine grid's after the coarse grid's."""
        if plan.low is None:
            return self.high[plan.high]
        frames = plan.high.any(1).nonzero().squeeze(1)
        parts = [self.low[plan.low]]
        if len(frames):
            parts.append(self.high_of(frames)[plan.high[frames]])
        frame = torch.arange(len(self), device=plan.high.device).unsqueeze(1)
        owners = [frame.expand_as(mask)[mask] for mask in (plan.low, plan.high)]
        return torch.cat(parts)[torch.cat(owners).argsort(stable=True)]


def time_code(frames: Tensor, size: int, *, full: bool) -> Tensor:
    """Sines and cosines (T, size) of frame indices (T,), interleaved.

    The published code (not ``full``) takes the cosine of the sine: its odd columns tell little.
    """
    frequency = 10000.0 ** (-torch.arange(0, size, 2, device=frames.device) / size)
    angle = frames.float().unsqueeze(1) * frequency
    sine = angle.sin()
    return torch.stack([sine, (angle if full else sine).cos()], dim=-1).flatten(1)[:, :size]


def choose_regime(config: LongVUConfig, num_frames: int, text: int) -> str:
    """ "high", "mixed" or "over": how the published code treats a video of this many frames."""
    if not config.highres:
        return "high"
    cells = config.query_grid**2, config.lowres_grid**2
    most_high, most_low = (
        max_frames_within(config.context_length, text, config.reserved_tokens, count)
        for count in cells
    )
    if num_frames < most_high:
        return "high"
    return "over" if num_frames > most_low else "mixed"


def plan_faithful(
    grids: FrameGrids, text: Tensor, budget: int, regime: str
) -> tuple[TokenPlan, Tensor | None]:
    """The published rule; text (L, H) follows the video. Returns the plan and relevance (T,)."""
    count = len(grids)
    if regime == "mixed":
        if not grids.video.still:
            upgrades = num_high_resolution(budget, count, grids.num_low, grids.num_high)
            if upgrades:
                relevance = frame_relevance(grids.low.detach(), text.detach())
                chosen = query_guided_resolution(relevance, upgrades)
                return _upgrade(grids, chosen), relevance
        low = _compress(grids, grids.low, budget)
        return TokenPlan(low, _mask(grids, grids.num_high, False)), None
    return TokenPlan(None, _compress(grids, grids.high, budget)), None


def _compress(grids: FrameGrids, tokens: Tensor, budget: int) -> Tensor:
    """(T, P) bool: tokens (T, P, H) within the budget by dropping repeated ones, then tails."""
    if grids.video.still or tokens.shape[0] * tokens.shape[1] <= budget:
        return _mask(grids, tokens.shape[1], True)
    keep = spatial_token_compression(
        reference_similarity(tokens.detach()), grids.config.drop_threshold
    )
    return cut_tails(keep, budget)


def _upgrade(grids: FrameGrids, chosen: Tensor) -> TokenPlan:
    low, high = _mask(grids, grids.num_low, True), _mask(grids, grids.num_high, False)
    low[chosen], high[chosen] = False, True
    return TokenPlan(low, high)


def _mask(grids: FrameGrids, tokens: int, value: bool) -> Tensor:
    return torch.full((len(grids), tokens), value, device=grids.video.tokens.device)


def plan_corrected(grids: FrameGrids, text: Tensor, budget: int) -> tuple[TokenPlan, Tensor | None]:
    """The budget exactly where there are tokens enough; arguments as in `plan_faithful`."""
    count = len(grids)
    fits = count * grids.num_high <= budget
    if fits or not grids.config.highres:
        if not fits:
            similarity = reference_similarity(grids.high.detach())
            plan = fill_budget(
                similarity, similarity.new_zeros(count), grids.num_high, budget,
                grids.config.drop_threshold,
            )  # fmt: skip
            assert plan.low is not None  # `fill_budget` gives both
            return TokenPlan(None, plan.low), None
        return TokenPlan(None, _mask(grids, grids.num_high, True)), None
    unit = MODES[grids.config.mode].unit_relevance
    relevance = frame_relevance(grids.low.detach(), text.detach(), unit=unit)
    similarity = reference_similarity(grids.low.detach())
    plan = fill_budget(similarity, relevance, grids.num_high, budget, grids.config.drop_threshold)
    return plan, relevance


def represent_video(
    grids: FrameGrids, text: Tensor, budget: int, regime: str | None = None
) -> VideoTokens:
    """Tokens of a video for a question.

    Args:
        text: (L, H), embeddings of the text after the video.
        budget: tokens that are left for it.
        regime: see `choose_regime`; needed where the mode does not fill the budget.
    """
    if MODES[grids.config.mode].fills_budget:
        plan, relevance = plan_corrected(grids, text, max(0, budget))
    elif regime is None:
        raise ValueError(f"mode {grids.config.mode!r} needs a regime")
    else:
        plan, relevance = plan_faithful(grids, text, budget, regime)
    return VideoTokens(grids.gather(plan), plan, relevance)
