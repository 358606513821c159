"""Every single result, kept as JSON lines, so that a killed run goes on where it was."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ntlbg.errors import ConfigError
from ntlbg.files import keep_json
from ntlbg.json_lines import RecordFile, records_kind
from ntlbg.marks import json_object

RESULTS_FILE, SETTINGS_FILE = "results.jsonl", "settings.json"
WRITTEN = "results of a comparison"


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


SETTINGS = {SETTINGS_FILE: json_object("settings of a comparison", "suite", "seed", "questions")}
FILES = {RESULTS_FILE: records_kind(Result, WRITTEN)} | SETTINGS


class ComparisonStore(RecordFile):
    """The results in a folder.

    Selectors, budgets and videos may be added to later; everything else must stay as it was.

    Args:
        settings: what the results depend on; ``questions`` are in each block.
        name: of the file.
        record: dataclass of a line, with the ``block`` that it belongs to.

    Raises:
        ConfigError: the folder holds results of other settings.
        DataError: the folder's files are not what was written there.
        OutputError: the folder cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        settings: dict[str, Any],
        name: str = RESULTS_FILE,
        record: type = Result,
    ):
        def whole(found: list) -> list:
            sizes = Counter(result.block for result in found)
            return [r for r in found if sizes[r.block] == settings["questions"]]

        _keep_settings(folder / SETTINGS_FILE, settings)
        super().__init__(folder / name, record, WRITTEN, whole)

    @property
    def done(self) -> set[tuple[int, str, int]]:
        """The blocks that are there."""
        return {result.block for result in self.records}


def _keep_settings(path: Path, settings: dict[str, Any]) -> None:
    kept = keep_json(path, settings)
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
