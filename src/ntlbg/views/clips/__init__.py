"""The moments of an answer as films: an mp4 file each, and lists of them for editing programs.

>>> write_clips(ntlbg.ask("film.mp4", "Who scores?"), "clips")

Reading order: `spans` (which stretches), `ntlbg.video.cutting` (where exactly), `film` (one file),
`sound`, `subtitles`, `ntlbg.views.edl` and `table` (the lists).
"""

import math
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from ntlbg.errors import ConfigError
from ntlbg.evidence import DAMAGED
from ntlbg.files import check_folder, staged_directory
from ntlbg.index.index_video import Progress
from ntlbg.marks import MARK, Kind
from ntlbg.text.subtitles import film_cues
from ntlbg.text.subtitles.cues import Cue
from ntlbg.types import Answer, SelectedFrames
from ntlbg.video import ReadReport
from ntlbg.video.cutting import Cut, CutPicture, FilmCutter, check_film
from ntlbg.video.opening import check_unchanged, file_state
from ntlbg.views.clips.film import ClipContent, write_clip
from ntlbg.views.clips.sound import SoundForm, form_of, sound_of
from ntlbg.views.clips.spans import AROUND_SECONDS, Cited, Span, spans_of
from ntlbg.views.clips.subtitles import lines_of
from ntlbg.views.clips.table import CSV, Clip, csv_text
from ntlbg.views.edl import EDL, MOST_EVENTS, Event, edl_text

CLIP_FILES = "[0-9]*_[0-9][0-9]-[0-9][0-9]-[0-9][0-9].mp4"
EDL_FILE, CSV_FILE = "clips.edl", "clips.csv"
# With its places in the tables of mp4. Of 2,000 pictures without any change each took 17.9.
LEAST_BYTES_A_PICTURE = 15


def _is_clip(path: Path) -> bool:
    try:
        with av.open(f"file:{path.absolute()}", metadata_errors="ignore") as container:
            return container.metadata.get("comment") == MARK
    except av.FFmpegError:
        return False


KINDS = {
    CLIP_FILES: Kind("a clip that ntlbg cut", _is_clip),
    EDL_FILE: EDL,
    CSV_FILE: CSV,
}


@dataclass(frozen=True)
class Clips:
    """What was cut.

    Attributes:
        folder: that holds the clips, ``clips.edl`` and ``clips.csv``.
        clips: in order of time.
        notes: what is to be said about them, a sentence each.
    """

    folder: Path
    clips: list[Clip]
    notes: list[str] = field(default_factory=list)


def check_clips(video: str | Path, folder: str | Path, seconds: float | None) -> None:
    """Fail before the work rather than after it, as :func:`write_clips` would.

    Raises:
        ConfigError: of a picture, or seconds that are no length. OutputError: nothing can be
        written into the folder, or a file there is not to be replaced.
    """
    _check_seconds(seconds)
    check_film(video)
    check_folder(folder, KINDS, inputs=[video])


def write_clips(
    result: Answer | SelectedFrames | Cited,
    folder: str | Path,
    *,
    seconds: float | None = None,
    subtitles: str | Path | None = None,
    progress: Progress | None = None,
) -> Clips:
    """Cut the moments of an answer or a selection out of its film, with what it quotes.

    Each clip begins with the picture that is on screen at its start, ends with the last one before
    its end, and keeps the times between them, the sound to the sample, and the subtitles. Moments
    that are less than a second apart are one clip. Clips of an earlier answer in the folder make
    way.

    Args:
        folder: where ``01_00-02-05.mp4`` (number and start) and so on are written, with
            ``clips.edl`` (CMX 3600) and ``clips.csv``.
        seconds: that are shown before and after each moment; None: 3.
        subtitles: a file, the film itself, or "none", as for ``--subtitles``.
        progress: called with pictures done and the share done.

    Raises:
        ConfigError: the film is a picture, or ``seconds`` is no length. VideoError: it cannot be
        read. DataError: the subtitles that are given cannot be read. OutputError: nothing can be
        written there, or a file there is not to be replaced.
    """
    around = _check_seconds(seconds)
    report, before = ReadReport(), file_state(result.video)
    cutter = FilmCutter(result.video, report)
    spans = spans_of(result, around, cutter.end_seconds)
    form, notes = form_of(result.video)
    cues, said = film_cues(result.video, subtitles)
    cuts = [cutter.cut(span.start, span.end) for span in spans]
    plan = _Plan(result.video, cutter, list(zip(spans, cuts, strict=True)), form, cues)
    needed = plan.num_pictures * LEAST_BYTES_A_PICTURE
    inputs = [result.video, *([] if subtitles is None else [subtitles])]
    with staged_directory(folder, KINDS, inputs=inputs, anew=CLIP_FILES, needed=needed) as stage:
        clips = plan.write(stage, report, progress)
        check_unchanged(result.video, before)
        events = [Event(one.start_seconds, one.end_seconds) for one in clips]
        name = result.video.name.encode("utf-8", "backslashreplace").decode()
        text = edl_text(events[:MOST_EVENTS], name, cutter.rate, has_sound=form is not None)
        (stage / EDL_FILE).write_text(text, "utf-8")
        (stage / CSV_FILE).write_text(csv_text(clips), "utf-8")
    return Clips(Path(folder), clips, [*notes, *said, *_notes(report, len(clips))])


def _check_seconds(seconds: float | None) -> float:
    around = AROUND_SECONDS if seconds is None else seconds
    if not (math.isfinite(around) and around >= 0):
        raise ConfigError(
            f"{around} seconds around each moment were asked for; give 0 or more, such as 3"
        )
    return around


def _notes(report: ReadReport, number: int) -> list[str]:
    notes = [DAMAGED] if report.lost else []
    if number > MOST_EVENTS:
        notes.append(f"{EDL_FILE} has the first {MOST_EVENTS} of {number} clips: it holds no more")
    return notes


@dataclass(frozen=True)
class _Plan:
    """What is cut out of a film, before any of it is."""

    video: Path
    cutter: FilmCutter
    parts: Sequence[tuple[Span, Cut]]
    form: SoundForm | None
    cues: Sequence[Cue]

    @property
    def num_pictures(self) -> int:
        return sum(len(cut.shown) for _, cut in self.parts)

    def write(self, stage: Path, report: ReadReport, progress: Progress | None) -> list[Clip]:
        clips, done = [], 0

        def told() -> None:
            nonlocal done
            done += 1
            if progress is not None:
                progress(done, done / self.num_pictures)

        pictures = self.cutter.pictures([cut for _, cut in self.parts])
        for number, ((span, cut), own) in enumerate(zip(self.parts, pictures, strict=True), 1):
            clip = self._clip(number, span, cut)
            with closing(self._sound(cut, report)) as sound:
                write_clip(self._content(own, cut, sound), stage / clip.file, told)
            clips.append(clip)
        return clips

    def _clip(self, number: int, span: Span, cut: Cut) -> Clip:
        start, end = self._seconds(cut)
        whole = int(start)
        place = f"{whole // 3600:02d}-{whole // 60 % 60:02d}-{whole % 60:02d}"
        return Clip(f"{number:02d}_{place}.mp4", start, end, span.score, span.quoted)

    def _content(
        self, pictures: Iterator[CutPicture], cut: Cut, sound: Iterator[np.ndarray]
    ) -> ClipContent:
        lines = lines_of(self.cues, *self._seconds(cut)) if self.cues else None
        return ClipContent(
            pictures,
            self.cutter.time_base,
            self.cutter.rate,
            self.cutter.pixel_aspect,
            self.cutter.field_order,
            self.form,
            sound,
            lines,
        )

    def _sound(self, cut: Cut, report: ReadReport) -> Generator[np.ndarray, None, None]:
        """None of a film without sound."""
        if self.form is None:
            return
        start, end = self._seconds(cut)
        count = round((end - start) * self.form.rate)
        yield from sound_of(self.video, self.form, start, count, report)

    def _seconds(self, cut: Cut) -> tuple[float, float]:
        base: Fraction = self.cutter.time_base
        return float(cut.start * base), float(cut.end * base)
