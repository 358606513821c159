"""Every answer, kept as JSON lines, so that a killed run goes on with the next video."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from ntlbg.data import Sample
from ntlbg.errors import ConfigError
from ntlbg.files import check_folder
from ntlbg.json_lines import (
    append_records,
    read_records,
    records_kind,
    rewrite_records,
)
from ntlbg_lab.evaluate.answering import Outcome
from ntlbg_lab.evaluate.recognition import Footage

ANSWERS_FILE, VIDEOS_FILE = "answers.jsonl", "videos.jsonl"
WRITTEN = "what `ntlbg evaluate` writes there"
FILES = {
    ANSWERS_FILE: records_kind(Outcome, WRITTEN),
    VIDEOS_FILE: records_kind(Footage, WRITTEN),
}


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
        check_folder(folder, FILES)
        folder.mkdir(parents=True, exist_ok=True)
        self.videos, torn = read_records(folder / VIDEOS_FILE, Footage, WRITTEN)
        if torn:
            rewrite_records(folder / VIDEOS_FILE, Footage, WRITTEN, self.videos)
        found, torn = read_records(folder / ANSWERS_FILE, Outcome, WRITTEN)
        whole = {block for video in self.videos for block in video.blocks}
        self.outcomes = [outcome for outcome in found if outcome.block in whole]
        if torn or len(self.outcomes) < len(found):
            rewrite_records(folder / ANSWERS_FILE, Outcome, WRITTEN, self.outcomes)
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
        append_records(self.folder / ANSWERS_FILE, outcomes)
        append_records(self.folder / VIDEOS_FILE, [video])
        self.outcomes += outcomes
        self.videos.append(video)
