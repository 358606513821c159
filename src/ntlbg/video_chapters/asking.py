"""A model is told what is said in each chapter, shown some of its frames, and names it.

T frames looked at.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ntlbg.budget import check_used, plan_frames
from ntlbg.choosing import choose
from ntlbg.evidence import num_pictures
from ntlbg.generation import Generation
from ntlbg.index.index_video import Progress
from ntlbg.index.store import FeatureIndex
from ntlbg.looking import keeping
from ntlbg.pictures import fit_within
from ntlbg.question import checked_question
from ntlbg.system import System
from ntlbg.telling import plan_telling
from ntlbg.types import AnswerInput, Chapter, Passage, Question, Reply, VideoIndex
from ntlbg.video import read_frames_at
from ntlbg.video.opening import check_unchanged, file_state
from ntlbg.video_chapters.titles import shortened

MOST_WORDS = 8
QUESTION = (
    f"Write a title of at most {MOST_WORDS} words for this chapter of a video, in the language "
    "that is spoken in it. Write the title and nothing else."
)
# Eight words are 10 to 16 tokens, in scripts that a tokenizer knows little of three times as many.
TITLE = Generation(max_new_tokens=48)
# A chapter is about one thing, so a few frames show it; the passages tell the rest.
NUM_FRAMES = 4
SELECTOR = "uniform"
# What models write around a title: a name for it, marks of Markdown, quotation marks.
LABEL = re.compile(r"^(?:chapter )?title\s*[:：-]\s*", re.IGNORECASE)
MARKS = "*_#`\"'“”‘’«»「」『』《》 \t"


def ask_titles(
    system: System,
    video: Path,
    seen: VideoIndex,
    passages: Sequence[Passage],
    found: Sequence[Chapter],
    index: FeatureIndex,
    naming: Progress | None = None,
) -> tuple[list[Chapter], list[str]]:
    """The chapters with titles of a model, and notes; what it does not name keeps its title.

    Args:
        seen: of the whole video.
        passages: all that is said and written, in order of time.
        naming: called with chapters done and their share.

    Raises:
        NtlbgError: what the model does not read or answer, as :func:`ntlbg.ask`.
    """
    named: list[Chapter] = []
    notes: list[str] = []
    for done, chapter in enumerate(found, 1):
        reply = _ask(system, video, _part(seen, passages, chapter), index)
        title = title_of(reply)
        named.append(replace(chapter, title=title, title_source="model") if title else chapter)
        notes += reply.notes
        if naming is not None:
            naming(done, done / len(found))
    without = sum(chapter.title_source != "model" for chapter in named)
    if without:
        notes.append(
            f"{system.name} wrote no title for {without} of {len(found)} chapters, which are named "
            "by what is said and written"
        )
    return named, list(dict.fromkeys(notes))


def title_of(reply: Reply) -> str:
    """The first line of what a model wrote, without what stands around a title; empty for none.

    A model that writes nothing itself, but decides by frames or quotes, gives no title.
    """
    if not reply.written:
        return ""
    lines = (line.strip(MARKS) for line in reply.text.splitlines())
    first = next((line for line in lines if line), "")
    return shortened(LABEL.sub("", first).strip(MARKS))


def _part(seen: VideoIndex, passages: Sequence[Passage], chapter: Chapter) -> VideoIndex:
    """What is known of one chapter: its frames, at least the one before its end, its passages."""
    start, end = chapter.start_seconds, chapter.end_seconds
    rows = np.flatnonzero((seen.pts_seconds >= start) & (seen.pts_seconds < end))
    if not len(rows):
        rows = np.array([max(int(np.searchsorted(seen.pts_seconds, end)) - 1, 0)])
    return VideoIndex(
        seen.pts_seconds[rows],
        {name: features[rows] for name, features in seen.features.items()},
        {
            name: {key: one[rows] for key, one in notes.items()}
            for name, notes in seen.notes.items()
        },
        tuple(one for one in passages if one.start_seconds < end and one.end_seconds > start),
        seen.meta,
    )


def _ask(system: System, video: Path, part: VideoIndex, index: FeatureIndex) -> Reply:
    asked, answerer = checked_question(QUESTION), system.answerer
    given = _given(system, video, part, asked)
    with keeping(system, video, index) as kept:
        reply = answerer.answer(asked, replace(given, kept=kept))
    assert given.plan is not None
    check_used(given.plan, reply, answerer)
    return reply


def _given(system: System, video: Path, part: VideoIndex, asked: Question) -> AnswerInput:
    answerer, before = system.answerer, file_state(video)
    size, last = (part.meta["height"], part.meta["width"]), float(part.pts_seconds[-1])
    telling = plan_telling(answerer, part.passages, {}, "best")
    number = num_pictures(part)
    plan, _ = plan_frames(
        answerer, asked, size, number, num_frames=min(NUM_FRAMES, number), last_seconds=last,
        told_tokens=telling.tokens,
    )  # fmt: skip
    selection = choose(system.retriever, part, None, SELECTOR, plan.num_frames)
    told = telling.beside(part.pts_seconds[selection.indices])
    given = AnswerInput(part, system.retriever.features(part), selection, plan=plan,
                        passages=told, generation=TITLE)  # fmt: skip
    if not answerer.wants.pictures:
        return given
    side = fit_within(*size, longest_side=answerer.wants.longest_side)
    frames = read_frames_at(video, given.times, size=side)
    check_unchanged(video, before)  # else the pictures are not those of the features
    return replace(given, frames=frames)
