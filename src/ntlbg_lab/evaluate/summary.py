"""From single answers to shares, intervals and paired differences.

Videos are what is independent: every interval is a bootstrap over videos, not over questions.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ntlbg.data import NOT_SEEN
from ntlbg.intervals import mean_over_questions
from ntlbg_lab.evaluate import KINDS
from ntlbg_lab.evaluate.answering import Outcome
from ntlbg_lab.haystack.questions import EXTRA_TYPES
from ntlbg_lab.statistics import known

NTLBG = "ntlbg"


@dataclass(frozen=True)
class Difference:
    """NTLBG minus another selector on the same questions; interval over videos."""

    difference: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class QuestionShare:
    """A share of n questions."""

    n: int
    share: float


@dataclass(frozen=True)
class EvaluationRow:
    """One cell and selector.

    Attributes:
        weights, condition, cell, selector: which.
        n, videos: questions of the usual types, and videos they are about.
        right, interval: share of right answers, 95 %.
        open, choice: the same without and with options; None where nothing was asked.
        evidence_seen: share of the questions with evidence whose chosen frames show all of it.
        within_2, within_5: of the open questions about a time, by tolerance in seconds.
        not_seen: of the questions about what the video does not show, those whose answer says so.
        by_type: share right by type of question, the extra ones too: those are in no other field
            but ``not_seen``.
        against: NTLBG minus this selector, on NTLBG's own row by the other's name.
        cpu_seconds: processor time of an answer, selection included.
    """

    weights: str
    condition: str
    cell: str
    selector: str
    n: int
    videos: int
    right: float
    interval: tuple[float | None, float | None]
    open: float | None
    choice: float | None
    evidence_seen: float | None
    within_2: QuestionShare | None
    within_5: QuestionShare | None
    not_seen: QuestionShare | None
    by_type: dict[str, QuestionShare]
    against: dict[str, Difference]
    cpu_seconds: float


def summarize(outcomes: Iterable[Outcome]) -> list[EvaluationRow]:
    """All rows, in the order of the answers."""
    cells: dict[tuple[str, str, str], dict[str, list[Outcome]]] = defaultdict(dict)
    for outcome in outcomes:
        key = outcome.weights, outcome.condition, cell_name(outcome)
        cells[key].setdefault(outcome.selector, []).append(outcome)
    rows = []
    for key, cell in cells.items():
        usual = {name: [o for o in found if o.type not in EXTRA_TYPES]
                 for name, found in cell.items()}  # fmt: skip
        for name, found in cell.items():
            against = differences(usual) if name == NTLBG else {}
            rows.append(_row(key, name, found, usual[name], against))
    return rows


def cell_name(outcome: Outcome) -> str:
    """Kind of video and budget, as in the tables."""
    known = KINDS.get(outcome.kind)
    return known.label(outcome.num_frames) if known else f"{outcome.kind}-{outcome.num_frames}"


def differences(cell: Mapping[str, Sequence[Outcome]]) -> dict[str, Difference]:
    """NTLBG minus every other selector, on the questions that both answered."""
    found = {}
    for other in [name for name in cell if name != NTLBG and NTLBG in cell]:
        theirs = {_question(o): o.right for o in cell[other]}
        values = [
            (o.video, o.right - theirs[_question(o)]) for o in cell[NTLBG] if _question(o) in theirs
        ]
        if values:
            found[other] = Difference(*_rounded_mean(values))
    return found


def _question(outcome: Outcome) -> tuple[int, int]:
    return outcome.video, outcome.place


def _row(
    key: tuple[str, str, str], selector, asked: list[Outcome], found: list[Outcome], against
) -> EvaluationRow:
    right, low, high = _rounded_mean([(o.video, o.right) for o in found])
    times = [o for o in found if o.strict is not None]
    types = sorted({o.type for o in asked})
    return EvaluationRow(
        *key,
        selector,
        n=len(found),
        videos=len({o.video for o in found}),
        right=right,
        interval=(low, high),
        open=_mean(o.right for o in found if not o.multiple_choice),
        choice=_mean(o.right for o in found if o.multiple_choice),
        evidence_seen=_mean(o.seen for o in found if o.seen is not None),
        within_2=_share([bool(o.strict) for o in times]),
        within_5=_share([o.right for o in times]),
        not_seen=_share([o.right for o in asked if o.truth == NOT_SEEN]),
        by_type={
            t: share for t in types if (share := _share([o.right for o in asked if o.type == t]))
        },
        against=against,
        cpu_seconds=round(float(np.mean([o.seconds for o in found])), 3),
    )


def _mean(values: Iterable[bool]) -> float | None:
    values = list(values)
    return round(sum(values) / len(values), 3) if values else None


def _share(values: Sequence[bool]) -> QuestionShare | None:
    mean = _mean(values)
    return None if mean is None else QuestionShare(len(values), mean)


def _rounded_mean(values: Iterable[tuple[int, float]]) -> tuple[float, float | None, float | None]:
    """Mean over questions of (video, value) with its interval; no interval for one video."""
    mean, *interval = mean_over_questions(values)
    low, high = (known(edge, 3) for edge in interval)
    return round(mean, 3), low, high


@dataclass(frozen=True)
class SeedRow:
    """One cell and selector over several trained weights."""

    condition: str
    cell: str
    selector: str
    weights: int
    mean: float
    deviation: float
    against: dict[str, tuple[float, float]]


def over_weights(rows: Sequence[EvaluationRow]) -> list[SeedRow]:
    """Mean and standard deviation (n - 1) of the share right, where there are several weights."""
    groups: dict[tuple[str, str, str], list[EvaluationRow]] = defaultdict(list)
    for row in rows:
        groups[row.condition, row.cell, row.selector].append(row)
    found = []
    for key, same in groups.items():
        if len(same) > 1:
            others = set.intersection(*(set(row.against) for row in same))
            against = {
                name: _mean_and_deviation([row.against[name].difference for row in same])
                for name in sorted(others)
            }
            right = _mean_and_deviation([row.right for row in same])
            found.append(SeedRow(*key, len(same), *right, against))
    return found


def _mean_and_deviation(values: Sequence[float]) -> tuple[float, float]:
    return round(float(np.mean(values)), 3), round(float(np.std(values, ddof=1)), 3)
