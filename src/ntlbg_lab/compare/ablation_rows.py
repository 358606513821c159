"""What each part adds, as rows and tables: differences to the full model on the same questions."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, fields

import numpy as np

from ntlbg.intervals import mean_over_questions
from ntlbg.marks import json_parts
from ntlbg_lab.evaluate.answering import Outcome
from ntlbg_lab.statistics import known, paired_differences
from ntlbg_lab.tables import Table, TableFiles, number, with_interval


@dataclass(frozen=True)
class AblationRow:
    """One variant at one budget.

    Attributes:
        variant, change, num_frames: which.
        n, videos: questions, and videos they are about.
        right, low, high: share of right answers, 95 % over videos.
        evidence_seen: share of the questions with evidence whose frames show all of it.
        difference, difference_low, difference_high: mean over videos of the share right, minus the
            full model's; None for the full model.
        p, p_holm: sign-flip test of the difference over videos, alone and as one of all variants.
    """

    variant: str
    change: str
    num_frames: int
    n: int
    videos: int
    right: float
    low: float | None
    high: float | None
    evidence_seen: float | None
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None
    p: float | None = None
    p_holm: float | None = None


def ablation_rows(
    outcomes: Sequence[Outcome], changes: Mapping[str, str], full: str
) -> list[AblationRow]:
    """Rows of the variants in ``changes`` (name to description), budget by budget."""
    cells: dict[int, dict[str, list[Outcome]]] = defaultdict(dict)
    for one in outcomes:
        cells[one.num_frames].setdefault(one.selector, []).append(one)
    rows = []
    for num_frames, cell in sorted(cells.items()):
        groups = {name: cell[name] for name in changes if name in cell}
        contrasts = _contrasts(groups, full)
        rows += [
            _row(name, changes[name], num_frames, found, contrasts.get(name, {}))
            for name, found in groups.items()
        ]
    return rows


def _contrasts(groups: Mapping[str, Sequence[Outcome]], full: str) -> dict[str, dict]:
    names = [name for name in groups if name != full]
    if full not in groups or not names:
        return {}
    means = {name: _video_means(found) for name, found in groups.items()}
    videos = sorted(set.intersection(*(set(found) for found in means.values())))
    table = np.array([[means[name][v] - means[full][v] for name in names] for v in videos])
    found = paired_differences(table)
    keys = {"difference": "difference", "low": "difference_low", "high": "difference_high",
            "p": "p", "p_holm": "p_holm"}  # fmt: skip
    return {
        name: {keys[field]: known(value, 4) for field, value in vars(one).items()}
        for name, one in zip(names, found)
    }


def _video_means(found: Sequence[Outcome]) -> dict[int, float]:
    videos: dict[int, list[bool]] = defaultdict(list)
    for outcome in found:
        videos[outcome.video].append(outcome.right)
    return {video: float(np.mean(right)) for video, right in videos.items()}


def _row(name, change, num_frames, found, contrast) -> AblationRow:
    right, low, high = mean_over_questions([(o.video, o.right) for o in found])
    seen = [o.seen for o in found if o.seen is not None]
    return AblationRow(
        name, change, num_frames, len(found), len({o.video for o in found}), round(right, 4),
        known(low, 4), known(high, 4), known(np.mean(seen), 4) if seen else None, **contrast,
    )  # fmt: skip


IN_USE, IN_TRAINING = "Parts in use", "Parts of training"
ABLATION = TableFiles(
    "ablation",
    "the table of an ablation",
    ("part", *(field.name for field in fields(AblationRow))),
    objects={"ablation.json": json_parts("the tables of an ablation", IN_USE, IN_TRAINING)},
)


def ablation_tables(parts: Mapping[str, Sequence[AblationRow]]) -> list[Table]:
    """A table for each part (title to rows)."""
    return [Table(title, _lines(rows)) for title, rows in parts.items() if rows]


def as_objects(parts: Mapping[str, Sequence[AblationRow]]) -> dict[str, list[dict]]:
    """The rows for JSON."""
    return {title: [asdict(row) for row in rows] for title, rows in parts.items()}


def ablation_numbers(parts: Mapping[str, Sequence[AblationRow]]) -> Iterator[tuple]:
    """A line for each row."""
    for title, rows in parts.items():
        for row in rows:
            yield title, *astuple(row)


def _lines(rows: Sequence[AblationRow]) -> list[list[str]]:
    head = ["frames", "variant", "change", "n", "right", "evidence seen", "minus full", "p (Holm)"]
    body = [
        [
            str(row.num_frames), row.variant, row.change, str(row.n),
            with_interval(row.right, row.low, row.high, ".3f"), number(row.evidence_seen),
            with_interval(row.difference, row.difference_low, row.difference_high, "+.3f"),
            number(row.p_holm, ".2g"),
        ]
        for row in rows
    ]  # fmt: skip
    return [head, *body]
