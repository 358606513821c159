"""What each part adds, as rows and tables: differences to the full model on the same questions."""

import csv
import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ntlbg_lab.compare.tables import latex_table, markdown_table
from ntlbg_lab.evaluate.answering import Outcome
from ntlbg_lab.statistics import holm, mean_interval, mean_over_questions, paired_p

NOTHING = "–"


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
    outcomes: Sequence[Outcome], changes: Mapping[str, str], full: str, *, seed: int = 0
) -> list[AblationRow]:
    """Rows of the variants in ``changes`` (name to description), budget by budget."""
    rows = []
    for num_frames in sorted({o.num_frames for o in outcomes if o.selector in changes}):
        groups = {
            name: [o for o in outcomes if (o.selector, o.num_frames) == (name, num_frames)]
            for name in changes
        }
        contrasts = _contrasts({n: g for n, g in groups.items() if g}, full, seed)
        rows += [
            _row(name, changes[name], num_frames, found, contrasts.get(name, {}), seed)
            for name, found in groups.items()
            if found
        ]
    return rows


def _contrasts(groups: Mapping[str, Sequence[Outcome]], full: str, seed: int) -> dict[str, dict]:
    names = [name for name in groups if name != full]
    if full not in groups or not names:
        return {}
    means = {name: _video_means(found) for name, found in groups.items()}
    videos = sorted(set.intersection(*(set(found) for found in means.values())))
    table = np.array([[means[name][v] - means[full][v] for name in names] for v in videos])
    low, high = mean_interval(table, seed=seed)
    p = paired_p(table, seed=seed)
    columns = zip(names, table.mean(0), low, high, p, holm(p))
    keys = ("difference", "difference_low", "difference_high", "p", "p_holm")
    return {name: dict(zip(keys, map(_known, numbers))) for name, *numbers in columns}


def _video_means(found: Sequence[Outcome]) -> dict[int, float]:
    videos: dict[int, list[bool]] = defaultdict(list)
    for outcome in found:
        videos[outcome.video].append(outcome.right)
    return {video: float(np.mean(right)) for video, right in videos.items()}


def _row(name, change, num_frames, found, contrast, seed) -> AblationRow:
    right, low, high = mean_over_questions([(o.video, o.right) for o in found], seed=seed)
    seen = [o.seen for o in found if o.seen is not None]
    return AblationRow(
        name, change, num_frames, len(found), len({o.video for o in found}), round(right, 4),
        _known(low), _known(high), _known(np.mean(seen)) if seen else None, **contrast,
    )  # fmt: skip


def _known(number: float) -> float | None:
    """JSON has no NaN."""
    return None if np.isnan(number) else round(float(number), 4)


def as_markdown(parts: Mapping[str, Sequence[AblationRow]]) -> str:
    """A table for each part (title to rows)."""
    return "\n\n".join(
        f"### {title}\n\n{markdown_table(_lines(rows))}" for title, rows in parts.items() if rows
    )


def as_latex(parts: Mapping[str, Sequence[AblationRow]]) -> str:
    """``booktabs`` tables."""
    return "\n\n".join(
        f"% {title}\n{latex_table(_lines(rows))}" for title, rows in parts.items() if rows
    )


def as_csv(parts: Mapping[str, Sequence[AblationRow]]) -> str:
    """Every number, a line for each row."""
    text = io.StringIO()
    fields = list(AblationRow.__dataclass_fields__)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["part", *fields])
    for title, rows in parts.items():
        writer.writerows([title, *(getattr(row, name) for name in fields)] for row in rows)
    return text.getvalue()


def _lines(rows: Sequence[AblationRow]) -> list[list[str]]:
    head = ["frames", "variant", "change", "n", "right", "evidence seen", "minus full", "p (Holm)"]
    body = [
        [
            str(row.num_frames), row.variant, row.change, str(row.n),
            _with_interval(row.right, row.low, row.high, ".3f"),
            NOTHING if row.evidence_seen is None else f"{row.evidence_seen:.2f}",
            _with_interval(row.difference, row.difference_low, row.difference_high, "+.3f"),
            NOTHING if row.p_holm is None else f"{row.p_holm:.2g}",
        ]
        for row in rows
    ]  # fmt: skip
    return [head, *body]


def _with_interval(value: float | None, low, high, form: str) -> str:
    if value is None:
        return NOTHING
    return f"{value:{form}}" + ("" if low is None else f" ({low:{form}} to {high:{form}})")
