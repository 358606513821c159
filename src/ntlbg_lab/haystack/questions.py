"""Questions whose answers are known from where the needles were planted."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import numpy as np

from ntlbg.data import NOT_SEEN, Sample
from ntlbg.time_text import format_seconds

QUESTION_TYPES = ("first", "last", "before", "after", "count", "exist", "when", "which")
# Asked only by name. "absent" is a question of another type about what the video does not show;
# "order" and "both" name two objects.
EXTRA_TYPES = ("absent", "order", "both")

# Wordings by type; the last two of each are never trained on.
TEMPLATES: dict[str, list[str]] = json.loads(
    resources.files("ntlbg_lab").joinpath("assets/wordings.json").read_text("utf-8")
)
HELD_OUT_WORDINGS = 2
ABSENT_FORMS = ("when", "before", "after")  # about an object that is not there
EMPTY_FORMS = ("first", "last")  # about a video that shows nothing
EMPTY_MARGIN_SECONDS = 6  # from a moment that shows nothing to the next event, at least


@dataclass(frozen=True)
class Event:
    """One appearance of a named object, in seconds from the first picture, ``[start, end)``."""

    name: str
    start: float
    end: float


def with_article(name: str) -> str:
    """ "a guitar", "an owl", "scissors"."""
    if name.endswith("s") and not name.endswith("ss"):
        return name
    return ("an " if name[0].lower() in "aeio" else "a ") + name


def possible_types(events: Sequence[Event]) -> list[str]:
    """Question types that have one right answer for these events (sorted by time)."""
    if not events:
        return ["exist", "count"]
    names = [event.name for event in events]
    single = {name for name in names if names.count(name) == 1}
    types = ["first", "last", "count", "exist", "which"]
    if single:
        types.append("when")
    if any(name in single for name in names[1:]):
        types.append("before")
    if any(name in single for name in names[:-1]):
        types.append("after")
    return types


def possible_extras(events: Sequence[Event]) -> list[str]:
    """Types of EXTRA_TYPES that have one right answer for these events."""
    return list(EXTRA_TYPES) if len({event.name for event in events}) > 1 else ["absent"]


def make_question(
    events: Sequence[Event],
    rng: np.random.Generator,
    names: Sequence[str],
    *,
    kind: str | None = None,
    multiple_choice: bool = False,
    wordings: str = "train",
) -> Sample:
    """One question about ``events``; ``names`` are the objects that may be asked about.

    ``kind`` is one of QUESTION_TYPES or EXTRA_TYPES; where it has no answer for these events, and
    by default, one of :func:`possible_types` is drawn. ``wordings`` is "train", or "held_out" for
    those never trained on. The sample's ``video`` is a placeholder for the caller to replace.
    """
    types = possible_types(events)
    if kind in possible_extras(events):
        return _make_extra(kind, events, rng, names, multiple_choice, wordings)
    kind = kind if kind in types else str(rng.choice(types))
    template = _wording(kind, rng, wordings)
    asked, answer, evidence = _facts(kind, events, rng, names)
    if kind == "which":
        question = template.format(time=format_seconds(asked))
    else:
        question = template.format(name=asked, article=with_article(asked) if asked else "")
    options = None
    if multiple_choice and kind != "exist":
        options = _options(kind, answer, events, rng, names)
    return _sample(kind, question, answer, evidence, options)


def _wording(kind: str, rng: np.random.Generator, wordings: str) -> str:
    templates = TEMPLATES[kind]
    cut = len(templates) - HELD_OUT_WORDINGS
    templates = templates[:cut] if wordings == "train" else templates[cut:]
    return templates[rng.integers(len(templates))]


def _sample(kind, question, answer, evidence, options=None) -> Sample:
    return Sample(video="?", question=question, answer=answer, answer_type=kind, options=options,
                  evidence=[(event.start, event.end) for event in evidence])  # fmt: skip


def _make_extra(kind, events, rng, names, multiple_choice, wordings) -> Sample:
    if kind == "absent":
        return _make_absent(events, rng, names, wordings)
    asked, answer, evidence = _pair_facts(kind, events, rng, names)
    name, other = rng.permutation(asked).tolist()
    question = _wording(kind, rng, wordings).format(
        name=name, other=other, article=with_article(name), other_article=with_article(other)
    )
    options = [name, other] if multiple_choice and kind == "order" else None
    return _sample(kind, question, answer, evidence, options)


def _make_absent(events, rng, names, wordings) -> Sample:
    """About an object that never appears, a moment that shows none, or an empty video."""
    moments = _empty_seconds(events)
    forms = [*ABSENT_FORMS, *(("which",) if moments else ()), *(() if events else EMPTY_FORMS)]
    form = str(rng.choice(forms))
    listed = {event.name for event in events}
    name = str(rng.choice([name for name in names if name not in listed]))
    time = format_seconds(rng.choice(moments)) if form == "which" else ""
    question = _wording(form, rng, wordings).format(
        name=name, article=with_article(name), time=time
    )
    return _sample("absent", question, NOT_SEEN, [])


def _empty_seconds(events) -> list[int]:
    """Middles of the stretches before and between events that are long enough."""
    edges = [0.0, *(event.end for event in events)]
    gaps = [(edge, event.start) for edge, event in zip(edges, events)]
    return [int((a + b) / 2) for a, b in gaps if b - a > 2 * EMPTY_MARGIN_SECONDS]


def _pair_facts(kind, events, rng, names):
    """(two names, answer, events that must be seen); only first appearances count."""
    firsts = {event.name: event for event in reversed(events)}
    one, other = rng.choice(sorted(firsts), 2, replace=False).tolist()
    pair = sorted((firsts[one], firsts[other]), key=lambda event: event.start)
    if kind == "order":
        return [one, other], pair[0].name, pair
    if rng.random() < 0.5:
        return [one, other], "Yes", pair
    absent = str(rng.choice([name for name in names if name not in firsts]))
    return [one, absent], "No", [firsts[one]]


def _facts(kind, events, rng, names):
    """(what is asked about, answer, events that must be seen)."""
    listed = [event.name for event in events]
    single = {name for name in listed if listed.count(name) == 1}
    if kind in ("first", "last"):
        event = events[0 if kind == "first" else -1]
        return "", event.name, [event]
    if kind == "which":
        event = events[rng.integers(len(events))]
        # the whole second must show it, since the question names whole seconds
        inside = range(
            int(np.ceil(event.start)), max(int(np.ceil(event.start)) + 1, int(event.end))
        )
        return int(rng.choice(list(inside))), event.name, [event]
    if kind in ("before", "after"):
        step = -1 if kind == "before" else 1
        places = [
            i for i, name in enumerate(listed) if name in single and 0 <= i + step < len(events)
        ]
        place = int(rng.choice(places))
        return listed[place], listed[place + step], [events[place], events[place + step]]
    if kind == "when":
        name = str(rng.choice(sorted(single)))
        event = events[listed.index(name)]
        return name, format_seconds(np.ceil(event.start)), [event]
    present = rng.random() < (0.5 if kind == "exist" else 0.9) and bool(listed)
    absent = [name for name in names if name not in listed]
    name = str(rng.choice(sorted(set(listed)) if present else absent))
    found = [event for event in events if event.name == name]
    answer = str(len(found)) if kind == "count" else ("Yes" if found else "No")
    return name, answer, found


def _options(kind, answer, events, rng, names) -> list[str]:
    listed = {event.name for event in events}
    if kind == "count":
        wrong = [str(number) for number in range(6) if str(number) != answer]
    elif kind == "when":
        times = {format_seconds(np.ceil(event.start)) for event in events}
        last = events[-1].end + 60
        times |= {format_seconds(second) for second in rng.uniform(0, last, 3)}
        wrong = sorted(times - {answer})
    else:
        seen = sorted(listed - {answer})
        rng.shuffle(seen)
        unseen = [name for name in names if name not in listed]
        wrong = [*seen[:2], *rng.choice(unseen, 3, replace=False).tolist()][:3]
        return rng.permutation([answer, *wrong]).tolist()
    wrong = rng.permutation(wrong).tolist()[:3]
    return rng.permutation([answer, *wrong]).tolist()
