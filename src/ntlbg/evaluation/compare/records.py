"""Every single result, kept as JSON lines, so that a killed run goes on where it was."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ntlbg.errors import ConfigError, DataError, OutputError
from ntlbg.outputs import staged_file

RESULTS_FILE, SETTINGS_FILE = "results.jsonl", "settings.json"


@dataclass(frozen=True)
class Result:
    """One question, one selector, one budget. ``values`` are named as in METRICS."""

    video: int
    question: int
    kind: str
    selector: str
    num_frames: int
    indices: list[int]
    values: dict[str, float | None]

    @property
    def block(self) -> tuple[int, str, int]:
        """What is written at once: all questions about a video, for one selector and budget."""
        return self.video, self.selector, self.num_frames


class Records:
    """The results in a folder.

    Selectors, budgets and videos may be added to later; everything else must stay as it was.

    Raises:
        ConfigError: the folder holds results of other settings.
        DataError: the folder's files are not what was written there.
        OutputError: the folder cannot be written.
    """

    def __init__(self, folder: Path, settings: dict[str, Any]):
        self.path = folder / RESULTS_FILE
        _keep_settings(folder / SETTINGS_FILE, settings)
        found, torn = _read(self.path)
        sizes = Counter(result.block for result in found)
        self.results = [r for r in found if sizes[r.block] == settings["questions"]]
        self.done = {result.block for result in self.results}
        if torn or len(self.results) < len(found):
            with staged_file(self.path) as path:
                path.write_text(_lines(self.results), encoding="utf-8")

    def add(self, results: Sequence[Result]) -> None:
        """Write a block; killed in the middle, it is dropped when the folder is read again."""
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(_lines(results))
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be written ({error.strerror})") from error
        self.results += results
        self.done |= {result.block for result in results}


def _keep_settings(path: Path, settings: dict[str, Any]) -> None:
    if not path.is_file():
        with staged_file(path) as stage:
            stage.write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
        return
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path}: not JSON ({error}); choose another folder") from error
    changed = [
        f"{name} {kept.get(name)!r}, not {settings.get(name)!r}"
        for name in sorted(kept.keys() | settings.keys())
        if kept.get(name) != settings.get(name)
    ]
    if changed:
        raise ConfigError(
            f"{path.parent} holds results for {'; '.join(changed)}: choose another folder, "
            "or the same settings"
        )


def _read(path: Path) -> tuple[list[Result], bool]:
    """Results, and whether the last line was torn off."""
    if not path.is_file():
        return [], False
    text = path.read_text(encoding="utf-8")
    *lines, rest = text.split("\n")
    try:
        return [Result(**json.loads(line)) for line in lines], bool(rest)
    except (TypeError, ValueError) as error:
        raise DataError(f"{path}: not results of a comparison ({error})") from error


def _lines(results: Iterable[Result]) -> str:
    return "".join(json.dumps(asdict(result)) + "\n" for result in results)
