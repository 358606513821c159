"""The theory tables as files, in small; their numbers are tested with the functions themselves."""

import csv
import json
from dataclasses import replace

import pytest

from ntlbg.errors import DataError
from ntlbg_lab.compare import theory
from ntlbg_lab.compare.theory import common_radius_row, median_radius_row, simplex_row

SMALL = {  # cases, and the row of each from a small net
    "simplex": (((2, 3), (3, 4)), lambda size, k: simplex_row(size, k, 512)),
    "common_radius": (((2, 4), (2, 5)), lambda size, k: common_radius_row(size, k, 256, 1)),
    "median_radius": (((16, 8), (4, 4)), lambda size, k: median_radius_row(size, k, 512)),
}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Two quick cases a table."""
    tables = {
        name: replace(theory.TABLES[name], cases=cases, row=row)
        for name, (cases, row) in SMALL.items()
    }
    monkeypatch.setattr(theory, "TABLES", tables)


def test_every_table_is_that_of_its_function():
    for name, (cases, row) in SMALL.items():
        assert list(theory.TABLES[name].heads) == list(row(*cases[0]))


def test_tables_are_written_in_three_forms_with_a_plot(tmp_path):
    lines = []
    rows = theory.measure_theory(tmp_path / "out", progress=lines.append)
    assert {name: len(found) for name, found in rows.items()} == dict.fromkeys(theory.TABLES, 2)
    assert [line.split(",")[0] for line in lines[:2]] == ["simplex: 1 of 2", "simplex: 2 of 2"]
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {
        "theory.jsonl", "theory.md", "theory.csv", "theory.tex", "median-radius.png",
        "median-radius.svg",
    }  # fmt: skip
    text = (tmp_path / "out/theory.md").read_text()
    assert text.count("###") == 3
    assert "| 2 | 3 | 1.03" in text
    with (tmp_path / "out/theory.csv").open() as file:
        read = list(csv.DictReader(file))
    assert len(read) == 2 * (5 + 2 + 5)
    assert (tmp_path / "out/theory.tex").read_text().count(r"\bottomrule") == 3


def test_rows_are_those_of_the_functions(tmp_path):
    rows = theory.measure_theory(tmp_path)
    expected = {"size": 3, "num_points": 4} | simplex_row(3, 4, 512)
    assert rows["simplex"][1] == pytest.approx(expected)
    assert {row["size"] for row in rows["median_radius"]} == {16, 4}


def test_a_killed_run_goes_on_with_the_next_row(tmp_path):
    whole = theory.measure_theory(tmp_path / "whole")
    path = tmp_path / "torn" / theory.RESULTS_FILE
    path.parent.mkdir()
    lines = (tmp_path / "whole" / theory.RESULTS_FILE).read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:3]) + lines[3][:20])
    done = []
    assert theory.measure_theory(path.parent, progress=done.append) == whole
    assert len(done) == 3
    assert path.read_text() == "".join(lines)


def test_the_plot_shows_errors_in_units_of_the_mean_vector(tmp_path):
    rows = theory.measure_theory(tmp_path)["median_radius"]
    panel = theory.error_panel(rows)
    assert panel.groups == ["d = 16, k = 8", "d = 4, k = 4"]
    best, median = panel.series.values()
    assert best[0, 0] == pytest.approx(
        rows[0]["distortion_at_best"] / rows[0]["distortion_of_mean"]
    )
    assert best[0, 0] < 1 < median[0, 0]


@pytest.mark.parametrize(
    "line", ["[]", "{}", '{"table": "other"}', json.dumps({"table": "simplex"})]
)
def test_a_foreign_file_is_refused(tmp_path, line):
    (tmp_path / theory.RESULTS_FILE).write_text(line + "\n")
    with pytest.raises(DataError, match="not rows of theory tables"):
        theory.measure_theory(tmp_path)
