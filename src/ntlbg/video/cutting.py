"""Stretches of a film, cut between its pictures: which these are, and every one of them.

A film is read once for all of its stretches, and only what their pictures are built on is decoded.
"""

import os
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain

import av

from ntlbg.errors import ConfigError
from ntlbg.video.frames import DamageLog, ReadReport
from ntlbg.video.open_video import Video
from ntlbg.video.opening import open_video
from ntlbg.video.packets import Source
from ntlbg.video.start import is_still
from ntlbg.video.time_match import ROUNDING_SECONDS, TOLERANCE, Mode, TickScale

# A cut is moved to where a picture begins, if that is so near: films have two pictures a second or
# more, and a picture that stays longer, such as a slide, is cut in two. Set by hand.
LONGEST_MOVE_SECONDS = 0.5
# A picture is asked for by a time a little before its own: `pictures` gives what is on screen a
# millisecond later. Half of that, so that of two pictures so near the first one is not missed.
BEFORE_SECONDS = TOLERANCE / 2
THREADS = 2  # of the decoder; as in `sampling`


@dataclass(frozen=True)
class Cut:
    """A stretch, in ticks from the first picture of the film.

    Attributes:
        start, end: of the stretch; the end is not in it.
        shown: when each of its pictures appears; the first one may have been there before.
    """

    start: int
    end: int
    shown: tuple[int, ...]


@dataclass(frozen=True)
class CutPicture:
    """A decoded picture of a stretch, in ticks from its start."""

    pts: int
    duration: int
    frame: av.VideoFrame


class FilmCutter:
    """An open film.

    Args:
        report: counters to add to.

    Attributes:
        time_base: seconds a tick.
        pixel_aspect: of the stored pictures; None where the file does not say.
        rate: pictures a second, as the file says, else on average.
        field_order: of interlaced pictures, as FFmpeg numbers it; 0 where the file does not say.
        end_seconds: of the film.

    Raises:
        ConfigError: it is a picture, of which nothing can be cut. VideoError: it cannot be used.
    """

    def __init__(self, path: str | os.PathLike, report: ReadReport):
        check_film(path)
        self._video = Video(Source(path, report, DamageLog(path, report), THREADS))
        self.time_base: Fraction = self._video.time_base
        self.pixel_aspect: Fraction | None = self._video.pixel_aspect
        self._ticks, self._end = self._video.shown_ticks()
        self.end_seconds = float(self._end * self.time_base)
        rate, self.field_order = _stated(path)
        self.rate = rate or Fraction(len(self._ticks)) / (self._end * self.time_base)

    def cut(self, start: float, end: float) -> Cut:
        """From the picture on screen at ``start`` to the last one before ``end``, in seconds.

        At least one picture; cuts are moved to where a picture begins if that is near.
        """
        scale = TickScale(0, self.time_base)
        first = max(0, bisect_right(self._ticks, scale.last_by(start + TOLERANCE)) - 1)
        after = max(first + 1, bisect_left(self._ticks, scale.first_from(end - TOLERANCE)))
        following = self._ticks[after] if after < len(self._ticks) else self._end
        shown = self._ticks[first:after]
        begin = max(scale.last_by(start + ROUNDING_SECONDS), shown[0])
        begin = shown[0] if self._is_near(shown[0], begin) else begin
        stop = max(scale.first_from(end - ROUNDING_SECONDS), shown[-1] + 1)
        stop = following if following <= stop or self._is_near(stop, following) else stop
        return Cut(begin, max(stop, begin + 1), tuple(shown))

    def pictures(self, cuts: Sequence[Cut]) -> Iterator[Iterator[CutPicture]]:
        """The pictures of each stretch, which are to be taken before those of the next one.

        Those that are damaged are left out: what is on screen before stays. Stretches are in order
        of time and do not cross.
        """
        times = (
            max(0.0, float(tick * self.time_base) - BEFORE_SECONDS)
            for tick in chain.from_iterable(cut.shown for cut in cuts)
        )
        found = self._video.pictures(times, Mode("exact", stops_at_end=False))
        for cut in cuts:
            yield self._of(cut, found)

    def _of(self, cut: Cut, found: Iterator) -> Iterator[CutPicture]:
        """Each with the time until the next one, for which it has to be known."""
        before, frame = 0, None
        for _ in cut.shown:
            picture = next(found)
            pts = max(round(picture.seconds / self.time_base) - cut.start, 0)
            if frame is not None and pts > before:
                yield CutPicture(before, pts - before, frame)
            if frame is None or pts > before:
                before, frame = pts if frame is not None else 0, picture.frame
        assert frame is not None  # a stretch has a picture
        yield CutPicture(before, cut.end - cut.start - before, frame)

    def _is_near(self, one: int, later: int) -> bool:
        return (later - one) * self.time_base <= LONGEST_MOVE_SECONDS


def check_film(path: str | os.PathLike) -> None:
    """Fail early where nothing can be cut.

    Raises:
        ConfigError: it is a picture. VideoError: it cannot be opened.
    """
    if is_still(path):
        raise ConfigError(f"{path}: is a picture, of which there are no clips; give a film")


def _stated(path: str | os.PathLike) -> tuple[Fraction | None, int]:
    """Rate and order of fields; no rate where the file says what no film has: ticks of its clock.

    A thousandth of a second is such a tick; cameras for slow motion go up to 240.
    """
    container, stream = open_video(path)
    rate, fields = stream.guessed_rate, stream.codec_context.field_order
    container.close()
    return (rate if rate and 1 <= rate <= 240 else None), fields
