"""Data to train on: three files of questions, and the made videos that they are about."""

import json
from collections.abc import Iterator
from pathlib import Path

from ntlbg.data import Sample
from ntlbg.files import check_folder, staged_directory
from ntlbg_lab.haystack import (
    FILMS,
    FPS,
    SIZE,
    Progress,
    check_wishes,
    counted,
    draw_videos,
    questions_kind,
)
from ntlbg_lab.haystack.backgrounds import SPLITS

VIDEOS = "videos"
FILES = {f"{split}.jsonl": questions_kind("video_id") for split in SPLITS}
# Of the videos to train on: enough to watch the loss by, and to tell a gain of a tenth.
SHARES = {"train": 1.0, "val": 1 / 8, "test": 1 / 4}


def make_dataset(
    out_dir: str | Path,
    *,
    num_videos: int = 48,
    minutes: float = 1,
    seed: int = 0,
    questions: int = 12,
    style: str | None = None,
    progress: Progress | None = None,
) -> list[Path]:
    """Write ``train.jsonl``, ``val.jsonl``, ``test.jsonl`` and ``videos/`` into a folder.

    The three have no background but plain drawings in common, and no video.

    Args:
        num_videos: to train on; an eighth as many to validate and a quarter as many to test with,
            at least one.

    Returns:
        the three files. The other arguments are those of :func:`ntlbg_lab.haystack.make_videos`.

    Raises:
        ConfigError, OutputError.
    """
    check_wishes(num_videos, minutes, seed, questions)
    folder = Path(out_dir)
    check_folder(folder, FILES)
    numbers = {split: max(1, round(share * num_videos)) for split, share in SHARES.items()}
    count = counted(progress, sum(numbers.values()) * int(minutes * 60 * FPS))
    with staged_directory(folder / VIDEOS, FILMS) as stage:
        samples = {
            split: draw_videos(
                stage, range(number), minutes=minutes, seed=seed, questions=questions, split=split,
                style=style, size=SIZE, fps=FPS, container=".mp4", count=count,
            )
            for split, number in numbers.items()
        }  # fmt: skip
    with staged_directory(folder, FILES) as stage:
        for split, found in samples.items():
            lines = "".join(f"{line}\n" for line in _records(found, split))
            (stage / f"{split}.jsonl").write_text(lines, encoding="utf-8")
    return [folder / name for name in FILES]


def _records(samples: list[Sample], split: str) -> Iterator[str]:
    for sample in samples:
        record = sample.model_dump(exclude_none=True)
        video = {"id": record.pop("id"), "video_id": record.pop("video")}
        yield json.dumps(video | record | {"metadata": {"scene": "made", "split": split}})
