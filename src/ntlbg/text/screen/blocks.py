"""Lines that a writer broke only because the column ended, joined to one passage.

The test is the typesetter's: a line was broken by its column if the first word of the next one
would not have fitted on it. Items of a list and lines of code are broken on purpose.
"""

import re
from collections.abc import Sequence

from ntlbg.text.screen.lines import Line
from ntlbg.types import Passage

SOURCE = "screen"
# Between lines of a paragraph, in heights of a line; boxes are some 1.3 times as high as letters.
LARGEST_GAP = 0.9
LARGEST_RATIO = 1.3  # of the heights of two lines in one size of letters
# A line that begins with one of these is an item of its own.
ITEM = re.compile(r"\s*(?:[•●·◆■►▶▪‣–—*-]\s|\(?\d{1,2}[.):]\s?|\(?[a-zA-Z][.)]\s)")
# Marks of code and formulas: such lines are not running text.
CODE = re.compile(r"[{}=<>_;|\\\[\]]|\w\(|::|//")
UNSPACED = re.compile(r"[぀-ヿ㐀-鿿豈-﫿]")
# Ends a sentence or a heading, after which a new line is on purpose unless the column was full.
ENDS = re.compile(r"[.!?:。！？：]$")


def passages(lines: Sequence[Line], step_seconds: float) -> list[Passage]:
    """Of lines that are over; those of one paragraph as one passage.

    Args:
        step_seconds: between two pictures; spans that differ by no more are the same.
    """
    ordered = sorted(lines, key=lambda line: (line.place.top, line.place.left))
    blocks: list[list[Line]] = []
    for line in ordered:
        column = [other for other in ordered if _is_aligned(other, line)]
        for block in blocks:
            if _goes_on(block[-1], line, column, step_seconds):
                block.append(line)
                break
        else:
            blocks.append([line])
    found = [_passage(block) for block in blocks]
    return sorted(found, key=lambda one: (one.start_seconds, one.end_seconds))


def _passage(block: Sequence[Line]) -> Passage:
    text = block[0].text
    for line in block[1:]:
        text = _joined(text, line.text)
    ends = [line.end_seconds for line in block if line.end_seconds is not None]
    return Passage(text, min(line.start_seconds for line in block), max(ends), SOURCE)


def _joined(text: str, more: str) -> str:
    if UNSPACED.match(text[-1]) and UNSPACED.match(more[0]):
        return text + more
    if re.search(r"[a-z]-$", text) and more[0].islower():
        return text[:-1] + more
    return f"{text} {more}"


def _goes_on(before: Line, line: Line, column: Sequence[Line], step_seconds: float) -> bool:
    """Whether a line is the next of the same paragraph."""
    if not _is_aligned(before, line) or not _is_together(before, line, step_seconds):
        return False
    gap = line.place.top - before.place.bottom
    if not -0.5 * line.place.height < gap < LARGEST_GAP * line.place.height:
        return False
    if ITEM.match(line.text) or CODE.search(before.text) or CODE.search(line.text):
        return False
    return _begins_inside(before, line) and not _would_fit(before, line, column)


def _begins_inside(before: Line, line: Line) -> bool:
    """A capital begins an item unless a sentence ended before it; other letters go on."""
    first = next((letter for letter in line.text if letter.isalnum()), "")
    return not first.isupper() or bool(ENDS.search(before.text))


def _would_fit(before: Line, line: Line, column: Sequence[Line]) -> bool:
    """Whether the first word of a line would have fitted on the one before."""
    right = max(other.place.right for other in column)
    letter = line.place.width / max(1, len(line.text))
    unspaced = UNSPACED.match(line.text)
    word = 1 if unspaced else len(line.text.split()[0]) + 1
    return before.place.right + word * letter < right


def _is_aligned(one: Line, other: Line) -> bool:
    """At the same left edge, or about the same middle, in the same size."""
    a, b = one.place, other.place
    low, high = sorted((a.height, b.height))
    left = abs(a.left - b.left) < high
    # the first line of an item hangs out by its mark
    hangs = ITEM.match(one.text) is not None and 0 < b.left - a.left < 3 * high
    centred = abs(a.left + a.right - b.left - b.right) < high
    return high < LARGEST_RATIO * low and (left or hangs or centred)


def _is_together(one: Line, other: Line, step_seconds: float) -> bool:
    assert one.end_seconds is not None
    assert other.end_seconds is not None
    step = step_seconds * 1.01
    starts = abs(one.start_seconds - other.start_seconds)
    return starts <= step and abs(one.end_seconds - other.end_seconds) <= step
