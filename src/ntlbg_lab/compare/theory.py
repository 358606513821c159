"""The tables of the theory of the common radius: computed, kept, and written for reading."""

import csv
import io
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ntlbg.errors import DataError
from ntlbg.files import check_folder, check_regular, staged_directory
from ntlbg.marks import LATEX, MARKDOWN, as_latex_file, as_markdown_file, csv_table, plots
from ntlbg.views.plots import Bars, save_bars
from ntlbg_lab.compare.tables import latex_table, markdown_table
from ntlbg_lab.json_lines import cut_torn
from ntlbg_lab.simulation import theory

RESULTS_FILE = "theory.jsonl"
BEGINNING = '{"table": "'


@dataclass(frozen=True)
class Table:
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
    "simplex": Table(
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
    "common_radius": Table(
        "More points: how far from one radius, and what one radius costs",
        theory.COMMON_RADIUS_CASES,
        partial(_only, theory.common_radius_table),
        COUNTS | {"deviation": "deviation of the radius", "loss": "error lost by one radius"},
    ),
    "median_radius": Table(
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


def run(out_dir: str | Path, *, progress: Callable[[str], None] | None = None) -> Rows:
    """Compute the tables into a folder, row by row; a killed run goes on with the next row.

    Leaves ``theory.jsonl``, ``theory.md``, ``theory.csv``, ``theory.tex`` and plots.

    Raises:
        DataError, OutputError.
    """
    folder = Path(out_dir)
    check_folder(folder, FILES)
    path = folder / RESULTS_FILE
    found: dict[str, list] = {name: [] for name in TABLES}
    for name, row in _read(path):
        found[name].append(row)
    folder.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    for name, table in TABLES.items():
        for case in table.cases[len(found[name]) :]:
            row = asdict(table.row(case))
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"table": name} | row) + "\n")
            found[name].append(row)
            if progress:
                seconds = time.perf_counter() - began
                progress(f"{name}: {len(found[name])} of {len(table.cases)}, {seconds:.0f} s")
    _write(folder, found)
    return found


def _read(path: Path) -> Iterator[tuple[str, dict[str, float]]]:
    """Rows that are whole; a torn last line is cut off, if it begins as a row does."""
    if not check_regular(path):
        return
    try:
        *lines, rest = path.read_text(encoding="ascii").split("\n")
        if not (rest.startswith(BEGINNING) or BEGINNING.startswith(rest)):
            raise ValueError("its last line")
        for line in lines:
            row = json.loads(line)
            name = row.pop("table")
            yield name, {field: row[field] for field in TABLES[name].columns}
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: not rows of theory tables ({error})") from error
    if rest:
        cut_torn(path)


def as_markdown(rows: Rows) -> str:
    """The tables for people."""
    parts = [
        f"### {table.title}\n\n{markdown_table(_lines(table, rows[name]))}"
        for name, table in TABLES.items()
    ]
    return "\n\n".join(parts)


def as_csv(rows: Rows) -> str:
    """Every number, one to a line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["table", *COUNTS, "quantity", "value"])
    for name, found in rows.items():
        for row in found:
            counts = [row[field] for field in COUNTS]
            for field in [field for field in row if field not in COUNTS]:
                writer.writerow([name, *counts, field, row[field]])
    return text.getvalue()


FILES = {
    "theory.md": MARKDOWN,
    "theory.csv": csv_table("the table of the theory", as_csv({})),
    "theory.tex": LATEX,
    **plots("median-radius"),
}


def _write(folder: Path, rows: Rows) -> None:
    latex = [f"% {t.title}\n{latex_table(_lines(t, rows[name]))}" for name, t in TABLES.items()]
    with staged_directory(folder, FILES) as stage:
        (stage / "theory.md").write_text(as_markdown_file(as_markdown(rows)), "utf-8")
        (stage / "theory.csv").write_text(as_csv(rows), encoding="utf-8")
        (stage / "theory.tex").write_text(as_latex_file("\n\n".join(latex)), "utf-8")
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


def _lines(table: Table, rows: Sequence[Mapping[str, float]]) -> list[list[str]]:
    head = list(table.columns.values())
    return [head, *([f"{row[field]:.4g}" for field in table.columns] for row in rows)]
