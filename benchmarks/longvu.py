"""LongVU's steps against plain loops over frames and tokens, and memory against video length.

    python benchmarks/longvu.py [--frames 400] [--repeats 3]
    python benchmarks/longvu.py --memory 10 60

One thread. The first form prints CPU seconds of each step and the ratio of the loop, written from
the published rules. The second prints the peak memory of a tiny random model that reads a film of
so many minutes, one frame a second, block by block, and beside it the peak when all pixels are in
memory before it starts, as the published code has them.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from ntlbg.compressors.longvu import (
    reference_similarity,
    spatial_token_compression,
    temporal_reduction,
    window_similarity,
)
from ntlbg.models.longvu.preprocessing import (
    DINOV2_PIXELS,
    SIGLIP_PIXELS,
    TowerPixels,
    square_pixels,
)
from ntlbg.models.longvu.spatial_vision_aggregator import grid_windows
from ntlbg.models.longvu.vision import PixelTensors

LONGEST_WHOLE = 10  # minutes; more would not fit beside other work


def loop_windows(tokens: torch.Tensor, queries: int) -> torch.Tensor:
    side = round(tokens.shape[1] ** 0.5)
    ratio = side // queries
    grids = tokens.unflatten(1, (side, side))
    return torch.stack(
        [
            grid[top : top + ratio, left : left + ratio].flatten(0, 1)
            for grid in grids
            for top in range(0, side, ratio)
            for left in range(0, side, ratio)
        ]
    )


def loop_reduction(features: torch.Tensor, threshold: float) -> list[int]:
    kept = []
    for start in range(0, len(features), 16):
        part = [x.flatten() / x.flatten().norm() for x in features[start : start + 16]]
        for i, frame in enumerate(part):
            mean = sum(float(frame @ other) for other in part) / len(part)
            if i == len(part) // 2 or mean < threshold:
                kept.append(start + i)
    return kept


def loop_compression(tokens: torch.Tensor, threshold: float) -> list[tuple[int, int]]:
    return [
        (t, p)
        for t, frame in enumerate(tokens)
        for p, token in enumerate(frame)
        if t % 8 == 0 or F.cosine_similarity(token, tokens[t // 8 * 8, p], dim=0) < threshold
    ]


def loop_pixels(frames: np.ndarray, tower: TowerPixels) -> torch.Tensor:
    done = []
    for frame in frames:
        height, width = frame.shape[:2]
        side = max(height, width)
        square = Image.new("RGB", (side, side), tower.background)
        square.paste(Image.fromarray(frame), ((side - width) // 2, (side - height) // 2))
        pixels = np.asarray(square.resize((tower.side, tower.side))).astype(np.float32) / 255
        pixels = (pixels - np.float32(tower.mean)) / np.float32(tower.std)
        done.append(torch.from_numpy(pixels.transpose(2, 0, 1).copy()))
    return torch.stack(done)


def ours_reduction(features: torch.Tensor, threshold: float) -> list[int]:
    return temporal_reduction(window_similarity(features), threshold, max_frames=10**9).tolist()


def ours_compression(tokens: torch.Tensor, threshold: float) -> list[tuple[int, int]]:
    keep = spatial_token_compression(reference_similarity(tokens), threshold)
    return [tuple(place) for place in keep.nonzero().tolist()]


def steps(frames: int):
    """Name, ours, loop and arguments of every step; the loops' sizes are kept bearable."""
    torch.manual_seed(0)
    alike = torch.randn(frames // 5 + 1, 576, 64).repeat_interleave(5, 0)[:frames]
    features = alike + 0.7 * torch.randn(frames, 576, 64)
    tokens = features[:, :156]
    film = np.random.default_rng(0).integers(0, 256, (8, 720, 1280, 3), dtype=np.uint8)
    yield "window rearrangement", grid_windows, loop_windows, (features, 12)
    yield "temporal reduction", ours_reduction, loop_reduction, (features, 0.83)
    yield "spatial token compression", ours_compression, loop_compression, (tokens, 0.8)
    yield "preprocessing, SigLIP", square_pixels, loop_pixels, (film, SIGLIP_PIXELS)
    yield "preprocessing, DINOv2", square_pixels, loop_pixels, (film, DINOV2_PIXELS)


def seconds(function, arguments, repeats: int) -> tuple[float, object]:
    times = []
    for _ in range(repeats):
        start = time.process_time()
        result = function(*arguments)
        times.append(time.process_time() - start)
    return statistics.median(times), result


def same(one, other) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.allclose(one, other, atol=1e-5)
    return one == other


def compare(frames: int, repeats: int) -> None:
    print(f"{frames} frames; preprocessing 8 frames of 1280 x 720; median of {repeats}")
    print(f"{'step':28}{'CPU s':>9}{'loop':>9}{'ratio':>8}  same")
    for name, ours, loop, arguments in steps(frames):
        fast, result = seconds(ours, arguments, repeats)
        slow, expected = seconds(loop, arguments, 1)
        agree = same(result, expected)
        print(f"{name:28}{fast:9.3f}{slow:9.3f}{slow / fast:8.1f}  {agree}")


def read_film(minutes: float, *, whole: bool) -> None:
    """Print the peak memory, in MB, before and after reading a film of random scenes.

    ``whole`` holds all pixels in memory first, as the published code does.
    """
    model, source = tiny_model(), Film(round(minutes * 60))
    if whole:
        every = torch.arange(len(source))
        source = PixelTensors(source.siglip(every), source.dinov2(every))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    with torch.inference_mode():
        video = model.vision_model.fuse(source, (64, 36), limit=100)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(before, after, len(video.frame_indices))


class Film:
    """Frames made when they are asked for: scenes of eight seconds."""

    def __init__(self, count: int):
        self._count = count

    def __len__(self) -> int:
        return self._count

    def _frames(self, indices: torch.Tensor) -> np.ndarray:
        scenes = [np.random.default_rng(int(i) // 8).integers(0, 256, (9, 16, 3)) for i in indices]
        return np.stack(scenes).astype(np.uint8).repeat(4, 1).repeat(4, 2)

    def dinov2(self, indices: torch.Tensor) -> torch.Tensor:
        return square_pixels(self._frames(indices), DINOV2_PIXELS)

    def siglip(self, indices: torch.Tensor) -> torch.Tensor:
        return square_pixels(self._frames(indices), SIGLIP_PIXELS)


def tiny_model():
    """Towers of one layer and 16 dimensions, at the real resolution."""
    from transformers import Dinov2Config, Qwen2Config, SiglipVisionConfig

    from ntlbg.models import LongVUConfig, LongVUForConditionalGeneration

    tower = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1, "patch_size": 14}
    config = LongVUConfig(
        text_config=Qwen2Config(
            vocab_size=64,
            hidden_size=32,
            intermediate_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=2,
        ),
        siglip_config=SiglipVisionConfig(
            **tower, intermediate_size=16, image_size=384, vision_use_head=False
        ),
        dinov2_config=Dinov2Config(**tower, mlp_ratio=1, image_size=378, use_mask_token=False),
        vision_hidden_size=16,
        connector_depth=1,
    )
    return LongVUForConditionalGeneration(config).eval()


def compare_memory(lengths: list[float]) -> None:
    print(f"{'minutes':>8}{'kept':>6}{'peak MB':>9}{'all pixels first, MB':>22}")
    for minutes in lengths:
        peak, kept = peak_memory(minutes, "--read")
        whole = peak_memory(minutes, "--read-whole")[0] if minutes <= LONGEST_WHOLE else "not run"
        print(f"{minutes:8g}{kept:6}{peak:9}{whole:>22}")


def peak_memory(minutes: float, order: str) -> tuple[int, int]:
    """MB and frames kept, of a process of its own."""
    command = [sys.executable, __file__, order, str(minutes)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    _, peak, kept = map(int, shown.split())
    return peak, kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=400)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--memory", type=float, nargs="+", metavar="MINUTES")
    parser.add_argument("--read", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--read-whole", type=float, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.read or arguments.read_whole:
        read_film(arguments.read or arguments.read_whole, whole=bool(arguments.read_whole))
    elif arguments.memory:
        compare_memory(arguments.memory)
    else:
        compare(arguments.frames, arguments.repeats)


if __name__ == "__main__":
    main()
