"""What comes out: the selected moments, the answer, and both as files or plain values."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from ntlbg.backends import VideoContext
from ntlbg.marks import JPEG, json_object
from ntlbg.pictures import contact_sheet, save_jpeg
from ntlbg.time_text import timestamp

FRAMES = f"frame_{'[0-9]' * 6}_*.jpg"
SHEET_FILE, SELECTION_FILE = "contact_sheet.jpg", "selection.json"
PICTURES = {FRAMES: JPEG}
OVERVIEW = PICTURES | {
    SHEET_FILE: JPEG,
    SELECTION_FILE: json_object("a selection", "video", "selector", "evidence", "usage"),
}


@dataclass(frozen=True)
class Evidence:
    """One selected frame.

    Attributes:
        pts_seconds: when it is on screen, from the first picture.
        timestamp: the same as ``mm:ss``, from one hour on as ``h:mm:ss``.
        score: its relevance to the question; None where nothing was asked.
        weight: share of the video's frames it stands for.
        span_seconds: from the first to the last of those frames.
        supports: whether it shows what the question is about; None where the model cannot tell.
        image: where its picture was written, if it was.
    """

    pts_seconds: float
    timestamp: str
    score: float | None
    weight: float
    span_seconds: tuple[float, float]
    supports: bool | None = None
    image: Path | None = None


@dataclass(frozen=True)
class Moments:
    """The frames chosen from a video; ``seen`` keeps the arrays behind them."""

    video: Path
    question: str | None
    selector: str
    evidence: list[Evidence]
    usage: dict
    notes: list[str] = field(default_factory=list)
    seen: VideoContext | None = field(default=None, repr=False, compare=False)

    def to_dict(self) -> dict:
        """Plain values for JSON; without the arrays."""
        return _plain(self)


@dataclass(frozen=True)
class Answer:
    """An answer and what it rests on; ``seen`` keeps the arrays behind it.

    ``found`` is the chance that the selected frames show what the question is about; None where
    the model cannot tell.
    """

    text: str
    evidence: list[Evidence]
    usage: dict
    question: str
    video: Path
    model: str
    selector: str
    options: list[str] | None = None
    option_scores: list[float] | None = None
    found: float | None = None
    notes: list[str] = field(default_factory=list)
    seen: VideoContext | None = field(default=None, repr=False, compare=False)

    def to_dict(self) -> dict:
        """Plain values for JSON; without the arrays."""
        return _plain(self)


def describe_evidence(seen: VideoContext) -> list[Evidence]:
    """The selected frames with score, weight and span, in order of time."""
    selection, times = seen.selection, seen.pts_seconds[seen.selection.indices]
    return [
        Evidence(
            pts_seconds=float(seconds),
            timestamp=timestamp(seconds),
            score=None if selection.scores is None else float(selection.scores[frame]),
            weight=float(selection.weights[position]),
            span_seconds=tuple(float(edge) for edge in selection.spans[position]),
        )
        for position, (frame, seconds) in enumerate(zip(selection.indices, times, strict=True))
    ]


def mark_evidence(evidence: Sequence[Evidence], supports: np.ndarray | None) -> list[Evidence]:
    """The same moments, with what a model said of each (K,); None says nothing."""
    if supports is None:
        return list(evidence)
    return [replace(item, supports=bool(shown)) for item, shown in zip(evidence, supports)]


def write_pictures(moments: Moments, folder: Path, final_folder: Path) -> Moments:
    """JPEGs named by frame index and time; the evidence names their final place."""
    evidence = []
    selection, frames = moments.seen.selection, moments.seen.frames
    for item, frame, picture in zip(moments.evidence, selection.indices, frames.data, strict=True):
        name = f"frame_{frame:06d}_{item.timestamp.replace(':', '-')}.jpg"
        save_jpeg(picture, folder / name)
        evidence.append(replace(item, image=final_folder / name))
    return replace(moments, evidence=evidence)


def write_overview(moments: Moments, stage: Path) -> None:
    """``contact_sheet.jpg`` and ``selection.json`` about pictures already read."""
    captions = [
        item.timestamp if item.score is None else f"{item.timestamp}   {item.score:.2f}"
        for item in moments.evidence
    ]
    sheet = contact_sheet(list(moments.seen.frames.data), captions)
    save_jpeg(sheet, stage / SHEET_FILE)
    text = json.dumps(moments.to_dict(), indent=2, ensure_ascii=False)
    # file names need not be UTF-8; their odd bytes are written as JSON writes them, \udce9
    (stage / SELECTION_FILE).write_text(text + "\n", "utf-8", errors="backslashreplace")


def _plain(result: "Moments | Answer") -> dict:
    record = asdict(replace(result, seen=None))
    del record["seen"]
    return json.loads(json.dumps(record, default=os.fspath))
