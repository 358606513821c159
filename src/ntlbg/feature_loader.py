"""Frame features of a question's video: from a file that has them, or from the index."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ntlbg.compressors import COMPRESSORS
from ntlbg.config import Config
from ntlbg.config.training_blocks import DatasetEntry
from ntlbg.data import Sample
from ntlbg.datasets import DatasetItem, load_items, read_features
from ntlbg.encoders import ENCODERS, FEATURE_ENCODERS, Encoder
from ntlbg.errors import ConfigError, DataError
from ntlbg.index.index_video import index_video
from ntlbg.index.store import FeatureIndex
from ntlbg.selectors import SELECTORS


@dataclass(frozen=True)
class QuestionFeatures:
    """A question and its video's frames.

    features: float32 (T, D). pts_seconds: float64 (T,). film: where their pixels are, and size:
    their (height, width); None where there are only features.
    """

    sample: Sample
    features: np.ndarray
    pts_seconds: np.ndarray
    film: Path | None = None
    size: tuple[int, int] | None = None


def check_names(config: Config) -> None:
    """Whether what a configuration names is there.

    Raises:
        ConfigError: no such encoder, or no such selector.
    """
    named: dict[str, tuple[str, Collection[str]]] = {
        "model_config.feature_encoder": (config.model.feature_encoder, FEATURE_ENCODERS),
        "model_config.compress": (config.model.compress, (*COMPRESSORS, "none")),
        "video_config.frame_selector": (config.video_config.frame_selector, SELECTORS),
    }
    for key, (name, known) in named.items():
        if name not in known:
            raise ConfigError(f"{key}: got {name!r}; there are: {', '.join(known)}")


class FeatureLoader:
    """Features as ``video_config`` asks for them; videos are encoded once and kept in the index.

    Args:
        config: its ``fps``, ``temporal_stride`` and ``max_frames``, and its encoder.
        index: None is the user's.
        encoder: instead of the configuration's, such as one whose tower was trained.
    """

    def __init__(
        self, config: Config, index: FeatureIndex | None = None, encoder: Encoder | None = None
    ):
        self.video = config.video_config
        self.index = index or FeatureIndex()
        self._encoder = encoder
        self._size: int | None = None  # of the first file of features
        check_names(config)
        self._name = config.model.feature_encoder

    @property
    def encoder(self) -> Encoder:
        """Loaded when the first video needs it: files of features do not."""
        if self._encoder is None and self._name not in ENCODERS:
            raise ConfigError(
                f"model_config.feature_encoder: got {self._name!r}, which makes features where "
                "base_model is loaded; here, name another encoder, such as builtin"
            )
        if self._encoder is None:
            self._encoder = ENCODERS[self._name]()
        return self._encoder

    def read(self, item: DatasetItem, max_length: int | None = None) -> QuestionFeatures:
        """Features of one question's video.

        Raises:
            DataError: there is no such video. VideoError: it cannot be read.
        """
        if item.source is None:
            raise DataError(f"{item.sample.video}: no such video, and no features of it")
        limit = min(self.video.max_frames, max_length or self.video.max_frames)
        if item.has_features:
            features, times = read_features(item.source, self.video.fps)
            self._check_size(item.source, features.shape[1])
            features, times = (
                features[:: self.video.temporal_stride],
                times[:: self.video.temporal_stride],
            )
            kept = np.linspace(0, len(features) - 1, min(limit, len(features))).round().astype(int)
            return QuestionFeatures(item.sample, features[kept], times[kept])
        indexed = index_video(
            item.source,
            [self.encoder],
            index=self.index,
            fps=self.video.fps / self.video.temporal_stride,
            max_frames=limit,
        )
        features = indexed.features[self.encoder.name]
        size = indexed.meta["height"], indexed.meta["width"]
        return QuestionFeatures(item.sample, features, indexed.pts_seconds, item.source, size)

    def _check_size(self, path: Path, size: int) -> None:
        self._size = self._size or size
        if size != self._size:
            raise DataError(
                f"{path}: features of size {size}, those of other videos have {self._size}; encode "
                "all with one encoder"
            )

    def feature_size(self, items: Sequence[DatasetItem]) -> int:
        """D of the data sets' features: of the first file that can be read.

        Raises:
            DataError: there are files of features, and none can be read.
        """
        problem: DataError | None = None
        for item in items:
            if item.source is not None and item.has_features:
                try:
                    return read_features(item.source)[0].shape[1]
                except DataError as error:
                    problem = problem or error
        if problem is not None:
            raise problem
        return self.encoder.feature_size


def load_datasets(entries: tuple[DatasetEntry, ...]) -> list[list[DatasetItem]]:
    """Items of every data set whose video or features are there.

    Raises:
        DataError: a data set cannot be read, or none of its videos is there.
    """
    found = []
    for entry in entries:
        items = [item for item in load_items(entry) if item.source is not None]
        if not items:
            place = entry.path if entry.folder is None else entry.folder
            raise DataError(f"{entry.name}: {place}: none of its videos is there")
        found.append(items)
    return found
