"""What theory says of representative points on one contour, measured: three tables, kept and shown.

In every table the law is normal with covariance the identity, the sample a number-theoretic net
and its mirror image, and the codebooks are LBG's. d is the size of the space, k the number of
points, rho a radius. docs/method.md has the mathematics.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, make_dataclass
from pathlib import Path

import numpy as np

from ntlbg.files import check_folder
from ntlbg.json_lines import RecordFile, alone_in, records_kind
from ntlbg.marks import plots
from ntlbg.selectors.codebook import lbg, nearest_codes
from ntlbg.selectors.contour import (
    EquiradiusCodebook,
    contour_deviation,
    equiradius_lbg,
    optimal_radius,
    simplex_radius,
)
from ntlbg.selectors.quasi_random import normal_net, sphere_net
from ntlbg.views.plots import Bars, save_bars
from ntlbg_lab.tables import Table, TableFiles

RESULTS_FILE = "theory.jsonl"
RESULTS = "rows of theory tables"
DEFAULT_NET_POINTS = 2**15
TEST_NET_POINTS = 2**13  # where directions are trained on one net and measured on another
_ITERATIONS = 300
_TOLERANCE = 1e-7  # of the forced codebook; at a larger one it looks worse than it is

TheoryRow = dict[str, float]  # named as in the columns of its table
TheoryRows = dict[str, list[TheoryRow]]  # by table


def normal_sample(size: int, net_points: int, seed: int = 0) -> np.ndarray:
    """A net of N(0, I) and its mirror image, so that the mean is exactly zero: (2 n, d) float32."""
    half = normal_net(net_points, size, seed)
    return np.concatenate([half, -half])


def distortion(points: np.ndarray, codes: np.ndarray) -> float:
    """Mean squared distance to the nearest code vector."""
    return float(nearest_codes(points, codes)[1].mean(dtype=np.float64))


def simplex_row(size: int, k: int, net_points: int = DEFAULT_NET_POINTS) -> TheoryRow:
    """k = d + 1 points found by LBG without any constraint, beside the regular simplex.

    Where the common radius is a theorem, free codebooks find it: rho_k = sqrt(k / (k - 1)) E max of
    k standard normals, and the distortion d - rho_k squared.
    """
    points, rho = normal_sample(size, net_points), simplex_radius(k)
    codes, _ = lbg(points, sphere_net(k, size), iterations=_ITERATIONS)
    return {
        "radius": float(np.linalg.norm(codes, axis=1).mean()),
        "deviation": contour_deviation(codes),
        "predicted_radius": rho,
        "distortion": distortion(points, codes),
        "predicted_distortion": size - rho**2,
    }


def common_radius_row(
    size: int, k: int, net_points: int = DEFAULT_NET_POINTS, restarts: int = 4
) -> TheoryRow:
    """What one radius for all costs beyond k = d + 1.

    ``loss``: how much larger the distortion is when all points share the best radius than that of
    the points without constraint, whose radii have the ``deviation``.
    """
    points = normal_sample(size, net_points)
    free = min(
        (lbg(points, sphere_net(k, size, s), iterations=_ITERATIONS) for s in range(restarts)),
        key=lambda result: result[1][-1],
    )[0]
    forced = _best_common_radius(points, k, restarts)
    return {
        "deviation": contour_deviation(free),
        "loss": distortion(points, forced.codes) / distortion(points, free) - 1,
    }


def median_radius_row(size: int, k: int, net_points: int = TEST_NET_POINTS) -> TheoryRow:
    """Points at the median radius of the law against the best common radius.

    The median radius is never the optimum: in high dimension it is worse than one mean point. The
    directions are trained on one net and measured on another, at either radius.
    """
    directions = _best_common_radius(normal_sample(size, net_points), k, restarts=1).directions
    points = normal_sample(size, net_points, seed=1)
    radii = np.linalg.norm(points, axis=1)
    median, best = float(np.median(radii)), optimal_radius(points, directions)
    return {
        "median_radius": median,
        "best_radius": best,
        "distortion_at_median": distortion(points, directions * np.float32(median)),
        "distortion_at_best": distortion(points, directions * np.float32(best)),
        "distortion_of_mean": float(np.square(radii, dtype=np.float64).mean()),
    }


def _best_common_radius(points: np.ndarray, k: int, restarts: int) -> EquiradiusCodebook:
    return max(
        (
            equiradius_lbg(points, k, iterations=_ITERATIONS, tolerance=_TOLERANCE, seed=seed)
            for seed in range(restarts)
        ),
        key=lambda book: book.radius,
    )


@dataclass(frozen=True)
class TheoryTable:
    """One table: how a row is computed from d and k, and how it is shown.

    Attributes:
        title: what it shows.
        cases: d and k of the rows.
        row: from d and k.
        heads: of the numbers of a row, in their order.
    """

    title: str
    cases: Sequence[tuple[int, int]]
    row: Callable[[int, int], TheoryRow]
    heads: Mapping[str, str]

    @property
    def columns(self) -> dict[str, str]:
        """Heads of all fields."""
        return {**COUNTS, **self.heads}


COUNTS = {"size": "d", "num_points": "k"}
TABLES = {
    "simplex": TheoryTable(
        "k = d + 1 points of N(0, I), found without a constraint, and theory",
        [(size, size + 1) for size in (2, 4, 8, 16, 32)],
        simplex_row,
        {
            "radius": "radius found",
            "deviation": "its deviation",
            "predicted_radius": "radius, theory",
            "distortion": "error found",
            "predicted_distortion": "error, theory",
        },
    ),
    "common_radius": TheoryTable(
        "More points: how far from one radius, and what one radius costs",
        [(2, 4), (2, 5), (2, 6), (2, 8), (2, 16), (4, 8), (4, 16), (4, 32), (16, 32), (16, 128)],
        common_radius_row,
        {"deviation": "deviation of the radius", "loss": "error lost by one radius"},
    ),
    "median_radius": TheoryTable(
        "Points at the median radius, at the best one, and the mean vector alone",
        [(16, 8), (64, 64), (768, 512)],
        median_radius_row,
        {
            "median_radius": "median radius",
            "best_radius": "best radius",
            "distortion_at_median": "error at the median",
            "distortion_at_best": "error at the best",
            "distortion_of_mean": "error of the mean",
        },
    ),
}

# A line of the file: the name of its table, and what that has.
LINES = {name: make_dataclass(name, ("table", *t.columns)) for name, t in TABLES.items()}
THEORY = TableFiles("theory", "the table of the theory", ("table", *COUNTS, "quantity", "value"))
FILES = THEORY.kinds | plots("median-radius") | {RESULTS_FILE: records_kind(LINES, RESULTS)}


def measure_theory(
    out_dir: str | Path, *, progress: Callable[[str], None] | None = None
) -> TheoryRows:
    """Compute the tables into a folder, row by row; a killed run goes on with the next row.

    Leaves ``theory.jsonl``, ``theory.md``, ``theory.csv``, ``theory.tex`` and plots.

    Raises:
        DataError, OutputError.
    """
    folder = Path(out_dir)
    check_folder(folder, FILES)
    with alone_in(folder):
        kept = RecordFile(folder / RESULTS_FILE, LINES, RESULTS)
        began = time.perf_counter()
        for name, table in TABLES.items():
            number = len(_rows(kept)[name])
            for place, case in enumerate(table.cases[number:], start=number + 1):
                kept.add([LINES[name](name, *case, **table.row(*case))])
                if progress:
                    seconds = time.perf_counter() - began
                    progress(f"{name}: {place} of {len(table.cases)}, {seconds:.0f} s")
    rows = _rows(kept)
    _write(folder, rows)
    return rows


def _rows(kept: RecordFile) -> TheoryRows:
    rows: TheoryRows = {name: [] for name in TABLES}
    for line in map(asdict, kept.records):
        rows[line.pop("table")].append(line)
    return rows


def theory_tables(rows: TheoryRows) -> list[Table]:
    """The tables for people."""
    return [
        Table(
            table.title,
            [
                list(table.columns.values()),
                *([f"{row[field]:.4g}" for field in table.columns] for row in rows[name]),
            ],
        )
        for name, table in TABLES.items()
    ]


def theory_numbers(rows: TheoryRows) -> Iterator[tuple]:
    """A line for each number."""
    for name, found in rows.items():
        for row in found:
            for field in TABLES[name].heads:
                yield name, *(row[count] for count in COUNTS), field, row[field]


def _write(folder: Path, rows: TheoryRows) -> None:
    THEORY.write(folder, theory_tables(rows), theory_numbers(rows))
    panel = error_panel(rows["median_radius"])
    save_bars([panel], folder, name="median-radius", legend="k points at")


def error_panel(rows: Sequence[TheoryRow]) -> Bars:
    """Errors at both radii, in units of the mean vector's."""
    groups = [f"d = {row['size']:g}, k = {row['num_points']:g}" for row in rows]
    series = {"the best radius": "distortion_at_best", "the median radius": "distortion_at_median"}
    values = {
        name: np.array([[row[field] / row["distortion_of_mean"]] * 3 for row in rows])
        for name, field in series.items()
    }
    return Bars("squared error, the mean vector's is 1\nless is better", groups, values)
