"""The whole flow on one page: video and question in, answer and the moments behind it out."""

import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from ntlbg.backends import Backend, Habits, VideoContext, load_backend
from ntlbg.backends.generation import GREEDY, Generation, check_written, decided
from ntlbg.choosing import choose_frames
from ntlbg.errors import InvalidBudget, QueryRequired, QuestionError, UnknownSelector
from ntlbg.files import Kinds, staged_directory
from ntlbg.index.index_video import Progress, index_video
from ntlbg.index.store import FeatureIndex
from ntlbg.memory import affordable_frames
from ntlbg.pictures import fit_within
from ntlbg.results import (
    FRAMES,
    OVERVIEW,
    PICTURES,
    Answer,
    Moments,
    describe_evidence,
    mark_evidence,
    write_overview,
    write_pictures,
)
from ntlbg.selectors import SELECTORS
from ntlbg.video import ReadReport, read_frames_at
from ntlbg.video.opening import check_unchanged, file_state
from ntlbg.video.stills import check_video

DEFAULT_SELECTOR = Habits.selector
LONGEST_PICTURE_SIDE = 1280


def ask(
    video: str | Path,
    question: str,
    *,
    options: list[str] | None = None,
    model: str | Backend = "builtin",
    num_frames: int | None = None,
    fps: float | None = None,
    selector: str | None = None,
    max_frames: int | None = None,
    start: float | None = None,
    end: float | None = None,
    evidence_dir: str | Path | None = None,
    read_frames: bool = False,
    generation: Generation = GREEDY,
    index: FeatureIndex | None = None,
    progress: Progress | None = None,
) -> Answer:
    """Answer a question about a video from the frames that represent it for that question.

    The first question about a video reads and encodes it; the index keeps the features, so
    later questions decode at most the selected frames.

    Args:
        options: choices of a multiple-choice question; the best one is the answer.
        model: a name in BACKENDS, a folder of a trained model, or a backend of your own.
        num_frames: the budget; fewer are used when the video has fewer.
        fps: how densely the video is looked at.
        selector: a name in SELECTORS.
        max_frames: look at this many frames at most, spread over the whole range. None, here and
            in the three above, is what the model does by itself: ``backend.habits``.
        start, end: seconds from the first picture; only this part is looked at.
        evidence_dir: write the selected frames here as JPEG; earlier ones make way.
        read_frames: keep the selected pictures in ``answer.seen.frames``.
        generation: how the text is written; where the model writes none, a note says so.
        index: where features are kept; None is the user's cache.
        progress: called with frames done and, where known, the share done.

    Raises:
        NtlbgError: everything a user can cause, see ``ntlbg.errors``.
    """
    question, options = _check_question(question), _check_options(options)
    _check_selection(selector, num_frames)
    check_written(options, generation)
    check_video(video)  # before a model is loaded, not after
    with _pictures_in(evidence_dir, PICTURES) as folder:
        backend = load_backend(model)
        selector = selector or backend.habits.selector
        moments = _choose(
            Path(video), question, backend, selector, num_frames, index, progress,
            read_frames or folder is not None or backend.needs_frames,
            answered_by=backend.name, options=options,
            fps=fps, max_frames=max_frames, start=start, end=end,
        )  # fmt: skip
        began = time.perf_counter()
        # a backend that writes no text need not take what is asked of it
        asked = {"generation": generation} if generation.given else {}
        reply = backend.answer(question, video=moments.seen, options=options, **asked)
        seconds = moments.usage["seconds"] | {"answer": time.perf_counter() - began}
        if folder:
            moments = write_pictures(moments, folder, Path(evidence_dir))
    return Answer(
        text=reply.text,
        evidence=mark_evidence(moments.evidence, reply.supports),
        usage=moments.usage | {"visual_tokens": reply.visual_tokens, "seconds": seconds},
        question=question,
        video=moments.video,
        model=backend.name,
        selector=selector,
        options=options,
        option_scores=reply.option_scores,
        found=reply.found,
        notes=[*moments.notes, *reply.notes, *([] if reply.written else decided(generation))],
        seen=moments.seen,
    )


def select(
    video: str | Path,
    question: str | None = None,
    *,
    model: str | Backend = "builtin",
    num_frames: int | None = None,
    fps: float | None = None,
    selector: str | None = None,
    max_frames: int | None = None,
    start: float | None = None,
    end: float | None = None,
    out_dir: str | Path | None = None,
    index: FeatureIndex | None = None,
    progress: Progress | None = None,
) -> Moments:
    """Choose the frames that represent a video, for a question or for itself.

    With ``out_dir`` the frames are written there as JPEG, with ``contact_sheet.jpg`` and
    ``selection.json``. The other arguments are those of :func:`ask`.
    """
    question = None if question is None else _check_question(question)
    _check_selection(selector, num_frames)
    _check_asked(selector, question)
    check_video(video)  # before a model is loaded, not after
    with _pictures_in(out_dir, OVERVIEW) as folder:
        backend = load_backend(model)
        selector = selector or backend.habits.selector
        _check_asked(selector, question)
        moments = _choose(
            Path(video), question, backend, selector, num_frames, index, progress,
            folder is not None,
            fps=fps, max_frames=max_frames, start=start, end=end,
        )  # fmt: skip
        if folder:
            moments = write_pictures(moments, folder, Path(out_dir))
            write_overview(moments, folder)
    return moments


def _pictures_in(place: str | Path | None, kinds: Kinds) -> AbstractContextManager[Path | None]:
    """Where pictures wait until all is done; those of an earlier choice make way for them."""
    return nullcontext() if place is None else staged_directory(place, kinds, anew=FRAMES)


def _choose(
    video: Path,
    question: str | None,
    backend: Backend,
    selector: str,
    num_frames: int | None,
    index: FeatureIndex | None,
    progress: Progress | None,
    read_frames: bool,
    answered_by: str | None = None,
    options: list[str] | None = None,
    *,
    fps: float | None,
    max_frames: int | None,
    **window: float | None,
) -> Moments:
    """Features from the index, relevance from the backend, frames from the selector."""
    report, clock, before = ReadReport(), _Clock(), file_state(video)
    habits = backend.habits
    indexed = index_video(
        video,
        backend.encoder,
        index=index or FeatureIndex(),
        progress=progress,
        report=report,
        fps=habits.fps if fps is None else fps,
        max_frames=habits.max_frames if max_frames is None else max_frames,
        **window,
    )
    clock.lap("index")
    num_frames = num_frames or habits.budget(len(indexed))
    budget, note = num_frames, None
    if answered_by:
        budget, note = affordable_frames(answered_by, min(num_frames, len(indexed)), len(indexed))
    features = backend.express(indexed.features, indexed.notes, indexed.pts_seconds)
    selection = choose_frames(
        backend, features, indexed.pts_seconds, question, selector, budget, options=options
    )
    clock.lap("select")
    seen = VideoContext(features, indexed.pts_seconds, selection)
    if read_frames:
        size = fit_within(
            indexed.meta["height"], indexed.meta["width"], longest_side=LONGEST_PICTURE_SIDE
        )
        times = indexed.pts_seconds[selection.indices]
        seen = seen.with_frames(read_frames_at(video, times, size=size, report=report))
        check_unchanged(video, before)  # else the pictures are not those of the features
        clock.lap("read")
    usage = {
        "video_seconds": indexed.meta["duration_seconds"],
        "frames_sampled": len(indexed),
        "frames_requested": num_frames,
        "frames_used": len(selection),
        "pictures_decoded": report.decoded,
        "seconds": clock.seconds,
    }
    notes = [note] * (note is not None)
    notes += _notes(usage, selection.num_pictures, damaged=indexed.meta["damaged"])
    return Moments(video, question, selector, describe_evidence(seen), usage, notes, seen)


class _Clock:
    """Seconds of each step."""

    def __init__(self):
        self.seconds: dict[str, float] = {}
        self._began = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.seconds[name], self._began = now - self._began, now


def _notes(usage: dict, num_pictures: int, *, damaged: bool) -> list[str]:
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


def _check_question(question: str) -> str:
    if not isinstance(question, str) or not question.strip():
        raise QuestionError(f"the question is empty ({question!r}); ask something in words")
    return question.strip()


def _check_options(options: list[str] | None) -> list[str] | None:
    if options is None:
        return None
    options = [option.strip() for option in options]
    if len(options) < 2 or "" in options or len(set(options)) < len(options):
        raise QuestionError(
            f"the options are {options}; give at least two, all different, none empty"
        )
    return options


def _check_selection(selector: str | None, num_frames: int | None) -> None:
    """Before an hour of video is read, not after."""
    if selector is not None and selector not in SELECTORS:
        raise UnknownSelector(f"no selector {selector!r}; there are: {', '.join(SELECTORS)}")
    if num_frames is not None and num_frames < 1:
        raise InvalidBudget(f"the number of frames is {num_frames}; it must be at least 1")


def _check_asked(selector: str | None, question: str | None) -> None:
    """Some selectors choose frames for a question only."""
    if question is None and selector is not None and SELECTORS[selector].needs_query:
        others = ", ".join(name for name, other in SELECTORS.items() if not other.needs_query)
        raise QueryRequired(
            f"selector {selector} chooses frames for a question; ask one, or select by {others}"
        )
