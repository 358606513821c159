"""What a choice of frames is worth, and every single result, kept as JSON lines.

Recall of the evidence, coverage of the video, spread: ``METRICS`` is the whole menu. A killed run
goes on where it was. T frames, k of them chosen, r principal components.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ntlbg.json_lines import RecordFile, records_kind
from ntlbg.marks import json_object
from ntlbg_lab.checks import check_settings
from ntlbg_lab.evidence.metrics import (
    cell_contour_deviation,
    events_hit,
    quantisation_error,
    shot_coverage,
    temporal_uniformity,
    whitened,
)


@dataclass(frozen=True)
class Metric:
    """What one number means. ``better`` is 1 when more is better, -1 when less is, else 0."""

    label: str
    better: int
    decimals: int = 2


METRICS = {
    "recall": Metric("event recall", 1),
    "recall_any": Metric("any event", 1),
    "recall_all": Metric("all events", 1),
    "quantisation_error": Metric("quantisation error", -1),
    "shot_coverage": Metric("shot coverage", 1),
    "temporal_uniformity": Metric("temporal uniformity", 0),
    "contour_deviation": Metric("contour deviation", 0),
    "seconds": Metric("processor seconds", -1, 3),
}


@dataclass(frozen=True)
class ComparisonQuestion:
    """A question about a video, where its evidence is, and the way to frames for it.

    Attributes:
        kind: its type.
        events: frames that show each piece of evidence; empty when there is none to see.
        choose: selector and budget to (k,) ascending indices.
    """

    kind: str
    events: Sequence[np.ndarray]
    choose: Callable[[str, int], np.ndarray]


@dataclass(frozen=True)
class ComparisonVideo:
    """A video to compare selectors on.

    Attributes:
        features: (T, D) float32.
        pts_seconds: (T,) ascending.
        shots: (T,) number of the shot of each frame.
        questions: about it.
    """

    features: np.ndarray
    pts_seconds: np.ndarray
    shots: np.ndarray
    questions: Sequence[ComparisonQuestion]

    @cached_property
    def white(self) -> np.ndarray | None:
        """(T, r) leading components with variance 1; None when all frames are the same."""
        return whitened(self.features)


def measure(
    video: ComparisonVideo, question: ComparisonQuestion, indices: np.ndarray
) -> dict[str, float | None]:
    """Everything in METRICS but the seconds; None where there is nothing to measure."""
    seen = events_hit(question.events, indices)
    error = quantisation_error(video.features, indices)
    spread = cell_contour_deviation(video.features, video.white, indices)
    return {
        "recall": float(seen.mean()) if len(seen) else None,
        "recall_any": float(seen.any()) if len(seen) else None,
        "recall_all": float(seen.all()) if len(seen) else None,
        "quantisation_error": None if np.isnan(error) else error,
        "shot_coverage": shot_coverage(video.shots, indices),
        "temporal_uniformity": temporal_uniformity(video.pts_seconds, indices),
        "contour_deviation": None if np.isnan(spread) else spread,
    }


RESULTS_FILE, SETTINGS_FILE = "results.jsonl", "settings.json"
COMPARISON_RESULTS = "results of a comparison"


@dataclass(frozen=True)
class SelectorResult:
    """One question, one selector, one budget. ``values`` are named as in METRICS."""

    video: int
    question: int
    kind: str
    selector: str
    num_frames: int
    indices: list[int]
    values: dict[str, float | None]

    @property
    def block(self) -> tuple[int, str, int]:
        """What is written at once: all questions about a video, for one selector and budget."""
        return self.video, self.selector, self.num_frames


SETTINGS = {SETTINGS_FILE: json_object("settings of a comparison", "suite", "seed", "questions")}
FILES = {RESULTS_FILE: records_kind(SelectorResult, COMPARISON_RESULTS)} | SETTINGS


class ComparisonStore(RecordFile):
    """The results in a folder.

    Selectors, budgets and videos may be added to later; everything else must stay as it was.

    Args:
        settings: what the results depend on; ``questions`` are in each block.
        name: of the file.
        record: dataclass of a line, with the ``block`` that it belongs to.

    Raises:
        ConfigError: the folder holds results of other settings.
        DataError: the folder's files are not what was written there.
        OutputError: the folder cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        settings: dict[str, Any],
        name: str = RESULTS_FILE,
        record: type = SelectorResult,
    ):
        def whole(found: list) -> list:
            sizes = Counter(result.block for result in found)
            return [r for r in found if sizes[r.block] == settings["questions"]]

        check_settings(folder / SETTINGS_FILE, settings, "results")
        super().__init__(folder / name, record, COMPARISON_RESULTS, whole)

    @property
    def done(self) -> set[tuple[int, str, int]]:
        """The blocks that are there."""
        return {result.block for result in self.records}
