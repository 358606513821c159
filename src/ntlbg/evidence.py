"""The moments that are shown: described, marked, and written as pictures."""

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ntlbg.files import Kinds, staged_directory
from ntlbg.generation import Generation, decided
from ntlbg.marks import JPEG, json_object
from ntlbg.pictures import contact_sheet, save_jpeg
from ntlbg.time_text import timestamp
from ntlbg.types import (
    Answer,
    AnswerInput,
    Decision,
    Evidence,
    Question,
    Quotation,
    Reply,
    SelectedFrames,
    VideoIndex,
)

DAMAGED = "the video is damaged; what could not be decoded was left out"
FRAMES = f"frame_{'[0-9]' * 6}_*.jpg"
SHEET_FILE, SELECTION_FILE = "contact_sheet.jpg", "selection.json"
LEAST_BYTES_A_PICTURE = 300  # the head of a JPEG alone has more
PICTURES = {FRAMES: JPEG}
OVERVIEW = PICTURES | {
    SHEET_FILE: JPEG,
    SELECTION_FILE: json_object("a selection", "video", "selector", "evidence", "usage"),
}


def describe_evidence(seen: AnswerInput) -> list[Evidence]:
    """The selected frames with score, weight and span, in order of time."""
    selection, times = seen.selection, seen.times
    is_dense = seen.index.meta.get("sampling_fps", 1.0) > 1.0
    return [
        Evidence(
            pts_seconds=float(seconds),
            timestamp=timestamp(seconds, milliseconds=is_dense),
            score=None if selection.scores is None else float(selection.scores[frame]),
            weight=float(weight),
            span_seconds=(float(first), float(last)),
        )
        for frame, seconds, weight, (first, last) in zip(
            selection.indices, times, selection.weights, selection.spans, strict=True
        )
    ]


def answer_of(
    question: Question, moments: SelectedFrames, reply: Reply, model: str, generation: Generation
) -> Answer:
    """What was said of the chosen frames, with all that it rests on."""
    plan = moments.context.plan
    tokens: dict[str, Any] = {
        "visual_tokens": reply.visual_tokens,
        "prompt_tokens": reply.prompt_tokens,
        "answer_tokens": reply.answer_tokens,
        "finish_reason": reply.finish_reason,
    }
    if moments.context.frames is not None and plan is not None:
        tokens["picture_size"] = [plan.height, plan.width]
    return Answer(
        text=reply.text,
        evidence=mark_evidence(moments.evidence, reply.supports),
        usage=moments.usage | tokens,
        question=question.text,
        video=moments.video,
        model=model,
        selector=moments.selector,
        options=None if question.options is None else list(question.options),
        option_scores=reply.option_scores,
        found=reply.found,
        quotations=quotations_of(reply, moments.context.decision),
        notes=[*moments.notes, *reply.notes, *([] if reply.written else decided(generation))],
        context=moments.context,
    )


def quotations_of(reply: Reply, decision: Decision | None) -> list[Quotation]:
    """Passages that are the answer, else those that answer the question or come nearest."""
    passages = () if decision is None else decision.passages
    return [
        Quotation(
            passage.text,
            passage.start_seconds,
            passage.end_seconds,
            timestamp(max(0.0, passage.start_seconds)),
            passage.source,
        )
        for passage in (passages if reply.quoted is None else reply.quoted)
    ]


def mark_evidence(evidence: Sequence[Evidence], supports: np.ndarray | None) -> list[Evidence]:
    """The same moments, with what a model said of each (K,); None says nothing."""
    if supports is None:
        return list(evidence)
    return [replace(item, supports=bool(shown)) for item, shown in zip(evidence, supports)]


def pictures_in(
    place: str | Path | None, kinds: Kinds, number: int | None
) -> AbstractContextManager[Path | None]:
    """Where pictures wait until all is done; those of an earlier choice make way for them."""
    if place is None:
        return nullcontext()
    needed = (number or 1) * LEAST_BYTES_A_PICTURE
    return staged_directory(place, kinds, anew=FRAMES, needed=needed)


def write_pictures(moments: SelectedFrames, folder: Path, final_folder: Path) -> SelectedFrames:
    """JPEGs named by frame index and time; the evidence names their final place."""
    evidence = []
    indices, pictures = moments.context.selection.indices, moments.context.pictures
    for item, frame, picture in zip(moments.evidence, indices, pictures, strict=True):
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
    sheet = contact_sheet(list(moments.context.pictures), captions)
    save_jpeg(sheet, stage / SHEET_FILE)
    text = json.dumps(moments.to_dict(), indent=2, ensure_ascii=False)
    # file names need not be UTF-8; their odd bytes are written as JSON writes them, \udce9
    (stage / SELECTION_FILE).write_text(text + "\n", "utf-8", errors="backslashreplace")


def num_pictures(index: VideoIndex) -> int:
    """How many pictures were looked at: one that stays is met at several steps, with one time."""
    return len(np.unique(index.pts_seconds))


def usage_of(
    seen: AnswerInput,
    requested: int,
    streams: Sequence[str],
    decoded: int,
    seconds: dict[str, float],
) -> dict[str, Any]:
    """What choosing frames took.

    Args:
        requested: how many frames.
        streams: of what is said and written.
        decoded: pictures.
        seconds: of each step.
    """
    return {
        "streams": ["pictures", *streams],
        "passages": len(seen.index.passages),
        "passages_told": len(seen.passages),
        "video_seconds": seen.index.meta["duration_seconds"],
        "frames_sampled": len(seen.index),
        "pictures_sampled": num_pictures(seen.index),
        "frames_requested": requested,
        "frames_used": len(seen.selection),
        "pictures_decoded": decoded,
        "seconds": seconds,
    }


def notes_about(usage: dict, num_pictures: int | None, *, damaged: bool) -> list[str]:
    """What is to be said of the frames that were read, a sentence each."""
    notes = []
    is_picture = usage["video_seconds"] == 0
    if usage["pictures_sampled"] < usage["frames_requested"] and not is_picture:
        notes.append(
            f"asked for {usage['frames_requested']} frames, the video gives "
            f"{usage['pictures_sampled']}: all of them are used"
        )
    used = usage["frames_used"]
    # where all frames are used, so are those that repeat others
    if num_pictures is not None and num_pictures < used and not notes:
        notes.append(
            f"the model can tell apart only {_pictures(num_pictures)} of the video; "
            f"{used - num_pictures} of the {used} frames "
            f"{'is' if used - num_pictures == 1 else 'are'} much like others"
        )
    if damaged:
        notes.append(DAMAGED)
    return notes


def _pictures(number: int) -> str:
    return "one picture" if number == 1 else f"{number} pictures"
