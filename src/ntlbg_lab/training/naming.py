"""First half of stage one: the vision tower learns to name what it sees, or to see nothing.

It sees fresh frames, or kept ones: rendered frames behind the frozen trunk, on disk. The trunk
never learns, so what it makes of a frame never changes. Drawing a frame and running the trunk is a
third of a training step; with kept frames that is paid once, by however many epochs and runs use
them.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, IterableDataset, get_worker_info
from tqdm.auto import tqdm

from ntlbg.errors import ConfigError
from ntlbg.files import staged_file
from ntlbg.marks import tensor_file
from ntlbg.models.builtin.vision_tower import BuiltinVisionTower, normalize_pixels
from ntlbg.models.builtin.vocabulary import object_names
from ntlbg_lab.checks import check_settings
from ntlbg_lab.haystack import backgrounds
from ntlbg_lab.haystack.augmentation import FrameRenderer, background_bank
from ntlbg_lab.haystack.games import check_engine
from ntlbg_lab.training.settings import BackgroundSettings, KeptFramesSettings

MAX_LOG_SCALE = 3.6  # a sharper softmax memorises


class NamingModel(nn.Module):
    """Vision tower and cosine classifier over the names' embeddings; the last is "nothing"."""

    class_embeddings: Tensor

    def __init__(self, tower: BuiltinVisionTower, class_embeddings: Tensor, smoothing: float):
        super().__init__()
        self.tower = tower
        self.smoothing = smoothing
        self.log_scale = nn.Parameter(torch.tensor(3.0))
        self.register_buffer("class_embeddings", class_embeddings, persistent=False)
        tower.stem.requires_grad_(False)
        tower.trunk.requires_grad_(False)

    def forward(
        self,
        labels: Tensor,
        frames: Tensor | None = None,
        maps: Tensor | None = None,
        progress: float = 0.0,
    ) -> dict:
        """labels (N,), frames uint8 (N, H, W, 3) -> loss and the shares of right answers.

        Instead of frames, ``maps`` may be what the trunk makes of them, (N, H/16, W/16, 80).
        """
        if maps is None:  # as they are: larger ones cost more, and it sees larger ones afterwards
            features = self.tower.forward_rest(self.tower.forward_trunk(normalize_pixels(frames)))
        else:
            features = self.tower.forward_rest(maps.float().permute(0, 3, 1, 2))
        scale = self.log_scale.clamp(max=MAX_LOG_SCALE).exp()
        logits = scale * features @ self.class_embeddings.T
        loss = F.cross_entropy(logits, labels, label_smoothing=self.smoothing)
        right = (logits.argmax(-1) == labels).float()
        nothing = labels == len(self.class_embeddings) - 1
        return {
            "loss": loss,
            "terms": {
                "named": right[~nothing].mean().detach(),
                "nothing": right[nothing].mean().detach(),
            },
        }


def draw_backgrounds(chosen: BackgroundSettings, seed: int) -> np.ndarray:
    """Training backgrounds: uint8 (N, H, W, 3)."""
    rng = np.random.default_rng(seed + 1)
    return background_bank("train", rng, **chosen.model_dump())


def check_pictures(chosen: BackgroundSettings) -> None:
    """That what backgrounds are made of is there, before a model is loaded.

    Raises:
        ConfigError: no pictures in the folder. MissingPackage: that of the games.
    """
    if chosen.photos is not None:
        backgrounds.folder(chosen.photos)
    if chosen.walks:
        check_engine()


class RenderedFrames(IterableDataset):
    """Endless fresh frames; ``negatives`` is the share that shows no object."""

    def __init__(self, bank: np.ndarray, negatives: float, seed: int):
        self.bank, self.negatives, self.seed = bank, negatives, seed

    def __iter__(self) -> Iterator[dict]:
        worker = get_worker_info()
        renderer = FrameRenderer(self.bank, seed=(self.seed, worker.id if worker else 0))
        chance = np.random.default_rng(renderer.rng.integers(2**32))
        while True:
            empty = chance.random() < self.negatives
            frame, label = renderer.negative() if empty else renderer.needle()
            yield {"frames": torch.tensor(frame), "labels": label}


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
    check_settings(settings.folder / "frames.json", described, "frames")
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
