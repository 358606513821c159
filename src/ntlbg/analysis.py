"""What a configuration's data sets ask for: lengths of the real videos, frames, tokens, a level."""

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ntlbg.config import LEVELS, Config
from ntlbg.config.blocks import VideoConfig
from ntlbg.config.training_blocks import DatasetEntry
from ntlbg.datasets import DatasetItem, load_items, read_features
from ntlbg.errors import DataError, VideoError
from ntlbg.memory import Workload, reader_sizes
from ntlbg.memory.plan import sequence_tokens
from ntlbg.video import probe
from ntlbg.video_files import FEATURE_SUFFIXES

# Of the videos, this share must be no longer than what the level is for.
COVERED_SHARE = 0.9


@dataclass(frozen=True)
class DatasetReport:
    """One data set as it is on disk.

    Attributes:
        problem: why it cannot be read; then the rest is empty.
        questions: how many; kinds: how many of each answer_type.
        missing: videos that are named but not there; damaged: those that cannot be opened.
        seconds: (V,) length of every video.
        frames: (V,) frames looked at; chosen: (V,) of them.
        tokens: of the longest prompt.
    """

    name: str
    path: str
    questions: int = 0
    kinds: dict[str, int] | None = None
    missing: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()
    seconds: np.ndarray | None = None
    frames: np.ndarray | None = None
    chosen: np.ndarray | None = None
    tokens: int = 0
    problem: str | None = None

    @property
    def there(self) -> bool:
        """Whether there is a question about a video that can be opened."""
        return self.seconds is not None and len(self.seconds) > 0

    def to_dict(self) -> dict:
        """Plain values, quantiles instead of arrays."""
        head = {"name": self.name, "path": self.path, "there": self.there}
        if self.seconds is None or self.frames is None or self.chosen is None:
            return head | {"problem": self.problem}
        return {
            **head,
            "questions": self.questions,
            "answer_types": self.kinds,
            "videos": len(self.seconds),
            "missing": list(self.missing),
            "damaged": list(self.damaged),
            "seconds": _quantiles(self.seconds),
            "frames": _quantiles(self.frames),
            "chosen": _quantiles(self.chosen),
            "tokens": self.tokens,
        }


@dataclass(frozen=True)
class Analysis:
    """All data sets, and the level that suits their videos.

    Attributes:
        level: a key of LEVELS; None without a single video.
        reason: why this one.
    """

    datasets: list[DatasetReport]
    level: str | None
    reason: str

    def to_dict(self) -> dict:
        return {
            "datasets": [report.to_dict() for report in self.datasets],
            "level": self.level,
            "reason": self.reason,
        }


def analyze(config: Config) -> Analysis:
    """Open every data set that the configuration names, and every video of it."""
    data = config.dataset_config
    entries = [*data.train_datasets, *data.val_datasets, *data.test_datasets]
    reports = [analyze_dataset(entry, config) for entry in entries]
    lengths = [report.seconds for report in reports if report.seconds is not None]
    level, reason = recommend_level(np.concatenate(lengths) if lengths else np.empty(0))
    return Analysis(reports, level, reason)


def analyze_dataset(entry: DatasetEntry, config: Config) -> DatasetReport:
    """One data set; a folder that is not there is a problem of the report, not an error."""
    try:
        items = load_items(entry)
    except DataError as error:
        return DatasetReport(entry.name, entry.path, problem=str(error))
    missing = {item.sample.video for item in items if item.source is None}
    seconds, frames, damaged = _lengths(items, entry, config.video_config)
    chosen = np.array([config.video_config.representatives_for(number) for number in frames])
    work = Workload(int(frames.max(initial=1)), int(chosen.max(initial=1)))
    return DatasetReport(
        entry.name,
        entry.path,
        questions=len(items),
        kinds=dict(Counter(item.sample.answer_type or "none" for item in items)),
        missing=tuple(sorted(missing)),
        damaged=tuple(sorted(damaged)),
        seconds=seconds,
        frames=frames,
        chosen=chosen,
        tokens=sequence_tokens(reader_sizes(config), work) if len(seconds) else 0,
    )


def _lengths(
    items: list[DatasetItem], entry: DatasetEntry, video: VideoConfig
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Seconds and frames of every video once, and the files that cannot be opened."""
    found, damaged, most = [], [], min(video.max_frames, entry.max_length)
    for source in dict.fromkeys(item.source for item in items if item.source is not None):
        try:
            seconds, frames = _length(source, video)
        except (VideoError, DataError):
            damaged.append(str(source))
        else:
            found.append((seconds, min(frames, most)))
    lengths, looked_at = zip(*found) if found else ((), ())
    return np.array(lengths, dtype=np.float64), np.array(looked_at, dtype=np.int64), damaged


def _length(source: Path, video: VideoConfig) -> tuple[float, int]:
    """Seconds, and frames looked at without a limit: of a film at ``fps``, of features all.

    Every ``temporal_stride``th of them is kept.
    """
    if source.suffix in FEATURE_SUFFIXES:
        _, times = read_features(source, video.fps)
        last = np.diff(times).mean() if len(times) > 1 else 1 / video.fps
        seconds = float(times[-1] - times[0] + last)
        return seconds, math.ceil(len(times) / video.temporal_stride)
    seconds = probe(source).duration_seconds
    return seconds, max(1, math.ceil(seconds * video.fps / video.temporal_stride))


def recommend_level(seconds: np.ndarray) -> tuple[str | None, str]:
    """The level of LEVELS for videos of these lengths (V,), and why."""
    if not len(seconds):
        return None, "no video was found, so there is nothing to recommend a level for"
    minutes = float(np.quantile(seconds, COVERED_SHARE, method="inverted_cdf")) / 60
    share = f"{COVERED_SHARE:.0%} of {len(seconds)} videos are no longer than {minutes:.1f} minutes"
    for name, level in LEVELS.items():
        longest = level.video_minutes[1]
        if longest is None or minutes <= longest:
            return name, share
    raise AssertionError("the last level has no upper limit")


def _quantiles(values: np.ndarray) -> dict[str, float] | None:
    if not len(values):
        return None
    low, middle, high = np.quantile(values, [0, 0.5, 1])
    return {"least": float(low), "median": float(middle), "most": float(high)}
