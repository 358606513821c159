"""Every answer, kept as JSON lines, so that a killed run goes on with the next video."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from ntlbg.data import Sample
from ntlbg.errors import ConfigError, DataError, OutputError
from ntlbg.evaluation.haystack.answering import Outcome
from ntlbg.evaluation.haystack.recognition import Footage
from ntlbg.outputs import check_writable, staged_file

ANSWERS_FILE, VIDEOS_FILE = "answers.jsonl", "videos.jsonl"


class Records:
    """The answers and videos in a folder.

    Kinds of videos, budgets, selectors, conditions and weights may be added to later. A video's
    line is written after its answers and names the blocks that are there; answers without one are
    from a killed run and are dropped.

    Raises:
        DataError: the folder's files are not what was written there.
        OutputError: the folder cannot be written.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        check_writable(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.videos, torn = _read(folder / VIDEOS_FILE, Footage)
        if torn:
            _rewrite(folder / VIDEOS_FILE, self.videos)
        found, torn = _read(folder / ANSWERS_FILE, Outcome)
        whole = {block for video in self.videos for block in video.blocks}
        self.outcomes = [outcome for outcome in found if outcome.block in whole]
        if torn or len(self.outcomes) < len(found):
            _rewrite(folder / ANSWERS_FILE, self.outcomes)
        self._asked: dict[tuple, list[str]] = defaultdict(list)
        for outcome in self.outcomes:
            self._asked[outcome.block].append(outcome.question)

    def done(self, block: tuple, samples: Sequence[Sample]) -> bool:
        """Whether the questions about a video were answered, for one selector and budget.

        Raises:
            ConfigError: other questions were.
        """
        wanted = [sample.question for sample in samples]
        if block in self._asked and self._asked[block] != wanted:
            raise ConfigError(
                f"{self.folder} holds answers to other questions about video {block[3]} of "
                f"{block[2]!r}: choose another folder, or as many questions a video as before"
            )
        return block in self._asked

    def add(self, outcomes: Sequence[Outcome], video: Footage) -> None:
        """What was answered about a video; first the answers, then that they are there."""
        _append(self.folder / ANSWERS_FILE, outcomes)
        _append(self.folder / VIDEOS_FILE, [video])
        self.outcomes += outcomes
        self.videos.append(video)


def _read(path: Path, record: type) -> tuple[list, bool]:
    """Records, and whether the last line was torn off."""
    if not path.is_file():
        return [], False
    *lines, rest = path.read_text(encoding="utf-8").split("\n")
    try:
        return [record(**json.loads(line)) for line in lines], bool(rest)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{path}: not what `ntlbg evaluate` writes there ({error}); choose another folder"
        ) from error


def _append(path: Path, records: Iterable) -> None:
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(_lines(records))
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error


def _rewrite(path: Path, records: Iterable) -> None:
    with staged_file(path) as stage:
        stage.write_text(_lines(records), encoding="utf-8")


def _lines(records: Iterable) -> str:
    return "".join(json.dumps(asdict(record)) + "\n" for record in records)
