"""The moments that are shown: described, marked, and written as pictures."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ntlbg.marks import JPEG, json_object
from ntlbg.pictures import contact_sheet, save_jpeg
from ntlbg.time_text import timestamp
from ntlbg.types import AnswerInput, Evidence, SelectedFrames

FRAMES = f"frame_{'[0-9]' * 6}_*.jpg"
SHEET_FILE, SELECTION_FILE = "contact_sheet.jpg", "selection.json"
PICTURES = {FRAMES: JPEG}
OVERVIEW = PICTURES | {
    SHEET_FILE: JPEG,
    SELECTION_FILE: json_object("a selection", "video", "selector", "evidence", "usage"),
}


def describe_evidence(seen: AnswerInput) -> list[Evidence]:
    """The selected frames with score, weight and span, in order of time."""
    selection, times = seen.selection, seen.times
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


def write_pictures(moments: SelectedFrames, folder: Path, final_folder: Path) -> SelectedFrames:
    """JPEGs named by frame index and time; the evidence names their final place."""
    evidence = []
    selection, frames = moments.context.selection, moments.context.frames
    for item, frame, picture in zip(moments.evidence, selection.indices, frames.data, strict=True):
        name = f"frame_{frame:06d}_{item.timestamp.replace(':', '-')}.jpg"
        save_jpeg(picture, folder / name)
        evidence.append(replace(item, image=final_folder / name))
    return replace(moments, evidence=evidence)


def write_overview(moments: SelectedFrames, stage: Path) -> None:
    """``contact_sheet.jpg`` and ``selection.json`` about pictures already read."""
    captions = [
        item.timestamp if item.score is None else f"{item.timestamp}   {item.score:.2f}"
        for item in moments.evidence
    ]
    sheet = contact_sheet(list(moments.context.frames.data), captions)
    save_jpeg(sheet, stage / SHEET_FILE)
    text = json.dumps(moments.to_dict(), indent=2, ensure_ascii=False)
    # file names need not be UTF-8; their odd bytes are written as JSON writes them, \udce9
    (stage / SELECTION_FILE).write_text(text + "\n", "utf-8", errors="backslashreplace")


def notes_about(usage: dict, num_pictures: int, *, damaged: bool) -> list[str]:
    """What is to be said of the frames that were read, a sentence each."""
    notes = []
    is_picture = usage["video_seconds"] == 0
    if usage["frames_sampled"] < usage["frames_requested"] and not is_picture:
        notes.append(
            f"asked for {usage['frames_requested']} frames, the video gives "
            f"{usage['frames_sampled']}: all of them are used"
        )
    repeated = usage["frames_used"] - num_pictures
    if repeated > 0 and not notes:  # where all frames are used, so are those that repeat others
        notes.append(
            f"the model can tell apart only {_pictures(num_pictures)} of the video; {repeated} of "
            f"the {usage['frames_used']} frames {'is' if repeated == 1 else 'are'} much like others"
        )
    if damaged:
        notes.append("the video is damaged; what could not be decoded was left out")
    return notes


def _pictures(number: int) -> str:
    return "one picture" if number == 1 else f"{number} pictures"
