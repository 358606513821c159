"""Lists of cuts in the form of CMX 3600, which every editing program reads.

An event is a line: number, reel, tracks, kind of transition, then four time codes: in and out of
the film, in and out of the list itself, where one cut follows the other. "Out" is the first picture
that is not in it. Comments begin with an asterisk.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import regex

from ntlbg.marks import MARK, marked
from ntlbg.visible import visible

EDL = marked("a list of cuts that ntlbg wrote", b"TITLE:")
TITLE_LETTERS = 70  # at most, in CMX 3600
REEL_LETTERS = 8
MOST_EVENTS = 999  # their numbers have three digits
MOST_RATE = 99  # pictures of a second have two digits
UNNAMED = "AX"  # what CMX calls a source without a name


@dataclass(frozen=True)
class Event:
    """A stretch of the film, in seconds from its first picture."""

    start: float
    end: float


def edl_text(events: Sequence[Event], film: str, rate: Fraction, *, has_sound: bool) -> str:
    """The whole list.

    Args:
        film: the name of its file.
        rate: pictures a second. Time codes count pictures, by the next whole number of them a
            second and without leaving numbers out (non-drop frame); above 99 by half of it.
        has_sound: pictures and both channels of sound are cut, else pictures alone.
    """
    name = visible(film)
    title = name[: TITLE_LETTERS - len(MARK) - 2]
    lines = [f"TITLE: {title}, {MARK}", "FCM: NON-DROP FRAME", ""]
    while round(rate) > MOST_RATE:
        rate /= 2
    reel, tracks, done = reel_name(film), "AA/V" if has_sound else "V", 0
    for number, event in enumerate(events, 1):
        first = round(event.start * rate)
        after = max(round(event.end * rate), first + 1)
        places = (first, after, done, done + after - first)
        codes = " ".join(timecode(place, round(rate)) for place in places)
        lines += [
            f"{number:03d}  {reel:<{REEL_LETTERS}} {tracks:<5} C        {codes}",
            f"* FROM CLIP NAME: {name}",
            "",
        ]
        done = places[-1]
    return "\n".join(lines)


def timecode(pictures: int, rate: int) -> str:
    """The number of a picture as hours, minutes, seconds and pictures.

    >>> timecode(90_061, 25)
    '01:00:02:11'
    """
    seconds, picture = divmod(pictures, max(rate, 1))
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:02d}:{minute:02d}:{second:02d}:{picture:02d}"


def reel_name(film: str) -> str:
    """Up to eight letters and digits, as CMX has them.

    >>> reel_name("My holiday 2024.mp4")
    'MYHOLIDA'
    """
    stem = film.rsplit(".", 1)[0]
    return regex.sub("[^A-Z0-9]", "", stem.upper())[:REEL_LETTERS] or UNNAMED
