"""Tables of benchmarks/words.py, with 95 % intervals of Wilson.

Questions about one film are not independent, so that these intervals are a little too narrow.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import pairwise

import numpy as np
from scipy.stats import binomtest
from words_answers import (
    DELETED,
    ONLY,
    OURS,
    SUBTITLED,
    SUBTITLED_DELETED,
    UNIFORM,
    Answered,
    is_found,
    is_near,
)

from ntlbg.types import Passage
from ntlbg_lab.film.plan import Chapter, Film

KINDS = {
    "N": "name or number, said", "E": "in its words, said", "P": "reworded, said",
    "S": "on a slide", "T": "ticker, caption, terminal", "C": "slide while something is said",
    "V": "pictures", "F": "foreign",
}  # fmt: skip
QUOTED = ("N", "E", "P", "S", "T")  # answered by one passage
BINS = np.linspace(0, 1, 6)


def tables(
    answers: Sequence[Answered],
    costs: Sequence,
    films: Sequence[tuple[int, Film]],
    heard: Mapping[int, Mapping[str, Sequence[Passage]]],
) -> str:
    """Everything, for people."""
    of = {name: [one for one in answers if one.condition == name]
          for name in (OURS, UNIFORM, DELETED, SUBTITLED, SUBTITLED_DELETED, *ONLY)}  # fmt: skip
    read = of | {OURS: of[SUBTITLED], DELETED: of[SUBTITLED_DELETED], UNIFORM: []}
    parts = [moments_table(of), answers_table(of), streams_table(of), denied_table(of),
             reliability_table(of), ["## With what is said as it was written"],
             moments_table(read), answers_table(read), denied_table(read),
             reliability_table(read), texts_table(films, heard), costs_table(costs)]  # fmt: skip
    return "\n".join(line for part in parts for line in (*part, ""))


def share(flags: Iterable[bool]) -> str:
    """Of all, with its interval and how many."""
    flags = list(flags)
    if not flags:
        return "–"
    low, high = binomtest(sum(flags), len(flags)).proportion_ci(method="wilson")
    return f"{sum(flags) / len(flags):.2f} ({low:.2f}–{high:.2f}, n {len(flags)})"


def row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def heading(*cells: str) -> list[str]:
    return [row(*cells), "|---" * len(cells) + "|"]


def in_first(one: Answered) -> bool:
    return is_found(one.kind, one.evidence, one.moments)


def in_first_frames(one: Answered) -> bool:
    return is_found(one.kind, one.evidence, one.moments_by_frames)


def in_frames(one: Answered) -> bool:
    return is_found(one.kind, one.evidence, [(at, at) for at in one.frames])


def in_quotation(one: Answered) -> bool:
    """Whether the first quotation is at the right moment."""
    return bool(one.quoted) and is_found(one.kind, one.evidence, [tuple(one.quoted[0][:2])])


def moments_table(of: Mapping[str, list[Answered]]) -> list[str]:
    lines = ["**Moment found within 5 s**", ""]
    lines += heading("kind", "first three", "first quotation", "first three frames",
                     "uniform, first three", "16 frames", "uniform, 16")  # fmt: skip
    for kind, name in KINDS.items():
        ours, uniform = (some(of[way], kind) for way in (OURS, UNIFORM))
        if kind != "F" and ours:
            lines.append(row(f"{kind} {name}", share(map(in_first, ours)),
                             share(map(in_quotation, ours)), share(map(in_first_frames, ours)),
                             share(map(in_first_frames, uniform)), share(map(in_frames, ours)),
                             share(map(in_frames, uniform))))  # fmt: skip
    return lines


def some(answers: Iterable[Answered], kind: str) -> list[Answered]:
    """Of a kind that have evidence, or are foreign."""
    return [one for one in answers if one.kind == kind and (one.evidence or kind == "F")]


def answers_table(of: Mapping[str, list[Answered]]) -> list[str]:
    lines = ["**Answers**", ""]
    lines += heading("kind", "given as the answer", "right words", "right, uniform",
                     "of given: wrong words", "of given: wrong moment")  # fmt: skip
    for kind, name in KINDS.items():
        ours, uniform = some(of[OURS], kind), some(of[UNIFORM], kind)
        if kind != "F" and ours:
            lines.append(answers_row(f"{kind} {name}", ours, uniform))
    quoted = [one for kind in QUOTED for one in some(of[OURS], kind)]
    lines.append(answers_row("N E P S T", quoted, []))
    everything = quoted + some(of[OURS], "C") + some(of[OURS], "F") + of[DELETED]
    return [*lines, answers_row("all but pictures, F and deleted with them", everything, [])]


def answers_row(name: str, ours: Sequence[Answered], uniform: Sequence[Answered]) -> str:
    given = [one for one in ours if one.given]
    nothing = [one for one in given if not is_there(one)]
    there = [one for one in given if one not in nothing]
    return row(
        name, share(one.given for one in ours), share(one.right for one in ours),
        share(one.right for one in uniform), share(not one.right for one in given),
        share([True] * len(nothing) + [not is_true(one) for one in there]),
    )  # fmt: skip


def streams_table(of: Mapping[str, list[Answered]]) -> list[str]:
    lines = ["**Across streams (C)**", "", *heading("streams", "first three", "16 frames", "right")]
    for way, name in ((OURS, "speech and screen"), *((only, f"{only} alone") for only in ONLY)):
        found = some(of[way], "C")
        lines.append(row(name, share(map(in_first, found)), share(map(in_frames, found)),
                         share(one.right for one in found)))  # fmt: skip
    return lines


def denied_table(of: Mapping[str, list[Answered]]) -> list[str]:
    lines = ["**Denied**", ""]
    lines += heading("questions", "no answer given", "nothing said or shown", "as nearest")
    groups = {"F foreign": some(of[OURS], "F"), "D deleted, all": of[DELETED]}
    groups |= {f"D deleted, {kind}": some(of[DELETED], kind) for kind in "NP"}
    for name, found in groups.items():
        denied = [not one.given and one.decision != "whole" for one in found]
        nearest = ["nearest" in one.text.split("\n")[0] for one in found]
        nothing = [no and not near for no, near in zip(denied, nearest)]
        lines.append(row(name, share(denied), share(nothing), share(nearest)))
    return lines


def reliability_table(of: Mapping[str, list[Answered]]) -> list[str]:
    """Kinds that one passage answers, foreign ones, and those whose sentence was deleted."""
    lines = ["**Stated chance (evidence found), and how often the first moment is right**", ""]
    lines += heading("chance", "mean", "right")
    used = [one for kind in (*QUOTED, "F") for one in some(of[OURS], kind)] + of[DELETED]
    used = [one for one in used if one.chance is not None]
    for low, high in pairwise(BINS):
        inside = [one for one in used if low <= one.chance < high or one.chance == high == 1]
        mean = f"{np.mean([one.chance for one in inside]):.2f}" if inside else "–"
        lines.append(row(f"{low:.1f}–{high:.1f}", mean, share(map(is_true, inside))))
    return lines


def is_true(one: Answered) -> bool:
    return (is_there(one) and bool(one.moments)
            and is_found(one.kind, one.evidence, [tuple(one.moments[0])]))  # fmt: skip


def is_there(one: Answered) -> bool:
    """Whether something answers the question."""
    return one.kind != "F" and one.condition not in (DELETED, SUBTITLED_DELETED)


def texts_table(films: Sequence[tuple[int, Film]], heard: Mapping) -> list[str]:
    lines = ["**What was heard and read**", ""]
    lines += heading("talk", "word errors", "words", "letters right on slides", "lines exact")
    for number, film in films:
        for chapter in film.chapters:
            said = words(" ".join(one.sentence.text for one in chapter.spoken))
            found = words(" ".join(one.text for one in within(chapter, heard[number]["speech"])))
            letters, exact = screen_letters(chapter, heard[number]["screen"])
            lines.append(row(chapter.talk.name, f"{edits(said, found) / len(said):.3f}", len(said),
                             f"{letters:.3f}", share(exact)))  # fmt: skip
    return lines


def within(chapter: Chapter, passages: Sequence[Passage]) -> list[Passage]:
    """Those that begin in a chapter."""
    start, end = chapter.parts["lecture"].start, chapter.parts["break"].end
    return [one for one in passages if start <= one.start_seconds < end]


def words(text: str) -> list[str]:
    """In small letters, without punctuation; a number as it is written ("£41" is "£41")."""
    return re.sub(r"[^\w\s$£€'.]", " ", text.lower()).replace(". ", " ").rstrip(".").split()


def edits(said: Sequence[str], found: Sequence[str]) -> int:
    """Words left out, put in and mistaken, at least."""
    numbers = {word: place for place, word in enumerate({*said, *found})}
    other, steps = np.array([numbers[word] for word in found]), np.arange(len(found) + 1)
    line = steps.copy()
    for place, word in enumerate(said, start=1):
        changed = np.minimum(line[1:] + 1, line[:-1] + (other != numbers[word]))
        # what is put in: the least of all to the left, one more for each step
        line = np.minimum.accumulate(np.concatenate([[place], changed]) - steps) + steps
    return int(line[-1])


def screen_letters(chapter: Chapter, passages: Sequence[Passage]) -> tuple[float, list[bool]]:
    """Share of letters right in the most alike reading of each line of all slides, and which
    lines were read as they are."""
    right, total, exact = 0, 0, []
    for slide in chapter.slides:
        seen = [line for one in passages if is_near((slide.start, slide.end), span_of(one))
                for line in (one.text, *one.text.split("\n"))]  # fmt: skip
        for line in (slide.page.heading, *slide.page.lines):
            right += max(map(alike(line), seen), default=0)
            total += len(line)
            exact.append(line in seen)
    return right / total, exact


def span_of(passage: Passage) -> tuple[float, float]:
    return passage.start_seconds, passage.end_seconds


def alike(line: str) -> Callable[[str], int]:
    """How many letters of a line are in another text, in order."""
    return lambda text: sum(block.size for block in SequenceMatcher(
        None, line, text, autojunk=False).get_matching_blocks())  # fmt: skip


def costs_table(costs: Sequence) -> list[str]:
    lines = ["**Cost of an hour**", "", *heading("listener", "CPU s, mean", "peak MB", "films")]
    whole = [one for one in costs if one.in_one_go]
    for name in Counter(one.listener for one in whole):
        found = [one for one in whole if one.listener == name]
        lines.append(row(name, f"{np.mean([one.cpu_seconds / one.hours for one in found]):.0f}",
                         max(one.mb for one in found), len(found)))  # fmt: skip
    return lines
