"""What is looked at of a video, and what is chosen of it: as asked for, else as a system does."""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ntlbg.answerers import Habits
from ntlbg.budget import plan_frames
from ntlbg.errors import QueryRequired, QuestionError
from ntlbg.evidence import num_pictures
from ntlbg.index.index_video import Progress, index_video
from ntlbg.index.passages import USUAL_WORDS, Heard, Words, read_words
from ntlbg.index.store import FeatureIndex
from ntlbg.memory.plan import MOST
from ntlbg.pictures import fit_within
from ntlbg.retrievers import Retriever
from ntlbg.selectors import SELECTORS, check_selector
from ntlbg.system import System
from ntlbg.types import AnswerInput, Passage, Plan, Question, Reply, VideoIndex
from ntlbg.video import ReadReport, probe, read_frames_at
from ntlbg.video.opening import FileState, check_unchanged

DEFAULT_SELECTOR = Habits.selector


@dataclass(frozen=True)
class Look:
    """As asked for; None is what the system does by itself. The fields are arguments of ``ask``."""

    fps: float | None = None
    max_frames: int | None = None
    start: float | None = None
    end: float | None = None
    selector: str | None = None
    num_frames: int | None = None
    max_visual_tokens: int | None = None
    selector_options: Mapping[str, Any] = field(default_factory=dict)
    words: Words = USUAL_WORDS

    def selector_of(self, habits: Habits) -> str:
        """The one that is asked for, else the usual one."""
        return self.selector or habits.selector

    def budget(self, habits: Habits, sampled: int) -> int:
        """How many frames to choose of so many that were looked at; there may be fewer."""
        return self.num_frames or habits.budget(sampled)

    def check(self, system: System, question: Question | None, video: Path | None) -> list[str]:
        """Refuse a choice before an hour of video is read for it; else what is to be said of it.

        Args:
            video: whose frames have to fit the answerer; None where nothing is answered.

        Raises:
            BudgetError: they do not. QuestionError: it is too long.
            QueryRequired: the selector needs to know which frames a question is about, and none is
                asked, or the system cannot tell.
            InvalidBudget, UnknownSelector, ConfigError: as
                :func:`ntlbg.selectors.check_selector`.
        """
        name, retriever = self.selector_of(system.habits), system.retriever
        check_selector(name, self.num_frames, self.selector_options, asked=question is not None)
        if question is None:
            return []
        too_long = _too_long(retriever, question)
        if video is None and too_long:
            raise QuestionError(f"{too_long}; ask a shorter question")
        if video is not None:
            system.answerer.check_question(question)
            self._check_room(system, question, video)
        if not (retriever.covers(question) and SELECTORS[name].needs_query):
            cut = [f"{too_long}: frames are found by its beginning"] if too_long else []
            return [*system.notes, *(cut if retriever.cuts_texts else [])]
        others = ", ".join(name for name, other in SELECTORS.items() if not other.needs_query)
        raise QueryRequired(
            f"selector {name} chooses by how much frames matter for the question, and encoder "
            f"{retriever.encoders[0].name} knows pictures only; give one with texts, such as "
            f"siglip2, or select by {others}"
        )

    def _check_room(self, system: System, question: Question, video: Path) -> None:
        """With about as many frames as will be looked at: rather fewer, so that none is refused."""
        info = probe(video)
        end = info.duration_seconds if self.end is None else min(self.end, info.duration_seconds)
        rate = system.habits.fps if self.fps is None else self.fps
        frames = min(int((end - (self.start or 0.0)) * rate), self.max_frames or MOST)
        self.plan(system, question, (info.height, info.width), max(frames, 1), end)

    def plan_for(
        self, system: System, question: Question, index: VideoIndex, told_tokens: int
    ) -> tuple[Plan, list[str]]:
        """Of a video that was looked at."""
        size, last = (index.meta["height"], index.meta["width"]), float(index.pts_seconds[-1])
        return self.plan(system, question, size, num_pictures(index), last, told_tokens)

    def plan(
        self,
        system: System,
        question: Question,
        size: tuple[int, int],
        sampled: int,
        last_seconds: float,
        told_tokens: int = 0,
    ) -> tuple[Plan, list[str]]:
        """Of a video of this size, as :func:`ntlbg.budget.plan_frames`."""
        return plan_frames(
            system.answerer, question, size, sampled, num_frames=self.num_frames,
            max_visual_tokens=self.max_visual_tokens, last_seconds=last_seconds,
            told_tokens=told_tokens,
        )  # fmt: skip

    def features(
        self,
        video: Path,
        system: System,
        index: FeatureIndex | None,
        progress: Progress | None,
        report: ReadReport,
    ) -> tuple[VideoIndex, Heard]:
        """What the system's encoders say of the frames that are looked at, and what is said.

        Passages outside the part that is looked at are left out.
        """
        habits, index = system.habits, index or FeatureIndex()
        heard = read_words(video, self.words, index)
        seen = index_video(
            video,
            system.encoders,
            index=index,
            progress=progress,
            report=report,
            fps=habits.fps if self.fps is None else self.fps,
            max_frames=habits.max_frames if self.max_frames is None else self.max_frames,
            start=self.start,
            end=self.end,
        )
        passages = tuple(filter(self._is_looked_at, heard.passages))
        return replace(seen, passages=passages), heard

    def _is_looked_at(self, passage: Passage) -> bool:
        before_end = self.end is None or passage.start_seconds < self.end
        return before_end and (self.start is None or passage.end_seconds > self.start)


def with_pictures(
    given: AnswerInput, video: Path, system: System, before: FileState, report: ReadReport
) -> AnswerInput:
    """The same with the chosen pictures, no larger than the answerer wants them.

    Args:
        before: of the file, when its features were looked for.

    Raises:
        VideoChanged: the file was changed since, so that they are not the pictures of the features.
    """
    source = given.index.meta["height"], given.index.meta["width"]
    size = fit_within(*source, longest_side=system.answerer.wants.longest_side)
    frames = read_frames_at(video, given.times, size=size, report=report)
    check_unchanged(video, before)
    return replace(given, frames=frames)


def keeping(
    system: System, video: Path, index: FeatureIndex | None
) -> AbstractContextManager[Path | None]:
    """The folder in which the answerer keeps things of a film, if it wants one."""
    if not system.answerer.wants.keeps:
        return nullcontext()
    return (index or FeatureIndex()).keeping(video)


def _too_long(retriever: Retriever, question: Question) -> str | None:
    """Where there are more tokens of a question than are read to find frames."""
    tokens = retriever.text_tokens(question.text)
    if tokens is None or tokens[0] <= tokens[1]:
        return None
    who = retriever.encoders[0].name if retriever.encoders else retriever.name
    return f"the question is {tokens[0]} tokens long, and {who} reads {tokens[1]} to find frames"


class Along:
    """Hands on the text of an answer while it is written, or else at its end.

    Attributes:
        call: what an answerer calls with each piece; None where nobody reads along.
    """

    def __init__(self, on_text: Callable[[str], None] | None):
        self._on_text, self._is_read = on_text, False
        self.call = None if on_text is None else self._hand_on

    def _hand_on(self, piece: str) -> None:
        assert self._on_text is not None
        self._is_read = True
        self._on_text(piece)

    def end(self, reply: Reply) -> None:
        """A text that nobody could read before is read now."""
        if self.call is not None and reply.written and reply.text and not self._is_read:
            self.call(reply.text)


class Clock:
    """Seconds of each step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._began = time.perf_counter()

    def lap(self, name: str) -> None:
        """The step of this name ends now."""
        now = time.perf_counter()
        self.seconds[name], self._began = now - self._began, now
