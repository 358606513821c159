"""The cues of a subtitle file in any form: SRT, VTT, LongVideoBench's JSON, what pysubs2 reads."""

import io
import warnings
from collections.abc import Callable
from pathlib import Path

import pysubs2
import regex
from pysubs2.formats import autodetect_format

from ntlbg.errors import DataError
from ntlbg.text.subtitles.content import read_text
from ntlbg.text.subtitles.cues import Cue
from ntlbg.text.subtitles.longvideobench import read_longvideobench
from ntlbg.text.subtitles.markup import ass_text
from ntlbg.text.subtitles.timed_lines import ARROW, read_timed_lines

ACCEPTED = "SRT, VTT, ASS, SSA, TTML, SAMI, MicroDVD, MPL2, TMP, or LongVideoBench's JSON"
# Letters at the beginning by which a form is told. An attached font may come before the cues.
HEAD = 10_000
# What the readers of pysubs2 raise at damaged files.
DAMAGE = (
    pysubs2.Pysubs2Error, ValueError, LookupError, TypeError, AttributeError, SyntaxError,
    NotImplementedError, OverflowError, RecursionError,
)  # fmt: skip
# They say how text looks, and one that is damaged must not cost the text.
STYLE = regex.compile(r"^Style:.*$", regex.MULTILINE)
EVENTS = regex.compile(r"^\s*\[Events\]", regex.MULTILINE | regex.IGNORECASE)
LINE_BY_LINE = ("ass", "microdvd", "mpl2", "tmp")


def read_cues(path: Path) -> tuple[list[Cue], list[str]]:
    """Cues in the order of the file, and what is to be said about how they were read.

    Raises:
        DataError: the file cannot be read as subtitles; with the line and the reason.
    """
    text, encoding = read_text(path)
    cues = _reader(text)(text, path)
    if not any(cue.text.strip() for cue in cues):
        raise DataError(f"{path}: holds no text; give another file of subtitles")
    if encoding.startswith("utf"):
        return cues, []
    return cues, [f"not in UTF-8, read as {encoding}; convert it if letters are wrong"]


def _reader(text: str) -> Callable[[str, Path], list[Cue]]:
    head = text.lstrip()[:HEAD]
    if head.startswith("WEBVTT"):
        return read_timed_lines
    if regex.match(r"\[\s*[{\]]", head):
        return read_longvideobench
    if head.startswith(("<", "{")) or EVENTS.search(text) or ARROW not in text:
        return _read_others
    return read_timed_lines


def _read_others(text: str, path: Path) -> list[Cue]:
    lines, form = io.StringIO(STYLE.sub("", text)), ""
    try:
        form = "ass" if EVENTS.search(text) else autodetect_format(text[:HEAD])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about looks
            found = pysubs2.SSAFile.from_file(lines, form, strict_fps_inference=False)
    except pysubs2.FormatAutodetectionError as error:
        raise DataError(f"{path}: is in no form that is known; accepted: {ACCEPTED}") from error
    except pysubs2.UnknownFPSError as error:
        raise DataError(
            f"{path}, line 1: counts pictures and does not say how many a second; "
            "put {1}{1}25 before it, or convert it to SRT"
        ) from error
    except DAMAGE as error:
        line = lines.getvalue().count("\n", 0, lines.tell() - 1) + 1
        where = f", line {line}" if form in LINE_BY_LINE else ""  # an XML error tells its own
        raise DataError(f"{path}{where}: cannot be read ({error}); accepted: {ACCEPTED}") from error
    return [_cue(event) for event in found if not event.is_comment]


def _cue(event: pysubs2.SSAEvent) -> Cue:
    return Cue(event.start / 1000, event.end / 1000, ass_text(event.text), voice=event.style)
