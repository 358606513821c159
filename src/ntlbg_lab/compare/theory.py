"""The tables of the theory of the common radius: computed, kept, and written for reading."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, make_dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ntlbg.files import check_folder, staged_directory
from ntlbg.json_lines import RecordFile, records_kind
from ntlbg.marks import plots
from ntlbg.views.plots import Bars, save_bars
from ntlbg_lab import tables
from ntlbg_lab.simulation import theory

RESULTS_FILE = "theory.jsonl"
WRITTEN = "rows of theory tables"


@dataclass(frozen=True)
class TheoryTable:
    """One table: how a row is computed from a case, and how it is shown.

    Attributes:
        title: what it shows.
        cases: what the rows are about.
        row: from a case.
        columns: heads of the fields, in their order.
    """

    title: str
    cases: Sequence[Any]
    row: Callable[[Any], Any]
    columns: Mapping[str, str]


def _only(table: Callable, case: Any) -> Any:
    (row,) = table([case])
    return row


COUNTS = {"size": "d", "num_points": "k"}
TABLES = {
    "simplex": TheoryTable(
        "k = d + 1 points of N(0, I), found without a constraint, and theory",
        theory.SIMPLEX_SIZES,
        partial(_only, theory.simplex_table),
        COUNTS
        | {
            "radius": "radius found",
            "deviation": "its deviation",
            "predicted_radius": "radius, theory",
            "distortion": "error found",
            "predicted_distortion": "error, theory",
        },
    ),
    "common_radius": TheoryTable(
        "More points: how far from one radius, and what one radius costs",
        theory.COMMON_RADIUS_CASES,
        partial(_only, theory.common_radius_table),
        COUNTS | {"deviation": "deviation of the radius", "loss": "error lost by one radius"},
    ),
    "median_radius": TheoryTable(
        "Points at the median radius, at the best one, and the mean vector alone",
        theory.MEDIAN_RADIUS_CASES,
        partial(_only, theory.median_radius_table),
        COUNTS
        | {
            "median_radius": "median radius",
            "best_radius": "best radius",
            "distortion_at_median": "error at the median",
            "distortion_at_best": "error at the best",
            "distortion_of_mean": "error of the mean",
        },
    ),
}

Rows = dict[str, list[dict[str, float]]]
# A line of the file: the name of its table, and what that has.
LINES = {name: make_dataclass(name, ("table", *t.columns)) for name, t in TABLES.items()}
THEORY = tables.TableFiles(
    "theory", "the table of the theory", ("table", *COUNTS, "quantity", "value")
)
FILES = THEORY.kinds | plots("median-radius") | {RESULTS_FILE: records_kind(LINES, WRITTEN)}


def run(out_dir: str | Path, *, progress: Callable[[str], None] | None = None) -> Rows:
    """Compute the tables into a folder, row by row; a killed run goes on with the next row.

    Leaves ``theory.jsonl``, ``theory.md``, ``theory.csv``, ``theory.tex`` and plots.

    Raises:
        DataError, OutputError.
    """
    folder = Path(out_dir)
    check_folder(folder, FILES)
    kept = RecordFile(folder / RESULTS_FILE, LINES, WRITTEN)
    folder.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    for name, table in TABLES.items():
        number = len(_rows(kept)[name])
        for place, case in enumerate(table.cases[number:], start=number + 1):
            kept.add([LINES[name](name, **asdict(table.row(case)))])
            if progress:
                seconds = time.perf_counter() - began
                progress(f"{name}: {place} of {len(table.cases)}, {seconds:.0f} s")
    rows = _rows(kept)
    _write(folder, rows)
    return rows


def _rows(kept: RecordFile) -> Rows:
    rows: Rows = {name: [] for name in TABLES}
    for line in map(asdict, kept.records):
        rows[line.pop("table")].append(line)
    return rows


def theory_tables(rows: Rows) -> list[tables.Table]:
    """The tables for people."""
    return [tables.Table(table.title, _lines(table, rows[name])) for name, table in TABLES.items()]


def theory_numbers(rows: Rows) -> Iterator[tuple]:
    """A line for each number."""
    for name, found in rows.items():
        for row in found:
            counts = [row[field] for field in COUNTS]
            for field in [field for field in row if field not in COUNTS]:
                yield name, *counts, field, row[field]


def _write(folder: Path, rows: Rows) -> None:
    with staged_directory(folder, THEORY.kinds) as stage:
        THEORY.write(stage, theory_tables(rows), theory_numbers(rows))
    panel = error_panel(rows["median_radius"])
    save_bars([panel], folder, name="median-radius", legend="k points at")


def error_panel(rows: Sequence[Mapping[str, float]]) -> Bars:
    """Errors at both radii, in units of the mean vector's."""
    groups = [f"d = {row['size']:g}, k = {row['num_points']:g}" for row in rows]
    series = {"the best radius": "distortion_at_best", "the median radius": "distortion_at_median"}
    values = {
        name: np.array([[row[field] / row["distortion_of_mean"]] * 3 for row in rows])
        for name, field in series.items()
    }
    return Bars("squared error, the mean vector's is 1\nless is better", groups, values)


def _lines(table: TheoryTable, rows: Sequence[Mapping[str, float]]) -> list[list[str]]:
    head = list(table.columns.values())
    return [head, *([f"{row[field]:.4g}" for field in table.columns] for row in rows)]
