"""First half of stage one: the vision tower learns to name what it sees, or to see nothing."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import IterableDataset, get_worker_info

from ntlbg.models.builtin.vision_tower import BuiltinVisionTower, normalize_pixels
from ntlbg_lab.haystack.augmentation import FrameRenderer, background_bank
from ntlbg_lab.training.settings import BackgroundSettings

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

    def parameter_groups(self, head_rate: float, tail_rate: float) -> list[dict]:
        """AdamW groups: the new head learns faster than the published blocks."""
        head = [*self.tower.head.parameters(), self.log_scale]
        return [
            {"params": head, "lr": head_rate, "weight_decay": 0.05},
            {"params": list(self.tower.tail.parameters()), "lr": tail_rate, "weight_decay": 0.02},
        ]


def draw_backgrounds(chosen: BackgroundSettings, seed: int) -> np.ndarray:
    """Training backgrounds: uint8 (N, H, W, 3)."""
    rng = np.random.default_rng(seed + 1)
    return background_bank("train", rng, **chosen.model_dump())


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
