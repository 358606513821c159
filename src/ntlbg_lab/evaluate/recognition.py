"""What the vision tower alone makes of the frames: names the objects, sees nothing elsewhere."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ntlbg.intervals import ratio_interval
from ntlbg.models.builtin.vocabulary import object_names
from ntlbg.system import System
from ntlbg_lab.evaluate.answering import CellKey, VideoKey
from ntlbg_lab.haystack.pictures import style_name
from ntlbg_lab.haystack.timeline import Timeline
from ntlbg_lab.statistics import known

NO_OBJECT = "nothing"


@dataclass(frozen=True)
class EvaluatedVideo(VideoKey):
    """One video that was drawn and encoded.

    Attributes:
        frames: encoded.
        seconds: processor time of drawing and encoding.
        named: frames with an object and how many of them got its name, by style of the picture;
            under "nothing" frames without any, and how many of them were taken for empty. Empty
                where a model has no names.
        done: (selector, frames) that the questions were answered with.
    """

    frames: int
    seconds: float
    named: dict[str, tuple[int, int]]
    done: list[tuple[str, int]]

    @property
    def cell_keys(self) -> list[CellKey]:
        """What was answered, as in ``Outcome.cell_key``."""
        where = self.weights, self.condition, self.kind, self.video
        return [CellKey(*where, selector, num_frames) for selector, num_frames in self.done]


@torch.inference_mode()
def name_frames(system: System, features: np.ndarray) -> list[str] | None:
    """The likeliest of the tower's own words (T,), with the reader's bias on "nothing".

    None where a model does not read the names of the drawn objects.
    """
    projector: Any = getattr(getattr(system.answerer, "model", None), "multi_modal_projector", None)
    names = [*object_names(), NO_OBJECT]
    if not hasattr(projector, "word_logits") or len(projector.words) != len(names):
        return None
    logits = projector.word_logits(torch.as_tensor(features).float())
    empty = logits[:, -1:] + projector.nothing_bias  # further words stand before the last
    own = torch.cat([logits[:, : len(names) - 1], empty], dim=1)
    return [names[place] for place in own.argmax(-1).tolist()]


def judge_names(
    timeline: Timeline, pts_seconds: np.ndarray, named: Sequence[str]
) -> dict[str, tuple[int, int]]:
    """Frames and right names, by style; frames that show two objects are left out."""
    counts: dict[str, list[bool]] = defaultdict(list)
    for seconds, name in zip(pts_seconds, named, strict=True):
        shown = [n for n in timeline.needles if n.event.start <= seconds < n.event.end]
        if len(shown) < 2:
            style, truth = (
                (shown[0].style, shown[0].event.name) if shown else (NO_OBJECT, NO_OBJECT)
            )
            counts[style].append(name == truth)
    return {style: (len(found), sum(found)) for style, found in sorted(counts.items())}


@dataclass(frozen=True)
class RecognitionRow:
    """Share of the frames that were named right, with a 95 % interval over videos."""

    weights: str
    condition: str
    style: str
    frames: int
    right: float
    low: float | None
    high: float | None


def summarize_recognition(videos: Sequence[EvaluatedVideo]) -> list[RecognitionRow]:
    """A row for each style, and one for frames that show nothing."""
    groups: dict[tuple[str, str, str], list[tuple[int, int]]] = defaultdict(list)
    once = {(v.weights, v.condition, v.kind, v.video): v for v in videos}  # some were drawn twice
    for video in once.values():
        for style, (shown, named) in video.named.items():
            groups[video.weights, video.condition, style_name(style)].append((shown, named))
    rows = []
    for (weights, condition, style), counts in groups.items():
        total, right = np.array(counts).T
        low, high = map(float, ratio_interval(right, total)) if len(total) > 1 else (None, None)
        share = round(float(right.sum() / total.sum()), 3)
        bounds = known(low, 3), known(high, 3)
        rows.append(RecognitionRow(weights, condition, style, int(total.sum()), share, *bounds))
    return sorted(rows, key=lambda row: (row.weights, row.condition, row.style == NO_OBJECT))
