"""Results as Markdown, CSV and LaTeX: every suite's tables are written here."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ntlbg.files import staged_directory
from ntlbg.marks import LATEX, MARKDOWN, Kind, as_latex_file, as_markdown_file, csv_table
from ntlbg.views.tables import NOTHING, markdown_table


@dataclass(frozen=True)
class Table:
    """What is shown of some results.

    Attributes:
        title: above it; a table without one goes on from the one before.
        lines: cells, the head first. What is between two asterisks is bold.
        note: below it, for people only.
        in_latex: whether it is among the tables for a paper.
    """

    title: str
    lines: Sequence[Sequence[str]]
    note: str = ""
    in_latex: bool = True


Parts = Sequence[Table | str]  # tables, and text between them


@dataclass(frozen=True)
class TableFiles:
    """``NAME.md`` for people, ``NAME.csv`` with every number, ``NAME.tex`` if a paper may want it.

    Attributes:
        name: of the files.
        what: they are, for messages.
        columns: of the numbers.
        latex: whether there is a ``NAME.tex``.
        objects: names of JSON files beside them, and how each is known again.
    """

    name: str
    what: str
    columns: Sequence[str]
    latex: bool = True
    objects: Mapping[str, Kind] = field(default_factory=dict)

    @property
    def kinds(self) -> dict[str, Kind]:
        """The files, and how each is known again."""
        table = csv_table(self.what, ",".join(self.columns) + "\n")
        kinds = {f"{self.name}.md": MARKDOWN, f"{self.name}.csv": table}
        return {**kinds, **({f"{self.name}.tex": LATEX} if self.latex else {}), **self.objects}

    def write(
        self, folder: Path, parts: Parts, numbers: Iterable[Sequence[Any]], *objects: Any
    ) -> None:
        """Write all of them into a folder; ``objects`` as they are named.

        Raises:
            OutputError: the folder cannot be written, or a file there is not to be replaced.
        """
        contents = {"md": as_markdown_file(as_markdown(parts)), "csv": self.as_csv(numbers)}
        if self.latex:
            contents["tex"] = as_latex_file(as_latex(parts))
        named = {f"{self.name}.{suffix}": text for suffix, text in contents.items()}
        for name, found in zip(self.objects, objects, strict=True):
            named[name] = json.dumps(found, indent=1) + "\n"
        with staged_directory(folder, self.kinds) as stage:
            for name, text in named.items():
                (stage / name).write_text(text, encoding="utf-8")

    def as_csv(self, numbers: Iterable[Sequence[Any]]) -> str:
        """Every number as it is; what is not known is empty."""
        import pandas

        table = pandas.DataFrame(list(numbers), columns=list(self.columns), dtype=object)
        return table.to_csv(index=False, lineterminator="\n")


def as_markdown(parts: Parts) -> str:
    """Tables, and text between them."""
    shown: list[str] = []
    for part in parts:
        if isinstance(part, Table):
            title = part.title and f"### {part.title}"
            shown += filter(None, (title, markdown_table(part.lines), part.note))
        else:
            shown.append(part)
    return "\n\n".join(shown)


def as_latex(parts: Parts) -> str:
    """``booktabs`` tables, first column left and the others right."""
    tables = [part for part in parts if isinstance(part, Table) and part.in_latex]
    return "\n\n".join(f"% {table.title}\n{_latex(table.lines)}" for table in tables)


def _latex(lines: Sequence[Sequence[str]]) -> str:
    import pandas

    head, *body = lines
    text = pandas.DataFrame(body, columns=head).to_latex(
        index=False, escape=True, column_format="l" + "r" * (len(head) - 1)
    )
    text = re.sub(r"\*\*(.+?)\*\*", r"\\textbf{\1}", text)
    return text.replace(NOTHING, "--").rstrip()


def with_interval(
    value: float | None, low: float | None, high: float | None, form: str = ".2f"
) -> str:
    """``0.30 (0.12 to 0.34)``; no interval where there is none, a dash for nothing."""
    if value is None:
        return NOTHING
    return f"{value:{form}}" + ("" if low is None else f" ({low:{form}} to {high:{form}})")


def number(value: float | None, form: str = ".2f") -> str:
    """A number, or a dash."""
    return NOTHING if value is None else f"{value:{form}}"
