"""Did training help? Two evaluations of the same questions, before and after."""

import math
from dataclasses import dataclass
from pathlib import Path

from ntlbg.data import read_json_lines
from ntlbg.errors import DataError
from ntlbg_lab.evidence.metrics import exact_match
from ntlbg_lab.statistics import mean_over_questions

ANSWERS = "answers.jsonl"


@dataclass(frozen=True)
class Gain:
    """Shares of right answers.

    Attributes:
        questions, videos: how many were asked, and about how many.
        before, after: right by text, but for case, articles and punctuation.
        interval: 95 % of the difference, a bootstrap over videos; NaN for a single one.
    """

    questions: int
    videos: int
    before: float
    after: float
    interval: tuple[float, float]

    def __str__(self) -> str:
        low, high = self.interval
        known = "no interval" if math.isnan(low) else f"{low:+.3f} to {high:+.3f}, 95 %"
        return (
            f"right before {self.before:.3f}, after {self.after:.3f}: "
            f"{self.after - self.before:+.3f} ({known}), "
            f"{self.questions} questions about {self.videos} videos"
        )


def gain(before: str | Path, after: str | Path) -> Gain:
    """What two folders of ``experiments/evaluate_experiment.py`` say about training.

    Raises:
        DataError: a folder holds no answers, or they are answers to different questions.
    """
    first, second = _answers(Path(before)), _answers(Path(after))
    if [row[:3] for row in first] != [row[:3] for row in second]:
        raise DataError(f"{before} and {after} hold answers to different questions; ask the same")
    videos = [video for _, video, _, _ in first]
    differences = [later[3] - sooner[3] for sooner, later in zip(first, second, strict=True)]
    _, *interval = mean_over_questions(zip(videos, differences, strict=True))
    return Gain(
        questions=len(first),
        videos=len(set(videos)),
        before=sum(row[3] for row in first) / len(first),
        after=sum(row[3] for row in second) / len(second),
        interval=(interval[0], interval[1]),
    )


def _answers(folder: Path) -> list[tuple[str, str, str, float]]:
    """Data set, video and question, and whether its answer is right."""
    rows = [row for _, row in read_json_lines(folder / ANSWERS)]
    try:
        asked = [(row["dataset"], row["video"], row["question"]) for row in rows]
        right = [exact_match(row["answer"], row["truth"]) for row in rows]
    except (KeyError, TypeError) as error:
        raise DataError(f"{folder / ANSWERS}: no answers of an evaluation ({error!r})") from error
    if not rows:
        raise DataError(f"{folder / ANSWERS}: holds no answer")
    return [(*question, one) for question, one in zip(asked, right, strict=True)]
