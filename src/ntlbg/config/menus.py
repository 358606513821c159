"""The menus of graphics cards and of video lengths."""

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Gpu:
    """A graphics card.

    Attributes:
        memory_gb: memory as the vendor counts it, in units of 10^9 bytes at least.
        compute_capability: CUDA (major, minor).
        half_tflops: products of half-precision matrices with sums in float32, 10^12 operations a
            second, as the vendor's data sheets have it, without sparsity.
    """

    memory_gb: int
    compute_capability: tuple[int, int]
    half_tflops: int

    @property
    def has_bf16(self) -> bool:
        return self.compute_capability >= (8, 0)


GPUS = MappingProxyType(
    {
        "V100_32GB": Gpu(32, (7, 0), 125),
        "A100_40GB": Gpu(40, (8, 0), 312),
        "A100_80GB": Gpu(80, (8, 0), 312),
        "RTX_4090": Gpu(24, (8, 9), 165),
        "L4": Gpu(24, (8, 9), 121),
        "H100_80GB": Gpu(80, (9, 0), 989),
        "H200": Gpu(141, (9, 0), 989),
    }
)


# 2048 frames of 10 minutes and 4096 of 20 are 3.41 a second each: at the next half, the longest
# video of a level fills its max_frames. At 1 a second it would have 600 and 1200.
LEVEL_FPS = 3.5


@dataclass(frozen=True)
class Level:
    """What a length of video asks for.

    Attributes:
        lengths: of the videos, in words.
        video_minutes: shortest and longest video; None is no limit.
        max_frames: frames looked at in a video at most.
        num_representatives: frames chosen of them at most.
        batch_size: videos per step and GPU.
        gradient_accumulation_steps: steps per update of the weights.
        gpu: key of GPUS the level was drawn up for.
        max_visual_tokens: that the chosen frames take: what is left of the GPU's memory.
        fps: frames looked at per second of video.
    """

    lengths: str
    video_minutes: tuple[float, float | None]
    max_frames: int
    num_representatives: int
    batch_size: int
    gradient_accumulation_steps: int
    gpu: str
    max_visual_tokens: int
    fps: float = LEVEL_FPS

    @property
    def gpu_memory_requirement(self) -> str:
        """As the keys of ``longvideo_variants`` have it."""
        return f"{GPUS[self.gpu].memory_gb}GB"


LEVELS = MappingProxyType(
    {
        "moderate_long": Level("5 to 10 minutes", (5, 10), 2048, 256, 2, 16, "V100_32GB", 4096),
        "long": Level("10 to 20 minutes", (10, 20), 4096, 512, 1, 32, "A100_40GB", 8192),
        "very_long": Level("20 minutes and more", (20, None), 8192, 1024, 1, 64, "A100_80GB", 8192),
    }
)
