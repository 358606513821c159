"""Rendered frames behind the frozen trunk, kept on disk.

The trunk never learns, so what it makes of a frame never changes. Drawing a frame and running the
trunk is a third of a training step; with kept frames that is paid once, by however many epochs and
runs use them.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset
from tqdm.auto import tqdm

from ntlbg.errors import ConfigError
from ntlbg.files import keep_json, staged_file
from ntlbg.marks import tensor_file
from ntlbg.models.builtin.vision_tower import BuiltinVisionTower, normalize_pixels
from ntlbg.models.builtin.vocabulary import object_names
from ntlbg_lab.haystack.augmentation import FrameRenderer
from ntlbg_lab.training.representation import draw_backgrounds
from ntlbg_lab.training.settings import BackgroundSettings, KeptFramesSettings

SHARD = 4096  # frames a file, 73 MB
BATCH = 128
KEPT = tensor_file("kept frames", "maps", "labels")


class NumberedFrames(Dataset):
    """Frame ``number`` is always the same one, whoever draws it and when."""

    def __init__(self, renderer: FrameRenderer, numbers: range, settings: KeptFramesSettings):
        self.renderer, self.numbers, self.settings = renderer, numbers, settings

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, place: int) -> tuple[Tensor, int]:
        rng = np.random.default_rng((self.settings.seed, self.numbers[place]))
        self.renderer.rng = rng
        empty = rng.random() < self.settings.negatives
        frame, label = self.renderer.negative() if empty else self.renderer.needle()
        return torch.tensor(frame), label


class KeptFrames(IterableDataset):
    """Endless kept frames: needles and negatives each in random order, all before any again.

    ``negatives`` is the share of frames without an object. Only ``frames`` are used, from the first
    to before the last number.

    Raises:
        ConfigError: not both kinds are among them.
    """

    def __init__(
        self,
        shards: list[Path],
        negatives: float,
        seed: int,
        frames: tuple[int, int] | None = None,
    ):
        self.shards = [load_file(shard) for shard in shards]  # mapped: read when it is used
        self.negatives, self.seed = negatives, seed
        empty = torch.cat([shard["labels"] for shard in self.shards]) == len(object_names())
        start, end = frames or (0, len(empty))
        self.empty, self.needles = (
            start + found[start:end].nonzero().flatten().numpy() for found in (empty, ~empty)
        )
        if not (len(self.empty) and len(self.needles)):
            raise ConfigError(
                f"frames {start} to {end} of {len(empty)} kept ones: {len(self.needles)} with an "
                f"object, {len(self.empty)} without; choose more"
            )

    def __iter__(self) -> Iterator[dict]:
        rng = np.random.default_rng(self.seed)
        empty, needles = _shuffled(rng, self.empty), _shuffled(rng, self.needles)
        while True:
            number = next(empty if rng.random() < self.negatives else needles)
            shard, place = self.shards[number // SHARD], number % SHARD
            yield {"maps": shard["maps"][place], "labels": int(shard["labels"][place])}


def keep_frames(
    tower: BuiltinVisionTower, backgrounds: BackgroundSettings, settings: KeptFramesSettings
) -> list[Path]:
    """Draw and keep what is not there yet; returns the files in order.

    Raises:
        ConfigError: the folder holds other frames.
        OutputError: it cannot be written.
    """
    described = settings.model_dump(mode="json", exclude={"folder", "frames"})
    described["backgrounds"] = backgrounds.model_dump(mode="json", exclude={"photos"})
    described["backgrounds"]["photos"] = backgrounds.photos is not None
    described["frozen_blocks"] = len(tower.trunk)
    note = settings.folder / "frames.json"
    if keep_json(note, described) != described:
        raise ConfigError(f"{settings.folder} holds frames of other settings ({note})")
    starts = range(0, settings.frames, SHARD)
    files = [settings.folder / f"{start // SHARD:05d}.safetensors" for start in starts]
    missing = [(start, file) for start, file in zip(starts, files) if not file.is_file()]
    if not missing:
        return files
    renderer = FrameRenderer(draw_backgrounds(backgrounds, settings.seed))
    for start, file in tqdm(missing, desc="drawing frames", unit="file"):
        numbers = range(start, start + SHARD)
        with staged_file(file, KEPT) as stage:
            save_file(_encoded(tower, NumberedFrames(renderer, numbers, settings)), stage)
    return files


@torch.inference_mode()
def _encoded(tower: BuiltinVisionTower, frames: NumberedFrames) -> dict[str, Tensor]:
    maps, labels = [], []
    for drawn, named in DataLoader(frames, batch_size=BATCH, num_workers=1):
        found = tower.forward_trunk(normalize_pixels(drawn)).to(torch.bfloat16)
        maps.append(found.permute(0, 2, 3, 1).contiguous())  # as the convolutions want them
        labels.append(named)
    return {"maps": torch.cat(maps), "labels": torch.cat(labels)}


def _shuffled(rng: np.random.Generator, numbers: np.ndarray) -> Iterator[int]:
    while True:
        yield from rng.permutation(numbers).tolist()
