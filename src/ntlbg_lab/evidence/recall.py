"""How much of the annotated evidence do lists of selected moments reach?

Every list is judged on the same questions. Evidence counts as seen when a selected moment lies
within a tolerance of it; a question is answered for by *any* or by *all* of its evidence. Recall
is necessary for a right answer, not sufficient.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ntlbg.errors import DataError
from ntlbg.intervals import mean_over_questions
from ntlbg_lab.evidence.annotations import (
    Annotation,
    Interval,
    frames_to_seconds,
    name_of,
    numbers_from_zero,
    read_objects,
)
from ntlbg_lab.statistics import known, mcnemar_p
from ntlbg_lab.tables import Table

TOLERANCES = (1.0, 2.0, 5.0)  # seconds; evidence is visible for longer than the moment marked
EVIDENCE_MODES = ("any", "all")
ROUNDING = 1e-6  # seconds: 0.7 and 0.8 count as 0.1 apart
AFTER_THE_END = 2.0  # seconds a selected moment may lie past an end that is often rounded

# Of all questions together, about 200 MB: 3,700 frames for each of LongVideoBench's 1,337.
MOST_UNIFORM_TIMES = 5_000_000

Times = Mapping[str, Sequence[float]]  # question id -> selected seconds


@dataclass(frozen=True)
class EvidenceRecall:
    """Share of questions whose evidence was seen.

    ``low`` and ``high`` are a 95 % interval over videos, None for a single video.
    """

    selection: str
    frames: float  # selected moments per question, on average
    tolerance: float
    mode: str
    share: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class EvidenceContrast:
    """Two lists on the same questions: how often only one saw the evidence, and McNemar's p."""

    one: str
    other: str
    tolerance: float
    mode: str
    only_one: int
    only_other: int
    p: float


@dataclass(frozen=True)
class EvidenceReport:
    """Recalls, contrasts, and how many annotated questions were left out for lack of a list."""

    recalls: tuple[EvidenceRecall, ...]
    contrasts: tuple[EvidenceContrast, ...]
    questions: int
    videos: int
    without_selection: int


def measure_recall(
    annotations: Sequence[Annotation],
    selections: Mapping[str, Times],
    *,
    tolerances: Sequence[float] = TOLERANCES,
    seed: int = 0,
) -> EvidenceReport:
    """Recall of every list at every tolerance, and every pair of lists against each other.

    Args:
        annotations: questions with evidence.
        selections: seconds selected for each question, by the list's name. Questions that a list
            lacks are left out for all lists.
        tolerances: seconds.
        seed: of the bootstrap.

    Raises:
        DataError: no question is in all lists, or a selected moment lies past its video's end.
    """
    asked = [a for a in annotations if all(a.id in times for times in selections.values())]
    if not asked or not selections:
        raise DataError(
            f"no question is in all {len(selections)} lists; ids of the annotations look like "
            f"{[annotation.id for annotation in annotations[:2]]}"
        )
    for name, times in selections.items():
        _check_ends(name, asked, times)
    recalls, contrasts = [], []
    for tolerance, mode in itertools.product(tolerances, EVIDENCE_MODES):
        seen = {
            name: [sees(times[a.id], a.evidence, tolerance, mode) for a in asked]
            for name, times in selections.items()
        }
        recalls += [
            _recall(asked, selections, *item, tolerance, mode, seed) for item in seen.items()
        ]
        pairs = itertools.combinations(seen, 2)
        contrasts += [_contrast(one, other, seen, tolerance, mode) for one, other in pairs]
    return EvidenceReport(
        tuple(recalls), tuple(contrasts), len(asked), len({a.video for a in asked}),
        len(annotations) - len(asked),
    )  # fmt: skip


def sees(
    times: Sequence[float], evidence: Sequence[Interval], tolerance: float, mode: str = "any"
) -> bool:
    """Whether any or all of the evidence has a selected moment within ``tolerance`` seconds."""
    reach = tolerance + ROUNDING
    hits = (any(start - reach <= t <= end + reach for t in times) for start, end in evidence)
    return all(hits) if mode == "all" else any(hits)


def uniform_times(annotations: Sequence[Annotation], num_frames: int) -> dict[str, list[float]]:
    """The middles of ``num_frames`` equal intervals of every video.

    Raises:
        DataError: a video's duration is not known, or these are more than MOST_UNIFORM_TIMES.
    """
    most = MOST_UNIFORM_TIMES // max(1, len(annotations))
    if num_frames > most:
        raise DataError(
            f"{num_frames} frames for each of {len(annotations)} questions are too many; give "
            f"{most} at most"
        )
    times = {}
    for annotation in annotations:
        if annotation.duration is None:
            raise DataError(f"{annotation.id!r} has no duration, so its video cannot be divided")
        step = annotation.duration / num_frames
        times[annotation.id] = [(place + 0.5) * step for place in range(num_frames)]
    return times


def read_selections(path: str | Path, fps: float | None = None) -> dict[str, list[float]]:
    """Seconds selected for each question: one object a line, with ``id`` and ``pts_seconds``.

    Instead of ``pts_seconds`` a line may hold ``frames``, counted at its own ``fps`` or at the one
    given here. Frame numbers without a rate are refused: the rates of the files differ, and a
    guess would be wrong by a quarter without a sign of it.

    Raises:
        DataError: naming file and record.
    """
    path, times = Path(path), {}
    for record in read_objects(path):
        identifier = record.get("id")
        try:
            identifier = name_of(record, "id")
            if identifier in times:
                raise ValueError("every line needs an id of its own")
            times[identifier] = _selected_seconds(record, fps)
        except ValueError as error:
            raise DataError(f"{path}: {identifier!r:.80}: {error}") from error
    return times


def _selected_seconds(record: dict, fps: float | None) -> list[float]:
    if "pts_seconds" in record:
        return numbers_from_zero(record["pts_seconds"], "pts_seconds")
    if "frames" not in record:
        raise ValueError("neither pts_seconds nor frames")
    rate = record.get("fps", fps)
    if rate is None:
        raise ValueError(
            "frames are counted at an unknown rate; add fps to the line, or give --fps for all"
        )
    return frames_to_seconds(record["frames"], rate)


def _check_ends(name: str, asked: Sequence[Annotation], times: Times) -> None:
    """A wrong rate shows where it makes moments later than the video is long."""
    for annotation in asked:
        last = max(times[annotation.id], default=0.0)
        if annotation.duration is not None and last > annotation.duration + AFTER_THE_END:
            raise DataError(
                f"{name}: {annotation.id!r} selects {last:.1f} s of a video of "
                f"{annotation.duration:.1f} s; are frames counted at another rate?"
            )


def _recall(asked, selections, name, seen, tolerance, mode, seed) -> EvidenceRecall:
    share, low, high = mean_over_questions(zip((a.video for a in asked), seen), seed=seed)
    frames = float(np.mean([len(selections[name][a.id]) for a in asked]))
    return EvidenceRecall(name, frames, tolerance, mode, share, known(low), known(high), len(asked))


def _contrast(one, other, seen, tolerance, mode) -> EvidenceContrast:
    first, second = np.array(seen[one]), np.array(seen[other])
    return EvidenceContrast(
        one, other, tolerance, mode, int((first & ~second).sum()), int((~first & second).sum()),
        mcnemar_p(first, second),
    )  # fmt: skip


def evidence_tables(report: EvidenceReport) -> list[Table | str]:
    """Recall, any and all side by side, and McNemar's tests."""
    cells: dict[str, dict[str, EvidenceRecall]] = {}
    for recall in report.recalls:
        head = f"{recall.mode} ±{recall.tolerance:g} s"
        cells.setdefault(recall.selection, {})[head] = recall
    heads = next(iter(cells.values()))
    recalls = [["selection", "frames", *heads]]
    for name, found in cells.items():
        frames = found[next(iter(heads))].frames
        recalls.append([name, f"{frames:.4g}", *(_percent(found[head]) for head in heads)])
    counted = f"{report.questions} questions about {report.videos} videos, 95 % intervals"
    tests = [["one", "other", "evidence", "only one", "only the other", "p"]] + [
        [c.one, c.other, f"{c.mode} ±{c.tolerance:g} s", str(c.only_one), str(c.only_other),
         f"{c.p:.2g}"]
        for c in report.contrasts
    ]  # fmt: skip
    return [Table("", recalls), counted, *([Table("", tests)] if report.contrasts else [])]


def _percent(recall: EvidenceRecall) -> str:
    share = f"{100 * recall.share:.1f}"
    if recall.low is None or recall.high is None:
        return share
    return f"{share} ({100 * recall.low:.0f} to {100 * recall.high:.0f})"
