"""What can be asked of films in some folders: each method does the work of one tool, and blocks."""

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ntlbg import pipeline, video_chapters
from ntlbg.errors import ConfigError, MissingPackage, NoSoundError
from ntlbg.index.index_video import index_video
from ntlbg.index.listening import doing, hear, losses
from ntlbg.index.passages import Heard, Words, read_words
from ntlbg.index.store import FeatureIndex
from ntlbg.pictures import fit_within
from ntlbg.question import checked_question
from ntlbg.serve.jpegs import MOST_PICTURES, MOST_SIDE, jpegs
from ntlbg.serve.parts import Parts
from ntlbg.serve.replies import check_number, reply
from ntlbg.serve.roots import MOST_TOLD, Roots
from ntlbg.serve.steps import Counting, Steps, Tell
from ntlbg.serve.wording import (
    NO_WORDS,
    answer_lines,
    chapter_lines,
    info_lines,
    moment,
    moments_lines,
    notes,
    passage_line,
)
from ntlbg.telling import ranked
from ntlbg.text import load_listener
from ntlbg.text.subtitles import NONE, find_subtitles
from ntlbg.time_text import read_seconds
from ntlbg.types import Passage, VideoIndex
from ntlbg.video import probe, read_frames_at
from ntlbg.video.stills import check_video

# Of passages about a question: about a page. Set by hand.
BEST_PASSAGES = 20
# That one question may choose: as many moments as are told on a page. Set by hand.
MOST_MOMENTS = 64

Block = str | bytes  # of a reply: text, or a JPEG


@dataclass(frozen=True)
class ReadFilm:
    """What is known of a film after it was read.

    Attributes:
        seen: the frames.
        heard: how many passages each stream has that was listened to.
        notes: what is to be said of it, a sentence each.
    """

    seen: VideoIndex
    heard: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Films:
    """Films in folders, and the model that answers about them.

    Attributes:
        roots: the folders.
        parts: the model.
        index: where features and passages are kept.

    All methods raise NtlbgError for what a caller can cause.
    """

    roots: Roots
    parts: Parts = field(default_factory=Parts)
    index: FeatureIndex = field(default_factory=FeatureIndex)
    _reading: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def info(self, video: str | None) -> str:
        """Facts about a film; without one the films that there are."""
        if video is None:
            return self._list()
        path = self.roots.find(video)
        return reply(info_lines(video, probe(path), self.heard(path)[1]))

    def _list(self) -> str:
        names, is_all = self.roots.films()
        if not names:
            return f"no videos are in {self.roots}"
        more = [] if is_all else [f"and more: these are {len(names)} of them, {MOST_TOLD} at most"]
        return reply([f"videos in {self.roots}:", *names, *more])

    def ask(
        self,
        tell: Tell,
        video: str,
        question: str,
        options: list[str] | None,
        span: tuple[float | None, float | None],
        num_frames: int | None,
    ) -> str:
        """The answer, and what it rests on."""
        path = self._film(video, question, num_frames)
        start, end = span
        words, heard = self.heard(path)
        answer = pipeline.ask(
            path, question, options=options, model=self.parts.system, num_frames=num_frames,
            start=start, end=end, words=words, index=self.index,
            progress=Steps(tell).frames(f"reading {path.name}"),
        )  # fmt: skip
        answer = replace(answer, notes=[*answer.notes, *heard.notes])
        return reply(answer_lines(answer, self.parts.system.retriever.unit))

    def moments(
        self,
        tell: Tell,
        video: str,
        question: str,
        span: tuple[float | None, float | None],
        num_frames: int | None,
    ) -> str:
        """Moments and passages that a question is about."""
        path = self._film(video, question, num_frames)
        words, heard = self.heard(path)
        found = pipeline.select(
            path, question, model=self.parts.system, num_frames=num_frames, start=span[0],
            end=span[1], words=words, index=self.index,
            progress=Steps(tell).frames(f"reading {path.name}"),
        )  # fmt: skip
        found = replace(found, notes=[*found.notes, *heard.notes])
        return reply(moments_lines(found, self.parts.system.retriever.unit))

    def _film(self, video: str, question: str, num_frames: int | None) -> Path:
        """Where it is; refuses a question before a model is loaded."""
        checked_question(question)
        if num_frames is not None:
            check_number("num_frames", num_frames, MOST_MOMENTS)
        path = self.roots.find(video)
        check_video(path)
        return path

    def chapters(self, tell: Tell, video: str, number: int | None) -> str:
        """Where chapters begin, with their titles."""
        path = self.roots.find(video)
        steps = Steps(tell, 2)
        found = video_chapters.chapters(
            path, number=number, words=self.heard(path)[0], index=self.index,
            progress=steps.frames(f"reading {path.name}"),
            naming=steps.frames("writing titles"), **self.parts.naming(),
        )  # fmt: skip
        return reply(chapter_lines(found), lambda told: "ask for fewer chapters with number")

    def frames_at(self, video: str, times: Sequence[float | str], longest_side: int) -> list[Block]:
        """Pictures at times, each after its time."""
        check_number("longest_side", longest_side, MOST_SIDE)
        check_number("the number of times", len(times), MOST_PICTURES)
        path = self.roots.find(video)
        return self._shown(path, [_seconds(one) for one in times], longest_side)

    def frames_about(
        self, tell: Tell, video: str, question: str, num_frames: int, longest_side: int
    ) -> list[Block]:
        """Pictures of the moments that a question is about, in order of time."""
        check_number("longest_side", longest_side, MOST_SIDE)
        check_number("num_frames", num_frames, MOST_PICTURES)
        path = self._film(video, question, num_frames)
        found = pipeline.select(
            path, question, model=self.parts.system, num_frames=num_frames,
            words=self.heard(path)[0], index=self.index,
            progress=Steps(tell).frames(f"reading {path.name}"),
        )  # fmt: skip
        shown = self._shown(path, found.context.times, longest_side)
        told = notes(found.notes)
        return [reply(told), *shown] if told else shown

    def _shown(
        self, path: Path, times: Sequence[float] | np.ndarray, longest_side: int
    ) -> list[Block]:
        info = probe(path)
        size = fit_within(info.height, info.width, longest_side=longest_side)
        frames = read_frames_at(path, times, size=size)
        files = jpegs(list(frames.data))
        pairs = zip(frames.pts_seconds, files, strict=True)
        return [block for seconds, file in pairs for block in (moment(float(seconds)), file)]

    def transcript(
        self,
        tell: Tell,
        video: str,
        span: tuple[float | None, float | None],
        question: str | None,
    ) -> str:
        """What is said and written in a part of a film; the best of it for a question."""
        if question is not None:
            checked_question(question)
        _, heard = self.heard(self.roots.find(video))
        inside, said = _within(heard.passages, span), notes(heard.notes)
        if not inside:
            none = "nothing is said or written in this part" if heard.passages else NO_WORDS
            return reply([none, *said])
        if question is None:
            return _all_told(inside, said)
        tell(0.0, "looking for the best passages")
        return reply([*said, *map(passage_line, self._best(inside, question))])

    def _best(self, passages: Sequence[Passage], question: str) -> list[Passage]:
        """The best first."""
        film = VideoIndex(np.zeros(0), {}, passages=tuple(passages))
        evidence = self.parts.system.words.evidence(film, question)
        return [passages[row] for row in ranked(passages, evidence)[:BEST_PASSAGES]]

    def read(self, tell: Tell, video: str, streams: Sequence[str]) -> str:
        """Read a film now, and listen to streams of it: names in LISTENERS."""
        path = self.roots.find(video)
        found = self.read_film(path, streams, Steps(tell, 1 + len(streams)))
        tell(1.0, "done")
        last = moment(float(found.seen.pts_seconds[-1]))
        heard = [f"{name}: {number} passages" for name, number in found.heard.items()]
        told = f"{video}: {len(found.seen)} frames up to {last} are read"
        return reply([told, *heard, *notes(found.notes)])

    def read_film(self, path: Path, streams: Sequence[str], steps: Counting) -> ReadFilm:
        """The same, of a film that was found; what was read before is not read again."""
        check_video(path)
        system = self.parts.system
        seen = index_video(
            path, system.encoders, index=self.index, fps=system.habits.fps,
            max_frames=system.habits.max_frames, progress=steps.frames(f"reading {path.name}"),
        )  # fmt: skip
        found = ReadFilm(seen)
        for name in streams:
            self._listen(path, name, steps, found)
        return found

    def _listen(self, path: Path, name: str, steps: Counting, found: ReadFilm) -> None:
        listener = load_listener(name)
        progress = steps.seconds(doing(listener, path))
        try:
            track = hear(path, listener, index=self.index, progress=progress)
        except (NoSoundError, MissingPackage) as error:
            found.notes.append(f"{name} is left out: {error}")
            return
        found.heard[name] = len(track.passages())
        found.notes.extend(losses(track))

    def heard(self, path: Path) -> tuple[Words, Heard]:
        """Which words are read, and what is known to be said and written, with what to say of it.

        One at a time: what is found inside a file is kept, and only one may write it.
        """
        files = [one for one in find_subtitles(path) if one.path is not None]
        outside = [one.name for one in files if one.path and not self.roots.holds(one.path)]
        words = Words(NONE) if outside else Words()
        with self._reading:
            heard = read_words(path, words, self.index)
        if outside:
            why = f"{', '.join(outside)}: outside the folders that may be read; no subtitles are"
            heard = replace(heard, notes=(*heard.notes, why))
        return words, heard


def _seconds(time: float | str) -> float:
    """Of a number, or of text such as 1:30.

    Raises:
        ConfigError: it is no time.
    """
    try:
        return read_seconds(time) if isinstance(time, str) else float(time)
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _within(passages: Sequence[Passage], span: tuple[float | None, float | None]) -> list[Passage]:
    """Passages of a part of a film, in order of their start.

    Raises:
        ConfigError: it ends before it begins.
    """
    start = 0.0 if span[0] is None else span[0]
    end = math.inf if span[1] is None else span[1]
    if not 0 <= start < end:
        raise ConfigError(
            f"start_seconds is {span[0]}, end_seconds {span[1]}; give seconds from 0 on, the start "
            "before the end"
        )
    inside = [
        one
        for one in passages
        if one.start_seconds < end and (span[0] is None or one.end_seconds > start)
    ]
    return sorted(inside, key=lambda one: one.start_seconds)


def _all_told(passages: Sequence[Passage], said: Sequence[str]) -> str:
    """As many as there is room for, and how to ask for the others."""

    def more(told: int) -> str:
        after = passages[max(told - len(said), 0)].start_seconds
        return f"ask again with start_seconds={max(after, 0.0):.2f} for what follows"

    return reply([*said, *map(passage_line, passages)], more)
