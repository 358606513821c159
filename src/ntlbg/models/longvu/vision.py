"""What LongVU sees: SigLIP and DINOv2 from transformers, and the aggregator that fuses them.

T frames, p patches on a side, g cells on a side of the feature grid, D width of a tower, q cells
on a side of the fine token grid, V width of fused tokens.
"""

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import Dinov2Config, Dinov2Model, SiglipVisionConfig, SiglipVisionModel

from ntlbg.compressors.longvu import (
    MAX_FRAMES,
    resize_grid,
    temporal_reduction,
    visible_cells,
    window_similarity,
)
from ntlbg.models.longvu.configuration_longvu import LongVUConfig
from ntlbg.models.longvu.spatial_vision_aggregator import SpatialVisionAggregator
from ntlbg.models.longvu.video_tokens import FusedVideo

# Frames that pass through a tower at once: a multiple of the windows of temporal reduction.
BLOCK_FRAMES = 32
# Added to the new size before the scale is taken; transformers did so until 4.4x, and the published
# model was trained with it.
POSITION_OFFSET = 0.1


class PixelSource(Protocol):
    """Pixels of a video's frames for both towers, read in ascending blocks."""

    def __len__(self) -> int:
        """Number of frames, at most."""

    def dinov2(self, indices: Tensor) -> Tensor:
        """Pixels (n, 3, 378, 378) of these frames, fewer where the video has ended.

        Always asked for before `siglip`.
        """

    def siglip(self, indices: Tensor) -> Tensor:
        """Pixels (n, 3, 384, 384) of some of the frames last given to `dinov2`."""


class PixelTensors:
    """Pixels that are in memory."""

    def __init__(self, siglip: Tensor, dinov2: Tensor):
        self._siglip, self._dinov2 = siglip, dinov2

    def __len__(self) -> int:
        return len(self._dinov2)

    def dinov2(self, indices: Tensor) -> Tensor:
        return self._dinov2[indices.to(self._dinov2.device)]

    def siglip(self, indices: Tensor) -> Tensor:
        return self._siglip[indices.to(self._siglip.device)]


def siglip_features(tower: SiglipVisionModel, pixels: Tensor, grid: int) -> Tensor:
    """Pixels (T, 3, 384, 384) -> (T, g * g, D): the last block, before the final layer norm."""
    embedded = tower.embeddings(pixels.to(tower.dtype))
    return resize_grid(tower.encoder(inputs_embeds=embedded).last_hidden_state, grid)


def dinov2_features(tower: Dinov2Model, pixels: Tensor, grid: int) -> Tensor:
    """Pixels (T, 3, 378, 378) -> (T, g * g, D): after the final layer norm, without CLS."""
    return resize_grid(tower(pixels.to(tower.dtype)).last_hidden_state[:, 1:], grid)


def resample_positions(embeddings: Tensor, side: int) -> Tensor:
    """Position embeddings (1, 1 + p * p, D) of DINOv2 for another number of patches.

    The scale is that of side + 0.1, as transformers had it in 4.42. Later versions scale to
    exactly ``side``; with those positions the same weights give other features.
    """
    old = round((embeddings.shape[1] - 1) ** 0.5)
    if old == side:
        return embeddings
    grid = embeddings[:, 1:].float().unflatten(1, (old, old)).permute(0, 3, 1, 2)
    grid = F.interpolate(grid, scale_factor=(side + POSITION_OFFSET) / old, mode="bicubic")
    patches = grid.permute(0, 2, 3, 1).flatten(1, 2).to(embeddings.dtype)
    return torch.cat([embeddings[:, :1], patches], dim=1)


class LongVUVision(nn.Module):
    """Both towers and the aggregator."""

    def __init__(self, config: LongVUConfig):
        super().__init__()
        self.config = config
        siglip, dinov2 = config.siglip_config, config.dinov2_config
        if not (isinstance(siglip, SiglipVisionConfig) and isinstance(dinov2, Dinov2Config)):
            raise ValueError("the towers of LongVU must be a siglip_vision_model and a dinov2")
        self.siglip_tower = SiglipVisionModel(siglip)
        self.dinov2_tower = Dinov2Model(dinov2)
        self.aggregator = SpatialVisionAggregator(config)
        self.freeze_towers()

    def freeze_towers(self) -> None:
        """Or not, as the configuration says."""
        for tower in (self.siglip_tower, self.dinov2_tower):
            tower.requires_grad_(self.config.train_vision_towers)

    @property
    def device(self) -> torch.device:
        """Where pixels go."""
        return self.dinov2_tower.device

    def fuse(
        self,
        source: PixelSource,
        size: tuple[int, int],
        *,
        limit: int | None = None,
        still: bool = False,
    ) -> FusedVideo:
        """Read a video block by block: drop repeated frames, fuse the others.

        SigLIP sees only what survives. Memory is that of one block and of MAX_FRAMES fused
        frames, however long the video is; with more survivors the chosen ones are read again.

        Args:
            source: its pixels.
            size: (width, height), as padding is to be found from it.
            limit: with at least this many frames temporal reduction begins; None for never.
            still: a picture, not a video.
        """
        reduce = limit is not None and len(source) >= limit
        fused, kept, alikes = [], [], []
        for indices, features, alike in self._survivors(source, reduce):
            kept.append(indices)
            alikes.append(alike)
            if not reduce or sum(map(len, kept)) <= MAX_FRAMES:
                fused.append(self._fuse_block(source, indices, features, size))
            else:
                fused.clear()
        if not kept:
            raise ValueError("there are no frames in this video")
        indices, similarity = torch.cat(kept), torch.cat(alikes)
        if reduce and len(indices) > MAX_FRAMES:
            indices = temporal_reduction(similarity, self.config.dino_threshold)
            fused = [
                self._fuse_block(source, block, self._dinov2(source.dinov2(block)), size)
                for block in indices.split(BLOCK_FRAMES)
            ]
        return FusedVideo(
            torch.cat(fused),
            indices,
            (size[0], size[1]),
            len(similarity),
            similarity if reduce else None,
            still,
        )

    def _survivors(
        self, source: PixelSource, reduce: bool
    ) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Of each block, the indices and DINOv2 features of what stays, and all similarities.

        Blocks hold whole windows, so that each can be decided about by itself.
        """
        for indices in torch.arange(len(source)).split(BLOCK_FRAMES):
            pixels = source.dinov2(indices)
            if not len(pixels):
                return
            indices, features = indices[: len(pixels)], self._dinov2(pixels)
            similarity = torch.zeros(len(indices))
            if reduce:
                similarity = window_similarity(features).cpu()
                chosen = temporal_reduction(similarity, self.config.dino_threshold)
                indices, features = indices[chosen], features[chosen.to(features.device)]
            yield indices, features, similarity

    def _frozen(self):
        return nullcontext() if self.config.train_vision_towers else torch.no_grad()

    def _dinov2(self, pixels: Tensor) -> Tensor:
        with self._frozen():
            return dinov2_features(
                self.dinov2_tower, pixels.to(self.device), self.config.feature_grid
            )

    def _fuse_block(
        self, source: PixelSource, indices: Tensor, dinov2: Tensor, size: tuple[int, int]
    ) -> Tensor:
        """(n, q * q, V) of the frames at ``indices`` (n,)."""
        with self._frozen():
            pixels = source.siglip(indices).to(self.device)
            siglip = siglip_features(self.siglip_tower, pixels, self.config.feature_grid)
        visible = visible_cells(self.config.feature_grid, size).to(self.device)
        if visible.all():
            return self.aggregator(siglip, dinov2)
        return self.aggregator(siglip, dinov2, visible.expand(len(indices), -1, -1))
