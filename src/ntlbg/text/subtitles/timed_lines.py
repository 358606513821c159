"""SRT and VTT: lines of text after lines of times.

Read here and not by pysubs2, which takes names and comments of VTT for text, a number in the last
line of a cue for the number of the next one, ".5" in VTT for 5 ms and a cue without an end for
text, and does not say in which line a file is damaged.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import regex

from ntlbg.errors import DataError
from ntlbg.text.subtitles.cues import Cue
from ntlbg.text.subtitles.markup import split_at_stamps

ARROW = "-->"
# Hours may be missing, and the fraction; more than 99 hours are no mistake.
TIME = r"(?:(?P<h>\d{1,4}):)?(?P<m>\d{1,3}):(?P<s>\d{1,2})(?:[.,](?P<f>\d+))?"
TIME_START = regex.compile(rf"\s*{TIME}(?![\d:.,])")
TIMING = regex.compile(rf"\s*{TIME}\s*{ARROW}(?P<rest>.*)")
# Blocks of VTT between cues, up to the next empty line.
ASIDE = regex.compile(r"(?:NOTE|STYLE|REGION)(?:\s|$)")
HALF_TIMING = regex.compile(r"[\d:.,\s>-]+")  # of a file that was cut off


@dataclass
class Block:
    """The times of a cue and the lines after them."""

    start: float
    end: float | None
    lines: list[str] = field(default_factory=list)


def read_timed_lines(text: str, path: Path) -> list[Cue]:
    """The cues of an SRT or VTT file, in its order, those without text too.

    Raises:
        DataError: no times in the file, or what should be some cannot be read.
    """
    is_vtt = text.lstrip().startswith("WEBVTT")
    blocks = list(_blocks(text, path, is_vtt))
    if not blocks:
        raise DataError(f"{path}: holds no subtitles: no line such as {_example(is_vtt)}")
    _drop_cut_off(blocks[-1].lines)
    return [_cue(block) for block in blocks]


def seconds_of(found: regex.Match) -> float:
    """Of a match of TIME; digits after the comma are a fraction, as many as there are."""
    whole = 3600 * int(found["h"] or 0) + 60 * int(found["m"]) + int(found["s"])
    return whole + float(f"0.{found['f'] or 0}")


def _blocks(text: str, path: Path, is_vtt: bool) -> Iterator[Block]:
    block, is_aside, before = None, False, ""
    for number, line in enumerate(text.split("\n"), 1):
        timing = TIMING.match(line)
        if timing is not None:
            if block is not None:
                _drop_name(block.lines, is_vtt)
                yield block
            block, is_aside = Block(seconds_of(timing), _end(timing)), False
        elif ARROW in line and not is_aside and (not before or before.isdigit()):
            raise DataError(
                f"{path}, line {number}: {line.strip()[:60]!r} are no times; "
                f"give a line such as {_example(is_vtt)}"
            )
        elif is_vtt and not before and ASIDE.match(line):
            is_aside = True
        elif block is not None and not is_aside:
            block.lines.append(line)
        before = line.strip()
        is_aside = is_aside and bool(before)
    if block is not None:
        yield block


def _end(timing: regex.Match) -> float | None:
    found = TIME_START.match(timing["rest"])
    return None if found is None else seconds_of(found)


def _drop_name(lines: list[str], is_vtt: bool) -> None:
    """Take away the last line where it is the number or name of the cue that comes next."""
    is_name = is_vtt and len(lines) > 1 and not lines[-2].strip()
    if lines and (is_name or lines[-1].strip().isdigit()):
        lines.pop()


def _drop_cut_off(lines: list[str]) -> None:
    """Take away the number, and perhaps half the times, of a cue that did not come."""
    while lines and not lines[-1].strip():
        lines.pop()
    if len(lines) > 2 and lines[-2].strip().isdigit() and HALF_TIMING.fullmatch(lines[-1]):
        lines.pop()
    if len(lines) > 1 and lines[-1].strip().isdigit() and not lines[-2].strip():
        lines.pop()


def _cue(block: Block) -> Cue:
    text, stamps = "", []
    for stamp, piece in split_at_stamps("\n".join(block.lines)):
        found = TIME_START.match(stamp or "")
        if found is not None:
            stamps.append((len(text), seconds_of(found)))
        text += piece
    return Cue(block.start, block.end, text, tuple(stamps))


def _example(is_vtt: bool) -> str:
    return f"00:01:02{'.' if is_vtt else ','}500 {ARROW} 00:01:04{'.' if is_vtt else ','}000"
