"""Every answer, kept as JSON lines, so that a killed run goes on with the next video."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from ntlbg.data import Sample
from ntlbg.errors import ConfigError
from ntlbg.files import check_folder
from ntlbg.json_lines import RecordFile, records_kind
from ntlbg_lab.evaluate.answering import CellKey, Outcome
from ntlbg_lab.evaluate.recognition import EvaluatedVideo

ANSWERS_FILE, VIDEOS_FILE = "answers.jsonl", "videos.jsonl"
WRITTEN = "what `ntlbg evaluate` writes there"
FILES = {
    ANSWERS_FILE: records_kind(Outcome, WRITTEN),
    VIDEOS_FILE: records_kind(EvaluatedVideo, WRITTEN),
}


class EvaluationStore:
    """The answers and videos in a folder.

    Kinds of videos, budgets, selectors, conditions and weights may be added to later. A video's
    line is written after its answers and names the cells that are there; answers without one are
    from a killed run and are dropped.

    Raises:
        DataError: the folder's files are not what was written there.
        OutputError: the folder cannot be written.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        check_folder(folder, FILES)
        folder.mkdir(parents=True, exist_ok=True)
        self.videos = RecordFile(folder / VIDEOS_FILE, EvaluatedVideo, WRITTEN)
        whole = {key for video in self.videos.records for key in video.cell_keys}
        self.answers = RecordFile(
            folder / ANSWERS_FILE, Outcome, WRITTEN,
            lambda found: [outcome for outcome in found if outcome.cell_key in whole],
        )  # fmt: skip
        self._asked: dict[CellKey, list[str]] = defaultdict(list)
        for outcome in self.answers.records:
            self._asked[outcome.cell_key].append(outcome.question)

    def done(self, key: CellKey, samples: Sequence[Sample]) -> bool:
        """Whether the questions about a video were answered, for one selector and budget.

        Raises:
            ConfigError: other questions were.
        """
        wanted = [sample.question for sample in samples]
        if key in self._asked and self._asked[key] != wanted:
            raise ConfigError(
                f"{self.folder} holds answers to other questions about video {key.video} of "
                f"{key.kind!r}: choose another folder, or as many questions a video as before"
            )
        return key in self._asked

    def add(self, outcomes: Sequence[Outcome], video: EvaluatedVideo) -> None:
        """What was answered about a video; first the answers, then that they are there."""
        self.answers.add(outcomes)
        self.videos.add([video])
