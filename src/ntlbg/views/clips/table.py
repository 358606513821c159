"""Clips as a table for spreadsheets."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from ntlbg.marks import csv_table

HEAD = ("file", "start_seconds", "end_seconds", "duration_seconds", "score", "quoted")
CSV = csv_table("a table of clips", ",".join(HEAD) + "\n")


@dataclass(frozen=True)
class Clip:
    """A stretch of a film that was cut out.

    Attributes:
        file: its name in the folder.
        start_seconds, end_seconds: from the first picture of the film; the end is not in it.
        score: the highest relevance of the chosen frames in it; None where nothing is scored.
        quoted: what is said or written in it and quoted in the answer.
    """

    file: str
    start_seconds: float
    end_seconds: float
    score: float | None
    quoted: tuple[str, ...]


def csv_text(clips: Sequence[Clip]) -> str:
    """One row a clip; times in seconds to the microsecond, several quotations parted by " / "."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEAD)
    for clip in clips:
        times = clip.start_seconds, clip.end_seconds, clip.end_seconds - clip.start_seconds
        score = "" if clip.score is None else f"{clip.score:.4f}"
        writer.writerow(
            [clip.file, *(f"{time:.6f}" for time in times), score, " / ".join(clip.quoted)]
        )
    return text.getvalue()
