"""The whole flow on one page: video and question in, answer and the moments behind it out."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ntlbg.answerers import Answerer
from ntlbg.budget import check_used
from ntlbg.choosing import choose
from ntlbg.encoders import Encoder
from ntlbg.evidence import (
    OVERVIEW,
    PICTURES,
    answer_of,
    describe_evidence,
    notes_about,
    pictures_in,
    usage_of,
    write_overview,
    write_pictures,
)
from ntlbg.generation import GREEDY, Generation, check_written
from ntlbg.index.index_video import Progress
from ntlbg.index.passages import USUAL_WORDS, Words
from ntlbg.index.store import FeatureIndex
from ntlbg.looking import Along, Clock, Look, keeping, with_pictures
from ntlbg.question import checked_question, checked_talk
from ntlbg.selectors import check_selector
from ntlbg.system import System, load_system
from ntlbg.talking import planned, sought_in
from ntlbg.telling import what_is_said
from ntlbg.text.meaning import TextEncoder
from ntlbg.types import Answer, AnswerInput, Question, SelectedFrames, Turn
from ntlbg.video import ReadReport
from ntlbg.video.opening import file_state
from ntlbg.video.stills import check_video


def ask(
    video: str | Path,
    question: str,
    *,
    options: list[str] | None = None,
    model: str | Answerer | System = "builtin",
    encoder: str | Encoder | None = None,
    endpoint: str | None = None,
    model_options: Mapping[str, Any] | None = None,
    num_frames: int | None = None,
    max_visual_tokens: int | None = None,
    fps: float | None = None,
    selector: str | None = None,
    selector_options: Mapping[str, Any] | None = None,
    max_frames: int | None = None,
    start: float | None = None,
    end: float | None = None,
    words: Words = USUAL_WORDS,
    text_encoder: str | TextEncoder | None = None,
    evidence_dir: str | Path | None = None,
    read_frames: bool = False,
    generation: Generation = GREEDY,
    on_text: Callable[[str], None] | None = None,
    talk: Sequence[Turn] = (),
    index: FeatureIndex | None = None,
    progress: Progress | None = None,
) -> Answer:
    """Answer a question about a video from the frames that represent it for that question.

    The first question about a video reads and encodes it; the index keeps the features, so
    later questions decode at most the selected frames.

    Args:
        options: choices of a multiple-choice question; the best one is the answer.
        model, encoder, endpoint, model_options, text_encoder: what answers and what finds
            frames and passages, see :func:`ntlbg.load_system`; a system that is loaded already
            takes the place of all of them.
        num_frames: how many are chosen; fewer when the video has fewer.
        max_visual_tokens: hard cap on the tokens that stand for them in the model's prompt.
        fps: how densely the video is looked at.
        selector: a name in SELECTORS.
        selector_options: of the selector, by name: the fields of ``SELECTORS[name].options``.
        max_frames: look at this many frames at most, spread over the whole range. None, here and
            in those above, is what the model does by itself: ``System.habits``.
        start, end: seconds from the first picture; only this part is looked at.
        words: which subtitles are read, and whether the sound is listened to.
        evidence_dir: write the selected frames here as JPEG; earlier ones make way.
        read_frames: keep the selected pictures in ``answer.context.frames``.
        generation: how the text is written; where the model writes none, a note says so.
        on_text: called with each piece of the answer as it is written, or with all of it where it
            is checked before; not with a chosen option.
        talk: earlier questions about this video and their answers, the oldest first.
        index: where features are kept; None is the user's cache.
        progress: called with frames done and, where known, the share done.

    Raises:
        NtlbgError: everything a user can cause, see ``ntlbg.errors``.
    """
    asked, talk = checked_question(question, options), checked_talk(talk)
    check_selector(selector, num_frames, selector_options, asked=True)
    check_written(options, generation)
    check_video(video)  # before a model is loaded, not after
    with pictures_in(evidence_dir, PICTURES, num_frames) as folder:
        system = load_system(model, encoder=encoder, endpoint=endpoint,
                             model_options=model_options, text_encoder=text_encoder)  # fmt: skip
        look = Look(fps, max_frames, start, end, selector, num_frames, max_visual_tokens,
                    selector_options or {}, words)  # fmt: skip
        pictures = read_frames or folder is not None or system.answerer.wants.pictures
        moments = _choose(
            Path(video), asked, system, look, index, progress, pictures, talk, limit=True
        )
        began, along = time.perf_counter(), Along(on_text)
        with keeping(system, Path(video), index) as kept:
            given = replace(moments.context, generation=generation, on_text=along.call, kept=kept)
            reply = system.answerer.answer(asked, given)
        assert given.plan is not None
        check_used(given.plan, reply, system.answerer, max_visual_tokens)
        along.end(reply)
        moments.usage["seconds"]["answer"] = time.perf_counter() - began
        if folder and evidence_dir is not None:
            moments = write_pictures(moments, folder, Path(evidence_dir))
    return answer_of(asked, moments, reply, system.name, generation)


def select(
    video: str | Path,
    question: str | None = None,
    *,
    model: str | Answerer | System = "builtin",
    encoder: str | Encoder | None = None,
    num_frames: int | None = None,
    fps: float | None = None,
    selector: str | None = None,
    selector_options: Mapping[str, Any] | None = None,
    max_frames: int | None = None,
    start: float | None = None,
    end: float | None = None,
    words: Words = USUAL_WORDS,
    out_dir: str | Path | None = None,
    index: FeatureIndex | None = None,
    progress: Progress | None = None,
) -> SelectedFrames:
    """Choose the frames that represent a video, for a question or for itself.

    With ``out_dir`` the frames are written there as JPEG, with ``contact_sheet.jpg`` and
    ``selection.json``. The other arguments are those of :func:`ask`.
    """
    asked = None if question is None else checked_question(question)
    check_selector(selector, num_frames, selector_options, asked=asked is not None)
    check_video(video)  # before a model is loaded, not after
    with pictures_in(out_dir, OVERVIEW, num_frames) as folder:
        system = load_system(model, encoder=encoder)
        look = Look(fps, max_frames, start, end, selector, num_frames, None,
                    selector_options or {}, words)  # fmt: skip
        moments = _choose(Path(video), asked, system, look, index, progress, folder is not None)
        if folder and out_dir is not None:
            moments = write_pictures(moments, folder, Path(out_dir))
            write_overview(moments, folder)
    return moments


def _choose(
    video: Path,
    question: Question | None,
    system: System,
    look: Look,
    index: FeatureIndex | None,
    progress: Progress | None,
    pictures: bool,
    talk: Sequence[Turn] = (),
    limit: bool = False,
) -> SelectedFrames:
    """Features from the index, relevance from the retriever, frames from the selector.

    ``limit``: no more frames, and no larger ones, than the answerer can read here.
    """
    report, clock, before = ReadReport(), Clock(), file_state(video)
    selector, options = look.selector_of(system.habits), look.selector_options
    sought, about_talk = sought_in(question, talk)
    notes = look.check(system, question, video if limit else None)
    indexed, heard = look.features(video, system, index, progress, report)
    clock.lap("index")
    said = what_is_said(system, indexed, sought, look.words.transcript)
    answered = question if limit else None
    fit = planned(look, system, answered, indexed, said.telling.tokens, talk)
    selection = choose(said.retriever, indexed, sought, selector, fit.num_frames, said.quoted,
                       **options)  # fmt: skip
    clock.lap("select")
    told = said.telling.beside(indexed.pts_seconds[selection.indices])
    given = AnswerInput(indexed, system.retriever.features(indexed), selection, plan=fit.plan,
                        passages=told, decision=said.decision, talk=fit.talk)  # fmt: skip
    if pictures:
        given = with_pictures(given, video, system, before, report)
        clock.lap("read")
    usage = usage_of(given, fit.wanted, heard.streams, report.decoded, clock.seconds)
    about = notes_about(usage, selection.num_pictures, damaged=indexed.meta["damaged"])
    notes = [*notes, *fit.notes, *about_talk, *heard.notes, *said.notes, *about]
    text, evidence = None if question is None else question.text, describe_evidence(given)
    return SelectedFrames(video, text, selector, evidence, usage, notes, context=given)
