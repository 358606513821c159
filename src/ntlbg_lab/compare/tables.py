"""The rows of a comparison as Markdown, CSV and LaTeX."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from ntlbg.files import staged_directory
from ntlbg.marks import LATEX, MARKDOWN, as_latex_file, as_markdown_file, csv_table
from ntlbg_lab.compare.measures import METRICS
from ntlbg_lab.compare.summary import ALL_KINDS, Contrast, Row

TESTED = ("recall", "quantisation_error")  # all the others are in the CSV
BY_KIND = "recall"
NOTHING = "–"


def write_tables(folder: Path, rows: Sequence[Row]) -> None:
    """``comparison.md``, ``comparison.csv`` with every number, and ``comparison.tex``.

    Raises:
        OutputError: the folder cannot be written.
    """
    with staged_directory(folder, FILES) as stage:
        for suffix, text in (
            ("md", as_markdown_file(as_markdown(rows))),
            ("csv", as_csv(rows)),
            ("tex", as_latex_file(as_latex(rows))),
        ):
            (stage / f"comparison.{suffix}").write_text(text, encoding="utf-8")


def as_markdown(rows: Sequence[Row]) -> str:
    """Means and intervals, paired differences, and recall by type of question."""
    parts = []
    for kind, num_frames in _cells(rows, main_kinds(rows)):
        cell = [row for row in rows if (row.kind, row.num_frames) == (kind, num_frames)]
        parts.append(f"### {_title(kind, num_frames, cell)}\n\n{markdown_table(_measures(cell))}")
        contrasts = [_contrasts(cell, metric) for metric in TESTED]
        parts += [markdown_table(lines) for lines in contrasts if lines]
    if ALL_KINDS in main_kinds(rows):
        parts += [_markdown_of_kinds(rows, k) for k in sorted({row.num_frames for row in rows})]
    return "\n\n".join(parts)


def as_csv(rows: Sequence[Row]) -> str:
    """One line per type of question, budget, selector and metric, with both contrasts."""
    fields = ("other", "difference", "low", "high", "p", "p_holm")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    own = ["kind", "num_frames", "selector", "metric", "mean", "low", "high", "videos"]
    heads = [f"{name}_{field}" for name in ("baseline", "best_other") for field in fields]
    writer.writerow([*own, *heads])
    for row in rows:
        values = [getattr(row, name) for name in own]
        for contrast in (row.against_baseline, row.against_best_other):
            values += [getattr(contrast, field, None) for field in fields]
        writer.writerow(values)
    return text.getvalue()


def as_latex(rows: Sequence[Row]) -> str:
    """A ``booktabs`` table per budget; the best mean of a column is bold."""
    parts = []
    for kind, num_frames in _cells(rows, main_kinds(rows)):
        cell = [row for row in rows if (row.kind, row.num_frames) == (kind, num_frames)]
        parts.append(f"% {_title(kind, num_frames, cell)}\n{latex_table(_measures(cell))}")
    return "\n\n".join(parts)


def latex_table(lines: Sequence[Sequence[str]]) -> str:
    """Head and body as a ``booktabs`` table, first column left and the others right."""
    head, *body = lines
    rows = [
        rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}",
        r"\toprule",
        _latex_row(head),
        r"\midrule",
        *map(_latex_row, body),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(rows)


def main_kinds(rows: Iterable[Row]) -> list[str]:
    """All types of questions together, or each where they were not pooled."""
    kinds = list(dict.fromkeys(row.kind for row in rows))
    return [ALL_KINDS] if ALL_KINDS in kinds else kinds


def best_selectors(rows: Sequence[Row]) -> dict[str, str]:
    """The selector of the best mean by metric, within one type of question and budget."""
    best: dict[str, Row] = {}
    for row in rows:
        better, held = METRICS[row.metric].better, best.get(row.metric)
        if better and row.mean is not None and (
            held is None or held.mean is None or better * row.mean > better * held.mean
        ):  # fmt: skip
            best[row.metric] = row
    return {metric: row.selector for metric, row in best.items()}


def _cells(rows: Sequence[Row], kinds: Sequence[str]) -> list[tuple[str, int]]:
    found = dict.fromkeys((row.kind, row.num_frames) for row in rows)
    return [cell for cell in found if cell[0] in kinds]


def _title(kind: str, num_frames: int, rows: Sequence[Row]) -> str:
    subject = "all questions" if kind == ALL_KINDS else kind
    videos = max(row.videos for row in rows)
    return f"{num_frames} frames, {subject}, {videos} videos: mean (95 % interval)"


def _measures(rows: Sequence[Row]) -> list[list[str]]:
    """Head and one line per selector; the best is between asterisks."""
    found = {(row.selector, row.metric): row for row in rows}
    best = best_selectors(rows)
    lines = [["selector", *(metric.label for metric in METRICS.values())]]
    for selector in dict.fromkeys(row.selector for row in rows):
        cells = [
            _value(found[selector, metric], bold=best.get(metric) == selector) for metric in METRICS
        ]
        lines.append([selector, *cells])
    return lines


def _value(row: Row, *, bold: bool) -> str:
    if row.mean is None:
        return NOTHING
    digits = METRICS[row.metric].decimals
    mean = f"{row.mean:.{digits}f}"
    mean = f"**{mean}**" if bold else mean
    if row.low is None:
        return mean
    return f"{mean} ({row.low:.{digits}f} to {row.high:.{digits}f})"


def _contrasts(rows: Sequence[Row], metric: str) -> list[list[str]]:
    """Head and one line per selector, or nothing when there is no contrast."""
    lines = []
    for row in rows:
        baseline, best = row.against_baseline, row.against_best_other
        if row.metric == metric and (baseline or best):
            other = best.other if best else NOTHING
            lines.append([row.selector, *_difference(baseline), other, *_difference(best)])
    label = METRICS[metric].label
    head = [label, "minus uniform", "p", "best other", "minus best other", "p"]
    return [head, *lines] if lines else []


def _difference(contrast: Contrast | None) -> tuple[str, str]:
    """Difference with its interval, and p adjusted for the number of selectors."""
    if contrast is None:
        return NOTHING, NOTHING
    c = contrast
    interval = "" if c.low is None else f" ({c.low:+.2f} to {c.high:+.2f})"
    return f"{c.difference:+.2f}{interval}", f"{c.p_holm:.2g}"


def _markdown_of_kinds(rows: Sequence[Row], num_frames: int) -> str:
    cell = [row for row in rows if row.num_frames == num_frames and row.metric == BY_KIND]
    found = {(row.selector, row.kind): row for row in cell}
    kinds = [kind for kind in dict.fromkeys(row.kind for row in cell) if kind != ALL_KINDS]
    lines = [["selector", *kinds]]
    for selector in dict.fromkeys(row.selector for row in cell):
        means = [found[selector, kind].mean for kind in kinds]
        lines.append([selector, *(NOTHING if m is None else f"{m:.2f}" for m in means)])
    title = f"### {num_frames} frames: {METRICS[BY_KIND].label}, by type of question"
    return f"{title}\n\n{markdown_table(lines)}"


def markdown_table(lines: Sequence[Sequence[str]]) -> str:
    """Head and body as a Markdown table."""
    head, *body = lines
    ruled = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in ruled)


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(_latex(cell) for cell in cells) + r" \\"


def _latex(text: str) -> str:
    for plain, escaped in (("\\", r"\textbackslash "), ("_", r"\_"), ("%", r"\%"), ("&", r"\&")):
        text = text.replace(plain, escaped)
    if text.startswith("**"):
        mean, rest = text[2:].split("**", 1)
        text = rf"\textbf{{{mean}}}{rest}"
    return text.replace(NOTHING, "--")


FILES = {
    "comparison.md": MARKDOWN,
    "comparison.csv": csv_table("the table of a comparison", as_csv([])),
    "comparison.tex": LATEX,
}
