"""A chapter is named by what is written or said in it: a heading, else the sentence that says most.

N passages.
"""

import re
from collections.abc import Iterator, Sequence

import numpy as np

from ntlbg.text.screen.blocks import CODE, ITEM
from ntlbg.types import Passage
from ntlbg.types.words import Chapter
from ntlbg.video_chapters.bins import spoken
from ntlbg.video_chapters.topics import Topics, spans_of

MOST_LETTERS = 60  # what players and search pages show of a title
CUT = "…"
# A heading stays for as long as it takes to read its page; subtitles that are part of the picture
# stay for 1 to 6 seconds.
HEADING_SECONDS = 6.0
# Lines that appear within so much are of one page: pictures are read once a second.
PAGE_SECONDS = 1.01
# Shorter ones ("Thank you.") name nothing. By hand.
LEAST_WORDS, LEAST_WIDE = 4, 8
HEADING_WORDS = 12
WIDE = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]")
# How much it counts that a heading stays for all of a chapter, beside how central it is, which is
# a difference of cosines. By hand.
STAYS = 1.0


def titled(spans: Sequence[tuple[float, float]], topics: Topics) -> list[Chapter]:
    """The chapters ``[start, end)`` with their names; none comes twice while there are others."""
    used: set[str] = set()
    found = []
    for number, (start, end) in enumerate(spans, 1):
        names = [*_names(topics, start, end)]
        fresh = [name for name in names if name[0].casefold() not in used]
        title, source = [*fresh, *names, (f"Chapter {number}", "number")][0]
        used.add(title.casefold())
        found.append(Chapter(start, end, title, source))
    return found


def _names(topics: Topics, start: float, end: float) -> Iterator[tuple[str, str]]:
    """Titles and their sources, the best one first: headings, sentences, other lines."""
    central = centrality(topics, start, end)
    seconds = _seconds_within(topics.passages, start, end)
    shown = central + STAYS * seconds / (end - start)
    first, others = _lines(topics.passages, seconds)
    said = _sentences(topics.passages, start, end)
    for rows, worth in ((first, shown), (said, central), (others, shown)):
        for row in sorted(rows, key=lambda row: -worth[row]):
            yield shortened(topics.passages[row].text), topics.passages[row].source


def centrality(topics: Topics, start: float, end: float) -> np.ndarray:
    """float64 (N,): how much more like what is said in a chapter than like the rest of the film."""
    starts, ends = spans_of(topics.passages)
    middles = (starts + ends) / 2
    inside = (start <= middles) & (middles < end)
    likeness = topics.vectors @ np.stack(
        [topics.vectors[rows].mean(0) if rows.any() else 0 * topics.vectors.sum(0)
         for rows in (inside, ~inside)], axis=1,
    )  # fmt: skip
    return likeness[:, 0] - likeness[:, 1]


def _seconds_within(passages: Sequence[Passage], start: float, end: float) -> np.ndarray:
    starts, ends = spans_of(passages)
    return np.maximum(np.minimum(ends, end) - np.maximum(starts, start), 0.0)


def _lines(passages: Sequence[Passage], seconds: np.ndarray) -> tuple[list[int], list[int]]:
    """Rows of lines that may be headings: those that are the first of their page, and others.

    Args:
        passages: in order of time, those that appear at once from top to bottom.
        seconds: (N,), that each is there within the chapter.
    """
    found: tuple[list[int], list[int]] = [], []
    page = -np.inf
    for row, one in enumerate(passages):
        if one.source != "screen":
            continue
        is_first, page = one.start_seconds - page > PAGE_SECONDS, one.start_seconds
        if seconds[row] >= HEADING_SECONDS and is_heading(one.text):
            found[not is_first].append(row)
    return found


def _sentences(passages: Sequence[Passage], start: float, end: float) -> list[int]:
    said = {id(one) for one in spoken(passages)}
    rows = [
        row
        for row, one in enumerate(passages)
        if id(one) in said and start <= (one.start_seconds + one.end_seconds) / 2 < end
    ]
    return [row for row in rows if says_enough(passages[row].text)] or rows


def is_heading(text: str) -> bool:
    """Whether a line looks like the heading of a page: some words, no list, code or number.

    >>> [is_heading(text) for text in ("Costs of the harbour", "- two skips", "x = f(y);", "14")]
    [True, False, False, False]
    """
    letters = sum(letter.isalpha() for letter in text)
    signs = sum(not letter.isspace() for letter in text)
    if letters < 3 or 2 * letters < signs or len(text.split()) > HEADING_WORDS:
        return False
    return not (ITEM.match(text) or CODE.search(text))


def says_enough(text: str) -> bool:
    """Whether a sentence has as many words, or characters of a script without spaces, as it takes.

    >>> says_enough("Thank you."), says_enough("Rent for a half plot rises.")
    (False, True)
    """
    return len(text.split()) >= LEAST_WORDS or len(WIDE.findall(text)) >= LEAST_WIDE


def shortened(text: str, most: int = MOST_LETTERS) -> str:
    """One line of at most so many letters, cut at a word, without the full stop at its end.

    >>> shortened("The pipe burst in February and there is no drop in it.", 30)
    'The pipe burst in February…'
    """
    line = " ".join(text.split())
    line = re.sub(r"(?<=[^\W.])[.。]$", "", line)
    if len(line) <= most:
        return line
    room = line[: most - len(CUT) + 1]
    words = room.rpartition(" ")[0] if " " in room[most // 2 :] else room[: most - len(CUT)]
    return words.rstrip(" ,;:-–—") + CUT
