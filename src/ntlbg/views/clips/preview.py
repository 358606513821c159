"""A small copy of a whole film that every browser plays, with the same clock."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from ntlbg.files import staged_file
from ntlbg.video import ReadReport
from ntlbg.video.cutting import CutPicture, FilmCutter
from ntlbg.video.opening import check_unchanged, file_state
from ntlbg.video.start import file_start
from ntlbg.views.clips import CLIP_FILES, KINDS, LEAST_BYTES_A_PICTURE
from ntlbg.views.clips.film import X264, ClipContent, Encoding, write_clip
from ntlbg.views.clips.sound import form_of, sound_of

# Pictures a second at most: of films at 60 every other one is left out, which nobody misses.
MOST_RATE = 30
# Two pictures are so near, and both are shown, where clocks count milliseconds: 33 and 34 of them.
NEAREST_SECONDS = 0.9 / MOST_RATE
# A player goes to a picture by way of the one before it that stands alone: here two seconds of
# pictures at most, a moment. crf 28 and 480 pixels are a tenth of the bytes of a clip, and text on
# slides can still be read; 64,000 bits a channel are what speech and music need. Set by hand.
SMALL = Encoding(
    x264=X264 | {"crf": "28", "g": str(2 * MOST_RATE)}, longest_side=480, aac_bits=64_000
)


def write_preview(film: Path, path: Path, told: Callable[[float], None]) -> None:
    """Write it as mp4, H.264 and AAC; its clock is that of players of the film.

    Players count from the first sound or picture: where sound comes first, the first picture is
    shown from there on. Every picture has its time; what is damaged is left out.

    Args:
        told: called with the share that is done; may raise to stop it.

    Raises:
        ConfigError: the film is a picture. VideoError: it cannot be read. OutputError: it cannot
        be written.
    """
    before, plan = file_state(film), _Plan.of(film)
    needed = plan.num_pictures * LEAST_BYTES_A_PICTURE
    kind = KINDS[CLIP_FILES]
    with staged_file(path, kind, inputs=[film], needed=needed) as stage:
        plan.write(stage, told)
        check_unchanged(film, before)


def thinned(ticks: Sequence[int], nearest: Fraction | float) -> tuple[int, ...]:
    """Those that are so many ticks after the one before that was taken, or more."""
    kept: list[int] = []
    for tick in ticks:
        if not kept or tick - kept[-1] >= nearest:
            kept.append(tick)
    return tuple(kept)


@dataclass(frozen=True)
class _Plan:
    """Of the preview of a film.

    Attributes:
        lead: seconds from the beginning of the sound to the first picture.
    """

    film: Path
    cutter: FilmCutter
    report: ReadReport
    lead: float

    @classmethod
    def of(cls, film: Path) -> "_Plan":
        report = ReadReport()
        cutter, start = FilmCutter(film, report), file_start(film)
        return cls(film, cutter, report, start.first_picture - start.first_stream)

    @property
    def num_pictures(self) -> int:
        return len(self.cutter.cut(0.0, self.cutter.end_seconds).shown)

    def write(self, stage: Path, told: Callable[[float], None]) -> None:
        cut = self.cutter.cut(0.0, self.cutter.end_seconds)
        base = self.cutter.time_base
        cut = replace(cut, shown=thinned(cut.shown, NEAREST_SECONDS / base))
        done, number = 0, len(cut.shown)

        def count() -> None:
            nonlocal done
            done += 1
            told(min(1.0, done / number))

        form, _ = form_of(self.film)
        samples = 0 if form is None else round((self.lead + float(cut.end * base)) * form.rate)
        pictures = _later(next(self.cutter.pictures([cut])), round(self.lead / base))
        content = ClipContent(
            pictures, base, min(self.cutter.rate, Fraction(MOST_RATE)), self.cutter.pixel_aspect,
            self.cutter.field_order, form, encoding=SMALL,
        )  # fmt: skip
        if form is None:
            write_clip(content, stage, count)
            return
        with closing(sound_of(self.film, form, -self.lead, samples, self.report)) as sound:
            write_clip(replace(content, sound=sound), stage, count)


def _later(pictures: Iterator[CutPicture], ticks: int) -> Iterator[CutPicture]:
    """Each so many ticks later, and the first one from the beginning on."""
    for number, picture in enumerate(pictures):
        if number == 0 and ticks > 0:
            yield replace(picture, pts=0, duration=ticks)
        yield replace(picture, pts=picture.pts + ticks)
