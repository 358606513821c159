"""Questions of files, with the pictures and videos they are about, for training LongVU."""

import random
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from torch.utils.data import Dataset

from ntlbg.config.training_blocks import DatasetEntry
from ntlbg.datasets import DatasetItem, load_items
from ntlbg.errors import DataError
from ntlbg.models.longvu.formats import BENCHMARKS, LETTERS, format_question
from ntlbg.models.longvu.training import LongVUSample
from ntlbg.models.longvu.video_pixels import LONGEST_SIDE
from ntlbg.pictures import fit_within
from ntlbg.train.longvu_settings import DataSettings
from ntlbg.video import probe, read_frames_at, sample_frames

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")


class LongVUQuestions(Dataset):
    """Questions with their answers; pixels are read when a question's turn comes.

    Args:
        settings, stage: which they are, and what they are about.
        seed: of their order.
        size: questions in a batch; those of a batch are about stills, or about films.

    Attributes:
        per_epoch: draws in which every question comes; the last batches are filled up by some that
            come twice.

    Raises:
        DataError: a file of questions cannot be used, or something that it names is not there.
    """

    def __init__(self, settings: DataSettings, stage: str, seed: int = 0, size: int = 1):
        self.settings, self.seed, self.size = settings, seed, size
        self.items = [
            item for path in settings.questions for item in _items(path, settings.folder, stage)
        ]
        stills = [item.source is not None and _is_picture(item.source) for item in self.items]
        self._kinds = [
            [n for n, still in enumerate(stills) if still is kind] for kind in (True, False)
        ]
        self.per_epoch = sum(_rounded_up(len(places), size) for places in self._kinds)
        self._order: tuple[int, list[int]] = (-1, [])  # of the epoch that is drawn from

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, number: int) -> LongVUSample:
        """Raises VideoError: a failing file never becomes another one."""
        item = self.items[number]
        assert item.source is not None  # `_check` has found it
        question, answer = _as_asked(item)
        return LongVUSample(question, answer, self._pixels(item.source))

    def draw(self, number: int) -> int:
        """All questions in a new order in every epoch, batch by batch of one kind."""
        epoch, place = divmod(number, self.per_epoch)
        if self._order[0] != epoch:
            self._order = epoch, self._ordered(random.Random(f"{self.seed} {epoch}"))
        return self._order[1][place]

    def _ordered(self, draw: random.Random) -> list[int]:
        batches = []
        for places in self._kinds:
            order = draw.sample(places, len(places))
            filled = list(islice(cycle(order), _rounded_up(len(order), self.size)))
            batches += [filled[n : n + self.size] for n in range(0, len(filled), self.size)]
        draw.shuffle(batches)
        return [place for batch in batches for place in batch]

    def video(self, place: int) -> str:
        """What the question at a place is about."""
        return self.items[place].sample.video

    def _pixels(self, source: Path) -> np.ndarray:
        if _is_picture(source):
            return read_picture(source)
        return read_video(source, fps=self.settings.fps, max_frames=self.settings.max_frames)


def _rounded_up(number: int, size: int) -> int:
    return -(-number // size) * size


def read_picture(path: Path) -> np.ndarray:
    """uint8 (H, W, 3), upright."""
    return read_frames_at(path, [0.0]).data[0]


def read_video(path: Path, *, fps: float, max_frames: int | None) -> np.ndarray:
    """uint8 (T, H, W, 3), as large as inference reads them."""
    info = probe(path)
    size = fit_within(info.height, info.width, longest_side=LONGEST_SIDE)
    batches = sample_frames(path, fps=fps, max_frames=max_frames, size=size)
    return np.concatenate([frames.data for frames in batches])


def _items(path: str, folder: str | None, stage: str) -> list[DatasetItem]:
    items = load_items(DatasetEntry(name=path, path=path, folder=folder))
    if not items:
        raise DataError(f"{path}: there are no questions in it")
    for item in items:
        _check(path, folder, item, stage)
    return items


def _check(path: str, folder: str | None, item: DatasetItem, stage: str) -> None:
    name, options = item.sample.video, item.sample.options or ()
    if item.source is None:
        place = "beside the questions" if folder is None else f"in {folder}"
        raise DataError(f"{path}: {name}: no such file {place} or in videos/ there")
    if item.has_features:
        raise DataError(f"{path}: {name}: there are features of it only; LongVU needs its pixels")
    if stage == "image" and not _is_picture(item.source):
        endings = ", ".join(PICTURE_SUFFIXES)
        raise DataError(f"{path}: {name}: the image stage learns from pictures ({endings})")
    if len(options) > len(LETTERS):
        raise DataError(f"{path}: {name}: {len(options)} options; give at most {len(LETTERS)}")


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in PICTURE_SUFFIXES


def _as_asked(item: DatasetItem) -> tuple[str, str]:
    """Question and answer; with options as they are asked later, and the answer's letter."""
    sample = item.sample
    if not sample.options:
        return sample.question, sample.answer
    asked = format_question(BENCHMARKS["mvbench"], sample.question, sample.options)
    return asked, LETTERS[sample.options.index(sample.answer)]
