"""Tables of any suite, as three kinds of files."""

import csv
import io

from ntlbg_lab.tables import Table, TableFiles, as_latex, as_markdown, number, with_interval

FILES = TableFiles("x", "a table", ("name", "count", "share"))
PARTS = [
    Table("Shares", [["name", "50 % & more"], ["top_k", "**0.50** (0.1 to 0.9)"], ["a", "–"]],
          "Note."),
    "## Further",
    Table("", [["p"], ["0.1"]], in_latex=False),
]  # fmt: skip


def test_markdown_is_for_people():
    assert as_markdown(PARTS) == (
        "### Shares\n\n"
        "| name | 50 % & more |\n| --- | --- |\n| top_k | **0.50** (0.1 to 0.9) |\n| a | – |\n\n"
        "Note.\n\n## Further\n\n| p |\n| --- |\n| 0.1 |"
    )


def test_latex_is_a_booktabs_table_for_each_that_a_paper_wants():
    assert as_latex(PARTS).splitlines() == [
        "% Shares", r"\begin{tabular}{lr}", r"\toprule", r"name & 50 \% \& more \\", r"\midrule",
        r"top\_k & \textbf{0.50} (0.1 to 0.9) \\", r"a & -- \\", r"\bottomrule", r"\end{tabular}",
    ]  # fmt: skip


def test_csv_keeps_numbers_as_they_are():
    numbers = [("a, b", 3, 0.1 + 0.2), ("c", None, None), ("d", 1, True)]
    rows = list(csv.reader(io.StringIO(FILES.as_csv(numbers))))
    assert rows[1:] == [["a, b", "3", str(0.1 + 0.2)], ["c", "", ""], ["d", "1", "True"]]


def test_files_are_known_again_and_others_are_not(tmp_path):
    FILES.write(tmp_path, PARTS, [])
    assert {path.name for path in tmp_path.iterdir()} == {"x.md", "x.csv", "x.tex"}
    assert all(FILES.kinds[path.name].holds(path) for path in tmp_path.iterdir())
    (tmp_path / "x.csv").write_text("name,size\n")
    assert not FILES.kinds["x.csv"].holds(tmp_path / "x.csv")
    assert TableFiles("x", "a table", ("name",), latex=False).kinds.keys() == {"x.md", "x.csv"}


def test_numbers_and_their_intervals():
    assert with_interval(0.5, 0.25, 0.75) == "0.50 (0.25 to 0.75)"
    assert with_interval(0.5, None, None, "+.1f") == "+0.5"
    assert with_interval(None, None, None) == number(None) == "–"
    assert number(0.0123, ".2g") == "0.012"
