"""Plots from the files that other commands leave; what a file holds decides which."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path

from ntlbg.data import read_json_lines
from ntlbg.errors import DataError
from ntlbg.views.plots import save_timeline
from ntlbg.views.plots_features import save_feature_plane
from ntlbg.views.result_file import read_seen
from ntlbg_lab.compare.figures import write_figures
from ntlbg_lab.compare.summary import ComparisonRow
from ntlbg_lab.plots_answers import save_answers, save_cells
from ntlbg_lab.plots_training import save_training_curves

ACCEPTED = (
    "history.json of training, summary.json of compare or evaluate, answers.jsonl of "
    "evaluate_experiment.py, or seen.safetensors of ask or select"
)


def plot_file(path: str | Path, folder: str | Path) -> list[Path]:
    """Draw what a results file holds, as PNG and SVG; returns the files written.

    Raises:
        DataError: the file cannot be read, or holds nothing that can be drawn.
        OutputError: the folder cannot be written.
    """
    path, folder = Path(path), Path(folder)
    if path.suffix == ".safetensors":
        return _draw_seen(path, folder)
    rows = _read_rows(path)
    for keys, draw in DRAWN.items():
        if rows and all(any(key in row for row in rows) for key in keys):
            return _drawn(path, rows, folder, draw)
    raise DataError(f"{path}: nothing in it can be drawn; give {ACCEPTED}")


def _drawn(path: Path, rows: list[dict], folder: Path, draw) -> list[Path]:
    try:
        return draw(rows, folder)
    except (KeyError, TypeError, ValueError) as error:  # keys or values that no command wrote
        raise DataError(f"{path}: is damaged ({error!r}); give {ACCEPTED}") from error


def _draw_seen(path: Path, folder: Path) -> list[Path]:
    result = read_seen(path)
    seen, title = result.context, result.question or result.video.name
    written = save_timeline(result, folder)
    return written + save_feature_plane(
        seen.features, seen.selection, seen.pts_seconds, folder, title=title
    )


def _read_rows(path: Path) -> list[dict]:
    """The objects of a JSON list, or of JSON lines."""
    try:
        if path.suffix == ".jsonl":
            content = [row for _, row in read_json_lines(path)]
        else:
            content = json.loads(path.read_text(encoding="utf-8"))
    except DataError as error:  # names the file and says what is wrong
        raise DataError(f"{error}; give {ACCEPTED}") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as JSON ({error}); give {ACCEPTED}") from error
    if not isinstance(content, list) or not all(isinstance(row, dict) for row in content):
        raise DataError(f"{path}: holds no list of results; give {ACCEPTED}")
    return content


def _draw_comparison(rows: Sequence[Mapping], folder: Path) -> list[Path]:
    # the contrasts, which are objects of their own, are in the tables
    names = [field.name for field in fields(ComparisonRow) if not field.name.startswith("against")]
    return write_figures(
        folder, [ComparisonRow(**{name: row[name] for name in names}) for row in rows]
    )


# keys that tell a kind of results: what draws it
DRAWN: dict[tuple[str, ...], Callable[[list[dict], Path], list[Path]]] = {
    ("step", "loss"): save_training_curves,
    ("selector", "metric", "mean"): _draw_comparison,
    ("cell", "selector", "right"): save_cells,
    ("answer", "truth", "selection"): save_answers,
}
