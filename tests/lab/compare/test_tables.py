"""The same numbers as Markdown, CSV, LaTeX and pictures."""

import csv
import io

import numpy as np
import pytest
from PIL import Image
from test_summary import results

from ntlbg_lab.compare.summary import summarize
from ntlbg_lab.compare.tables import (
    COMPARISON,
    bar_panels,
    best_selectors,
    comparison_numbers,
    comparison_tables,
    write_figures,
)
from ntlbg_lab.tables import as_latex, as_markdown


@pytest.fixture(scope="module")
def rows():
    levels = {"uniform": 0.2, "top_k": 0.5, "ntlbg": 0.6}
    return summarize(results(levels) + results(levels, num_frames=16))


def tables(text):
    """Markdown tables as lists of lines."""
    return [part.splitlines() for part in text.split("\n\n") if part.startswith("|")]


def test_markdown_has_means_tests_and_types_for_each_budget(rows):
    text = as_markdown(comparison_tables(rows))
    assert [line for line in text.splitlines() if line.startswith("###")] == [
        "### 8 frames, all questions, 20 videos: mean (95 % interval)",
        "### 16 frames, all questions, 20 videos: mean (95 % interval)",
        "### 8 frames: event recall, by type of question",
        "### 16 frames: event recall, by type of question",
    ]
    assert len(tables(text)) == 2 * (1 + 2) + 2
    for table in tables(text):
        assert len({line.count("|") for line in table}) == 1


def test_the_best_mean_is_bold(rows):
    line = next(
        line
        for line in as_markdown(comparison_tables(rows)).splitlines()
        if line.startswith("| ntlbg")
    )
    assert "**" in line.split("|")[2]
    eight = [row for row in rows if (row.kind, row.num_frames) == ("all", 8)]
    assert best_selectors(eight) == {"recall": "ntlbg", "quantisation_error": "ntlbg"}


def test_csv_has_every_number(rows):
    read = list(csv.DictReader(io.StringIO(COMPARISON.as_csv(comparison_numbers(rows)))))
    assert len(read) == len(rows)
    for line, row in zip(read, rows):
        assert (line["kind"], line["selector"], line["metric"]) == (
            row.kind, row.selector, row.metric,
        )  # fmt: skip
        assert line["mean"] == ("" if row.mean is None else str(row.mean))
        if row.against_baseline:
            assert float(line["baseline_p"]) == row.against_baseline.p


def test_latex_escapes_names_and_closes_tables(rows):
    text = as_latex(comparison_tables(rows))
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 2
    assert r"top\_k &" in text
    assert r"\textbf{0." in text
    assert "**" not in text
    lines = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert {line.count("&") for line in lines} == {8}


def test_pictures_are_written_and_not_empty(rows, tmp_path):
    written = write_figures(tmp_path, rows)
    names = {path.name for path in written}
    assert names >= {"comparison.png", "comparison.svg", "question-types-8.png"}
    for path in written:
        if path.suffix == ".png":
            with Image.open(path) as picture:
                assert np.asarray(picture.convert("L")).std() > 10


def test_one_video_has_tables_and_pictures_without_intervals(tmp_path):
    rows = summarize(results({"uniform": 0.2, "x": 0.5}, videos=1))
    assert " to " not in as_markdown(comparison_tables(rows)) + as_latex(comparison_tables(rows))
    assert "| x | **0." in as_markdown(comparison_tables(rows))
    assert write_figures(tmp_path, rows)


def test_bars_are_the_rows_in_order_of_the_best(rows):
    panel = bar_panels([row for row in rows if row.kind == "all"])[0]
    assert panel.groups == ["ntlbg", "top_k", "uniform"]
    assert list(panel.series) == ["8", "16"]
    means = [
        row.mean for row in rows if (row.kind, row.metric, row.num_frames) == ("all", "recall", 8)
    ]
    assert panel.series["8"][:, 0] == pytest.approx(sorted(means, reverse=True))


def test_types_that_are_not_pooled_have_tables_and_pictures_of_their_own(tmp_path):
    rows = summarize(results({"uniform": 0.2, "x": 0.5}), pooled=False)
    assert "### 8 frames, first, 20 videos" in as_markdown(comparison_tables(rows))
    names = {path.name for path in write_figures(tmp_path, rows)}
    assert {"comparison-first.png", "comparison-when.png"} <= names
