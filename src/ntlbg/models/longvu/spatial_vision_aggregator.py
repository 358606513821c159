"""LongVU's fusion of two vision towers on one grid of queries.

Shen et al. 2024, arXiv:2410.17434; the aggregator comes from Cambrian-1, Tong et al. 2024,
arXiv:2406.16860.

T frames, g cells on a side of the towers' grids, q on a side of the query grid, r = g / q cells of
a tower under one query, D width of a tower, V width of the fused tokens.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def grid_windows(tokens: Tensor, queries: int) -> Tensor:
    """Tokens (T, g * g, V), row by row -> (T * q * q, r * r, V), the r x r cells of each query."""
    side = round(tokens.shape[1] ** 0.5)
    ratio = side // queries
    windows = tokens.unflatten(1, (queries, ratio, queries, ratio)).transpose(2, 3)
    return windows.reshape(-1, ratio * ratio, tokens.shape[2])


def window_mask(visible: Tensor, queries: int) -> Tensor:
    """Cells (T, g, g) bool -> (T * q * q, r * r); a query that would see nothing sees all."""
    mask = grid_windows(visible.flatten(1).unsqueeze(-1), queries).squeeze(-1)
    return mask | ~mask.any(-1, keepdim=True)


class TowerProjector(nn.Module):
    """Features of one tower (T, g * g, D) -> (T, g * g, V)."""

    def __init__(self, size: int, hidden_size: int):
        super().__init__()
        self.linear_1 = nn.Linear(size, hidden_size)
        self.linear_2 = nn.Linear(hidden_size, hidden_size)
        self.norm = nn.LayerNorm(hidden_size)

    def forward(self, features: Tensor) -> Tensor:
        return self.norm(self.linear_2(F.gelu(self.linear_1(features))))


class TowerKeyValue(nn.Module):
    """Keys and values of one tower's cells."""

    def __init__(self, hidden_size: int, cells: int):
        super().__init__()
        # one cell has no place among others
        self.position = nn.Parameter(torch.zeros(cells, hidden_size)) if cells > 1 else None
        self.key_norm = nn.LayerNorm(hidden_size)
        self.key_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.value_norm = nn.LayerNorm(hidden_size)
        self.value_proj = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, windows: Tensor) -> tuple[Tensor, Tensor]:
        if self.position is not None:
            windows = windows + self.position
        return self.key_proj(self.key_norm(windows)), self.value_proj(self.value_norm(windows))


class AggregatorLayer(nn.Module):
    """Every query reads its own cells of both towers, and the frame as a whole."""

    def __init__(self, hidden_size: int, num_heads: int, cells: int):
        super().__init__()
        self.num_heads = num_heads
        self.context_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.input_proj = nn.Linear(2 * hidden_size, hidden_size, bias=False)
        self.query_norm = nn.LayerNorm(hidden_size)
        self.query_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.towers = nn.ModuleList(TowerKeyValue(hidden_size, cells) for _ in range(2))
        self.output_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.norm = nn.LayerNorm(hidden_size)
        self.mlp_1 = nn.Linear(hidden_size, hidden_size, bias=False)
        self.mlp_2 = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(
        self, queries: Tensor, context: Tensor, windows: list[Tensor], mask: Tensor | None
    ) -> Tensor:
        """queries (N, V), context (N, V), windows 2 x (N, r * r, V), mask (N, 1, 1, 2 * r * r)."""
        hidden = self.input_proj(torch.cat([queries, self.context_proj(context)], dim=-1))
        pairs = [tower(cells) for tower, cells in zip(self.towers, windows, strict=True)]
        keys, values = (torch.cat(side, dim=1) for side in zip(*pairs, strict=True))
        query = self.query_proj(self.query_norm(hidden)).unsqueeze(1)
        read = F.scaled_dot_product_attention(
            self._heads(query), self._heads(keys), self._heads(values), attn_mask=mask
        )
        read = read.transpose(1, 2).flatten(2).squeeze(1)
        hidden = self.norm(hidden + self.output_proj(read))
        return queries + self.mlp_2(F.gelu(self.mlp_1(hidden)))

    def _heads(self, tokens: Tensor) -> Tensor:
        return tokens.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)


class SpatialVisionAggregator(nn.Module):
    """Features of both towers -> one grid of fused tokens per frame."""

    def __init__(self, config):
        super().__init__()
        size, self.query_grid = config.vision_hidden_size, config.query_grid
        cells = (config.feature_grid // config.query_grid) ** 2
        self.projectors = nn.ModuleList(
            TowerProjector(tower.hidden_size, size)
            for tower in (config.siglip_config, config.dinov2_config)
        )
        self.query = nn.Parameter(torch.empty(size))
        self.layers = nn.ModuleList(
            AggregatorLayer(size, config.connector_heads, cells)
            for _ in range(config.connector_depth)
        )

    def forward(self, siglip: Tensor, dinov2: Tensor, visible: Tensor | None = None) -> Tensor:
        """Fuse features (T, g * g, D) of both towers into (T, q * q, V).

        Args:
            visible: (T, g, g) bool, cells that show the picture rather than padding; None for all.
        """
        projected = [
            project(features)
            for project, features in zip(self.projectors, (siglip, dinov2), strict=True)
        ]
        num_queries = self.query_grid**2
        context = projected[0].mean(1).repeat_interleave(num_queries, dim=0)
        windows = [grid_windows(tokens, self.query_grid) for tokens in projected]
        mask = None
        if visible is not None:
            mask = window_mask(visible, self.query_grid).repeat(1, 2)[:, None, None]
        queries = self.query.expand(len(context), -1)
        for layer in self.layers:
            queries = layer(queries, context, windows, mask)
        return queries.unflatten(0, (-1, num_queries))
